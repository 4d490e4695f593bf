"""What a camera loses: sharpness, clean values, and what JPEG throws away; all in uint8."""

from statistics import NormalDist

import cv2
import numpy as np
from jaxtyping import UInt8

Image = UInt8[np.ndarray, "h w c"]

# the normal distribution as 256 equally likely values of unit variance: a random byte picks one,
# twelve times faster than drawing floats, and the same on every processor
_MIDDLES = np.array([NormalDist().inv_cdf((level + 0.5) / 256) for level in range(256)])
_NORMAL = _MIDDLES / _MIDDLES.std()


def blurred(image: Image, *, sigma_px: float) -> Image:
    """The image under a Gaussian blur, reflected at its border."""
    return cv2.GaussianBlur(image, (0, 0), sigma_px).reshape(image.shape)


def noisy(image: Image, *, std: float, rng: np.random.Generator) -> Image:
    """The image with independent Gaussian noise on every value, cut off at 0 and 255.

    Args:
        image: any number of channels.
        std: standard deviation, in grey values; no value moves by more than about 2.9 of them.
        rng: draws a byte for each value.
    """
    levels = rng.integers(0, 256, image.shape, np.uint8)
    noise = cv2.LUT(levels, np.rint(std * _NORMAL).astype(np.int16)).reshape(image.shape)
    return cv2.add(image, noise, dtype=cv2.CV_8U).reshape(image.shape)


def jpeg_degraded(image: Image, *, quality: int) -> Image:
    """The image as a JPEG file would give it back.

    Three channels are compressed as RGB, others each for itself as grey.

    Args:
        image: any number of channels.
        quality: 1..100, as JPEG writers count it.
    """
    if image.shape[2] == 3:
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        return _through_jpeg(bgr, quality=quality, read_as=cv2.IMREAD_COLOR_RGB)
    channels = [
        _through_jpeg(channel, quality=quality, read_as=cv2.IMREAD_GRAYSCALE)
        for channel in cv2.split(image)
    ]
    return np.stack(channels, axis=2)


def _through_jpeg(picture: np.ndarray, *, quality: int, read_as: int) -> np.ndarray:
    _, file = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    found = cv2.imdecode(file, read_as)
    assert found is not None, "what was just written can be read"
    return found
