"""The confusion matrix as an SVG heat map, and its largest mistakes in words."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int
from markupsafe import Markup

from tessella.report.svg import add, add_tooltip, drawing, markup, shortened

_LONGEST_NAME = 18  # characters of a class name beside the map; the tooltip has all of it
_CHARACTER = 5.8  # mean width of a character at 11 px, in SVG units
_KEY_WIDTH = 262  # of the colour key below the map, in SVG units


@dataclass(frozen=True)
class Confusion:
    """Pixels of one class that were taken for another."""

    truth: str
    """Name of their class."""

    prediction: str
    """Name of the class they were taken for."""

    share: float
    """Their share of the true class's pixels, 0..1."""

    pixels: int
    """How many they are."""


def counts_array(rows: Sequence[Sequence[int]], *, num_classes: int) -> Int[np.ndarray, "c c"]:
    """The confusion matrix of an evaluation as int64; rows ground truth, columns prediction.

    Raises:
        ValueError: it is not num_classes x num_classes.
    """
    lengths = {len(row) for row in rows}
    if len(rows) != num_classes or lengths != {num_classes}:
        raise ValueError(
            f"evaluation: the confusion matrix has {len(rows)} rows of {sorted(lengths)} columns; "
            f"expected {num_classes} of {num_classes}, one per class; evaluate again with the "
            "label map of this run."
        )
    return np.array(rows, np.int64)


def largest_confusions(
    counts: Int[np.ndarray, "c c"], names: Sequence[str], *, most: int = 8, least: float = 0.01
) -> list[Confusion]:
    """The mistakes that take the largest share of their class, largest first.

    Args:
        counts: pixels; rows ground truth, columns prediction.
        names: of the classes, in the order of the rows.
        most: length of the list.
        least: smallest share (0..1) of the true class's pixels to be listed.

    Returns:
        Off-diagonal entries by share, then by pixels; empty when nothing reaches `least`.
    """
    found = [
        Confusion(
            names[truth],
            names[prediction],
            share=float(counts[truth, prediction] / counts[truth].sum()),
            pixels=int(counts[truth, prediction]),
        )
        for truth, prediction in zip(*np.nonzero(counts), strict=True)
        if truth != prediction
    ]
    found = [confusion for confusion in found if confusion.share >= least]
    return sorted(found, key=lambda c: (-c.share, -c.pixels))[:most]


def heat_map(counts: Int[np.ndarray, "c c"], names: Sequence[str]) -> Markup:
    """Row-normalised confusion matrix: what each class's pixels were taken for, in per cent.

    The diagonal is recall. The depth of a cell's colour is the share to the power 0.6, so that
    mistakes of a few per cent can be seen. Numbers are written into the cells of up to 24 classes.

    Args:
        counts: pixels; rows ground truth, columns prediction.
        names: of the classes, in the order of the rows.
    """
    cell = _cell_size(len(names))
    shown = [shortened(name, most=_LONGEST_NAME) for name in names]
    longest = max(len(name) for name in shown) * _CHARACTER
    # names of the columns stand upright where a cell is too narrow for them
    upright = longest > cell - 4
    left = 20 + longest + 8
    top = 20 + (longest if upright else 12) + 8
    side = cell * len(names)
    width = left + max(side, _KEY_WIDTH) + 2
    root = drawing(width, top + side + 54, label=_in_words(counts, names))
    # never larger than drawn; on narrow screens a little smaller, beyond that the page scrolls it
    root.set("style", f"max-width:{width:.0f}px;min-width:{0.75 * width:.0f}px")
    add(root, "rect", {"class": "empty", "x": left, "y": top, "width": side, "height": side})
    _add_names(root, shown, cell=cell, corner=(left, top), upright=upright)
    for row, pixels in enumerate(counts):
        _add_row(root, pixels, names, row=row, cell=cell, corner=(left, top))
    _add_key(root, left=left, top=top + side + 14)
    return markup(root)


