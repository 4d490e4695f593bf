"""Cross-entropy over labelled pixels."""

from jaxtyping import Float, Integer
from torch import Tensor

from tessella.losses.inputs import check_inputs, check_range, compute_dtype
from tessella.losses.labelled_weight import labelled_weight, mean_by_weight
from tessella.losses.likelihood import negative_log_likelihood


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
        logits: scores before softmax, any real value; computed in float32 unless float64.
        mask: class indices 0..c-1, or `ignore_index`.
        ignore_index: pixels with this value count nowhere.
        class_weights: weight of a pixel by its class; None weighs all alike.
        label_smoothing: share of the certainty spread evenly over all classes, 0..1
            (Szegedy et al. 2016, arXiv:1512.00567, section 7).

    Returns:
        Scalar >= 0; 0, with a gradient of 0, when no pixel is labelled.

    Raises:
        ValueError: the inputs do not fit together, or the mask holds what is no class.
        UsageError: label_smoothing is outside of 0..1.
    """
    check_inputs(logits, mask, ignore_index=ignore_index, class_weights=class_weights)
    check_range("label_smoothing", label_smoothing, above=0, below=1)
    weights = None if class_weights is None else class_weights.to(compute_dtype(logits))
    costs = negative_log_likelihood(
        logits,
        mask,
        ignore_index=ignore_index,
        class_weights=weights,
        label_smoothing=label_smoothing,
    )
    weight = labelled_weight(mask, ignore_index=ignore_index, class_weights=weights)
    return mean_by_weight(costs, weight)
