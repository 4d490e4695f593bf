"""Parts of a crop hidden: holes anywhere, or whole objects; what is hidden is never scored."""

from typing import Literal

import cv2
import numpy as np
from jaxtyping import UInt8

from tessella.data.crop_choice import classes_in, draw_pixel_of_any_class

Fill = Literal["mean", "noise"]
"""What a hidden part shows: the crop's mean colour, or a random colour at every pixel."""

LARGEST_AREA = 0.25
"""Objects that fill more than this share of the crop are never hidden."""

Image = UInt8[np.ndarray, "h w c"]
Mask = UInt8[np.ndarray, "h w"]
Hidden = UInt8[np.ndarray, "h w"]
"""255 where something is to be hidden, 0 elsewhere."""


def draw_holes(
    rng: np.random.Generator,
    size: tuple[int, ...],
    *,
    num_holes: tuple[int, int],
    side: tuple[float, float],
) -> Hidden:
    """Upright rectangles at random places; each lies wholly inside, and they may overlap.

    Args:
        rng: one draw, then four a hole.
        size: (height, width) of the crop.
        num_holes: fewest and most holes.
        side: range of their height and of their width, as shares of the crop's; at least a pixel.

    Source: DeVries & Taylor 2017, arXiv:1708.04552 (one square hole there, its mask unchanged).
    """
    hidden = np.zeros(size, np.uint8)
    for _ in range(rng.integers(num_holes[0], num_holes[1] + 1)):
        height, width = (max(1, round(rng.uniform(*side) * length)) for length in size)
        top = rng.integers(size[0] - height + 1)
        left = rng.integers(size[1] - width + 1)
        hidden[top : top + height, left : left + width] = 255
    return hidden


def draw_objects(rng: np.random.Generator, mask: Mask, *, num_objects: int) -> Hidden:
    """Connected areas of one class each: a class, each equally likely, and the area of its pixel.

    Areas of more than `LARGEST_AREA` of the mask are left out, and with them whole backgrounds;
    a mask may so have fewer areas than asked for, or none. An area is drawn once only.

    Args:
        rng: two draws an area, and two for each that is too large.
        mask: class indices and ignored pixels.
        num_objects: how many areas.

    Source: the MaskDropout of tutorials, which hides objects in the image but gives their pixels
        to class 0; here they are ignored.
    """
    hidden = np.zeros_like(mask)
    left = mask.copy()
    while num_objects and (classes := classes_in(left)):
        row, column = draw_pixel_of_any_class(left, classes, rng)
        area = _connected(left, int(row), int(column))
        left |= area
        if cv2.countNonZero(area) <= LARGEST_AREA * mask.size:
            hidden |= area
            num_objects -= 1
    return hidden


def _connected(mask: Mask, row: int, column: int) -> Hidden:
    """The pixels joined to one by pixels of its class, diagonals included."""
    filled = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), np.uint8)
    flags = 8 | 255 << 8 | cv2.FLOODFILL_MASK_ONLY  # eight neighbours; 255 into `filled` alone
    cv2.floodFill(mask, filled, (column, row), 0, 0, 0, flags)
    return filled[1:-1, 1:-1]


def hide(
    image: Image, mask: Mask, hidden: Hidden, *, fill: Fill, rng: np.random.Generator
) -> tuple[Image, Mask]:
    """Image and mask with the hidden pixels painted over and ignored.

    Args:
        image: any number of channels.
        mask: class indices and ignored pixels.
        hidden: 255 at the pixels to hide.
        fill: what is painted.
        rng: for the noise.
    """
    paint = (
        rng.integers(0, 256, image.shape, np.uint8)
        if fill == "noise"
        else _filled_with(_mean_color(image), image.shape)
    )
    painted = cv2.copyTo(paint, hidden, image.copy()).reshape(image.shape)
    return painted, cv2.bitwise_or(mask, hidden)  # 255 or any class is 255, which is ignored


def _filled_with(color: UInt8[np.ndarray, "c"], shape: tuple[int, ...]) -> Image:
    row = np.tile(color, (shape[1], 1))  # a row first: whole rows are copied far faster than pixels
    return np.broadcast_to(row, shape).copy()


def _mean_color(image: Image) -> UInt8[np.ndarray, "c"]:
    height, width, channels = image.shape
    flat = image.reshape(height, width * channels)  # OpenCV's own mean stops at 4 channels
    columns = cv2.reduce(flat, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)
    total = columns.reshape(width, channels).sum(axis=0, dtype=np.int64)
    return np.rint(total / (height * width)).astype(np.uint8)
