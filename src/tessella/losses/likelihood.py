"""Negative log-likelihood of each pixel, which cross-entropy, focal and OHEM are made of."""

from typing import Any

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
)
from tessella.losses.inputs import compute_dtype


def negative_log_likelihood(
    logits: Float[Tensor, "n c h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    ignore_index: int,
    class_weights: Float[Tensor, " c"] | None = None,
    label_smoothing: float = 0.0,
) -> Float[Tensor, "n h w"]:
    """Minus log of the probability of each pixel's class; 0 at ignored pixels.

    Softmax is computed chunk by chunk, in backward once more: beside the logits and their gradient
    it needs three numbers a pixel and the memory of one chunk.

    Args:
        logits: scores before softmax.
        mask: class indices 0..c-1, or `ignore_index`.
        ignore_index: pixels with this value cost 0, with a gradient of exactly 0.
        class_weights: a pixel's cost is multiplied by that of its class.
        label_smoothing: the share of the label that is spread evenly over all classes, 0..1; each
            class's term is multiplied by that class's own weight.

    Returns:
        Values >= 0, float32 (float64 for float64 logits).
    """
    dtype = compute_dtype(logits)
    weights = class_weights
    if weights is None:
        weights = torch.ones(logits.shape[1], device=logits.device)
    weights = weights.detach().to(dtype)
    own = weights * (1 - label_smoothing)
    spread = weights * (label_smoothing / logits.shape[1]) if label_smoothing else None
    costs: Tensor = _Likelihood.apply(logits, mask, ignore_index, own, spread)
    return costs.squeeze(1)


class _Likelihood(torch.autograd.Function):
    """cost = own[y] nll[y] + sum over k of spread[k] nll[k], for each labelled pixel."""

    @staticmethod
    def forward(  # type: ignore[override] - autograd passes positions only
        ctx: Any,
        logits: Tensor,
        mask: Tensor,
        ignore_index: int,
        own: Tensor,
        spread: Tensor | None,
    ) -> Tensor:
        costs, normalizers = empty_maps(logits, 1), empty_maps(logits, 2)
        for region in chunks(logits):
            part = logits[region]
            labels = chunk_labels(mask, region, ignore_index=ignore_index)
            parts = exponentials(part, labels)
            normalizers[region] = normalizer(parts)
            # from the differences, not from the logarithm of the whole sum: keeps small costs exact
            log_total = parts.total.log()
            label_score = part.gather(1, labels.index).to(costs.dtype)
            cost = log_total.sub(label_score.sub_(parts.largest)).mul_(own[labels.index])
            if spread is not None:
                below = torch.sub(part, parts.largest).mul_(spread.view(-1, 1, 1))
                cost.add_(log_total.mul_(spread.sum())).sub_(below.sum(1, keepdim=True))
            costs[region] = cost.masked_fill_(~labels.labelled, 0)
        ctx.ignore_index = ignore_index
        ctx.save_for_backward(logits, mask, normalizers, own, spread)
        return costs

    @staticmethod
    @once_differentiable
    def backward(  # type: ignore[override] - once_differentiable forgets the names
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor | None, ...]:
        logits, mask, normalizers, own, spread = ctx.saved_tensors
        gradient = torch.empty_like(logits)
        for region in chunks(logits):
            labels = chunk_labels(mask, region, ignore_index=ctx.ignore_index)
            softmax = probabilities(logits[region], normalizers[region])
            slope = grad_outputs[0][region] * labels.labelled
            gradient[region] = _gradient(softmax, labels, slope, own=own, spread=spread)
        return gradient, None, None, None, None


def _gradient(
    softmax: Tensor, labels: Labels, slope: Tensor, *, own: Tensor, spread: Tensor | None
) -> Tensor:
    """The gradient of one chunk, in the memory of its softmax."""
    label_slope = slope * own[labels.index]
    if spread is None:
        return softmax.mul_(label_slope).scatter_add_(1, labels.index, label_slope.neg())
    softmax.mul_(label_slope + slope * spread.sum())
    softmax.scatter_add_(1, labels.index, label_slope.neg())
    return softmax.sub_(slope * spread.view(-1, 1, 1))
