"""By what a mean over labelled pixels is divided."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from tessella.losses.inputs import class_index, labelled_pixels


def labelled_weight(
    mask: Integer[Tensor, "n h w"],
    *,
    ignore_index: int,
    class_weights: Float[Tensor, " c"] | None = None,
) -> Float[Tensor, ""]:
    """Number of labelled pixels, or the sum of their classes' weights.

    A mean of micro-batches or ranks is the mean of all their pixels when each is multiplied by
    this, and their sum divided by the sum of these.

    Args:
        mask: class indices, or `ignore_index`.
        ignore_index: pixels with this value count nowhere.
        class_weights: weight of a pixel by its class; None counts pixels.

    Returns:
        Scalar >= 0 on the mask's device, float32 (float64 with float64 weights); a count is exact
        up to 2^24.
    """
    if class_weights is None:
        return labelled_pixels(mask, ignore_index=ignore_index).sum().float()
    dtype = torch.promote_types(class_weights.dtype, torch.float32)
    return pixel_weights(
        mask, ignore_index=ignore_index, class_weights=class_weights, dtype=dtype
    ).sum()


def pixel_weights(
    mask: Integer[Tensor, "n h w"],
    *,
    ignore_index: int,
    class_weights: Float[Tensor, " c"] | None,
    dtype: torch.dtype,
) -> Float[Tensor, "n h w"]:
    """The weight of each pixel's class, 1 without weights; 0 at ignored pixels."""
    labelled = labelled_pixels(mask, ignore_index=ignore_index)
    if class_weights is None:
        return labelled.to(dtype)
    return class_weights.detach().to(dtype)[class_index(mask, labelled)].mul_(labelled)


def mean_by_weight(costs: Float[Tensor, "n h w"], weight: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """The sum of the costs divided by the weight; 0, with a gradient of 0, where that is 0."""
    return costs.sum() / torch.where(weight > 0, weight, 1.0)
