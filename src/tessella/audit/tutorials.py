"""The five tutorials: what each one measured, how, and what is wrong with it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tessella.audit import measures
from tessella.audit.measures import LossFunction, Measure

History = Sequence[Mapping[str, float]]


class Setting(NamedTuple):
    """What a faulty measure is made from."""

    num_classes: int
    loss: LossFunction
    size: tuple[int, int] | None


@dataclass(frozen=True)
class Line:
    """One number of a tutorial: what it was called, how it came about, what it should have been."""

    called: str
    """The tutorial's word for it."""

    right: str
    """The right score to put beside it: a key of the evaluation's scores, or `loss`."""

    faults: tuple[str, ...]
    """Ids of the faults, as in the audit of the tutorials."""

    explanation: str
    """What went wrong, for a person."""

    make: Callable[[Setting], Measure] | None = None
    """Computes it; None where the tutorial never did."""

    on_train: bool = False
    """It was computed on training images."""


@dataclass(frozen=True)
class HistoryLine:
    """A number that came from the loss curve and not from the images."""

    called: str
    faults: tuple[str, ...]
    explanation: str
    compute: Callable[[History], tuple[float, float]]
    """The tutorial's value and the right one; NaN where the history is too short."""


@dataclass(frozen=True)
class Tutorial:
    """How one tutorial scored its model."""

    title: str
    size: tuple[int, int] | None
    """Height and width that images and masks were squeezed to; None kept their own."""

    batch_size: int
    lines: tuple[Line, ...]
    history_lines: tuple[HistoryLine, ...] = ()


def never_reset_loss(history: History) -> tuple[float, float]:
    """The last validation loss as printed when nothing is reset between passes, and the real one.

    Every pass, training and validation alike, goes into one running mean since epoch 1 (S0-B02).
    """
    validated = [row for row in history if not math.isnan(row["val_loss"])]
    if not validated:
        return math.nan, math.nan
    return _running_losses(history)[-1], validated[-1]["val_loss"]


def best_by_never_reset_loss(history: History) -> tuple[float, float]:
    """The epoch that the running mean would choose, and the one with the best mean IoU."""
    rows = [row for row in history if not math.isnan(row["val_mean_iou"])]
    if not rows:
        return math.nan, math.nan
    running = _running_losses(history)
    printed = rows[min(range(len(rows)), key=running.__getitem__)]
    return printed["epoch"], max(rows, key=lambda row: row["val_mean_iou"])["epoch"]


def _running_losses(history: History) -> list[float]:
    """After each validated epoch: the mean of all losses so far, of training and validation."""
    total, passes = 0.0, 0
    running: list[float] = []
    for row in history:
        total, passes = total + row["train_loss"], passes + 1
        if not math.isnan(row["val_loss"]):
            total, passes = total + row["val_loss"], passes + 1
            running.append(total / passes)
    return running


_VOC = Tutorial(
    title="Pascal VOC 2007 with a U-Net (1)",
    size=(224, 224),
    batch_size=32,
    lines=(
        Line(
            "Jaccard index",
            "mean_iou",
            ("S0-B01", "S0-B05"),
            "Void was made a 22nd class, learnt and scored; images and masks were squeezed to "
            "224x224. Right: void is ignored, each image at its own size.",
            lambda s: measures.VoidAsClass(s.num_classes, score=measures.jaccard_with_void),
        ),
        Line(
            "macro F1",
            "macro_f1",
            ("S0-B01", "S0-B05"),
            "Void counts as a class here too, and a class in neither mask nor prediction as 0.",
            lambda s: measures.VoidAsClass(s.num_classes, score=measures.f1_absent_is_zero),
        ),
        Line(
            "accuracy",
            "pixel_accuracy",
            ("S0-B01", "S0-B07"),
            "Void pixels count as wrong, and batches are averaged whatever their size.",
            lambda _: measures.MeanOfBatchAccuracies(),
        ),
    ),
    history_lines=(
        HistoryLine(
            "validation loss",
            ("S0-B02",),
            "The accumulator was never reset: each printed loss averages every pass since epoch "
            "1, training and validation mixed.",
            never_reset_loss,
        ),
        HistoryLine(
            "best epoch",
            ("S0-B02", "S0-B03"),
            "Chosen by that running mean, which keeps falling while the model over-fits. Right: "
            "by mean IoU on the validation split.",
            best_by_never_reset_loss,
        ),
    ),
)

