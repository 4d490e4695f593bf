"""The drawings of the statistics page: bars, a map of classes seen together, sizes, places."""

import base64
import math
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64
from markupsafe import Markup

from tessella.data.images import encode_png
from tessella.palette import Color
from tessella.report.svg import (
    Frame,
    add,
    add_axes,
    add_tooltip,
    drawing,
    markup,
    round_ticks,
    shortened,
)
from tessella.report.words import css_color, thousands
from tessella.stats.numbers import SplitStatistics, Statistics
from tessella.stats.words import share_of_pixels

MOST_SIZES = 500
"""The plot of image sizes shows this many, the commonest; each is an element of the page."""

_LONGEST_NAME = 22  # characters of a class name beside a drawing; its tooltip has all of it
_CHARACTER = 5.8  # mean width of a character at 11 px, in SVG units
_ROW = 19.0
_COLUMN = 250.0  # width of a split's bars with their numbers, in SVG units
_BAR = 170.0

RAMP: tuple[Color, ...] = (
    (12, 18, 46),
    (38, 70, 131),
    (41, 128, 142),
    (94, 186, 124),
    (196, 218, 98),
    (255, 246, 190),
)
"""From rare to frequent: ever lighter, so that it also reads in grey and to colour-blind eyes."""

_NEVER_LABELLED = (128, 128, 128)


def share_bars(statistics: Statistics, *, scale: Literal["linear", "log"]) -> Markup:
    """Each class's share of the labelled pixels, a column of bars for each split.

    Args:
        statistics: at least one class has pixels.
        scale: `log` starts at the power of ten at or below the smallest share; a class without
            pixels has no bar.
    """
    labels, splits = statistics.labels, statistics.splits
    names = [shortened(name, most=_LONGEST_NAME) for name in labels.names]
    left = max(len(name) for name in names) * _CHARACTER + 12
    width, height = left + _COLUMN * len(splits), 50 + _ROW * len(names)
    label = f"Share of the labelled pixels of {len(names)} classes in {', '.join(splits)}."
    root = drawing(width, height, label=f"{label} The table below has the numbers.")
    root.set("style", f"max-width:{1.3 * width:.0f}px;min-width:{0.8 * width:.0f}px")
    for row, name in enumerate(names):
        place = {"class": "label end", "x": left - 8, "y": 26 + _ROW * row + 13.5}
        add(root, "text", place, text=name)
    ticks = _share_ticks([share for split in splits.values() for share in split.shares], scale)
    for column, (split, numbers) in enumerate(splits.items()):
        x = left + column * _COLUMN
        add(root, "text", {"class": "title", "x": x, "y": 14}, text=split)
        _add_ticks(root, ticks, scale, left=x, bottom=26 + _ROW * len(names))
        for row, share in enumerate(numbers.shares):
            length = _BAR * _position(share, ticks, scale)
            tip = f"{labels.names[row]}, {split}: {thousands(int(numbers.pixels[row]))} pixels"
            y, color = 26 + _ROW * row, labels.colors[row]
            _add_bar(root, length, color=color, tip=tip, corner=(x, y), note=share_of_pixels(share))
    return markup(root)


