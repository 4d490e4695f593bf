"""Lovász-Softmax loss: the tight convex surrogate of one minus the mean IoU."""

from typing import Any

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor
from torch.autograd.function import once_differentiable

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
from tessella.losses.inputs import (
    CLASS_CHOICES,
    check_choice,
    check_inputs,
    check_switch,
    labelled_pixels,
)
from tessella.losses.sortable import ascending, from_sort_key, sort_key


def lovasz_softmax_loss(
    logits: Float[Tensor, "n c h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    ignore_index: int,
    class_weights: Float[Tensor, " c"] | None = None,
    classes: ClassChoice = "present",
    per_image: bool = False,
) -> Float[Tensor, ""]:
    """The Lovász extension of one minus IoU at the softmax errors, averaged over classes.

    For predictions that are certain it is one minus the mean IoU. Pixels are sorted by their error
    over the whole batch unless `per_image`.

    Beside the logits and their gradient it keeps one number for each logit, and at the peak about
    100 bytes for each pixel.

    Args:
        logits: scores before softmax, any real value; computed in float32 unless float64.
        mask: class indices 0..c-1, or `ignore_index`.
        ignore_index: pixels with this value count nowhere.
        class_weights: of the mean over classes; None weighs all alike.
        classes: "present" averages over the classes of the labelled pixels. Probability of an
            absent class then costs only what it takes from the present ones, through softmax.
            "all" averages over every class; an absent one costs its largest probability.
        per_image: average over images of each image's own loss; those without labels are left out.

    Returns:
        Scalar in 0..1; 0 is perfect, and the value, with a gradient of 0, when no pixel is
        labelled.

    Raises:
        ValueError: the inputs do not fit together, or the mask holds what is no class.
        UsageError: an option is outside of its range.

    Source: Berman et al. 2018, arXiv:1705.08790, section 3 and algorithm 1.
    """
    check_inputs(logits, mask, ignore_index=ignore_index, class_weights=class_weights)
    check_choice("classes", classes, CLASS_CHOICES)
    check_switch("per_image", per_image)
    wants_slopes = logits.requires_grad and torch.is_grad_enabled()
    costs, pixels = _Lovasz.apply(
        logits, mask, ignore_index, per_image, wants_slopes, classes == "present"
    )
    return mean_over_classes(costs, pixels, classes=classes, class_weights=class_weights)


class _Lovasz(torch.autograd.Function):
    """The cost of each class in each group, and its pixels."""

    @staticmethod
    def forward(  # type: ignore[override] - autograd passes positions only
        ctx: Any,
        logits: Tensor,
        mask: Tensor,
        ignore_index: int,
        per_image: bool,
        wants_slopes: bool,
        skips_absent: bool,
    ) -> tuple[Tensor, Tensor]:
        normalizers = _normalizers(logits, mask, ignore_index=ignore_index)
        num_images, num_classes = logits.shape[:2]
        groups = [slice(i, i + 1) for i in range(num_images)] if per_image else [slice(None)]
        costs = normalizers.new_zeros((len(groups), num_classes))
        pixels = torch.zeros_like(costs)
        slopes = normalizers.new_zeros(logits.shape) if wants_slopes else None
        for row, images in enumerate(groups):
            labelled = labelled_pixels(mask[images], ignore_index=ignore_index)
            for label in range(num_classes):
                own = (mask[images] == label) & labelled
                pixels[row, label] = own.sum()
                # asking a GPU would take longer than sorting for nothing
                if skips_absent and pixels.device.type == "cpu" and not pixels[row, label]:
                    continue
                part = logits[images, label : label + 1]
                softmax = probabilities(part, normalizers[images]).squeeze(1)
                cost, slope = _lovasz_extension(softmax, own, labelled)
                costs[row, label] = cost
                if slopes is not None:
                    slopes[images, label] = slope
        ctx.save_for_backward(logits, normalizers, slopes)
        ctx.mark_non_differentiable(pixels)
        return costs, pixels

    @staticmethod
    @once_differentiable
    def backward(  # type: ignore[override] - once_differentiable forgets the names
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor | None, ...]:
        logits, normalizers, slopes = ctx.saved_tensors
        scale = grad_outputs[0].expand(logits.shape[:2])[:, :, None, None]
        gradient = torch.empty_like(logits)
        for region in chunks(logits):
            softmax = probabilities(logits[region], normalizers[region])
            # in the softmax's memory format: mixing two takes three times as long
            slope = torch.empty_like(softmax).copy_(slopes[region]).mul_(scale[region[0]])
            gradient[region] = through_softmax(softmax, slope)
        return gradient, None, None, None, None, None


def _normalizers(logits: Tensor, mask: Tensor, *, ignore_index: int) -> Float[Tensor, "n 2 h w"]:
    normalizers = empty_maps(logits, 2)
    for region in chunks(logits):
        labels = chunk_labels(mask, region, ignore_index=ignore_index)
        normalizers[region] = normalizer(exponentials(logits[region], labels))
    return normalizers


def _lovasz_extension(
    softmax: Float[Tensor, "n h w"], own: Bool[Tensor, "n h w"], labelled: Bool[Tensor, "n h w"]
) -> tuple[Float[Tensor, ""], Float[Tensor, "n h w"]]:
    """The cost of one class, and its slope for each pixel's probability.

    The weight of the i-th largest error is J_i - J_(i-1), where J_i is one minus the IoU after the
    first i pixels are got wrong. With I of the class's own pixels right and the union U after i,
    that is 1 / U for a pixel of the class (I falls by one) and I / (U (U - 1)) for another (U grows
    by one). The difference of two J itself would have no digits left among millions of pixels.
    """
    errors = torch.where(own, 1 - softmax, softmax)
    # the last bit tells the class's own; errors up to 1 leave the first two bits unused.
    # Negative, so that the largest come first; ignored pixels come last
    keys = (sort_key(errors) << 1).bitwise_or_(own).neg_()
    keys, order = ascending(keys.masked_fill_(~labelled, 1).flatten())
    keys.neg_().clamp_(min=0)
    is_own = (keys & 1).bool()
    wrong_own = is_own.cumsum(0, dtype=torch.int32)
    own_pixels = wrong_own[-1]
    rank = torch.arange(1, len(keys) + 1, dtype=torch.int32, device=keys.device)
    union = (rank - wrong_own + own_pixels).to(errors.dtype)
    still_right = own_pixels - wrong_own
    grown = still_right / ((union - 1).clamp_(min=1) * union)
    weights = torch.where(is_own, 1 / union, grown)
    # of an absent class the first error alone makes the IoU 0
    weights[0] = torch.where(own_pixels > 0, weights[0], 1)
    cost = (from_sort_key(keys >> 1) * weights).sum()
    slope = torch.empty_like(weights).scatter_(0, order, weights.where(~is_own, -weights))
    return cost, slope.view(own.shape)
