"""Cross-entropy of the hardest pixels: online hard example mining."""

import math

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from tessella.losses.inputs import check_inputs, check_range, labelled_pixels
from tessella.losses.labelled_weight import mean_by_weight, pixel_weights
from tessella.losses.likelihood import negative_log_likelihood
from tessella.losses.sortable import ascending, sort_key


def ohem_loss(
    logits: Float[Tensor, "n c h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    ignore_index: int,
    class_weights: Float[Tensor, " c"] | None = None,
    threshold: float = 0.7,
    min_share: float = 1 / 16,
) -> Float[Tensor, ""]:
    """Mean negative log-likelihood of the pixels that are hard; the others have no gradient.

    A labelled pixel is hard if the probability of its class is at most `threshold`, or if it is
    among the `min_share` of the batch's labelled pixels with the lowest such probability; where
    several are equal, all of them.

    Args:
        logits: scores before softmax, any real value; computed in float32 unless float64.
        mask: class indices 0..c-1, or `ignore_index`.
        ignore_index: pixels with this value count nowhere, in the share neither.
        class_weights: weight of a hard pixel by its class; None weighs all alike. It has no part
            in what is hard.
        threshold: probability 0..1; 1 keeps every pixel, which is cross-entropy, and 0 the hardest
            share only.
        min_share: 0..1 of the labelled pixels, rounded up to at least one pixel.

    Returns:
        Scalar >= 0: the sum over hard pixels divided by their total weight; 0, with a gradient of
        0, when no pixel is labelled.

    Raises:
        ValueError: the inputs do not fit together, or the mask holds what is no class.
        UsageError: an option is outside of 0..1.

    Source: Shrivastava et al. 2016, arXiv:1604.03540, section 4; for pixels, with threshold and
        least number, Wu et al. 2016, arXiv:1605.06885 (online bootstrapping).
    """
    check_inputs(logits, mask, ignore_index=ignore_index, class_weights=class_weights)
    check_range("threshold", threshold, above=0, below=1)
    check_range("min_share", min_share, above=0, below=1)
    costs = negative_log_likelihood(logits, mask, ignore_index=ignore_index)
    hard = _hard_pixels(
        costs.detach(),
        labelled_pixels(mask, ignore_index=ignore_index),
        threshold=threshold,
        min_share=min_share,
    )
    weights = hard * pixel_weights(
        mask, ignore_index=ignore_index, class_weights=class_weights, dtype=costs.dtype
    )
    return mean_by_weight(costs * weights, weights.sum())


def _hard_pixels(
    costs: Float[Tensor, "n h w"],
    labelled: Bool[Tensor, "n h w"],
    *,
    threshold: float,
    min_share: float,
) -> Bool[Tensor, "n h w"]:
    """Labelled pixels that cost at least as much as the threshold, or are among the costliest."""
    if not costs.numel():
        return labelled
    keys = torch.where(labelled, sort_key(costs), -1)
    least = -math.log(threshold) if threshold else math.inf
    # the number of labelled pixels stays on the device, so an index that is a tensor
    most_kept = (labelled.sum() * min_share).ceil().long().clamp(min=1)
    last = ascending(keys.flatten()).values.take(keys.numel() - most_kept)
    return labelled & ((costs >= least) | (keys >= last))
