"""Boundary loss: mistakes cost their distance from the boundary of the class."""

from typing import Any

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.autograd.function import once_differentiable

from tessella.errors import UsageError
from tessella.losses.chunks import (
    chunk_labels,
    chunks,
    empty_maps,
    exponentials,
    normalizer,
    probabilities,
    through_softmax,
)
from tessella.losses.class_mean import ClassChoice, mean_over_classes
from tessella.losses.class_sums import sum_by_class, sum_dtype
from tessella.losses.distance import MAX_RADIUS, squared_distances
from tessella.losses.inputs import CLASS_CHOICES, check_choice, check_inputs


def boundary_loss(
    logits: Float[Tensor, "n c h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    ignore_index: int,
    class_weights: Float[Tensor, " c"] | None = None,
    radius: int = 20,
    classes: ClassChoice = "all",
) -> Float[Tensor, ""]:
    """Distance to the class's boundary times the wrong probability, averaged in px.

    The mean runs over the labelled pixels of the whole batch, then over classes. Meant as one term
    beside a region loss: alone it says little about pixels next to a boundary.

    Outside of a class the distance is that to the class's nearest pixel; inside, that to the
    nearest labelled pixel of another class, less 1 px, as in the authors' code, so that the rim of
    a class costs 0 for it (but 1 px for the class that it is taken for). Ignored pixels make no
    boundary.

    Beside the logits and their gradient it keeps 16 bits for each logit.

    Args:
        logits: scores before softmax, any real value; computed in float32 unless float64.
        mask: class indices 0..c-1, or `ignore_index`.
        ignore_index: pixels with this value count nowhere.
        class_weights: of the mean over classes; None weighs all alike.
        radius: in px, 1..127. Distances above it, and to a class that an image lacks, count as
            this; time grows with it. The paper has no limit.
        classes: "all" averages over every class; one that an image lacks costs `radius` times its
            mean probability there. "present" averages over the classes of the batch's labelled
            pixels; probability of an absent one is then free, and on a rim as good as the right
            class, which is why it is not the default here.

    Returns:
        Scalar 0..radius: the paper's loss plus the constant that it leaves out, so that 0 is
        perfect and the gradient the same. 0, with a gradient of 0, when no pixel is labelled.

    Raises:
        ValueError: the inputs do not fit together, or the mask holds what is no class.
        UsageError: an option is outside of its range.

    Source: Kervadec et al. 2019, arXiv:1812.07032 (two classes there).
    """
    check_inputs(logits, mask, ignore_index=ignore_index, class_weights=class_weights)
    check_choice("classes", classes, CLASS_CHOICES)
    if not 1 <= radius <= MAX_RADIUS:
        raise UsageError(
            f"loss option radius: is {radius!r}; expected 1 to {MAX_RADIUS} px. Change the option."
        )
    distances = squared_distances(
        mask, num_classes=logits.shape[1], ignore_index=ignore_index, radius=radius
    )
    costs, pixels = _DistanceSums.apply(logits, mask, ignore_index, distances)
    costs, pixels = costs.sum(0, keepdim=True), pixels.sum(0, keepdim=True)
    costs = costs / pixels.sum().clamp(min=1)
    return mean_over_classes(costs, pixels, classes=classes, class_weights=class_weights)


class _DistanceSums(torch.autograd.Function):
    """For each image and class the sum of distance times wrong probability, and the pixels."""

    @staticmethod
    def forward(  # type: ignore[override] - autograd passes positions only
        ctx: Any, logits: Tensor, mask: Tensor, ignore_index: int, distances: Tensor
    ) -> tuple[Tensor, Tensor]:
        num_images, num_classes = logits.shape[:2]
        normalizers = empty_maps(logits, 2)
        shape, dtype = (2, num_images, num_classes), sum_dtype(logits)
        costs, pixels = sums = logits.new_zeros(shape, dtype=dtype)
        for region in chunks(logits):
            labels = chunk_labels(mask, region, ignore_index=ignore_index)
            parts = exponentials(logits[region], labels)
            normalizers[region] = normalizer(parts)
            softmax = parts.exponentials.div_(parts.total)
            distance = torch.empty_like(softmax).copy_(distances[region]).sqrt_()
            known = labels.labelled.to(softmax.dtype)
            inside = distance.gather(1, labels.index).sub_(1)
            missed = (1 - softmax.gather(1, labels.index)).mul_(inside).mul_(known)
            spurious = distance.scatter_(1, labels.index, 0.0).mul_(softmax)
            images = region[0]
            costs[images] += spurious.sum((2, 3))
            costs[images] += sum_by_class(missed, labels, num_classes=num_classes)
            pixels[images] += sum_by_class(known, labels, num_classes=num_classes)
        ctx.ignore_index = ignore_index
        ctx.save_for_backward(logits, mask, normalizers, distances)
        costs, pixels = sums.to(normalizers.dtype).unbind()
        ctx.mark_non_differentiable(pixels)
        return costs, pixels

    @staticmethod
    @once_differentiable
    def backward(  # type: ignore[override] - once_differentiable forgets the names
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor | None, ...]:
        logits, mask, normalizers, distances = ctx.saved_tensors
        scale = grad_outputs[0][:, :, None, None]
        gradient = torch.empty_like(logits)
        for region in chunks(logits):
            labels = chunk_labels(mask, region, ignore_index=ctx.ignore_index)
            softmax = probabilities(logits[region], normalizers[region])
            slope = torch.empty_like(softmax).copy_(distances[region]).sqrt_()
            inside = slope.gather(1, labels.index).sub_(1)
            slope.scatter_(1, labels.index, inside.neg_()).mul_(scale[region[0]])
            gradient[region] = through_softmax(softmax, slope)
        return gradient, None, None, None
