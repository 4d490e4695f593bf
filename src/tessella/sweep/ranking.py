"""Which combination is best: by its mean over the seeds where it was trained with several."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tessella.sweep.settings import Settings
from tessella.sweep.trials import State, Tried

_BEST_FIRST: tuple[State, ...] = ("done", "pruned", "in work", "failed")


@dataclass(frozen=True)
class Place:
    """A combination of values, and how it did."""

    values: Mapping[str, str]
    """key.path -> YAML, without the seed."""

    trials: tuple[Tried, ...]
    """One for each seed, as far as they have begun."""

    state: State
    """done: all seeds went to their end."""

    score: float | None
    """The best epoch's figure, averaged over the seeds that have one."""

    spread: float | None
    """Standard deviation over these seeds (n - 1); None below two."""

    best: Tried | None
    """The trial with the best figure."""


def ranked(tried: Sequence[Tried], settings: Settings) -> list[Place]:
    """Every combination that was begun, the best first.

    Those that are done come before those that were pruned, are in work, or failed; equals in the
    order of their beginning.
    """
    groups: dict[tuple[str, ...], list[Tried]] = {}
    for one in tried:
        groups.setdefault(_without_seed(one, settings), []).append(one)
    places = [_place(group, settings) for group in groups.values()]
    sign = -1 if settings.higher_is_better else 1

    def order(place: Place) -> tuple[int, bool, float]:
        score = place.score
        return _BEST_FIRST.index(place.state), score is None, sign * (score or 0.0)

    return sorted(places, key=order)


def _without_seed(one: Tried, settings: Settings) -> tuple[str, ...]:
    return tuple(one.trial.values[key] for key in settings.space.keys)


def _place(group: Sequence[Tried], settings: Settings) -> Place:
    scored = [(one, score) for one in group if (score := score_of(one, settings)) is not None]
    scores = [score for _, score in scored]
    sign = 1 if settings.higher_is_better else -1
    best = max(scored, key=lambda pair: sign * pair[1])[0] if scored else None
    values = group[0].trial.values
    return Place(
        {key: value for key, value in values.items() if key in settings.space.keys},
        tuple(group),
        _state(group, settings),
        statistics.fmean(scores) if scores else None,
        statistics.stdev(scores) if len(scores) > 1 else None,
        best,
    )


def _state(group: Sequence[Tried], settings: Settings) -> State:
    states = {one.trial.state for one in group}
    if "in work" in states or "pruned" in states:
        return "in work" if "in work" in states else "pruned"
    if len(group) < settings.space.repetitions:
        return "in work"
    return "failed" if "failed" in states else "done"


def still_to_begin(tried: Sequence[Tried], settings: Settings) -> list[int]:
    """Numbers of the trials that are to come: not of a combination that was pruned."""
    begun = {one.trial.number for one in tried}
    given_up = {
        settings.combination_of(one.trial.number) for one in tried if one.trial.state == "pruned"
    }
    numbers = range(1, settings.num_trials + 1)
    return [n for n in numbers if n not in begun and settings.combination_of(n) not in given_up]


def score_of(one: Tried, settings: Settings) -> float | None:
    """The figure of a trial's best epoch; None before any is validated."""
    best = one.best(higher_is_better=settings.higher_is_better)
    return best[1] if best else None


def best_place(places: Sequence[Place]) -> Place | None:
    """The first, if it went to its end."""
    return places[0] if places and places[0].state == "done" and places[0].best else None
