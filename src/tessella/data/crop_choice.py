"""Which part of a mask is worth a crop: one that shows a rare class, or more than one class."""

import math

import cv2
import numpy as np
from jaxtyping import UInt8

from tessella.data.warp import IGNORED

Mask = UInt8[np.ndarray, "h w"]


def classes_in(mask: Mask) -> list[int]:
    """The classes that occur in a mask, in order, ignored pixels aside."""
    return [int(index) for index in np.flatnonzero(_pixels_per_class(mask))]


def largest_class_share(mask: Mask) -> float:
    """Share of the labelled pixels that the most frequent class has.

    Returns:
        Above 0 and up to 1; infinite where no pixel is labelled.
    """
    pixels = _pixels_per_class(mask)
    labelled = float(pixels.sum())
    return float(pixels.max()) / labelled if labelled else math.inf


def draw_pixel_of_any_class(
    mask: Mask, classes: list[int], rng: np.random.Generator
) -> tuple[float, float]:
    """The centre of a random pixel: first a class, each equally likely, then one of its pixels.

    So a class of a hundred pixels is met as often as one that fills half of the image.

    Args:
        mask: class indices and ignored pixels.
        classes: those that occur in it, at least one.
        rng: two draws are taken.

    Returns:
        (row, column) in pixels from the top left.
    """
    chosen = classes[rng.integers(len(classes))]
    # by rows: a list of all the pixels of a large class would take longer than the crop itself
    here = (mask == chosen).view(np.uint8)
    up_to_row = np.cumsum(cv2.reduce(here, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S), dtype=np.int64)
    drawn = rng.integers(up_to_row[-1])
    row = int(np.searchsorted(up_to_row, drawn, side="right"))
    in_row = np.flatnonzero(here[row])
    return row + 0.5, int(in_row[drawn - up_to_row[row]]) + 0.5  # counted from the end of the row


def _pixels_per_class(mask: Mask) -> np.ndarray:
    # OpenCV's histogram of bytes takes a quarter of the time of np.bincount, which widens first
    # (ravel: its shape is (256, 1) in OpenCV 4 and (256,) in 5)
    return cv2.calcHist([mask], [0], None, [256], [0, 256]).ravel()[:IGNORED]
