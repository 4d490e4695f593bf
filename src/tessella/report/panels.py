"""The pictures of a report: image, truth, prediction and errors side by side."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from tessella.data.images import encode_jpeg, encode_mask, encode_png
from tessella.labels import LabelMap
from tessella.palette import Color
from tessella.pictures import (
    IGNORED_COLOR,
    RIGHT_COLOR,
    WRONG_COLOR,
    error_map,
    thumbnail,
    thumbnail_mask,
)

MAX_SIDE = 480
"""Longest side of a picture in the report, in pixels."""

_JPEG_QUALITY = 88
_SMALL = 240  # pictures under this side are enlarged by the browser: show pixels, do not blur


@dataclass(frozen=True, eq=False)
class Panel:
    """One image with its truth and its prediction."""

    name: str
    """Name of the image in its split."""

    reason: Literal["worst", "best", "fixed"]
    """Why it is shown: among the lowest or highest scores, or the same in every report."""

    mean_iou: float
    """Of this image alone, 0..1; NaN when it has no labelled pixels."""

    image: UInt8[np.ndarray, "h w c"]
    """Pixels, 0..255."""

    mask: UInt8[np.ndarray, "h w"]
    """The truth: class indices, or the label map's `ignore_index`."""

    class_map: UInt8[np.ndarray, "h w"]
    """The prediction: class indices."""


@dataclass(frozen=True)
class Shown:
    """A panel as the template needs it: data URIs of its four pictures."""

    panel: Panel
    """What is shown."""

    pictures: Sequence[tuple[str, str]]
    """(caption, data URI) of each picture, left to right."""

    size: tuple[int, int]
    """(width, height) of each picture in pixels."""

    small: bool
    """The browser enlarges the pictures: it should show pixels, not blur them."""


def shown(panel: Panel, labels: LabelMap) -> Shown:
    """The panel's four pictures, at most `MAX_SIDE` pixels a side.

    Raises:
        ValueError: image, mask and class map differ in size.
    """
    if not panel.image.shape[:2] == panel.mask.shape == panel.class_map.shape:
        raise ValueError(
            f"panel {panel.name!r}: image, mask and class map are {panel.image.shape[:2]}, "
            f"{panel.mask.shape} and {panel.class_map.shape}; give all at the image's size."
        )
    mask = thumbnail_mask(panel.mask, max_side=MAX_SIDE)
    class_map = thumbnail_mask(panel.class_map, max_side=MAX_SIDE)
    image = thumbnail(panel.image, max_side=MAX_SIDE)
    errors = error_map(mask, class_map, ignore_index=labels.ignore_index)
    pictures = [
        ("Image", _uri("jpeg", encode_jpeg(image, quality=_JPEG_QUALITY))),
        ("Truth", _uri("png", encode_mask(mask, labels))),
        ("Prediction", _uri("png", encode_mask(class_map, labels))),
        ("Errors", _uri("png", encode_png(errors))),
    ]
    height, width = mask.shape
    return Shown(panel, pictures, size=(width, height), small=max(mask.shape) < _SMALL)


def _uri(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


def legend(panels: Sequence[Panel], labels: LabelMap) -> list[tuple[str, Color]]:
    """(name, colour) of the classes in any panel, then the tones of the error maps."""
    present = np.zeros(256, bool)
    for panel in panels:
        present[np.unique(panel.mask)] = True
        present[np.unique(panel.class_map)] = True
    entries = [
        (name, color)
        for index, (name, color) in enumerate(zip(labels.names, labels.colors, strict=True))
        if present[index]
    ]
    if present[labels.ignore_index]:
        entries.append(("ignored", labels.ignore_color))
    entries += [("errors: right", RIGHT_COLOR), ("errors: wrong", WRONG_COLOR)]
    if present[labels.ignore_index]:
        entries.append(("errors: ignored", IGNORED_COLOR))
    return entries
