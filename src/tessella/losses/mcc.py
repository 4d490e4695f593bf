"""Matthews correlation loss."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from tessella.losses.class_mean import ClassChoice, mean_over_classes
from tessella.losses.class_sums import ClassSums, class_sums
from tessella.losses.inputs import CLASS_CHOICES, check_choice, check_inputs, check_switch


def mcc_loss(
    logits: Float[Tensor, "n c h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    ignore_index: int,
    class_weights: Float[Tensor, " c"] | None = None,
    classes: ClassChoice = "present",
    per_image: bool = False,
) -> Float[Tensor, ""]:
    """One minus the soft Matthews correlation of each class against the rest, averaged.

    Unlike Dice it counts true negatives: a class that fills most of the image gains nothing by
    being predicted everywhere. Sums run over the whole batch unless `per_image`.

    Args:
        logits: scores before softmax, any real value; computed in float32 unless float64.
        mask: class indices 0..c-1, or `ignore_index`.
        ignore_index: pixels with this value count nowhere.
        class_weights: of the mean over classes; None weighs all alike.
        classes: "present" averages over the classes of the labelled pixels. Probability of an
            absent class then costs only what it takes from the present ones, through softmax,
            and nothing as long as these are no better than chance: unlike Dice, correlation does
            not see a probability that is low everywhere. "all" averages over every class; an absent
            one costs its mean probability.
        per_image: average over images of each image's own loss; those without labels are left out.

    Returns:
        Scalar in 0..2; 0 is perfect, 1 no better than chance. A correlation with a constant is not
        defined: where all labelled pixels have one class, its cost is the mean probability of the
        others. 0, with a gradient of 0, when no pixel is labelled.

    Raises:
        ValueError: the inputs do not fit together, or the mask holds what is no class.
        UsageError: an option is outside of its range.

    Source: Abhishek and Hamarneh 2021, arXiv:2010.13454 (binary there).
    """
    check_inputs(logits, mask, ignore_index=ignore_index, class_weights=class_weights)
    check_choice("classes", classes, CLASS_CHOICES)
    check_switch("per_image", per_image)
    sums = class_sums(logits, mask, ignore_index=ignore_index, per_image=per_image)
    return mean_over_classes(
        mcc_costs(sums), sums.pixels, classes=classes, class_weights=class_weights
    )


def mcc_costs(sums: ClassSums) -> Float[Tensor, "g c"]:
    """One minus the correlation of each class; the share that is wrong where it is undefined."""
    # as shares of the labelled pixels: the product of four counts would overflow float32
    labelled = sums.num_labelled.clamp(min=1)
    right = sums.true_positives / labelled
    spurious = sums.false_positives / labelled
    missed = sums.false_negatives / labelled
    rest = (sums.num_labelled - sums.pixels) / labelled
    right_rest = rest - spurious
    of_mask = (sums.pixels / labelled) * rest
    of_prediction = (right + spurious) * (right_rest + missed)
    # a prediction that is constant to the last digit correlates with nothing: 0 / sqrt(eps^2)
    least = torch.finfo(rest.dtype).eps ** 2
    spread = (of_mask * of_prediction).clamp(min=least).sqrt()
    correlation = (right * right_rest - spurious * missed) / spread
    return torch.where(of_mask > 0, 1 - correlation, spurious + missed)
