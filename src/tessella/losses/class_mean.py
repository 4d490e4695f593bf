"""One number from one for each class: the mean over the classes that count."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

ClassChoice = Literal["present", "all"]


def mean_over_classes(
    costs: Float[Tensor, "g c"],
    pixels: Float[Tensor, "g c"],
    *,
    classes: ClassChoice,
    class_weights: Float[Tensor, " c"] | None,
) -> Float[Tensor, ""]:
    """Weighted mean over classes in each group, then plain mean over groups that have any.

    Args:
        costs: finite, whether the class is present or not. A group is an image or a whole batch.
        pixels: labelled pixels of each class.
        classes: "present" counts the classes with a labelled pixel in the group, "all" each class
            of a group with any labelled pixel.
        class_weights: of the mean; None weighs all alike.

    Returns:
        The mean; 0, with a gradient of 0, where no class with a weight counts.
    """
    counts = pixels > 0
    if classes == "all":
        counts = counts.any(1, keepdim=True).expand_as(pixels)
    weights = counts.to(costs.dtype)
    if class_weights is not None:
        weights = weights * class_weights.detach().to(costs.dtype)
    total = weights.sum(1)
    means = (costs * weights).sum(1) / torch.where(total > 0, total, 1)
    return means.sum() / (total > 0).sum().clamp(min=1)
