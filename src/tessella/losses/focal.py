"""Focal loss: cross-entropy in which well-classified pixels count less."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from tessella.losses.inputs import check_inputs, check_range
from tessella.losses.labelled_weight import mean_by_weight, pixel_weights
from tessella.losses.likelihood import negative_log_likelihood


def focal_loss(
    logits: Float[Tensor, "n c h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    ignore_index: int,
    class_weights: Float[Tensor, " c"] | None = None,
    gamma: float = 2.0,
) -> Float[Tensor, ""]:
    """Negative log-likelihood times (1 - p) ** gamma, averaged over labelled pixels.

    p is the softmax probability of the pixel's own class. The sum is divided by the total weight
    of the labelled pixels, so that gamma = 0 is weighted cross-entropy.

    Args:
        logits: scores before softmax, any real value; computed in float32 unless float64.
        mask: class indices 0..c-1, or `ignore_index`.
        ignore_index: pixels with this value count nowhere.
        class_weights: weight of a pixel by its class, the paper's alpha; None weighs all alike.
        gamma: >= 0; the larger, the less a pixel counts whose class is already likely.

    Returns:
        Scalar >= 0; 0, with a gradient of 0, when no pixel is labelled.

    Raises:
        ValueError: the inputs do not fit together, or the mask holds what is no class.
        UsageError: gamma is negative.

    Source: Lin et al. 2017, arXiv:1708.02002, equation 5 (sigmoid of two classes there).
    """
    check_inputs(logits, mask, ignore_index=ignore_index, class_weights=class_weights)
    check_range("gamma", gamma, above=0)
    costs = negative_log_likelihood(logits, mask, ignore_index=ignore_index)
    # from the likelihood's logarithm: 1 - p of a p near 1 keeps its digits. Not below eps: a gamma
    # under 1 would be infinitely steep at 0
    doubt = (-torch.expm1(-costs)).clamp(min=torch.finfo(costs.dtype).eps)
    weights = pixel_weights(
        mask, ignore_index=ignore_index, class_weights=class_weights, dtype=costs.dtype
    )
    return mean_by_weight(costs * doubt**gamma * weights, weights.sum())
