"""Cross-entropy over labelled pixels."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor
from torch.nn import functional


def cross_entropy_loss(
    logits: Float[Tensor, "n c h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    ignore_index: int,
    class_weights: Float[Tensor, " c"] | None = None,
    label_smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """Negative log-likelihood, summed over labelled pixels and divided by their total weight.

    Args:
        logits: scores before softmax, any real value; computed in float32 whatever their type.
        mask: class indices 0..c-1, or `ignore_index`.
        ignore_index: pixels with this value count nowhere.
        class_weights: weight of a pixel by its class; None weighs all alike.
        label_smoothing: share of the certainty spread evenly over all classes, 0..1
            (Szegedy et al. 2016, arXiv:1512.00567, section 7).

    Returns:
        Scalar >= 0; 0, with a gradient of 0, when no pixel is labelled.

    Raises:
        ValueError: logits and mask differ in n, h or w.
    """
    if logits.shape[:1] + logits.shape[2:] != mask.shape:
        raise ValueError(
            f"logits are {tuple(logits.shape)} but the mask is {tuple(mask.shape)}; "
            "expected (n, c, h, w) and (n, h, w)."
        )
    classes = mask.long()
    total = functional.cross_entropy(
        logits.float(),
        classes,
        weight=None if class_weights is None else class_weights.float(),
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction="sum",
    )
    labelled = classes != ignore_index
    if class_weights is None:
        weight = labelled.sum().float()
    else:
        # any class does for ignored pixels: their weight is multiplied by 0
        weight = (class_weights.float()[classes * labelled] * labelled).sum()
    return total / torch.where(weight > 0, weight, 1.0)
