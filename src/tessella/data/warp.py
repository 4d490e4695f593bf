"""The geometry of a training crop: one warp from the image, the same for image and mask."""

import math
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import UInt8

IGNORED = 255
"""Mask value of pixels that count nowhere."""


class Warp(NamedTuple):
    """Where one crop comes from: everything random about its geometry, drawn beforehand."""

    scale: float
    """Zoom: crop pixels per image pixel."""

    rotate_degrees: float
    """Counter-clockwise turn of the picture, before it is flipped."""

    flip: bool
    """Left and right exchanged."""

    center: tuple[float, float]
    """(row, column) of the image that becomes the crop's centre, in pixels from the top left."""

    vertical_flip: bool = False
    """Top and bottom exchanged."""


def draw_center(
    rng: np.random.Generator, size: tuple[int, ...], *, crop: tuple[int, int], scale: float
) -> tuple[float, float]:
    """A centre anywhere such that the crop is inside the image, or the image inside the crop.

    Args:
        rng: two draws are taken.
        size: (height, width) of the image.
        crop: (height, width) of the crop.
        scale: crop pixels per image pixel.
    """
    row, column = (
        float(rng.uniform(*_bounds(length, window / scale)))
        for length, window in zip(size, crop, strict=True)
    )
    return _whole_pixels((row, column), crop=crop, scale=scale)


def move_inside(
    center: tuple[float, float], size: tuple[int, ...], *, crop: tuple[int, int], scale: float
) -> tuple[float, float]:
    """`center`, moved just so far that the crop is inside the image, or the image inside the crop.

    An image pixel at `center` is still in the crop.
    """
    limits = [_bounds(length, window / scale) for length, window in zip(size, crop, strict=True)]
    row, column = (
        min(max(wanted, low), high) for wanted, (low, high) in zip(center, limits, strict=True)
    )
    return _whole_pixels((row, column), crop=crop, scale=scale)


def _bounds(length: int, window: float) -> tuple[float, float]:
    # a window larger than the image moves just so far that the image stays inside it
    low, high = sorted((window / 2, length - window / 2))
    return low, high


def _whole_pixels(
    center: tuple[float, float], *, crop: tuple[int, int], scale: float
) -> tuple[float, float]:
    """An unscaled crop starts at a whole pixel, so that it copies pixels unchanged."""
    if scale != 1.0:
        return center
    return (
        round(center[0] - crop[0] / 2) + crop[0] / 2,
        round(center[1] - crop[1] / 2) + crop[1] / 2,
    )


def apply_warp(
    image: UInt8[np.ndarray, "h w c"],
    mask: UInt8[np.ndarray, "h w"],
    warp: Warp,
    *,
    crop: tuple[int, int],
) -> tuple[UInt8[np.ndarray, "ch cw c"], UInt8[np.ndarray, "ch cw"]]:
    """The crop that `warp` describes: image bilinear, mask nearest, both from the same place."""
    return warp_image(image, warp, crop=crop), warp_mask(mask, warp, crop=crop)


def warp_image(
    image: UInt8[np.ndarray, "h w c"], warp: Warp, *, crop: tuple[int, int]
) -> UInt8[np.ndarray, "ch cw c"]:
    """The image of a crop, bilinear; beyond its border the image is reflected."""
    warped = cv2.warpAffine(
        image,
        _crop_to_image(warp, crop),
        (crop[1], crop[0]),
        flags=cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return warped.reshape(*crop, image.shape[2])


def warp_mask(
    mask: UInt8[np.ndarray, "h w"], warp: Warp, *, crop: tuple[int, int]
) -> UInt8[np.ndarray, "ch cw"]:
    """The mask of a crop, nearest; beyond the image's border it is ignored."""
    return cv2.warpAffine(
        mask,
        _crop_to_image(warp, crop),
        (crop[1], crop[0]),
        flags=cv2.WARP_INVERSE_MAP | cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=IGNORED,
    )


def _crop_to_image(warp: Warp, crop: tuple[int, int]) -> np.ndarray:
    """2x3 matrix from crop coordinates (x, y) to image coordinates, pixel centres at integers."""
    angle = math.radians(warp.rotate_degrees)
    cos, sin = math.cos(angle) / warp.scale, math.sin(angle) / warp.scale
    across = -1.0 if warp.flip else 1.0
    down = -1.0 if warp.vertical_flip else 1.0
    linear = np.array([[cos * across, -sin * down], [sin * across, cos * down]])
    crop_center = np.array([(crop[1] - 1) / 2, (crop[0] - 1) / 2])
    image_center = np.array([warp.center[1] - 0.5, warp.center[0] - 0.5])
    return np.column_stack([linear, image_center - linear @ crop_center])
