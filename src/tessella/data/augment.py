"""Random variation of training samples: one geometric warp, then colour, all in uint8."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import UInt8

from tessella.sample import Sample

_IGNORED = 255


class Warp(NamedTuple):
    """Where one crop comes from: everything random about its geometry, drawn beforehand."""

    scale: float
    """Zoom: crop pixels per image pixel."""

    rotate_degrees: float
    """Counter-clockwise turn of the picture."""

    flip: bool
    """Left and right exchanged."""

    center: tuple[float, float]
    """(row, column) of the image that becomes the crop's centre, in pixels from the top left."""


@dataclass(frozen=True)
class Augmentation:
    """Turns a sample of any size into a varied crop of one size.

    Geometry is a single warp from the image to the crop, so no pixel is resampled twice and
    nothing outside of the crop is computed. The mask takes the nearest class; what lies outside
    of the image is reflected in the crop and ignored in its mask.
    """

    crop: tuple[int, int]
    """Height and width of the result, in pixels."""

    scale: tuple[float, float] = (1.0, 1.0)
    """Range of the zoom, even on a log scale."""

    flip: float = 0.0
    """Chance of a left-right flip, 0..1."""

    rotate_degrees: float = 0.0
    """Largest turn either way."""

    brightness: float = 0.0
    """Largest relative change of brightness, 0..1."""

    contrast: float = 0.0
    """Largest relative change of contrast around the mean of the crop's values, 0..1."""

    saturation: float = 0.0
    """Largest relative change of saturation, 0..1; three-channel images only."""

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """A varied crop of `sample`; the same generator state gives the same crop.

        Raises:
            ValueError: the sample has no mask.
        """
        if sample.mask is None:
            raise ValueError(f"{sample.name}: has no mask, so it cannot be trained on.")
        warp = self.draw_warp(rng, sample.mask.shape)
        image, mask = apply_warp(sample.image, sample.mask, warp, crop=self.crop)
        return Sample(self._vary_color(image, rng), mask, sample.name)

    def draw_warp(self, rng: np.random.Generator, size: tuple[int, ...]) -> Warp:
        """Random geometry for an image of `size` (height, width), crop inside it if it fits."""
        low, high = self.scale
        scale = math.exp(rng.uniform(math.log(low), math.log(high)))
        angle = rng.uniform(-self.rotate_degrees, self.rotate_degrees)
        flip = rng.random() < self.flip
        center = (
            _draw_center(rng, size[0], self.crop[0] / scale),
            _draw_center(rng, size[1], self.crop[1] / scale),
        )
        if scale == 1.0:  # whole pixels, so that an unscaled crop copies them unchanged
            center = (
                round(center[0] - self.crop[0] / 2) + self.crop[0] / 2,
                round(center[1] - self.crop[1] / 2) + self.crop[1] / 2,
            )
        return Warp(scale, angle, flip, center)

    def _vary_color(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        brightness, contrast, saturation = (
            1 + rng.uniform(-amount, amount)
            for amount in (self.brightness, self.contrast, self.saturation)
        )
        if brightness != 1 or contrast != 1:
            mean = cv2.mean(image.reshape(-1, 1))[0]  # as one column: OpenCV stops at 4 channels
            levels = ((np.arange(256) - mean) * contrast + mean) * brightness
            table = np.rint(levels).clip(0, 255).astype(np.uint8)
            image = cv2.LUT(image, table).reshape(image.shape)  # LUT drops an axis of length one
        if saturation != 1 and image.shape[2] == 3:
            grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
            image = cv2.addWeighted(image, saturation, grey, 1 - saturation, 0)
        return image


def _draw_center(rng: np.random.Generator, length: int, window: float) -> float:
    # a window larger than the image moves just so far that the image stays inside it
    low, high = sorted((window / 2, length - window / 2))
    return float(rng.uniform(low, high))


def apply_warp(
    image: UInt8[np.ndarray, "h w c"],
    mask: UInt8[np.ndarray, "h w"],
    warp: Warp,
    *,
    crop: tuple[int, int],
) -> tuple[UInt8[np.ndarray, "ch cw c"], UInt8[np.ndarray, "ch cw"]]:
    """The crop that `warp` describes: image bilinear, mask nearest, both from the same place."""
    matrix = _crop_to_image(warp, crop)
    size = (crop[1], crop[0])
    flags = cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(
        image, matrix, size, flags=flags | cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    classes = cv2.warpAffine(
        mask,
        matrix,
        size,
        flags=flags | cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=_IGNORED,
    )
    return warped.reshape(*crop, image.shape[2]), classes


def _crop_to_image(warp: Warp, crop: tuple[int, int]) -> np.ndarray:
    """2x3 matrix from crop coordinates (x, y) to image coordinates, pixel centres at integers."""
    angle = math.radians(warp.rotate_degrees)
    cos, sin = math.cos(angle) / warp.scale, math.sin(angle) / warp.scale
    mirror = -1.0 if warp.flip else 1.0
    linear = np.array([[cos * mirror, -sin], [sin * mirror, cos]])
    crop_center = np.array([(crop[1] - 1) / 2, (crop[0] - 1) / 2])
    image_center = np.array([warp.center[1] - 0.5, warp.center[0] - 0.5])
    return np.column_stack([linear, image_center - linear @ crop_center])
