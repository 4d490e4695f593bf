"""Small inline SVG drawings: elements, round axis ticks, and a plot frame with axes."""

import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup


def drawing(width: float, height: float, *, label: str) -> ET.Element:
    """An empty SVG of the given size in its own units, announced to screen readers as `label`."""
    return ET.Element(
        "svg",
        {"viewBox": f"0 0 {width:g} {height:g}", "role": "img", "aria-label": printable(label)},
    )


def add(
    parent: ET.Element, tag: str, attributes: Mapping[str, str | float], *, text: str = ""
) -> ET.Element:
    """A new child of `parent`; numbers are written with at most two decimals."""
    written = {
        name: value if isinstance(value, str) else f"{round(value, 2):g}"
        for name, value in attributes.items()
    }
    child = ET.SubElement(parent, tag, written)
    child.text = printable(text)
    return child


def add_tooltip(element: ET.Element, text: str) -> None:
    """Text shown when the pointer rests on `element`."""
    ET.SubElement(element, "title").text = printable(text)


def markup(root: ET.Element) -> Markup:
    """The drawing as text for an HTML page, every attribute and text escaped."""
    return Markup(ET.tostring(root, encoding="unicode"))


def printable(text: str) -> str:
    """`text` with control characters as spaces: XML 1.0 (section 2.2) has no way to write them."""
    return "".join(c if c.isprintable() else " " for c in text)


def shortened(text: str, *, most: int) -> str:
    """`text` in at most `most` characters, the cut marked by an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def round_ticks(low: float, high: float, *, most: int = 6) -> list[float]:
    """At most `most` ticks at 1, 2, 2.5 or 5 times a power of ten, from `low` or below to `high`.

    A span of zero is widened to one unit above it.
    """
    high = high if high > low else low + 1
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    steps = (factor * power for factor in (1, 2, 2.5, 5, 10, 20, 25, 50))
    step = next(s for s in steps if _last(high, s) - _first(low, s) + 1 <= most)
    return [k * step for k in range(_first(low, step), _last(high, step) + 1)]


def whole_ticks(low: int, high: int, *, most: int = 8) -> list[int]:
    """At most `most` multiples of 1, 2, 5, 10, ... that lie in low..high, for epochs."""
    steps = (factor * 10**power for power in range(12) for factor in (1, 2, 5))
    step = next(s for s in steps if high // s - -(-low // s) + 1 <= most)
    return list(range(-(-low // step) * step, high + 1, step))


def _first(low: float, step: float) -> int:
    return math.floor(low / step + 1e-9)


def _last(high: float, step: float) -> int:
    return math.ceil(high / step - 1e-9)


def short_number(value: float) -> str:
    """A tick label with at most four significant digits: 0.25, 12, 1e-5."""
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


@dataclass(frozen=True)
class Frame:
    """Where data lands in a drawing: x and y ranges on a rectangle of SVG units."""

    x_range: tuple[float, float]
    """Data values at the left and right edges."""

    y_range: tuple[float, float]
    """Data values at the bottom and top edges."""

    left: float = 46
    """Left edge, in SVG units from the left of the drawing."""

    right: float = 390
    """Right edge, in SVG units from the left of the drawing."""

    top: float = 26
    """Top edge, in SVG units from the top of the drawing."""

    bottom: float = 202
    """Bottom edge, in SVG units from the top of the drawing."""

    def x(self, value: float) -> float:
        """Horizontal position of a data value, in SVG units."""
        low, high = self.x_range
        return self.left + (self.right - self.left) * (value - low) / (high - low)

    def y(self, value: float) -> float:
        """Vertical position of a data value, in SVG units."""
        low, high = self.y_range
        return self.bottom - (self.bottom - self.top) * (value - low) / (high - low)


def add_axes(
    root: ET.Element,
    frame: Frame,
    *,
    x_ticks: Sequence[float],
    y_ticks: Sequence[float],
    names: tuple[str, str],
) -> None:
    """Grid lines, tick labels and the names of the x and y axes."""
    for tick in y_ticks:
        y = frame.y(tick)
        line = {"class": "grid", "x1": frame.left, "x2": frame.right, "y1": y, "y2": y}
        add(root, "line", line)
        place = {"class": "tick end", "x": frame.left - 6, "y": y + 3.5}
        add(root, "text", place, text=short_number(tick))
    baseline = {"x1": frame.left, "x2": frame.right, "y1": frame.bottom, "y2": frame.bottom}
    add(root, "line", {"class": "axis", **baseline})
    for tick in x_ticks:
        x = frame.x(tick)
        mark = {"class": "axis", "x1": x, "x2": x, "y1": frame.bottom, "y2": frame.bottom + 4}
        add(root, "line", mark)
        place = {"class": "tick middle", "x": x, "y": frame.bottom + 16}
        add(root, "text", place, text=short_number(tick))
    center = (frame.left + frame.right) / 2
    add(root, "text", {"class": "name middle", "x": center, "y": frame.bottom + 32}, text=names[0])
    add(root, "text", {"class": "title", "x": 2, "y": frame.top - 13}, text=names[1])
