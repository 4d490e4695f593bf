"""An exported file in int8: a quarter of the bytes, and scored before it is given away."""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64, UInt8

from tessella.backends.arrays import ArrayScorer
from tessella.data.spread import spread
from tessella.export.conversion import Converted, Setting, opened
from tessella.export.formats import Format
from tessella.export.int8_search import Outcome, Scores, Tried, search
from tessella.export.parity import Parity, at_size, rows
from tessella.labels import LabelMap
from tessella.metrics.scores import iou_per_class, mean_iou
from tessella.predictor import Predictor
from tessella.progress import Track

logger = logging.getLogger(__name__)

CALIBRATION_IMAGES = 64
"""Images of the training split that ranges are measured on."""


@dataclass(frozen=True)
class Int8:
    """What quantising gave."""

    tried: tuple[Tried, ...]
    """The last one was taken."""

    run_counts: Int64[np.ndarray, "k k"]
    file_counts: Int64[np.ndarray, "k k"]
    """Of the int8 file, on the images that the float file was compared on."""

    def document(self, labels: LabelMap) -> dict[str, Any]:
        """Plain values, the classes by name; IoU that is undefined is null."""
        return {
            "way": self.tried[-1].name,
            "drop_points": self.tried[-1].drop_points,
            "mean_iou": {"run": mean_iou(self.run_counts), "file": mean_iou(self.file_counts)},
            "per_class": rows(labels, self.run_counts, self.file_counts),
            "tried": [asdict(tried) for tried in self.tried],
        }


def quantized(
    setting: Setting,
    made: Converted,
    form: Format,
    *,
    parity: Parity,
    max_drop: float,
    where: str,
    track: Track,
) -> tuple[Converted, Int8]:
    """The float file in int8, by the first way that costs little enough.

    Args:
        setting: gives images of the training split to measure ranges on, and those to score on.
        made: the float file.
        form: its format.
        parity: of the float file with the run.
        max_drop: points of mean IoU that int8 may cost.
        where: the file, for messages.
        track: shows progress.

    Raises:
        UsageError: `max_drop` is below 0, or the format has no int8.
        ValueError: every way costs more.
    """
    labels, training = setting.card.labels, setting.training()
    if not len(training):
        raise ValueError("the training split is empty; int8 needs its images to measure ranges on.")
    last: dict[str, np.ndarray] = {}

    def score(content: bytes) -> Scores:
        predictor = opened(made.in_precision("int8", content), form, where=where)
        last["counts"] = _counts(predictor, setting, track)
        return _scores(labels.names, last["counts"])

    def images() -> Iterator[UInt8[np.ndarray, "1 c h w"]]:
        indices = spread(len(training), CALIBRATION_IMAGES)
        shown = track(indices, about="calibrate", total=len(indices), size=lambda _: 1)
        for index in shown:
            image = training[index].image
            fitted = image if made.size is None else at_size(image, made.size)
            yield fitted.transpose(2, 0, 1)[None]

    ways = form.int8_attempts(made.content, images)
    outcome = search(
        ways, score, baseline=_scores(labels.names, parity.run_counts), max_drop=max_drop
    )
    for tried in outcome.tried:
        logger.info("int8, %s: %s", tried.name, _told(tried))
    if outcome.chosen is None:
        raise ValueError(_refusal(outcome, max_drop, where))
    found = Int8(outcome.tried, parity.run_counts, last["counts"])
    return made.in_precision("int8", outcome.chosen), found


def _counts(predictor: Predictor, setting: Setting, track: Track) -> np.ndarray:
    labels = setting.card.labels
    scorer = ArrayScorer(labels.num_classes, labels.ignore_index)
    total = len(setting.indices)
    for sample in track(setting.samples(), about="score", total=total, size=lambda _: 1):
        if sample.mask is not None:
            scorer.add(predictor.predict(sample.image).class_map[None], sample.mask[None])
    return scorer.read().counts


def _scores(names: tuple[str, ...], counts: np.ndarray) -> Scores:
    per_class = dict(zip(names, iou_per_class(counts).tolist(), strict=True))
    return Scores(mean_iou(counts), per_class)


def _told(tried: Tried) -> str:
    return (
        f"mean IoU {tried.mean_iou:.3f}, {-tried.drop_points:+.2f} points; {tried.worst_class} "
        f"{-tried.worst_drop_points:+.2f}"
    )


def _refusal(outcome: Outcome[bytes], max_drop: float, where: str) -> str:
    best = outcome.best
    return (
        f"{where}: int8 costs {best.drop_points:.2f} points of mean IoU at best ({best.name}; "
        f"{best.worst_class} loses {best.worst_drop_points:.2f}), at most {max_drop:g} may be "
        f"lost; {len(outcome.tried)} ways were tried and nothing was written. Allow more by "
        "--max-drop, or export without --int8."
    )
