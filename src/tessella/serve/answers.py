"""What goes back to the client: a picture, a JSON document or polygons, as bytes."""

import base64
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64, UInt8

from tessella.data.images import encode_mask, encode_png
from tessella.labels import LabelMap
from tessella.pictures import overlay
from tessella.polygons import feature_collection
from tessella.serve import truth as ground_truth

Picture = Literal["mask", "color", "overlay"]
Include = Literal["mask", "confidence", "overlay"]

PNG = "image/png"
JSON = "application/json"
GEOJSON = "application/geo+json"
OFFERS = (PNG, JSON, GEOJSON)
"""What a prediction can be, the default first."""


@dataclass(frozen=True)
class Predicted:
    """All that an answer can need."""

    image: UInt8[np.ndarray, "h w 3"]
    class_map: UInt8[np.ndarray, "h w"]
    labels: LabelMap
    model: str
    """Its name."""

    confidence: UInt8[np.ndarray, "h w"] | None = None
    """The winner's probability times 255, where the model has it."""

    mean_probability: Float64[np.ndarray, " k"] | None = None
    """Of each class over its own pixels, 0..1, where the model has it."""

    truth: UInt8[np.ndarray, "h w"] | None = None
    """Class indices of the mask that was sent along."""


def png(found: Predicted, picture: Picture, *, opacity: float) -> bytes:
    """The mask as a palette PNG, its colours, or the colours over the image.

    Args:
        found: the prediction.
        picture: which.
        opacity: of the colours over the image, 0..1.
    """
    if picture == "mask":
        return encode_mask(found.class_map, found.labels)
    if picture == "color":
        return encode_png(found.labels.colorize(found.class_map))
    return encode_png(overlay(found.image, found.class_map, found.labels, opacity=opacity))


def geojson(found: Predicted) -> bytes:
    """The regions as a GeoJSON FeatureCollection in pixel coordinates."""
    return _as_json(feature_collection(found.class_map, found.labels))


def document(found: Predicted, include: Collection[Include], *, opacity: float) -> bytes:
    """Classes and their shares as JSON, with the pictures asked for as base64 PNG.

    Args:
        found: the prediction; with its truth, the scores are in the document too.
        include: the pictures.
        opacity: of the colours in the overlay, 0..1.
    """
    height, width = found.class_map.shape
    content: dict[str, Any] = {
        "model": found.model,
        "height": height,
        "width": width,
        "classes": _classes(found),
    }
    if found.truth is not None:
        content["scores"] = ground_truth.scores(found.truth, found.class_map, found.labels)
        content["truth"] = _as_base64(encode_png(found.truth))
    if "mask" in include:
        content["mask"] = _as_base64(encode_png(found.class_map))
    if "confidence" in include and found.confidence is not None:
        content["confidence"] = _as_base64(encode_png(found.confidence))
    if "overlay" in include:
        content["overlay"] = _as_base64(png(found, "overlay", opacity=opacity))
    return _as_json(content)


def _classes(found: Predicted) -> list[dict[str, Any]]:
    """A row for each class in the class map."""
    pixels = np.bincount(found.class_map.ravel(), minlength=256)
    rows: list[dict[str, Any]] = []
    for index, name in enumerate(found.labels.names):
        if not pixels[index]:
            continue
        mean = None if found.mean_probability is None else found.mean_probability[index]
        rows.append(
            {
                "index": index,
                "name": name,
                "color": hex_color(found.labels, index),
                "pixels": int(pixels[index]),
                "share": int(pixels[index]) / found.class_map.size,
                "mean_probability": None if mean is None else round(float(mean), 6),
            }
        )
    return rows


def hex_color(labels: LabelMap, index: int) -> str:
    """A class's colour as "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*labels.colors[index])


def _as_base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _as_json(content: Any) -> bytes:
    # NaN is no JSON; where one is left, it is our mistake and not to be sent
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
