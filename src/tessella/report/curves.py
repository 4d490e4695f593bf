"""Training curves as SVG, and what they say about over-fitting."""

import math
import statistics
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    whole_ticks,
)

_FEWEST_EPOCHS = 5  # below this a rise of the loss says nothing
_RISE = 0.05  # relative rise of the validation loss that counts: less is noise between epochs
_BETTER = 0.01  # rise of the mean IoU that counts
_GAIN = 0.01  # relative fall over the last epochs that makes it worth to train on

History = Sequence[Mapping[str, float]]
"""One mapping per epoch: epoch, train_loss, val_loss, ...; values may be NaN or missing."""


@dataclass(frozen=True)
class Line:
    """One curve of a chart."""

    label: str
    """Name in the legend."""

    style: str
    """CSS class that gives the colour: train, val or plain."""

    points: Sequence[tuple[float, float]]
    """(epoch, value) in the order of the epochs; a NaN value breaks the curve."""


def column(history: History, key: str) -> list[tuple[float, float]]:
    """(epoch, value) of one column; NaN where a row lacks the value, epochs counted from 1."""
    return [(_epoch(row, index), _number(row, key)) for index, row in enumerate(history)]


def best_epoch(history: History) -> tuple[float, float] | None:
    """The epoch with the highest validation mean IoU, and that value; None when there is none."""
    known = [point for point in column(history, "val_mean_iou") if math.isfinite(point[1])]
    return max(known, key=lambda point: point[1]) if known else None


def loss_chart(history: History) -> Markup:
    """Training and validation loss against the epoch; empty when neither is recorded."""
    lines = _train_and_val(history, "loss")
    return line_chart(lines, title="Loss per epoch", y_name="Loss")


def mean_iou_chart(history: History) -> Markup:
    """Mean IoU in training and validation, the best epoch marked; empty when not recorded."""
    lines = _train_and_val(history, "mean_iou")
    best = best_epoch(history)
    return line_chart(lines, title="Mean IoU per epoch", y_name="Mean IoU", mark=best)


def accuracy_chart(history: History) -> Markup:
    """Pixel accuracy, in training too where that is recorded; empty when neither is."""
    lines = _train_and_val(history, "pixel_accuracy")
    return line_chart(lines, title="Pixel accuracy per epoch", y_name="Pixel accuracy")


def learning_rate_chart(history: History) -> Markup:
    """Learning rate against the epoch; empty when not recorded."""
    lines = [Line("learning rate", "plain", column(history, "learning_rate"))]
    return line_chart(lines, title="Learning rate per epoch", y_name="Learning rate")


def line_chart(
    lines: Sequence[Line], *, title: str, y_name: str, mark: tuple[float, float] | None = None
) -> Markup:
    """Curves against the epoch as inline SVG; empty when no value is finite.

    Args:
        lines: the curves; those without a finite value are left out.
        title: what a screen reader announces, followed by first and last values.
        y_name: name of the vertical axis, with its unit if it has one.
        mark: (epoch, value) of a point to label as the best.
    """
    drawn = [line for line in lines if any(math.isfinite(value) for _, value in line.points)]
    if not drawn:
        return Markup()
    values = [value for line in drawn for _, value in line.points if math.isfinite(value)]
    epochs = [epoch for line in drawn for epoch, _ in line.points]
    y_ticks = round_ticks(min(0.0, *values), max(values))
    first, last = min(epochs), max(epochs)
    # one epoch sits in the middle of its axis
    x_range = (first, last) if last > first else (first - 1, last + 1)
    frame = Frame(x_range=x_range, y_range=(y_ticks[0], y_ticks[-1]))
    root = drawing(400, 240, label=f"{title}: {'; '.join(_in_words(line) for line in drawn)}.")
    x_ticks = whole_ticks(math.ceil(first), math.floor(last))
    add_axes(root, frame, x_ticks=x_ticks, y_ticks=y_ticks, names=("epoch", y_name))
    for line in drawn:
        _add_line(root, frame, line)
    if len(drawn) > 1 or drawn[0].style != "plain":  # a plain curve is what the axis is called
        _add_legend(root, drawn)
    if mark is not None:
        _add_mark(root, frame, mark)
    return markup(root)


