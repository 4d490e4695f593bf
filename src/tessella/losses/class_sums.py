"""Soft true and false positives of each class, which region losses are made of."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.autograd.function import once_differentiable

from tessella.losses.chunks import (
    Labels,
    chunk_labels,
    chunks,
    empty_maps,
    exponentials,
    normalizer,
    probabilities,
    through_softmax,
)
from tessella.losses.inputs import compute_dtype


class ClassSums(NamedTuple):
    """Sums over the labelled pixels of each image, or of a batch as one group."""

    true_positives: Float[Tensor, "g c"]
    """Probability of the class summed over its own pixels: the soft intersection, 0..pixels."""

    false_positives: Float[Tensor, "g c"]
    """Probability of the class summed over the pixels of other classes."""

    false_negatives: Float[Tensor, "g c"]
    """Probability that the class's own pixels give to others: pixels less true positives, summed
    by itself because the difference of two large sums would have few digits left."""

    pixels: Float[Tensor, "g c"]
    """Labelled pixels of the class; exact up to 2^24 in float32."""

    @property
    def num_labelled(self) -> Float[Tensor, "g 1"]:
        """Labelled pixels of all classes."""
        return self.pixels.sum(1, keepdim=True)


def class_sums(
    logits: Float[Tensor, "n c h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    ignore_index: int,
    per_image: bool,
) -> ClassSums:
    """The soft counts of a softmax, without a softmax or a one-hot mask of the whole batch.

    Softmax is computed chunk by chunk, in backward once more: beside the logits and their gradient
    it needs two numbers a pixel and the memory of one chunk.

    Args:
        logits: scores before softmax.
        mask: class indices 0..c-1, or `ignore_index`.
        ignore_index: pixels with this value count nowhere.
        per_image: one row for each image, else one for the whole batch.

    Returns:
        Sums in float32 (float64 for float64 logits), none below 0.
    """
    sums = ClassSums(*_ClassSums.apply(logits, mask, ignore_index))
    return sums if per_image else ClassSums(*(each.sum(0, keepdim=True) for each in sums))


class _ClassSums(torch.autograd.Function):
    """The four sums for each image; the last, pixels, has no gradient."""

    @staticmethod
    def forward(  # type: ignore[override] - autograd passes positions only
        ctx: Any, logits: Tensor, mask: Tensor, ignore_index: int
    ) -> tuple[Tensor, ...]:
        num_images, num_classes = logits.shape[:2]
        normalizers = empty_maps(logits, 2)
        shape, dtype = (4, num_images, num_classes), sum_dtype(logits)
        hits, spurious, missed, pixels = sums = logits.new_zeros(shape, dtype=dtype)
        for region in chunks(logits):
            images = region[0]
            labels = chunk_labels(mask, region, ignore_index=ignore_index)
            parts = exponentials(logits[region], labels)
            normalizers[region] = normalizer(parts)
            softmax = parts.exponentials.div_(parts.total)
            own, known = softmax.gather(1, labels.index), labels.labelled.to(softmax.dtype)
            hits[images] += sum_by_class(own, labels, num_classes=num_classes)
            missed[images] += sum_by_class(known - own, labels, num_classes=num_classes)
            pixels[images] += sum_by_class(known, labels, num_classes=num_classes)
            spurious[images] += softmax.scatter_(1, labels.index, 0.0).sum((2, 3))
        ctx.ignore_index = ignore_index
        ctx.save_for_backward(logits, mask, normalizers)
        hits, spurious, missed, pixels = sums.to(normalizers.dtype).unbind()
        ctx.mark_non_differentiable(pixels)
        return hits, spurious, missed, pixels

    @staticmethod
    @once_differentiable
    def backward(  # type: ignore[override] - once_differentiable forgets the names
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor | None, ...]:
        logits, mask, normalizers = ctx.saved_tensors
        of_hits, of_spurious, of_missed = (each[:, :, None, None] for each in grad_outputs[:3])
        gradient = torch.empty_like(logits)
        for region in chunks(logits):
            images = region[0]
            labels = chunk_labels(mask, region, ignore_index=ctx.ignore_index)
            softmax = probabilities(logits[region], normalizers[region])
            slope = torch.empty_like(softmax).copy_(of_spurious[images])
            of_own = (of_hits - of_missed)[images].expand_as(softmax).gather(1, labels.index)
            slope.scatter_(1, labels.index, of_own)
            gradient[region] = through_softmax(softmax, slope)
        return gradient, None, None


def sum_by_class(
    values: Float[Tensor, "n 1 h w"], labels: Labels, *, num_classes: int
) -> Float[Tensor, "n c"]:
    """The values of each image summed by the class of their pixel; values of ignored ones are 0.

    The order of the sums, and so their last digit, is the same each time.

    Returns:
        Sums in `sum_dtype`.
    """
    if values.device.type == "cpu":
        # one after another, where float32 loses a digit with every tenfold of pixels
        sums = values.new_zeros((len(values), num_classes), dtype=torch.float64)
        return sums.scatter_add_(1, labels.index.flatten(1), values.flatten(1).double())
    # atomic additions, which scatter_add_ is elsewhere, come in any order
    classes = torch.arange(num_classes, device=values.device).view(-1, 1, 1)
    return torch.where(labels.index == classes, values, 0).sum((2, 3))


def sum_dtype(logits: Tensor) -> torch.dtype:
    """What sums over pixels are kept in: float64 on a CPU, since not every device has it."""
    return torch.float64 if logits.device.type == "cpu" else compute_dtype(logits)
