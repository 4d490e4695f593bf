"""Tversky loss: overlap that weighs false positives and misses apart."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from tessella.errors import UsageError
from tessella.losses.class_mean import ClassChoice, mean_over_classes
from tessella.losses.class_sums import ClassSums, class_sums
from tessella.losses.inputs import (
    CLASS_CHOICES,
    check_choice,
    check_inputs,
    check_range,
    check_switch,
)


def tversky_loss(
    logits: Float[Tensor, "n c h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    ignore_index: int,
    class_weights: Float[Tensor, " c"] | None = None,
    alpha: float = 0.3,
    beta: float = 0.7,
    classes: ClassChoice = "present",
    per_image: bool = False,
) -> Float[Tensor, ""]:
    """One minus the soft Tversky index TP / (TP + alpha FP + beta FN), averaged over classes.

    Sums run over the whole batch unless `per_image`. alpha = beta = 0.5 is Dice, 1 is Jaccard.

    Args:
        logits: scores before softmax, any real value; computed in float32 unless float64.
        mask: class indices 0..c-1, or `ignore_index`.
        ignore_index: pixels with this value count nowhere.
        class_weights: of the mean over classes; None weighs all alike.
        alpha: weight of false positives, >= 0; the paper's choice as default.
        beta: weight of misses, >= 0; the larger, the fewer misses.
        classes: "present" averages over the classes of the labelled pixels. Probability of an
            absent class then costs only what it takes from the present ones, through softmax.
            "all" averages over every class; an absent one costs its mean probability.
        per_image: average over images of each image's own loss; those without labels are left out.

    Returns:
        Scalar in 0..1; 0 is perfect overlap, and the value, with a gradient of 0, when no pixel is
        labelled.

    Raises:
        ValueError: the inputs do not fit together, or the mask holds what is no class.
        UsageError: an option is outside of its range.

    Source: Salehi et al. 2017, arXiv:1706.05721, the Tversky index (binary there).
    """
    check_inputs(logits, mask, ignore_index=ignore_index, class_weights=class_weights)
    check_choice("classes", classes, CLASS_CHOICES)
    check_switch("per_image", per_image)
    check_penalties(alpha, beta)
    sums = class_sums(logits, mask, ignore_index=ignore_index, per_image=per_image)
    costs = tversky_costs(sums, alpha=alpha, beta=beta)
    return mean_over_classes(costs, sums.pixels, classes=classes, class_weights=class_weights)


def tversky_costs(sums: ClassSums, *, alpha: float, beta: float) -> Float[Tensor, "g c"]:
    """One minus the Tversky index of each class, 0..1; the mean probability of an absent class.

    An absent class has the index 0 however little of it is predicted, which gives no direction;
    its share of the labelled pixels' probability does.
    """
    wrong = alpha * sums.false_positives + beta * sums.false_negatives
    # not one minus the ratio: small costs keep their digits, and none falls below 0
    whole = (sums.true_positives + wrong).clamp(min=torch.finfo(wrong.dtype).tiny)
    return torch.where(sums.pixels > 0, wrong / whole, absent_costs(sums))


def absent_costs(sums: ClassSums) -> Float[Tensor, "g c"]:
    """False positives as a share of all labelled pixels, 0..1; 0 where there are none."""
    return sums.false_positives / sums.num_labelled.clamp(min=1)


def check_penalties(alpha: float, beta: float) -> None:
    """Refuse weights that make the index meaningless.

    Raises:
        UsageError: one is negative, or both are 0.
    """
    check_range("alpha", alpha, above=0)
    check_range("beta", beta, above=0)
    if alpha == beta == 0:
        raise UsageError("loss options alpha and beta: both are 0, so no mistake costs anything.")