def _add_line(root: ET.Element, frame: Frame, line: Line) -> None:
    for run in _finite_runs(line.points):
        path = " ".join(f"{frame.x(epoch):.1f},{frame.y(value):.1f}" for epoch, value in run)
        add(root, "polyline", {"class": f"curve {line.style}", "points": path})
    # dots carry the tooltips; on long trainings they shrink to keep the curve readable
    radius = 2.4 if len(line.points) <= 40 else 1.2
    for epoch, value in line.points:
        if math.isfinite(value):
            place = {"cx": frame.x(epoch), "cy": frame.y(value), "r": radius}
            dot = add(root, "circle", {"class": f"dot {line.style}", **place})
            add_tooltip(dot, f"epoch {epoch:g}, {line.label}: {short_number(value)}")


def _add_legend(root: ET.Element, lines: Sequence[Line]) -> None:
    left = 390.0
    for line in reversed(lines):
        add(root, "text", {"class": "tick end", "x": left, "y": 13}, text=line.label)
        left -= 5.6 * len(line.label) + 5
        dash = {"x1": left - 18, "x2": left, "y1": 9.5, "y2": 9.5}
        add(root, "line", {"class": f"curve {line.style}", **dash})
        left -= 32


def _add_mark(root: ET.Element, frame: Frame, mark: tuple[float, float]) -> None:
    x, y = frame.x(mark[0]), frame.y(mark[1])
    add(root, "line", {"class": "mark", "x1": x, "x2": x, "y1": y, "y2": frame.bottom})
    add(root, "circle", {"class": "ring", "cx": x, "cy": y, "r": 5})
    left_half = x < (frame.left + frame.right) / 2
    place = {"x": x + 7 if left_half else x - 7, "y": frame.bottom - 8}
    text = f"best: {mark[1]:.3f}, epoch {mark[0]:g}"
    add(root, "text", {"class": "note" if left_half else "note end", **place}, text=text)


