"""A ground-truth mask that was sent beside an image: its classes, and the scores against it."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import UInt8

from tessella.data.images import MaskFile, decode_mask_file
from tessella.labels import LabelMap
from tessella.metrics.counts import count_pixels
from tessella.metrics.scores import mean_iou, per_class, pixel_accuracy
from tessella.serve.refusal import RefusedError

_HOW = "send a PNG of class indices, or of the classes' colours."


def decode_truth(
    content: bytes, labels: LabelMap, *, size: tuple[int, int]
) -> UInt8[np.ndarray, "h w"]:
    """Class indices of a mask file: by index (grey or palette), or by the classes' colours.

    255, or the colour of ignored pixels, means ignored. Grey saved as RGB is read as grey.

    Args:
        content: of the file.
        labels: the model's classes.
        size: height and width of the image that it belongs to, upright.

    Raises:
        RefusedError: the file is damaged, of another size, or holds values or colours that are no
            class.
    """
    try:
        mask = decode_mask_file(content, where="mask")
    except ValueError as error:
        # the decoder's own words stay here: they may tell of the machine
        raise _refused(f"cannot be read, it is damaged or of an unknown kind; {_HOW}") from error
    if mask.values.shape[:2] != size:
        height, width = mask.values.shape[:2]
        raise _refused(
            f"is {height}x{width} but the image is {size[0]}x{size[1]} (height x width); send both "
            "at one size."
        )
    if mask.is_deep:
        raise _refused(f"has 16 bits in each channel; {_HOW}")
    if mask.alpha == "transparent":
        raise _refused("has transparent pixels, so their class is unclear; flatten it.")
    try:
        return _decoded(mask, labels)
    except ValueError as error:
        raise _refused(str(error).removeprefix("mask: ")) from error


def _decoded(mask: MaskFile, labels: LabelMap) -> np.ndarray:
    values = mask.values
    if values.ndim == 3 and (values == values[..., :1]).all():
        values = values[..., 0]
    if values.ndim == 2:
        return labels.as_indices().decode(values, where="mask")
    ignored = [] if labels.ignore_color in labels.colors else [labels.ignore_color]
    by_color = LabelMap.from_colors(
        dict(zip(labels.names, labels.colors, strict=True)), ignore_colors=ignored
    )
    return by_color.decode(values, where="mask")


def scores(
    truth: UInt8[np.ndarray, "h w"], class_map: UInt8[np.ndarray, "h w"], labels: LabelMap
) -> dict[str, Any]:
    """mean_iou, pixel_accuracy and a row for each class; what is undefined is None."""
    counts = count_pixels(
        truth, class_map, num_classes=labels.num_classes, ignore_index=labels.ignore_index
    )
    rows = per_class(counts, labels.names)
    return {
        "mean_iou": _or_none(mean_iou(counts)),
        "pixel_accuracy": _or_none(pixel_accuracy(counts)),
        "per_class": [_without_nan(row) for row in rows],
    }


def _without_nan(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _or_none(value) for key, value in row.items()}


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value


def _refused(why: str) -> RefusedError:
    return RefusedError("unreadable_mask", f"mask: {why}")
