"""Weights for the loss from how often each class occurs: rare classes count more, within bounds."""

import math
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float64, Int64

from tessella.errors import UsageError
from tessella.suggestion import unknown_name

Kind = Literal["inverse", "sqrt_inverse", "median_frequency", "effective_number", "enet"]
"""The five formulas, see `class_weights`."""

KINDS: tuple[Kind, ...] = get_args(Kind)

_ENET_OFFSET = 1.02  # bounds the weights to 1.4..50.5


def class_weights(
    pixels: Int64[np.ndarray, " k"],
    *,
    kind: Kind,
    pixels_where_present: Int64[np.ndarray, " k"] | None = None,
    beta: float | None = None,
    max_weight: float = 10.0,
) -> Float64[np.ndarray, " k"]:
    """The weight of a pixel in the loss, by its class.

    With p the class's share of the labelled pixels and n its number of pixels:

    - `inverse`: 1 / p.
    - `sqrt_inverse`: 1 / sqrt(p).
    - `effective_number`: 1 / (1 - beta ** n).
    - `median_frequency`: median(f) / f, where f is p over the images that hold the class.
    - `enet`: 1 / ln(1.02 + p).

    The first three are defined up to a factor: they are scaled so that the average labelled pixel
    weighs 1, which leaves the loss as large as without weights. The last two come as published.
    All but `enet`, which its own constant keeps below 50.5, are then cut at `max_weight`: weights
    in the hundreds make training chase single pixels.

    Args:
        pixels: labelled pixels of each class, ignored ones left out.
        kind: the formula.
        pixels_where_present: labelled pixels of all the images that hold the class, for
            `median_frequency`.
        beta: for `effective_number`, in 0..1 without the ends; None takes 1 - 1/N, N being the
            number of labelled pixels. The paper's 0.9999 is meant for thousands of samples:
            with millions of pixels it gives every class the same weight.
        max_weight: the largest weight, from 1 up.

    Returns:
        One weight a class, above 0 and finite. A class without pixels gets 1, what the recipe
        gives to classes that it leaves out.

    Raises:
        UsageError: no such kind, or beta or max_weight lie outside their range.
        ValueError: no pixel is labelled, or the counts contradict one another.

    Source: Eigen & Fergus 2015, arXiv:1411.4734 (median frequency); Cui et al. 2019,
        arXiv:1901.05555, section 4 (effective number; scaled to a mean of 1 over classes there,
        over pixels here); Paszke et al. 2016, arXiv:1606.02147 (ENet).
    """
    _check(pixels, kind=kind, beta=beta, max_weight=max_weight)
    present = pixels > 0
    counts = pixels[present]
    share = counts / counts.sum()
    if kind == "median_frequency":
        around = _pixels_around(pixels, pixels_where_present)[present]
        frequency = counts / around
        weights = np.minimum(np.median(frequency) / frequency, max_weight)
    elif kind == "enet":
        weights = 1 / np.log(_ENET_OFFSET + share)
    else:
        raw = 1 / _rarity_base(kind, counts, beta)
        weights = np.minimum(raw / (share * raw).sum(), max_weight)
    result = np.ones(len(pixels))
    result[present] = weights
    return result


def _rarity_base(kind: Kind, counts: np.ndarray, beta: float | None) -> np.ndarray:
    """What weights are inversely proportional to."""
    total = int(counts.sum())
    if kind == "inverse":
        return np.asarray(counts / total)
    if kind == "sqrt_inverse":
        return np.sqrt(counts / total)
    if beta is None:
        log_beta = math.log1p(-1 / total) if total > 1 else -math.inf
    else:
        log_beta = math.log(beta)
    return -np.expm1(counts * log_beta)  # 1 - beta ** n, exact where beta ** n is close to 1


def _pixels_around(pixels: np.ndarray, pixels_where_present: np.ndarray | None) -> np.ndarray:
    if pixels_where_present is None:
        raise UsageError(
            "class weights: median_frequency needs pixels_where_present, the labelled pixels of "
            "the images that hold each class; give them or choose another kind."
        )
    if pixels_where_present.shape != pixels.shape or (pixels_where_present < pixels).any():
        raise ValueError(
            f"class weights: the images that hold each class have {pixels_where_present.tolist()} "
            f"labelled pixels, but the classes have {pixels.tolist()}; expected one number a "
            "class, never fewer than its own pixels. Count both in the same images."
        )
    return pixels_where_present


def _check(pixels: np.ndarray, *, kind: str, beta: float | None, max_weight: float) -> None:
    if kind not in KINDS:
        raise UsageError(unknown_name("kind of class weights", kind, KINDS))
    if not (math.isfinite(max_weight) and max_weight >= 1):
        raise UsageError(
            f"class weights: max_weight is {max_weight}; expected a number from 1 up, 1 being the "
            "weight of an average pixel."
        )
    if beta is not None and not 0 < beta < 1:
        raise UsageError(
            f"class weights: beta is {beta}; expected a number between 0 and 1, for example 0.9999."
        )
    if pixels.ndim != 1 or pixels.dtype.kind not in "iu" or (pixels < 0).any():
        raise ValueError(
            f"class weights: pixels are {pixels.dtype} of shape {pixels.shape}; expected one whole "
            "number from 0 up for each class. Give the counts, not shares."
        )
    if not pixels.any():
        raise ValueError(
            "class weights: no pixel of any class is labelled, so there is nothing to weigh; check "
            "the masks, or train without class weights."
        )