def _finite_runs(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Neighbouring finite points; a NaN starts a new run."""
    runs: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if math.isfinite(point[1]):
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if len(run) > 1]


def _in_words(line: Line) -> str:
    known = [point for point in line.points if math.isfinite(point[1])]
    (first, start), (last, end) = known[0], known[-1]
    if first == last:
        return f"{line.label} {short_number(start)} at epoch {first:g}"
    return (
        f"{line.label} from {short_number(start)} at epoch {first:g} "
        f"to {short_number(end)} at epoch {last:g}"
    )


def _train_and_val(history: History, measure: str) -> list[Line]:
    validated = column(history, f"val_{measure}")
    return [
        Line("training", "train", column(history, f"train_{measure}")),
        # not every epoch need be validated: the curve bridges those that were not
        Line("validation", "val", [point for point in validated if math.isfinite(point[1])]),
    ]


def _number(row: Mapping[str, float], key: str) -> float:
    value = row.get(key)
    return math.nan if value is None else float(value)


def _epoch(row: Mapping[str, float], index: int) -> float:
    epoch = _number(row, "epoch")
    return epoch if math.isfinite(epoch) else index + 1


def overfitting_remark(history: History) -> str:
    """One sentence on whether to train longer, shorter or otherwise; see `caution` for the rules.

    A fall of both losses by 1 % over the last three epochs counts as still falling.
    """
    if not history:
        return "No epochs are recorded."
    if warning := caution(history):
        return warning
    rows = _judged(history)
    if not rows:
        return "No validation loss is recorded, so over-fitting cannot be judged."
    if len(rows) < _FEWEST_EPOCHS:
        return (
            f"Too few epochs to judge over-fitting: {len(rows)} with both losses, "
            f"{_FEWEST_EPOCHS} are needed."
        )
    if all(_still_falls(losses) for losses in ([r.train for r in rows], [r.val for r in rows])):
        return "Training and validation loss both still fall at the last epoch: train longer."
    lowest = min(rows, key=lambda row: row.val)
    return (
        f"Validation loss has levelled off (lowest at epoch {lowest.epoch:g}), "
        "with no sign of over-fitting."
    )


def caution(history: History) -> str:
    """What is wrong with a training, in one sentence; empty when nothing is, or not yet to be seen.

    The losses are compared by their medians over a fifth of the epochs, at least three: those
    where the validation loss was lowest, and the last ones. A rise counts from 5 %, and from what
    noise between neighbouring epochs does not explain. Drawn level losses with 3 to 20 % of normal
    noise over 8 to 100 epochs are called a rise in at most 15 % of all cases, against up to 90 %
    where the last epochs are compared with the lowest one. See `_least_rise` for the threshold.
    """
    if broken := _first_broken_epoch(history):
        return (
            f"Training loss is not a number since epoch {broken:g}: the training diverged; "
            "lower the learning rate or look for broken images."
        )
    rows = _judged(history)
    if len(rows) < _FEWEST_EPOCHS:
        return ""
    train, val = (_medians([row[i] for row in rows]) for i in (1, 2))
    low = val.index(min(val))
    rise = val[-1] - val[low]
    width = len(rows) - len(val) + 1
    least = max(_RISE * abs(val[low]), _least_rise([row.val for row in rows], width=width))
    if len(val) - 1 - low >= 2 and rise > least:
        since = rows[low + (width - 1) // 2].epoch
        then, now = (train[low], val[low]), (train[-1], val[-1])
        return f"Smoothed over {width} epochs, {_about_rise(history, since, then=then, now=now)}"
    if train[-1] >= rows[0].train:
        return (
            "Training loss does not fall: the model does not learn; "
            "check the masks and the learning rate."
        )
    return ""


class _Losses(NamedTuple):
    """An epoch that has both losses."""

    epoch: float
    train: float
    val: float


def _judged(history: History) -> list[_Losses]:
    both = zip(column(history, "train_loss"), column(history, "val_loss"), strict=True)
    rows = [_Losses(epoch, train, val) for (epoch, train), (_, val) in both]
    return [row for row in rows if math.isfinite(row.train) and math.isfinite(row.val)]


def _first_broken_epoch(history: History) -> float | None:
    """Where the training loss turned NaN for good, or None; a column that is never there is not."""
    points = column(history, "train_loss")
    finite = [index for index, (_, value) in enumerate(points) if math.isfinite(value)]
    broken = finite and finite[-1] + 1 < len(points)
    return points[finite[-1] + 1][0] if broken else None


def _medians(values: Sequence[float]) -> list[float]:
    """Medians of neighbouring values: one for each full window."""
    width = max(3, len(values) // 5)
    return [
        statistics.median(values[first : first + width]) for first in range(len(values) - width + 1)
    ]


def _least_rise(values: Sequence[float], *, width: int) -> float:
    """What noise alone rarely reaches between the lowest and the last median of `width` values.

    Noise is the mean distance of a value from the median of itself and its two neighbours: 0 on a
    slope, 0.56 standard deviations where it is normal. The lowest value counts not, as it may be
    where a fall turns into a rise. A median of n values varies by the root of n less; eight times
    as much leaves the share of false alarms that `caution` states.
    """
    triples = list(zip(values, values[1:], values[2:], strict=False))
    distances = [abs(v[1] - statistics.median(v)) for v in triples if v[1] > min(values)]
    return 8 * statistics.fmean(distances or [0.0]) / math.sqrt(width)


def _about_rise(
    history: History, since: float, *, then: tuple[float, float], now: tuple[float, float]
) -> str:
    """Words about a validation loss that rose; then and now are (training, validation) losses."""
    rose = f"validation loss rose{_by_share(then[1], now[1])} since epoch {since:g}"
    by = _by_share(then[0], now[0])
    if now[0] - then[0] > _RISE * abs(then[0]):
        return (
            f"{rose}, and training loss{by} as well: the training is unstable; "
            "lower the learning rate."
        )
    if now[0] >= then[0]:
        return f"{rose} while training loss stayed: stop earlier or lower the learning rate."
    start = f"{rose} while training loss fell{by}: over-fitting"
    scores = dict(column(history, "val_mean_iou"))
    best = best_epoch(history)
    if best and best[0] > since and best[1] - scores.get(since, math.nan) >= _BETTER:
        return (
            f"{start}, so far of the confidence only: mean IoU rose on to its best at epoch "
            f"{best[0]:g}; augment more or add data."
        )
    return f"{start}; stop earlier, augment more or add data."


def _by_share(then: float, now: float) -> str:
    """By how much, as in " by 12 %"; empty where a loss of 0 or below leaves shares no meaning."""
    return f" by {abs(now - then) / then:.0%}".replace("%", " %") if then > 0 else ""


def _still_falls(losses: Sequence[float]) -> bool:
    before = losses[-4]
    return before - min(losses[-2:]) > _GAIN * abs(before) and min(losses) == min(losses[-2:])
