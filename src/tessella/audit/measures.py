"""The faulty measures of the tutorials, as they were: each is fed batch by batch.

None of these belongs in a score table. They exist so that a published number can be understood:
`tessella audit` computes them beside the right ones on the same model and the same images.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

LossFunction = Callable[[Tensor, Tensor], Tensor]

_IGNORED = 255


class Scored(NamedTuple):
    """One image as the tutorial scored it."""

    logits: Float[Tensor, "k h w"]
    mask: UInt8[Tensor, "h w"]
    """Class indices, 255 where nothing is labelled; at the size of the logits."""

    own_mask: UInt8[Tensor, "h2 w2"]
    """The mask at its own size, for a tutorial that shrinks it in its own way."""


class Measure(Protocol):
    """Takes the images of a split, batch by batch, and ends with one number."""

    def add(self, scored: Scored) -> None:
        """Count one image."""
        ...

    def end_batch(self) -> None:
        """The images since the last call were one batch of the tutorial."""
        ...

    def result(self) -> float:
        """The number that the tutorial printed; NaN where it is undefined."""
        ...


class VoidAsClass:
    """Counts with the ignored pixels as one more class, which no prediction is ever right about.

    Faults S0-B01, S1-B04, S3-B05, S4-B05: void was learnt and scored.
    """

    def __init__(self, num_classes: int, *, score: Callable[[np.ndarray], float]) -> None:
        self._size = num_classes + 1
        self._counts = np.zeros((self._size, self._size), np.int64)
        self._score = score

    def add(self, scored: Scored) -> None:
        """Count the pixels of an image."""
        void = self._size - 1
        truth = torch.where(scored.mask == _IGNORED, void, scored.mask.long())
        pairs = truth * self._size + scored.logits.argmax(0)
        found = torch.bincount(pairs.flatten(), minlength=self._size**2)
        self._counts += found.reshape(self._size, self._size).cpu().numpy()

    def end_batch(self) -> None:
        """Nothing: the counts run over the whole split."""

    def result(self) -> float:
        """The score of the counts."""
        return self._score(self._counts)


def jaccard_with_void(counts: np.ndarray) -> float:
    """IoU averaged over the classes and void; classes absent from both are left out."""
    union = counts.sum(0) + counts.sum(1) - counts.diagonal()
    return _mean([b / u for b, u in zip(counts.diagonal(), union, strict=True) if u])


def f1_absent_is_zero(counts: np.ndarray) -> float:
    """F1 averaged over the classes and void, an absent class counting as 0 (S0-B01)."""
    return _macro_f1(counts, absent=0.0)


def f1_absent_is_one(counts: np.ndarray) -> float:
    """F1 averaged over the classes and void, an absent class counting as 1 (S3-B06)."""
    return _macro_f1(counts, absent=1.0)


def _macro_f1(counts: np.ndarray, *, absent: float) -> float:
    total = counts.sum(0) + counts.sum(1)
    both = 2 * counts.diagonal()
    return _mean([b / t if t else absent for b, t in zip(both, total, strict=True)])


class ThresholdedLogitIou:
    """IoU of `logit > 0.5` for each class and batch, added up over batches (S1-B01, -B02, -B03).

    Logits are no probabilities, so a pixel may belong to no class or to several; a class that a
    batch lacks gives NaN, which stays in the sum for good, and the mean leaves that class out.
    """

    def __init__(self, num_classes: int) -> None:
        self._total = torch.zeros(num_classes, dtype=torch.float64)
        self._both = torch.zeros_like(self._total)
        self._either = torch.zeros_like(self._total)
        self._images = self._batches = 0

    def add(self, scored: Scored) -> None:
        """Count the pixels of an image for its batch."""
        classes = torch.arange(len(self._total), device=scored.mask.device)[:, None, None]
        predicted, truth = scored.logits > 0.5, scored.mask == classes
        self._both += (predicted & truth).sum((1, 2)).cpu()
        self._either += (predicted | truth).sum((1, 2)).cpu()
        self._images += 1

    def end_batch(self) -> None:
        """Add the batch's IoU of each class; a batch of one image is left out (S1-B08)."""
        if self._images > 1:
            self._total += self._both / self._either  # 0/0 is NaN: the poison is the point
            self._batches += 1
        self._both.zero_()
        self._either.zero_()
        self._images = 0

    def result(self) -> float:
        """Mean over the classes that every batch had; NaN where no class was in all of them."""
        return float(torch.nanmean(self._total / self._batches)) if self._batches else math.nan


