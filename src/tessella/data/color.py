"""Random changes of colour, in uint8: one table for the grey curve, then hue and saturation."""

from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import UInt8

Image = UInt8[np.ndarray, "h w c"]


class ColorChange(NamedTuple):
    """Everything random about a crop's colours, drawn beforehand; the defaults change nothing."""

    brightness: float = 1.0
    """Factor of all values."""

    contrast: float = 1.0
    """Factor of the distance to the mean of the crop's values."""

    saturation: float = 1.0
    """Factor of the distance to the pixel's grey; three-channel images only."""

    gamma: float = 1.0
    """Exponent of the values, taken as 0..1; above 1 is darker."""

    hue: float = 0.0
    """Turn of the colour circle, as a share of it; three-channel images only."""


def apply_color(image: Image, change: ColorChange) -> Image:
    """The image with its colours changed; a channel never depends on its neighbours' pixels."""
    image = _with_curve(image, change)
    if image.shape[2] != 3:
        return image
    if change.saturation != 0:  # grey has no hue to turn
        image = _with_hue(image, change.hue)
    return _with_saturation(image, change.saturation)


def _with_curve(image: Image, change: ColorChange) -> Image:
    """Contrast, then brightness, then gamma: one table of 256 values for all three."""
    if change.brightness == change.contrast == change.gamma == 1:
        return image
    mean = cv2.mean(image.reshape(-1, 1))[0]  # as one column: OpenCV stops at 4 channels
    levels = ((np.arange(256) - mean) * change.contrast + mean) * change.brightness
    if change.gamma != 1:
        levels = 255 * (levels.clip(0, 255) / 255) ** change.gamma
    table = np.rint(levels).clip(0, 255).astype(np.uint8)
    return cv2.LUT(image, table).reshape(image.shape)  # LUT drops an axis of length one


def _with_hue(image: Image, hue: float) -> Image:
    levels = round(hue * 256) % 256  # HSV_FULL: the circle in 256 levels, which wrap in uint8
    if not levels:
        return image
    turned = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    turned[..., 0] += np.uint8(levels)
    return cv2.cvtColor(turned, cv2.COLOR_HSV2RGB_FULL)


def _with_saturation(image: Image, saturation: float) -> Image:
    if saturation == 1:
        return image
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if saturation == 0:
        return grey
    return cv2.addWeighted(image, saturation, grey, 1 - saturation, 0)
