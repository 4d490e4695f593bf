"""How the images of a split score one by one, as an SVG histogram."""

import math
import statistics
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from markupsafe import Markup

from tessella.report.svg import (
    Frame,
    add,
    add_axes,
    add_tooltip,
    drawing,
    markup,
    round_ticks,
)

_NUM_BINS = 20


def bin_counts(values: Sequence[float]) -> list[int]:
    """How many values of 0..1 fall in each of twenty bins 0.05 wide; 1 belongs to the last."""
    counts = [0] * _NUM_BINS
    for value in values:
        counts[min(int(value * _NUM_BINS), _NUM_BINS - 1)] += 1
    return counts


def mean_iou_histogram(values: Sequence[float]) -> Markup:
    """Number of images by mean IoU (0..1), the median marked; empty when there are no values.

    Args:
        values: finite mean IoU of each image.
    """
    if not values:
        return Markup()
    counts = bin_counts(values)
    median = statistics.median(values)
    y_ticks = [t for t in round_ticks(0, max(counts)) if t == math.floor(t)]
    frame = Frame(x_range=(0, 1), y_range=(0, max(y_ticks[-1], max(counts))))
    label = (
        f"Histogram of the mean IoU of {len(values)} images: from {min(values):.3f} to "
        f"{max(values):.3f}, median {median:.3f}."
    )
    root = drawing(400, 240, label=label)
    x_ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
    names = ("mean IoU of the image", "Images")
    add_axes(root, frame, x_ticks=x_ticks, y_ticks=y_ticks, names=names)
    for index, count in enumerate(counts):
        if count:
            _add_bar(root, frame, index=index, count=count)
    x = frame.x(median)
    line = {"x1": x, "x2": x, "y1": frame.top - 4, "y2": frame.bottom}
    add(root, "line", {"class": "mark", **line})
    place = {"x": x + (5 if median < 0.5 else -5), "y": frame.top - 1}
    name = "note" if median < 0.5 else "note end"
    add(root, "text", {"class": name, **place}, text=f"median {median:.3f}")
    return markup(root)


def _add_bar(root: ET.Element, frame: Frame, *, index: int, count: int) -> None:
    low, high = index / _NUM_BINS, (index + 1) / _NUM_BINS
    top = frame.y(count)
    left, right = frame.x(low) + 1, frame.x(high) - 1
    box = {"x": left, "y": top, "width": right - left, "height": frame.bottom - top}
    bar = add(root, "rect", {"class": "bar", **box})
    images = "image" if count == 1 else "images"
    add_tooltip(bar, f"mean IoU {low:.2f} to {high:.2f}: {count} {images}")