class MeanOfBatchAccuracies:
    """Share of right pixels of each batch, averaged over batches (S0-B07, S1-B09).

    Void counts as wrong, and a smaller last batch weighs as much as a full one.
    """

    def __init__(self, *, smallest_batch: int = 1) -> None:
        self._smallest = smallest_batch
        self._values: list[float] = []
        self._right = self._pixels = self._images = 0

    def add(self, scored: Scored) -> None:
        """Count the pixels of an image for its batch."""
        self._right += int((scored.logits.argmax(0) == scored.mask).sum())
        self._pixels += scored.mask.numel()
        self._images += 1

    def end_batch(self) -> None:
        """Note the batch's accuracy, unless the batch is too small to count."""
        if self._images >= self._smallest:
            self._values.append(self._right / self._pixels)
        self._right = self._pixels = self._images = 0

    def result(self) -> float:
        """The plain mean."""
        return _mean(self._values)


class VoidIsFirstClass:
    """Share of right pixels where void was mapped to class 0 and learnt as such (S4-B05)."""

    def __init__(self) -> None:
        self._right = self._pixels = 0

    def add(self, scored: Scored) -> None:
        """Count the pixels of an image."""
        truth = torch.where(scored.mask == _IGNORED, 0, scored.mask.long())
        self._right += int((scored.logits.argmax(0) == truth).sum())
        self._pixels += scored.mask.numel()

    def end_batch(self) -> None:
        """Nothing: it was never reset."""

    def result(self) -> float:
        """Right pixels by all pixels."""
        return self._right / self._pixels if self._pixels else math.nan


class ThresholdScore:
    """A competition's score that was printed as "mIOU" (S2-B04): steps of IoU above one half.

    For each image `ceil(clamp(20 (IoU - 0.5), 0, 10)) / 10` of the foreground alone: 0 for an IoU
    of up to 0.5, 1 from 0.95. Averaged over images, then over batches. The mask was shrunk with
    smoothing and then compared with the exact colour, so every border pixel and all of void became
    background (S2-B02, S2-B03). Foreground is every class but the first.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._images: list[float] = []
        self._batches: list[float] = []

    def add(self, scored: Scored) -> None:
        """Note the score of an image."""
        own = scored.own_mask
        foreground = ((own > 0) & (own != _IGNORED)).float()[None, None]
        shrunk = functional.interpolate(foreground, size=self._size, mode="bilinear")[0, 0]
        truth = shrunk > 0.996  # 128 * 0.996 is the least that rounds to the exact colour
        predicted = scored.logits.argmax(0) > 0
        both = (predicted & truth).sum().float()  # single precision, as there
        either = (predicted | truth).sum().float()
        iou = (both + 1e-6) / (either + 1e-6)
        self._images.append(float(torch.clamp(20 * (iou - 0.5), 0, 10).ceil() / 10))

    def end_batch(self) -> None:
        """Note the mean over the batch's images."""
        self._batches.append(_mean(self._images))
        self._images = []

    def result(self) -> float:
        """The plain mean over batches."""
        return _mean(self._batches)


class BatchLoss:
    """The loss of a batch as it would be computed in one go: each labelled pixel weighs alike."""

    def __init__(self, loss: LossFunction) -> None:
        self._loss = loss
        self._total = self._pixels = 0.0
        self.num_images = 0

    def add(self, scored: Scored) -> None:
        """Add an image."""
        labelled = float((scored.mask != _IGNORED).sum())
        self._total += float(self._loss(scored.logits[None], scored.mask[None])) * labelled
        self._pixels += labelled
        self.num_images += 1

    def value(self) -> float:
        """The mean over labelled pixels; 0 without any."""
        return self._total / self._pixels if self._pixels else 0.0


class MeanOfBatchLosses:
    """The loss of each batch, averaged over batches whatever they hold (S1-B09, S2-B18)."""

    def __init__(self, loss: LossFunction) -> None:
        self._loss = loss
        self._batch = BatchLoss(loss)
        self._values: list[float] = []

    def add(self, scored: Scored) -> None:
        """Add an image to its batch."""
        self._batch.add(scored)

    def end_batch(self) -> None:
        """Note the batch's loss."""
        self._values.append(self._batch.value())
        self._batch = BatchLoss(self._loss)

    def result(self) -> float:
        """The plain mean."""
        return _mean(self._values)


class LastBatchLoss:
    """The last batch's loss times its images, divided by the number of batches (S4-B02).

    An assignment stood where a sum was meant, so all batches but the last are forgotten.
    """

    def __init__(self, loss: LossFunction) -> None:
        self._loss = loss
        self._batch = BatchLoss(loss)
        self._last = math.nan
        self._num_batches = 0

    def add(self, scored: Scored) -> None:
        """Add an image to its batch."""
        self._batch.add(scored)

    def end_batch(self) -> None:
        """Forget the batch before."""
        self._last = self._batch.value() * self._batch.num_images
        self._batch = BatchLoss(self._loss)
        self._num_batches += 1

    def result(self) -> float:
        """What was printed as the validation loss."""
        return self._last / self._num_batches if self._num_batches else math.nan


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