_CAMSEQ = Tutorial(
    title="CamSeq with DeepLabV3 (2)",
    size=None,
    batch_size=2,
    lines=(
        Line(
            "overall IoU",
            "mean_iou",
            ("S1-B01", "S1-B02", "S1-B03", "S1-B08"),
            "IoU of 'logit > 0.5' for each class, so a pixel has no class or several; computed for "
            "each batch of 2 and averaged; a class that one batch lacks is lost for all.",
            lambda s: measures.ThresholdedLogitIou(s.num_classes),
        ),
        Line(
            "accuracy",
            "pixel_accuracy",
            ("S1-B04", "S1-B08", "S1-B09"),
            "Void counts as wrong, batches are averaged, and a last batch of one image is dropped.",
            lambda _: measures.MeanOfBatchAccuracies(smallest_batch=2),
        ),
    ),
)

_FLOWERS = Tutorial(
    title="Oxford 17 Flowers with a frozen DeepLabV3 (3)",
    size=(224, 224),
    batch_size=128,
    lines=(
        Line(
            "mIOU",
            "mean_iou",
            ("S2-B02", "S2-B03", "S2-B04"),
            "A competition's step score of the foreground alone: 0 for an IoU up to 0.5, 1 from "
            "0.95; borders and void turned into background by a smoothed resize.",
            lambda s: measures.ThresholdScore(s.size or (224, 224)),
        ),
        Line(
            "validation loss",
            "loss",
            ("S2-B18",),
            "The mean of batch means, each batch weighing alike. Right: each labelled pixel does.",
            lambda s: measures.MeanOfBatchLosses(s.loss),
        ),
    ),
)

_STANFORD = Tutorial(
    title="Stanford 2D-3D-S with a U-Net (4)",
    size=(256, 256),
    batch_size=32,
    lines=(
        Line(
            "macro F1",
            "macro_f1",
            ("S3-B03", "S3-B05", "S3-B06"),
            "<UNK> counts as a class, a class that is not there as a perfect 1, and the frame is "
            "squeezed to 256x256. Right: unknown is ignored, absent classes are left out.",
            lambda s: measures.VoidAsClass(s.num_classes, score=measures.f1_absent_is_one),
        ),
    ),
)

_CITYSCAPES = Tutorial(
    title="Cityscapes with a MobileNetV3 U-Net (5)",
    size=(256, 512),
    batch_size=32,
    lines=(
        Line(
            "Validation Loss",
            "loss",
            ("S4-B02", "S4-B06"),
            "The last batch's loss times its size, divided by the number of batches: an "
            "assignment where a sum was meant.",
            lambda s: measures.LastBatchLoss(s.loss),
        ),
        Line(
            "Accuracy",
            "pixel_accuracy",
            ("S4-B04", "S4-B05", "S4-B06"),
            "Counted on training images at 256x512, with void as class 0. Right: the scored "
            "split, void ignored, own size.",
            lambda _: measures.VoidIsFirstClass(),
            on_train=True,
        ),
        Line(
            "IoU",
            "mean_iou",
            ("S4-B03",),
            "A Jaccard index was created and never updated, so there was no IoU at all.",
        ),
    ),
)

TUTORIALS: dict[str, Tutorial] = {
    "voc2007": _VOC,
    "camseq": _CAMSEQ,
    "flowers17": _FLOWERS,
    "stanford2d3ds": _STANFORD,
    "cityscapes": _CITYSCAPES,
}
"""By the name of the tutorial's data set."""
