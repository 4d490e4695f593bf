"""The drawings of a sweep: every trial's figure epoch by epoch, and the score against each key."""

import itertools
import math
import statistics
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from tessella.report.svg import (
    Frame,
    add,
    add_axes,
    add_tooltip,
    drawing,
    markup,
    round_ticks,
    short_number,
    shortened,
    whole_ticks,
)
from tessella.sweep.ranking import Place, best_place
from tessella.sweep.settings import Settings, numbers_of
from tessella.sweep.space import Dimension, Range
from tessella.sweep.table import values_words
from tessella.sweep.trials import Tried

_WIDE = {"left": 50.0, "right": 806.0, "top": 26.0, "bottom": 282.0}
_LOG_FROM = 10.0  # choices spread over such a ratio are drawn by magnitude
_OUTLIER = 3.0  # times the median: higher losses are drawn at the upper edge
_MARGIN = 0.06  # of the axis beside the outermost dots
_MOST_LABELS = 12
_CHARACTERS = 62  # of all labels below an axis together


def curves_chart(places: Sequence[Place], settings: Settings) -> Markup:
    """The monitored figure of every trial against the epoch; empty before any is validated.

    The best trial stands out, and a cross ends those that were pruned.
    """
    tried = [one for place in places for one in place.trials if one.scores]
    if not tried:
        return Markup()
    best = best_place(places)
    ticks = _ticks([score for one in tried for score in one.scores.values()], settings)
    last = max(max(one.scores) for one in tried)
    frame = Frame(x_range=(1, last) if last > 1 else (0, 2), y_range=(ticks[0], ticks[-1]), **_WIDE)
    label = f"{settings.monitor_name} of {len(tried)} trials against the epoch; the table has the"
    root = drawing(820, 330, label=f"{label} best of each.")
    names = ("epoch", _title(settings))
    add_axes(root, frame, x_ticks=whole_ticks(1, last, most=20), y_ticks=ticks, names=names)
    winner = best.best if best else None
    for one in sorted(tried, key=lambda one: one is winner):  # the best on top
        style = "best" if one is winner else one.trial.state.replace(" ", "-")
        _add_curve(root, frame, one, style=style)
    states = {one.trial.state for one in tried}
    _add_legend(root, [name for name in ("done", "pruned", "failed", "in work") if name in states])
    return markup(root)


def _add_curve(root: ET.Element, frame: Frame, one: Tried, *, style: str) -> None:
    points = [(frame.x(epoch), _within(frame, score)) for epoch, score in one.scores.items()]
    tip = f"trial {one.trial.number}: {values_words(one.trial.values)}"
    if len(points) > 1:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        add_tooltip(add(root, "polyline", {"class": f"trial {style}", "points": path}), tip)
    x, y = points[-1]
    if style == "pruned":
        cross = f"M{x - 3:.1f},{y - 3:.1f}l6,6m0,-6l-6,6"
        add_tooltip(add(root, "path", {"class": "cross", "d": cross}), tip)
    else:
        add_tooltip(
            add(root, "circle", {"class": f"last {style}", "cx": x, "cy": y, "r": 2.6}), tip
        )


def _add_legend(root: ET.Element, states: Sequence[str]) -> None:
    left = 806.0
    for name in reversed(["best", *states]):
        add(root, "text", {"class": "tick end", "x": left, "y": 13}, text=name)
        left -= 5.6 * len(name) + 5
        style = name.replace(" ", "-")
        add(
            root, "line", {"class": f"trial {style}", "x1": left - 20, "x2": left, "y1": 9, "y2": 9}
        )
        left -= 34


def key_chart(places: Sequence[Place], settings: Settings, dimension: Dimension) -> Markup:
    """The score of each combination against the value of one key; empty without any score.

    Where a value was tried more than once, a bar stands at the mean of what was done with it.
    """
    shown = [place for place in places if place.score is not None]
    if not shown:
        return Markup()
    ticks = _ticks([score for place in shown for score in _reach(place)], settings)
    axis = _axis(dimension, [place.values[dimension.key] for place in shown])
    frame = Frame(x_range=axis.ends, y_range=(ticks[0], ticks[-1]))
    label = f"{settings.monitor_name} against {dimension.key}; the table has the numbers."
    root = drawing(400, 240, label=label)
    add_axes(root, frame, x_ticks=[], y_ticks=ticks, names=(dimension.key, _title(settings)))
    for place, text in axis.ticks:
        _add_tick(root, frame, place, text)
    best = best_place(places)
    spots = dict(zip([place.values[dimension.key] for place in shown], axis.spots, strict=True))
    for value, spot in spots.items():
        _add_mean(root, frame, spot, [p for p in shown if p.values[dimension.key] == value])
    for place in reversed(shown):  # the better ones on top
        _add_dot(root, frame, spots[place.values[dimension.key]], place, is_best=place is best)
    return markup(root)


