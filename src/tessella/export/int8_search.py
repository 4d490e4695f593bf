"""Which way of quantising to ship: the first that costs little enough, or none of them."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tessella.errors import UsageError

Model = TypeVar("Model")

_ROUNDING = 1e-9  # 0.90 - 0.89 is a little more than 0.01


@dataclass(frozen=True)
class Scores:
    """How well a model does on a split."""

    mean_iou: float
    """Over the classes that the split or the model's answers have, 0..1."""

    iou_per_class: Mapping[str, float]
    """Name -> IoU, 0..1; NaN where neither the masks nor the answers have the class."""


@dataclass(frozen=True)
class Attempt(Generic[Model]):
    """A way to make an int8 model."""

    name: str
    """In words, for the table of attempts."""

    make: Callable[[], Model]


@dataclass(frozen=True)
class Tried:
    """What came of an attempt."""

    name: str

    mean_iou: float
    """As its `Scores` have it, 0..1."""

    drop_points: float
    """How far its mean IoU lies below the baseline's, in points (hundredths); negative above it.

    Over the classes that have an IoU in both: a class that the split lacks has none until a model
    answers it at a single pixel, and then 0, which would move the mean by a whole class.
    """

    worst_class: str
    """The class that lost most."""

    worst_drop_points: float
    """What that class lost, in points of IoU."""

    seconds: float
    """To make the model and to score it."""


@dataclass(frozen=True)
class Outcome(Generic[Model]):
    """What the search found."""

    chosen: Model | None
    """The last one tried, where it lost little enough; None where none did."""

    tried: tuple[Tried, ...]
    """In the order that they were tried; at least one."""

    @property
    def best(self) -> Tried:
        """The attempt that lost least; the earliest of equals."""
        return min(self.tried, key=lambda tried: tried.drop_points)


def refuse_limit(max_drop: float) -> None:
    """Refuse a drop that is none.

    Raises:
        UsageError: `max_drop` is below 0 or no number.
    """
    if not max_drop >= 0:
        raise UsageError(
            f"int8: the drop allowed in mean IoU is {max_drop}; give points from 0 up, 1.0 say."
        )


def search(
    attempts: Sequence[Attempt[Model]],
    score: Callable[[Model], Scores],
    *,
    baseline: Scores,
    max_drop: float = 1.0,
) -> Outcome[Model]:
    """Try the attempts in order, up to the first whose mean IoU drops by at most `max_drop`.

    Only one model is in memory at a time.

    Args:
        attempts: the preferred first: they are not compared beyond the first that does.
        score: of a model, on the split that `baseline` was scored on.
        baseline: of the float model.
        max_drop: in points of mean IoU, at least 0.

    Raises:
        UsageError: `max_drop` is below 0 or no number.
        ValueError: there is no attempt, the scores are of other classes, or no class has an IoU
            in both.
    """
    refuse_limit(max_drop)
    if not attempts:
        raise ValueError("int8: there is no attempt to try; give at least one.")
    tried: list[Tried] = []
    for attempt in attempts:
        model, result = _try(attempt, score, baseline)
        tried.append(result)
        if result.drop_points <= max_drop + _ROUNDING:
            return Outcome(model, tuple(tried))
        del model  # before the next one is made
    return Outcome(None, tuple(tried))


def _try(
    attempt: Attempt[Model], score: Callable[[Model], Scores], baseline: Scores
) -> tuple[Model, Tried]:
    start = time.perf_counter()
    model = attempt.make()
    scores = score(model)
    lost = _lost_per_class(baseline, scores, name=attempt.name)
    worst = max(lost, key=lambda name: lost[name])
    return model, Tried(
        name=attempt.name,
        mean_iou=scores.mean_iou,
        drop_points=math.fsum(lost.values()) / len(lost),
        worst_class=worst,
        worst_drop_points=lost[worst],
        seconds=time.perf_counter() - start,
    )


def _lost_per_class(before: Scores, after: Scores, *, name: str) -> dict[str, float]:
    """Points of IoU that each class lost, of those that have one in both."""
    old, new = before.iou_per_class, after.iou_per_class
    if set(old) != set(new):
        raise ValueError(
            f"int8, {name}: its scores are of the classes {', '.join(new)}, the float model's of "
            f"{', '.join(old)}; score both on the same data."
        )
    lost = {key: 100 * (old[key] - new[key]) for key in old}
    compared = {key: points for key, points in lost.items() if not math.isnan(points)}
    if not compared:
        raise ValueError(
            f"int8, {name}: no class has an IoU before and after; score it on images with masks."
        )
    return compared
