"""Jaccard loss: one minus intersection over union."""

from jaxtyping import Float, Integer
from torch import Tensor

from tessella.losses.class_mean import ClassChoice
from tessella.losses.tversky import tversky_loss


def jaccard_loss(
    logits: Float[Tensor, "n c h w"],
    mask: Integer[Tensor, "n h w"],
    *,
    ignore_index: int,
    class_weights: Float[Tensor, " c"] | None = None,
    classes: ClassChoice = "present",
    per_image: bool = False,
) -> Float[Tensor, ""]:
    """One minus soft intersection over union TP / (TP + FP + FN), averaged over classes.

    Sums run over the whole batch unless `per_image`: a class counts once a batch, not once an
    image.

    Args:
        logits: scores before softmax, any real value; computed in float32 unless float64.
        mask: class indices 0..c-1, or `ignore_index`.
        ignore_index: pixels with this value count nowhere.
        class_weights: of the mean over classes; None weighs all alike.
        classes: "present" averages over the classes of the labelled pixels. Probability of an
            absent class then costs only what it takes from the present ones, through softmax.
            "all" averages over every class; an absent one costs its mean probability.
        per_image: average over images of each image's own loss; those without labels are left out.

    Returns:
        Scalar in 0..1; 0 is perfect overlap, and the value, with a gradient of 0, when no pixel is
        labelled.

    Raises:
        ValueError: the inputs do not fit together, or the mask holds what is no class.
        UsageError: an unknown choice of classes.

    Source: Rahman and Wang 2016, "Optimizing intersection-over-union in deep neural networks for
        image segmentation" (binary there).
    """
    return tversky_loss(
        logits,
        mask,
        ignore_index=ignore_index,
        class_weights=class_weights,
        alpha=1.0,
        beta=1.0,
        classes=classes,
        per_image=per_image,
    )