def _cell_size(num_classes: int) -> float:
    return float(min(72, max(16, 600 // num_classes)))


def _add_names(
    root: ET.Element,
    names: Sequence[str],
    *,
    cell: float,
    corner: tuple[float, float],
    upright: bool,
) -> None:
    left, top = corner
    middle = cell * len(names) / 2
    add(root, "text", {"class": "name middle", "x": left + middle, "y": 12}, text="predicted")
    y = top + middle
    turned = {"x": 12, "y": y, "transform": f"rotate(-90 12 {y:g})"}
    add(root, "text", {"class": "name middle", **turned}, text="truth")
    for index, name in enumerate(names):
        center = (index + 0.5) * cell
        row = {"class": "label end", "x": left - 6, "y": top + center + 3.8}
        add(root, "text", row, text=name)
        x, y = left + center, top - 6.0
        if upright:
            x += 3.8
            turn = {"transform": f"rotate(-90 {x:g} {y:g})"}
            add(root, "text", {"class": "label", "x": x, "y": y, **turn}, text=name)
        else:
            add(root, "text", {"class": "label middle", "x": x, "y": y}, text=name)


def _add_row(
    root: ET.Element,
    pixels: Int[np.ndarray, " c"],
    names: Sequence[str],
    *,
    row: int,
    cell: float,
    corner: tuple[float, float],
) -> None:
    total = int(pixels.sum())
    left, top = corner[0], corner[1] + row * cell
    if total == 0:
        place = {"class": "absent", "x": left + 6, "y": top + cell / 2 + 3.8}
        add(root, "text", place, text="no pixels in this split")
        return
    for column in map(int, np.flatnonzero(pixels)):
        share = float(pixels[column] / total)
        tip = (
            f"{names[row]} taken for {names[column]}: {share:.1%}, "
            f"{int(pixels[column]):,} of {total:,} pixels"
        )
        kind = "right" if row == column else "wrong"
        x = left + column * cell
        _add_cell(root, share, kind=kind, tip=tip, box=(x, top, cell))


def _add_cell(
    root: ET.Element, share: float, *, kind: str, tip: str, box: tuple[float, float, float]
) -> None:
    x, y, cell = box
    depth = share**0.6
    place = {"x": x + 0.5, "y": y + 0.5, "width": cell - 1, "height": cell - 1}
    rect = add(root, "rect", {"class": kind, **place, "fill-opacity": depth})
    add_tooltip(rect, tip)
    if cell >= 26 and share >= 0.005:
        middle = {"x": x + cell / 2, "y": y + cell / 2 + 3.8}
        # three steps: on a middle tone dark text reads better in light and in dark mode
        deep = 0.58 if kind == "right" else 0.72
        tone = "low" if depth < 0.52 else "mid" if depth < deep else "high"
        name = f"value middle {tone}"
        add(root, "text", {"class": name, **middle}, text=f"{100 * share:.0f}")


def _add_key(root: ET.Element, *, left: float, top: float) -> None:
    add(root, "text", {"class": "tick", "x": left, "y": top + 10}, text="% of the row:")
    for index, share in enumerate((0.01, 0.1, 0.25, 0.5, 1.0)):
        x = left + 74 + 30 * index
        for kind, y in (("right", top), ("wrong", top + 13)):
            box = {"x": x, "y": y, "width": 28, "height": 11}
            add(root, "rect", {"class": kind, **box, "fill-opacity": share**0.6})
        place = {"class": "tick middle", "x": x + 14, "y": top + 34}
        add(root, "text", place, text=f"{100 * share:g}")
    add(root, "text", {"class": "tick", "x": left + 230, "y": top + 10}, text="right")
    add(root, "text", {"class": "tick", "x": left + 230, "y": top + 23}, text="wrong")


def _in_words(counts: Int[np.ndarray, "c c"], names: Sequence[str]) -> str:
    worst = largest_confusions(counts, names, most=1, least=0)
    words = f"Confusion matrix of {len(names)} classes, rows truth, columns prediction."
    if not worst:
        return f"{words} No pixel is taken for another class."
    return f"{words} Largest mistake: {worst[0].truth} taken for {worst[0].prediction}."
