"""Two crops made into one: a box of the other, or half of the other's classes."""

import math
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import UInt8

from tessella.data.crop_choice import classes_in
from tessella.data.dataset import Dataset
from tessella.sample import Sample

DrawPartner = Callable[[np.random.Generator], Sample]
"""Another training sample, of a random generator's choice."""

Mask = UInt8[np.ndarray, "h w"]


class Crop(NamedTuple):
    """The image and mask of one crop."""

    image: UInt8[np.ndarray, "h w c"]
    mask: Mask


def draw_partner(dataset: Dataset, index: int, rng: np.random.Generator) -> Sample:
    """Any sample but the one at `index`, all equally likely.

    Raises:
        ValueError: there is no other sample, or it cannot be read.
    """
    if len(dataset) < 2:
        raise ValueError(
            f"{dataset.names[index]}: is the only training sample, and cutmix and classmix mix it "
            "with another; set augment.cutmix and augment.classmix to 0."
        )
    other = int(rng.integers(len(dataset) - 1))
    return dataset[other + (other >= index)]


def draw_box(rng: np.random.Generator, size: tuple[int, ...]) -> tuple[slice, slice]:
    """(rows, columns) of a box with the crop's proportions and any area, cut off at its border.

    The area is drawn evenly in 0..1 of the crop's before it is cut off; it may be empty.

    Source: Yun et al. 2019, arXiv:1905.04899, section 3.1, equation 2, with alpha = 1.
    """
    share = math.sqrt(rng.random())
    rows, columns = (
        _around(rng.uniform(0, length), share * length, length=length) for length in size
    )
    return rows, columns


def _around(center: float, width: float, *, length: int) -> slice:
    first, last = round(center - width / 2), round(center + width / 2)
    return slice(max(first, 0), min(last, length))


def cutmix(crop: Crop, other: Crop, *, box: tuple[slice, slice]) -> Crop:
    """`crop` with a box of `other` at the same place, image and mask alike.

    Source: Yun et al. 2019, arXiv:1905.04899, section 3.1; each pixel keeps its own class here, so
        there is no weight between two labels.
    """
    image, mask = crop.image.copy(), crop.mask.copy()
    image[box], mask[box] = other.image[box], other.mask[box]
    return Crop(image, mask)


def draw_half_of_classes(rng: np.random.Generator, mask: Mask) -> list[int]:
    """Half of a mask's classes, rounded down: none of one, so that no crop is replaced whole."""
    classes = classes_in(mask)
    drawn = rng.permutation(classes)[: len(classes) // 2]
    return sorted(int(index) for index in drawn)


def classmix(crop: Crop, other: Crop, *, classes: list[int]) -> Crop:
    """`crop` with all pixels of some classes of `other` in front of it, at the same place.

    Source: Olsson et al. 2021, arXiv:2007.07936, section 3.1; with true masks in place of
        predicted ones.
    """
    table = np.zeros(256, np.uint8)
    table[classes] = 1
    chosen = cv2.LUT(other.mask, table)
    image = cv2.copyTo(other.image, chosen, crop.image.copy()).reshape(crop.image.shape)
    return Crop(image, cv2.copyTo(other.mask, chosen, crop.mask.copy()))
