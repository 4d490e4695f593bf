"""Scores as functions of pixel counts; each name says what is averaged.

Counts are int64 (k, k), rows mask, columns prediction, ignored pixels left out, summed over the
whole split. A score that is not defined is NaN, never 0 or 1, and an average leaves it out:

============================  ========================================================
class                         IoU, F1          precision        recall
============================  ========================================================
in neither                    NaN              NaN              NaN
in the mask, never predicted  0                NaN              0
predicted, not in the mask    0                0                NaN
============================  ========================================================

These are scikit-learn's values with `zero_division=np.nan`. Empty counts give NaN everywhere.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from jaxtyping import Float64, Int64

Counts = Int64[np.ndarray, "k k"]
PerClass = Float64[np.ndarray, " k"]


def pixel_accuracy(counts: Counts) -> float:
    """Share of labelled pixels whose class is right, 0..1."""
    return _ratio(int(counts.trace()), int(counts.sum()))


def mean_accuracy(counts: Counts) -> float:
    """Recall averaged over the classes of the mask, 0..1; also called balanced accuracy."""
    return _mean_of_defined(recall_per_class(counts))


def iou_per_class(counts: Counts) -> PerClass:
    """Intersection over union of each class, 0..1; NaN where mask and prediction both lack it."""
    return _iou(counts)


def mean_iou(counts: Counts) -> float:
    """IoU averaged over the classes in mask or prediction, 0..1; the headline score."""
    return _mean_of_defined(iou_per_class(counts))


def mean_iou_per_image(counts: Int64[np.ndarray, "n k k"]) -> Float64[np.ndarray, " n"]:
    """Each image's own mean IoU, to find the best and the worst; NaN where nothing is labelled.

    Its average over images is another number than `mean_iou` of the summed counts, since a class
    weighs more in the images that lack most others.
    """
    iou = _iou(counts)
    return _divide(np.nansum(iou, axis=1), (~np.isnan(iou)).sum(axis=1))


def frequency_weighted_iou(counts: Counts) -> float:
    """IoU averaged with each class weighing its share of the mask's pixels, 0..1."""
    pixels = counts.sum(axis=1)
    weighted = np.nansum(pixels * iou_per_class(counts))
    return _ratio(float(weighted), int(pixels.sum()))


def precision_per_class(counts: Counts) -> PerClass:
    """Share of the pixels predicted as a class that are it, 0..1; NaN where never predicted."""
    return _divide(counts.diagonal(), counts.sum(axis=0))


def recall_per_class(counts: Counts) -> PerClass:
    """Share of a class's pixels that are predicted as it, 0..1; NaN where the mask has none."""
    return _divide(counts.diagonal(), counts.sum(axis=1))


def f1_per_class(counts: Counts) -> PerClass:
    """F1 of each class, 0..1, equal to its Dice score 2 IoU / (1 + IoU); NaN where IoU is."""
    return _divide(2 * counts.diagonal(), counts.sum(axis=0) + counts.sum(axis=1))


def macro_precision(counts: Counts) -> float:
    """Precision averaged over the classes that are predicted, 0..1."""
    return _mean_of_defined(precision_per_class(counts))


def macro_recall(counts: Counts) -> float:
    """Recall averaged over the classes of the mask, 0..1: `mean_accuracy` by its other name."""
    return mean_accuracy(counts)


def macro_f1(counts: Counts) -> float:
    """F1 averaged over the classes in mask or prediction, 0..1.

    The mean of the classes' F1, not the F1 of mean precision and mean recall.
    """
    return _mean_of_defined(f1_per_class(counts))


def kappa(counts: Counts) -> float:
    """Agreement beyond chance, at most 1; 0 for any constant prediction on a varied mask.

    NaN where chance agrees everywhere: mask and prediction hold one class, the same one.

    Source: Cohen 1960, "A coefficient of agreement for nominal scales", equation 1.
    """
    pixels, right, in_mask, predicted = _totals(counts)
    chance = sum(a * b for a, b in zip(in_mask, predicted, strict=True))
    return _ratio(right * pixels - chance, pixels * pixels - chance)