class _Axis(NamedTuple):
    """Where values lie from left to right."""

    ends: tuple[float, float]
    spots: list[float]
    """One for each value."""

    ticks: list[tuple[float, str]]


def _axis(dimension: Dimension, values: Sequence[str]) -> _Axis:
    is_range = isinstance(dimension, Range)
    listed = values if is_range else list(dimension.values)
    numbers = numbers_of(dimension, values)
    known = numbers_of(dimension, listed)
    if numbers is None or known is None:
        return _named_axis(listed, values)
    low, high = (dimension.low, dimension.high) if is_range else (min(known), max(known))
    is_log = dimension.is_log if is_range else low > 0 and high >= _LOG_FROM * low
    scale = math.log10 if is_log else float
    ends = scale(low), scale(high)
    room = _MARGIN * (ends[1] - ends[0]) or 1.0
    wide = (ends[0] - room, ends[1] + room)
    marks = sorted(known)
    gaps = [scale(after) - scale(mark) for mark, after in itertools.pairwise(marks)]
    if is_range or min(gaps, default=room) < 2 * room:  # the labels would meet
        marks = _log_ticks(low, high) if is_log else round_ticks(low, high)
    ticks = [(scale(m), short_number(m)) for m in marks if wide[0] <= scale(m) <= wide[1]]
    return _Axis(wide, [scale(number) for number in numbers], ticks)


def _named_axis(listed: Sequence[str], values: Sequence[str]) -> _Axis:
    most = max(3, _CHARACTERS // len(listed) - 1)
    step = -(-len(listed) // _MOST_LABELS)
    ticks = [
        (float(index), shortened(value, most=most))
        for index, value in enumerate(listed)
        if index % step == 0
    ]
    spots = [float(listed.index(value)) for value in values]
    return _Axis((-0.5, len(listed) - 0.5), spots, ticks)


def _log_ticks(low: float, high: float, *, most: int = 7) -> list[float]:
    """Powers of ten, with 2 and 5 times these where they are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        inside = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if len(inside) <= most:
            return inside
    return inside[:: -(-len(inside) // most)]


def _add_tick(root: ET.Element, frame: Frame, place: float, text: str) -> None:
    x, y = frame.x(place), frame.bottom
    add(root, "line", {"class": "axis", "x1": x, "x2": x, "y1": y, "y2": y + 4})
    add(root, "text", {"class": "tick middle", "x": x, "y": y + 16}, text=text)


def _add_dot(root: ET.Element, frame: Frame, spot: float, place: Place, *, is_best: bool) -> None:
    assert place.score is not None
    x, y = frame.x(spot), _within(frame, place.score)
    style = "best" if is_best else place.state.replace(" ", "-")
    low, high = (_within(frame, score) for score in _reach(place))
    if low != high:
        add(root, "line", {"class": "spread", "x1": x, "x2": x, "y1": low, "y2": high})
    dot = add(root, "circle", {"class": f"dot {style}", "cx": x, "cy": y, "r": 4 if is_best else 3})
    numbers = ", ".join(str(one.trial.number) for one in place.trials)
    add_tooltip(dot, f"trial {numbers}: {values_words(place.values)}: {short_number(place.score)}")


def _reach(place: Place) -> tuple[float, float]:
    """The score less and more the standard deviation over the seeds."""
    assert place.score is not None
    spread = place.spread or 0.0
    return place.score - spread, place.score + spread


def _add_mean(root: ET.Element, frame: Frame, spot: float, places: Sequence[Place]) -> None:
    scores = [p.score for p in places if p.state == "done" and p.score is not None]
    if len(scores) < 2:
        return
    mean = statistics.fmean(scores)
    x, y = frame.x(spot), _within(frame, mean)
    bar = add(root, "line", {"class": "mean", "x1": x - 11, "x2": x + 11, "y1": y, "y2": y})
    add_tooltip(bar, f"mean of {len(scores)}: {short_number(mean)}")


def _ticks(scores: Sequence[float], settings: Settings) -> list[float]:
    low, high = min(scores), max(scores)
    if not settings.higher_is_better and (middle := statistics.median(scores)) > 0:
        high = min(high, _OUTLIER * middle)
    return round_ticks(low, high if high > low else low + max(abs(low), 1e-3) / 10)


def _within(frame: Frame, score: float) -> float:
    low, high = frame.y_range
    return frame.y(min(max(score, low), high))


def _title(settings: Settings) -> str:
    name = settings.monitor_name
    return name[0].upper() + name[1:]
