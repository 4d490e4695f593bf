"""Focal Tversky loss: the classes that overlap badly count more."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from tessella.errors import UsageError
from tessella.losses.class_mean import ClassChoice, mean_over_classes
from tessella.losses.class_sums import class_sums
from tessella.losses.inputs import CLASS_CHOICES, check_choice, check_inputs, check_switch
from tessella.losses.tversky import check_penalties, tversky_costs


def focal_tversky_loss(
    logits: Float[Tensor, "n c h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    ignore_index: int,
    class_weights: Float[Tensor, " c"] | None = None,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 4 / 3,
    classes: ClassChoice = "present",
    per_image: bool = False,
) -> Float[Tensor, ""]:
    """One minus the soft Tversky index, to the power 1 / gamma, averaged over classes.

    The power is taken for each class, before the mean. Sums run over the whole batch unless
    `per_image`.

    Args:
        logits: scores before softmax, any real value; computed in float32 unless float64.
        mask: class indices 0..c-1, or `ignore_index`.
        ignore_index: pixels with this value count nowhere.
        class_weights: of the mean over classes; None weighs all alike.
        alpha: weight of false positives, >= 0, as in `tversky`; the paper swaps the two letters.
        beta: weight of misses, >= 0.
        gamma: > 0; above 1 a class that overlaps well keeps a larger slope. The paper takes 1..3.
        classes: "present" averages over the classes of the labelled pixels. Probability of an
            absent class then costs only what it takes from the present ones, through softmax.
            "all" averages over every class; an absent one costs its mean probability, to the same
            power.
        per_image: average over images of each image's own loss; those without labels are left out.

    Returns:
        Scalar in 0..1; 0 is perfect overlap, and the value, with a gradient of 0, when no pixel is
        labelled.

    Raises:
        ValueError: the inputs do not fit together, or the mask holds what is no class.
        UsageError: an option is outside of its range.

    Source: Abraham and Khan 2019, arXiv:1810.07842 (summed over classes there).
    """
    check_inputs(logits, mask, ignore_index=ignore_index, class_weights=class_weights)
    check_choice("classes", classes, CLASS_CHOICES)
    check_switch("per_image", per_image)
    check_penalties(alpha, beta)
    if not 0 < gamma < float("inf"):
        raise UsageError(f"loss option gamma: is {gamma!r}; expected above 0. Change the option.")
    sums = class_sums(logits, mask, ignore_index=ignore_index, per_image=per_image)
    costs = tversky_costs(sums, alpha=alpha, beta=beta)
    # a power below 1 is infinitely steep at 0, where a perfect class lies
    steep = costs > torch.finfo(costs.dtype).eps
    costs = torch.where(steep, torch.where(steep, costs, 1) ** (1 / gamma), 0)
    return mean_over_classes(costs, sums.pixels, classes=classes, class_weights=class_weights)