def mcc(counts: Counts) -> float:
    """Matthews correlation for k classes, -1..1; 0 is no better than chance.

    Where mask or prediction holds one class only, the formula reads 0/0. That counts as 0 (a
    constant does not correlate), as in scikit-learn; but NaN where both hold the same class,
    as `kappa` has it, where scikit-learn says 0.

    Source: Gorodkin 2004, "Comparing two K-category assignments by a K-category correlation
    coefficient", equation 8.
    """
    pixels, right, in_mask, predicted = _totals(counts)
    covariance = right * pixels - sum(a * b for a, b in zip(in_mask, predicted, strict=True))
    mask_variance = pixels * pixels - sum(a * a for a in in_mask)
    prediction_variance = pixels * pixels - sum(b * b for b in predicted)
    if mask_variance and prediction_variance:
        return covariance / math.sqrt(mask_variance * prediction_variance)
    return float("nan") if right == pixels else 0.0


SCORES: Mapping[str, Callable[[Counts], float]] = MappingProxyType(
    {
        "mean_iou": mean_iou,
        "pixel_accuracy": pixel_accuracy,
        "mean_accuracy": mean_accuracy,
        "frequency_weighted_iou": frequency_weighted_iou,
        "macro_precision": macro_precision,
        "macro_recall": macro_recall,
        "macro_f1": macro_f1,
        "kappa": kappa,
        "mcc": mcc,
    }
)
"""All scores that are one number, the headline first."""


def summary(counts: Counts) -> dict[str, float]:
    """Every score of `SCORES` by name, in that order."""
    return {name: score(counts) for name, score in SCORES.items()}


def per_class(counts: Counts, names: Sequence[str]) -> list[dict[str, str | int | float]]:
    """A row a class: name, iou, precision, recall, f1, and its pixels and share in the mask.

    Args:
        counts: for k classes.
        names: their k names, in the order of their indices.

    Returns:
        `pixels` is a whole number of labelled pixels, `share` (0..1) their part of all of them;
        undefined values are NaN.

    Raises:
        ValueError: there are more or fewer names than classes.
    """
    if len(names) != len(counts):
        raise ValueError(
            f"per_class: {len(names)} names for counts of {len(counts)} classes; "
            "give the names of the label map that the counts were made with."
        )
    pixels = counts.sum(axis=1)
    columns = {
        "iou": iou_per_class(counts),
        "precision": precision_per_class(counts),
        "recall": recall_per_class(counts),
        "f1": f1_per_class(counts),
        "pixels": pixels,
        "share": _divide(pixels, np.full_like(pixels, pixels.sum())),
    }
    return [
        {"name": name, **{key: column[index].item() for key, column in columns.items()}}
        for index, name in enumerate(names)
    ]


def trivial_counts(counts: Counts) -> Counts:
    """The counts that always answering the mask's commonest class would have given.

    A model is worth something where it beats the scores of these. Of classes equally common the
    first is taken.
    """
    pixels = counts.sum(axis=1)
    trivial = np.zeros_like(counts)
    trivial[:, pixels.argmax()] = pixels
    return trivial


def _iou(counts: Int64[np.ndarray, "*n k k"]) -> Float64[np.ndarray, "*n k"]:
    both = counts.diagonal(axis1=-2, axis2=-1)
    return _divide(both, counts.sum(axis=-1) + counts.sum(axis=-2) - both)


def _divide(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    undefined = np.full(whole.shape, np.nan)
    return np.divide(part, whole, out=undefined, where=whole > 0)


def _ratio(part: int | float, whole: int) -> float:
    return part / whole if whole else float("nan")


def _mean_of_defined(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")


def _totals(counts: np.ndarray) -> tuple[int, int, list[int], list[int]]:
    # Python's integers: the square of 10^10 pixels, a split of Cityscapes, overflows int64
    return (
        int(counts.sum()),
        int(counts.trace()),
        counts.sum(axis=1).tolist(),
        counts.sum(axis=0).tolist(),
    )