def _share_ticks(shares: Sequence[float | None], scale: Literal["linear", "log"]) -> list[float]:
    known = [share for share in shares if share]
    if scale == "linear":
        return round_ticks(0, max(known, default=1), most=5)
    lowest = min(-1, math.floor(math.log10(min(known, default=0.1))))
    powers = range(lowest, 1)
    step = -(-len(powers) // 5)  # at most five labels fit
    return [10.0**power for power in reversed(range(0, lowest - step, -step))]


def _position(share: float | None, ticks: Sequence[float], scale: str) -> float:
    """Where a share ends between the first tick (0) and the last (1)."""
    if not share:
        return 0.0
    if scale == "linear":
        return share / ticks[-1]
    return math.log(share / ticks[0]) / math.log(ticks[-1] / ticks[0])


def _add_ticks(
    root: ET.Element, ticks: Sequence[float], scale: str, *, left: float, bottom: float
) -> None:
    for index, tick in enumerate(ticks):
        x = left + _BAR * (index / (len(ticks) - 1) if scale == "log" else tick / ticks[-1])
        add(root, "line", {"class": "grid", "x1": x, "x2": x, "y1": 22, "y2": bottom})
        text = f"{100 * tick:.4g}" + (" %" if index == len(ticks) - 1 else "")
        add(root, "text", {"class": "tick middle", "x": x, "y": bottom + 15}, text=text)


def _add_bar(
    root: ET.Element,
    length: float,
    *,
    color: Color,
    tip: str,
    corner: tuple[float, float],
    note: str,
) -> None:
    x, y = corner
    if length > 0:
        box = {"x": x, "y": y + 3.5, "width": max(length, 1), "height": _ROW - 7}
        bar = add(root, "rect", {"class": "outlined", "fill": css_color(color), **box})
        add_tooltip(bar, tip)
    add(root, "text", {"class": "note plain", "x": x + length + 6, "y": y + 13.5}, text=note)


def together_map(together: Int64[np.ndarray, "k k"], names: Sequence[str]) -> Markup:
    """Of the images that hold the class of a row, the share that also hold that of a column.

    Shares in per cent are written into the cells of up to 20 classes.

    Args:
        together: images that hold both classes.
        names: of the classes, in the order of the rows.
    """
    cell = min(52.0, max(16.0, 560.0 / len(names)))
    shown = [shortened(name, most=18) for name in names]
    margin = max(len(name) for name in shown) * _CHARACTER + 12
    side = cell * len(names)
    root = drawing(margin + side + 2, margin + side + 2, label=_seen_in_words(together, names))
    width = margin + side + 2
    root.set("style", f"max-width:{width:.0f}px;min-width:{0.75 * width:.0f}px")
    add(root, "rect", {"class": "empty", "x": margin, "y": margin, "width": side, "height": side})
    for index, name in enumerate(shown):
        center = margin + (index + 0.5) * cell + 3.8
        add(root, "text", {"class": "label end", "x": margin - 6, "y": center}, text=name)
        turned = {
            "x": center,
            "y": margin - 6,
            "transform": f"rotate(-90 {center:g} {margin - 6:g})",
        }
        add(root, "text", {"class": "label", **turned}, text=name)
    for row in range(len(names)):
        _add_row(root, together[row], names, row=row, cell=cell, margin=margin)
    return markup(root)


def _add_row(
    root: ET.Element,
    together: Int64[np.ndarray, " k"],
    names: Sequence[str],
    *,
    row: int,
    cell: float,
    margin: float,
) -> None:
    total, top = int(together[row]), margin + row * cell
    if not total:
        place = {"class": "absent", "x": margin + 6, "y": top + cell / 2 + 3.8}
        add(root, "text", place, text="in no image")
    for column in map(int, np.flatnonzero(together)):
        both = int(together[column])
        share, x = both / total, margin + column * cell
        box = {"x": x + 0.5, "y": top + 0.5, "width": cell - 1, "height": cell - 1}
        rect = add(root, "rect", {"class": "right", **box, "fill-opacity": 0.05 + 0.95 * share})
        images = "image" if total == 1 else "images"
        tip = f"{thousands(both)} of the {thousands(total)} {images} with {names[row]}"
        add_tooltip(rect, tip if row == column else f"{tip} also have {names[column]}")
        if cell >= 26:
            tone = "low" if share < 0.45 else "mid" if share < 0.62 else "high"
            middle = {"x": x + cell / 2, "y": top + cell / 2 + 3.8}
            place = {"class": f"value middle {tone}", **middle}
            add(root, "text", place, text=f"{100 * share:.0f}")


def _seen_in_words(together: Int64[np.ndarray, "k k"], names: Sequence[str]) -> str:
    apart = int(np.count_nonzero(np.triu(together == 0, 1)))
    pairs = "no pair of classes is" if not apart else f"{apart} pairs of classes are"
    return f"Which of {len(names)} classes are in one image: {pairs} never seen together."


def size_plot(splits: Mapping[str, SplitStatistics]) -> Markup:
    """Height over width of the images, a disc's area the number of images; empty for one size.

    Of more than `MOST_SIZES` sizes the commonest are shown.
    """
    totals: Counter[tuple[int, int]] = Counter()
    for split in splits.values():
        totals.update(split.sizes.counts)
    if len(totals) < 2:
        return Markup()
    shown = totals.most_common(MOST_SIZES)
    x_ticks = round_ticks(0, max(width for (_, width), _ in shown))
    y_ticks = round_ticks(0, max(height for (height, _), _ in shown))
    # room beyond the last ticks, so that discs on the border are whole
    frame = Frame(x_range=(0, 1.06 * x_ticks[-1]), y_range=(0, 1.06 * y_ticks[-1]))
    root = drawing(400, 240, label=f"Height over width of the images in {len(totals)} sizes.")
    names = ("width in pixels", "Height in pixels")
    add_axes(root, frame, x_ticks=x_ticks, y_ticks=y_ticks, names=names)
    for (height, width), count in shown:  # the commonest first, so that rare ones lie on top
        radius = 2.5 + 9.5 * math.sqrt(count / shown[0][1])
        place = {"cx": frame.x(width), "cy": frame.y(height), "r": radius}
        disc = add(root, "circle", {"class": "disc", **place})
        images = "image" if count == 1 else "images"
        add_tooltip(disc, f"{height}x{width} (height x width): {thousands(count)} {images}")
    return markup(root)


def place_picture(prior: Float64[np.ndarray, "h w"]) -> str:
    """How often a class is where, as the data URI of a PNG: dark is never, pale its most frequent.

    Args:
        prior: shares 0..1; NaN, where nothing is ever labelled, is grey.
    """
    most = np.nanmax(prior) if np.isfinite(prior).any() else 0.0
    level = np.nan_to_num(prior / most if most > 0 else np.zeros_like(prior))
    stops = np.linspace(0, 1, len(RAMP))
    ramp = np.array(RAMP, np.float64)
    picture = np.stack([np.interp(level, stops, ramp[:, c]) for c in range(3)], axis=-1)
    picture[np.isnan(prior)] = _NEVER_LABELLED
    content = encode_png(picture.round().astype(np.uint8))
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
