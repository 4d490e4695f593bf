"""A few hundred bytes of an image that stay nearly the same when the file is saved anew."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

HEIGHT = 16
"""Rows of the thumbnail."""

WIDTH = 17
"""Columns of the thumbnail: one more than the hash has, which compares neighbours."""

# a bit is set where grey rises by more than this: on plain sky, noise of 1 would toss a coin
_RISE = 1
_HALVED_TO = 64  # pixels of the shorter side above which halving is exact enough and far faster


class Fingerprint(NamedTuple):
    """What is kept of an image to look for copies of it; 304 bytes."""

    bits: bytes
    """32 bytes: for each place of a 16x16 grid, whether grey rises to the right."""

    thumbnail: bytes
    """272 bytes: 16 rows of 17 grey values, averages over equal areas of the image."""


def fingerprint(image: UInt8[np.ndarray, "h w c"]) -> Fingerprint:
    """The fingerprint of an image; equal for equal pixels, close for the image saved anew.

    Of 256 bits, JPEG of quality 50, half the size or 5 % more light turn 2 to 8 (at most 19 in
    CamVid, flowers, photographs, VOC and drawn scenes), 1 % cut off on each side 16 to 20; two
    unrelated pictures differ in about 120.

    Args:
        image: one channel is grey, three are RGB; of others the average counts.

    Raises:
        ValueError: it is not uint8 of (height, width, channels), or has no pixels.

    Source: difference hash, Krawetz, "Kind of Like That", hackerfactor.com, 2013; 16x16 here.
    """
    grey = grey_of(image)
    while min(grey.shape) >= _HALVED_TO:
        grey = _halved(grey)
    thumbnail = cv2.resize(grey, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return Fingerprint(
        bits_of(np.asarray(thumbnail, np.uint8)[None]).tobytes(), thumbnail.tobytes()
    )


def grey_of(image: UInt8[np.ndarray, "h w c"]) -> UInt8[np.ndarray, "h w"]:
    """Luminance of an RGB image, the only channel of a grey one, the mean of other channels.

    Raises:
        ValueError: it is not uint8 of (height, width, channels), or has no pixels.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or not image.size:
        raise ValueError(
            f"fingerprint: image is {image.dtype} of shape {image.shape}; expected uint8 (height, "
            "width, channels) with at least one pixel; leave empty images out."
        )
    if image.shape[2] == 3:
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    if image.shape[2] == 1:
        return np.ascontiguousarray(image[..., 0])
    return np.rint(image.mean(axis=2, dtype=np.float32)).astype(np.uint8)


def bits_of(thumbnails: UInt8[np.ndarray, "n 16 17"]) -> UInt8[np.ndarray, "n 32"]:
    """The 256 bits of each thumbnail, packed."""
    rises = np.diff(thumbnails.astype(np.int16), axis=2) > _RISE
    return np.packbits(rises.reshape(len(thumbnails), -1), axis=1)


def thumbnails_of(prints: Sequence[Fingerprint]) -> UInt8[np.ndarray, "n 16 17"]:
    """The thumbnails of many fingerprints as one array."""
    pixels = np.frombuffer(b"".join(print_.thumbnail for print_ in prints), np.uint8)
    return pixels.reshape(-1, HEIGHT, WIDTH)


def unit_vectors(values: np.ndarray) -> Float32[np.ndarray, "n d"]:
    """Each row less its mean and divided by its length: products of rows are correlations.

    A row without any contrast becomes zeros, so that it correlates with nothing.
    """
    rows = values.reshape(len(values), -1).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 1e-3, lengths, np.inf).astype(np.float32)


def _halved(grey: np.ndarray) -> np.ndarray:
    height, width = grey.shape
    # an odd last row of 256 or more is left out (under 0.4 %): even sizes halve 10 times as fast
    rows = height - height % 2 if height >= 256 else height
    columns = width - width % 2 if width >= 256 else width
    size = (columns // 2, rows // 2)
    return np.asarray(cv2.resize(grey[:rows, :columns], size, interpolation=cv2.INTER_AREA))
