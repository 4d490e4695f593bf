"""The loss against a rising learning rate, as an SVG file."""

import math

from tessella.figures.drawings import sheet
from tessella.report.svg import (
    Frame,
    add,
    add_axes,
    add_tooltip,
    drawing,
    markup,
    round_ticks,
    short_number,
)
from tessella.train.find_rate import RateSearch

_HIGHEST = 1.2  # of the first losses: what explodes at the end would flatten the rest


def rate_search_drawing(search: RateSearch, *, title: str) -> str:
    """Each step's loss, their running mean, and the suggested rate.

    Args:
        search: at least one step.
        title: written above it.

    Returns:
        An SVG document.
    """
    highest = _HIGHEST * max(step.smoothed for step in search.steps[:5])
    shown = [step for step in search.steps if step.smoothed <= highest]
    ticks = round_ticks(min(step.smoothed for step in shown), highest)
    powers = range(math.floor(math.log10(shown[0].rate)), math.ceil(math.log10(shown[-1].rate)) + 1)
    frame = Frame(x_range=(powers[0], powers[-1]), y_range=(ticks[0], ticks[-1]))
    root = drawing(400, 240, label=f"{title}: loss against the learning rate")
    names = ("learning rate, as a power of ten", "loss")
    add_axes(root, frame, x_ticks=list(powers), y_ticks=ticks, names=names)
    for step in shown:
        if ticks[0] <= step.loss <= ticks[-1]:
            place = {"cx": frame.x(math.log10(step.rate)), "cy": frame.y(step.loss), "r": 1.5}
            dot = add(root, "circle", {"class": "dot train", **place})
            add_tooltip(dot, f"rate {step.rate:.2g}: {short_number(step.loss)}")
    points = [(frame.x(math.log10(step.rate)), frame.y(step.smoothed)) for step in shown]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    add(root, "polyline", {"class": "curve val", "points": path})
    if search.suggestion is not None:
        x = frame.x(math.log10(search.suggestion))
        add(root, "line", {"class": "mark", "x1": x, "x2": x, "y1": frame.top, "y2": frame.bottom})
        # beside the line, on the side that has room
        side = "end" if x > (frame.left + frame.right) / 2 else "start"
        at = x - 5 if side == "end" else x + 5
        note = {"class": f"note {side}", "x": at, "y": frame.top + 12}
        add(root, "text", note, text=f"{search.suggestion:.1e}")
    return sheet([str(markup(root))], title=title, remark=_in_words(search))


def _in_words(search: RateSearch) -> str:
    if search.suggestion is None:
        return "The loss never fell: look at the data, or try another model or loss."
    return (
        f"The loss falls fastest at {search.suggestion:.1e}: begin there, or a few times lower in "
        "a long training."
    )
