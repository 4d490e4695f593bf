"""Charts as SVG files that stand alone: curves of a training, pixels of each class."""

import math
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from tessella.report import curves
from tessella.report.svg import add, drawing
from tessella.stats.charts import share_bars
from tessella.stats.numbers import Statistics

_MARGIN, _GAP = 16.0, 24.0
_HEADING, _BELOW_HEADING = 22.0, 8.0
_BELOW_CHARTS = 6.0
_LEAST_WIDTH = 440.0  # a title needs some room
_LINE = 18.0
_CHARACTER = 6.2  # mean width of a character at 12 px, in SVG units

# Plain colours and no variables: drawing programs and LaTeX read little of CSS. Curves in the
# report's tones; they also differ by their dashes.
_STYLE = """
text { font-family: Helvetica, Arial, "Liberation Sans", sans-serif; font-size: 11px; }
text { fill: #1c2127; }
.tick, .name { fill: #59636e; }
.tick { font-size: 10.5px; }
.title { font-weight: bold; }
.heading { font-size: 16px; font-weight: bold; }
.remark { font-size: 12px; }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
.note { font-weight: bold; }
.plain { font-weight: normal; }
.grid { stroke: #dce1e6; stroke-width: 1; }
.axis { stroke: #59636e; stroke-width: 1; }
.curve { fill: none; stroke: #59636e; stroke-width: 2; }
.curve { stroke-linejoin: round; stroke-linecap: round; }
.curve.train { stroke: #0b66b0; stroke-dasharray: 5 4; }
.curve.val { stroke: #b8430a; }
.dot.train { fill: #0b66b0; }
.dot.val { fill: #b8430a; }
.mark { stroke: #1c2127; stroke-width: 1; stroke-dasharray: 2 3; }
.ring { fill: none; stroke: #1c2127; stroke-width: 1.5; }
.outlined { stroke: #59636e; stroke-width: .75; }
"""


def curves_drawing(history: curves.History, *, title: str) -> str:
    """Loss, mean IoU and pixel accuracy against the epoch, with a remark where one is due.

    Args:
        history: one row per epoch.
        title: written above all.

    Returns:
        An SVG document; empty when nothing is recorded that could be drawn.
    """
    charts = (
        curves.loss_chart(history),
        curves.mean_iou_chart(history),
        curves.accuracy_chart(history),
    )
    drawn = [str(chart) for chart in charts if chart]
    return sheet(drawn, title=title, remark=curves.caution(history)) if drawn else ""


def histogram_drawing(statistics: Statistics, *, title: str) -> str:
    """Each class's share of the labelled pixels as an SVG document.

    Args:
        statistics: at least one class has pixels.
        title: written above it.
    """
    return sheet([str(share_bars(statistics, scale="linear"))], title=title)


def sheet(drawings: Sequence[str], *, title: str, remark: str = "") -> str:
    """Drawings side by side below a title and above a remark."""
    parts = [ET.fromstring(text) for text in drawings]
    sizes = [_size(part) for part in parts]
    width = 2 * _MARGIN + sum(w for w, _ in sizes) + _GAP * (len(parts) - 1)
    width = max(width, _LEAST_WIDTH)
    # a heading is about half as wide again as a remark
    heading = textwrap.wrap(title, max(8, math.floor((width - 2 * _MARGIN) / (1.5 * _CHARACTER))))
    lines = textwrap.wrap(remark, math.floor((width - 2 * _MARGIN) / _CHARACTER))
    top = _MARGIN + _HEADING * len(heading) + _BELOW_HEADING
    bottom = top + max(h for _, h in sizes)
    height = bottom + (_BELOW_CHARTS + _LINE * len(lines) if lines else 0) + _MARGIN
    root = drawing(width, height, label=title)
    root.attrib |= {
        "xmlns": "http://www.w3.org/2000/svg",
        "width": f"{width:g}",
        "height": f"{height:g}",
    }
    ET.SubElement(root, "style").text = _STYLE
    add(root, "rect", {"width": width, "height": height, "fill": "#ffffff"})
    for row, line in enumerate(heading):
        place = {"class": "heading", "x": _MARGIN, "y": _MARGIN + 14 + _HEADING * row}
        add(root, "text", place, text=line)
    left = _MARGIN
    for part, (part_width, part_height) in zip(parts, sizes, strict=True):
        part.attrib.pop("style", None)  # limits for a web page
        part.attrib |= {"x": f"{left:g}", "y": f"{top:g}"}
        part.attrib |= {"width": f"{part_width:g}", "height": f"{part_height:g}"}
        root.append(part)
        left += part_width + _GAP
    for row, line in enumerate(lines):
        place = {"class": "remark", "x": _MARGIN, "y": bottom + _BELOW_CHARTS + _LINE * (row + 0.8)}
        add(root, "text", place, text=line)
    return ET.tostring(root, encoding="unicode") + "\n"


def _size(part: ET.Element) -> tuple[float, float]:
    """Width and height of a drawing in its own units."""
    _, _, width, height = map(float, part.attrib["viewBox"].split())
    return width, height
