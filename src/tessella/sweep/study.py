"""What Optuna decides: which values to try next, and which trials to give up.

Its studies live in memory only and are made anew from the sweep's folder for each question. So the
folder is the one thing that must survive, and a sweep that was killed gets the answers of one that
was not: they follow from the trials before, the seed and the trial's number alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState

from tessella.sweep.space import Choices, Dimension, Space

_MOST_RANDOM = 10
"""Combinations drawn at random before the sampler has enough to learn from, at most."""

_ATTEMPTS = 20
"""At proposing what was not proposed before."""

FIRST_TRIALS = 4
"""Trials that must be done before any is ended early."""


class Told(NamedTuple):
    """A combination as the sampler sees it."""

    values: Mapping[str, str]
    """key.path -> YAML."""

    state: Literal["in work", "done", "pruned", "failed"]
    score: float | None = None
    """Of one that is done."""

    scores: Mapping[int, float] = {}
    """Of one that was pruned: epoch -> figure."""


def propose(
    space: Space,
    told: Sequence[Told],
    *,
    index: int,
    combinations: int,
    seed: int,
    higher_is_better: bool,
) -> dict[str, str]:
    """The values of the combination at `index`, by Optuna's TPE sampler.

    It is none of those before, unless only ranges are left to chance.

    Args:
        space: has more combinations than those in `told`.
        told: those before.
        index: from 0.
        combinations: to be tried in all.
        seed: of the sweep.
        higher_is_better: which scores are good.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {d.key: _distribution(d) for d in space.dimensions}
    known = [dict(one.values) for one in told]
    before = [_frozen(one, space, distributions) for one in told]
    values: dict[str, str] = {}
    for attempt in range(_ATTEMPTS):
        sampler = optuna.samplers.TPESampler(
            seed=_derived(seed, index, attempt),
            n_startup_trials=min(_MOST_RANDOM, max(FIRST_TRIALS, combinations // 3)),
        )
        study = optuna.create_study(
            sampler=sampler, direction=_direction(higher_is_better=higher_is_better)
        )
        study.add_trials(before)
        drawn = study.ask(distributions).params
        values = {d.key: _as_yaml(d, drawn[d.key]) for d in space.dimensions}
        if values not in known:
            return values
    if space.size is None:
        return values
    return next(c for c in map(space.combination, range(space.size)) if c not in known)


def is_hopeless(
    scores: Mapping[int, float],
    done: Sequence[Mapping[int, float]],
    *,
    warm_up: int,
    higher_is_better: bool,
) -> bool:
    """Whether a trial is to be ended: its best figure is worse than the median at the same epoch.

    Args:
        scores: epoch -> figure of the trial.
        done: the same of each trial that went to its end; with fewer than `FIRST_TRIALS` none is
            hopeless.
        warm_up: in these first epochs none is.
        higher_is_better: which figures are good.
    """
    if not scores:
        return False
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=FIRST_TRIALS, n_warmup_steps=warm_up)
    study = optuna.create_study(direction=_direction(higher_is_better=higher_is_better))
    study.add_trials(
        [
            optuna.trial.create_trial(value=0.0, intermediate_values=dict(other))
            for other in done
            if other
        ]
    )
    trial = optuna.trial.create_trial(state=TrialState.RUNNING, intermediate_values=dict(scores))
    return bool(pruner.prune(study, trial))


def _direction(*, higher_is_better: bool) -> Literal["maximize", "minimize"]:
    return "maximize" if higher_is_better else "minimize"


def _derived(seed: int, index: int, attempt: int) -> int:
    """A seed of its own for each draw, so that no draw depends on how many were made before."""
    return int(np.random.SeedSequence((seed, index, attempt)).generate_state(1)[0])


def _distribution(dimension: Dimension) -> BaseDistribution:
    if isinstance(dimension, Choices):
        return CategoricalDistribution(dimension.values)
    if dimension.is_whole:
        return IntDistribution(round(dimension.low), round(dimension.high), log=dimension.is_log)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.is_log)


def _as_yaml(dimension: Dimension, drawn: Any) -> str:
    return str(drawn) if isinstance(dimension, Choices) else dimension.value(float(drawn))


def _as_drawn(dimension: Dimension, value: str) -> str | int | float:
    if isinstance(dimension, Choices):
        return value
    return int(value) if dimension.is_whole else float(value)


def _frozen(
    told: Told, space: Space, distributions: dict[str, BaseDistribution]
) -> optuna.trial.FrozenTrial:
    states = {
        "in work": TrialState.RUNNING,
        "done": TrialState.COMPLETE,
        # without figures it counts as the worst; a trial that Optuna calls failed would be ignored,
        # and what has no room in memory or diverges be proposed again
        **dict.fromkeys(("pruned", "failed"), TrialState.PRUNED),
    }
    is_known = told.state != "done" or told.score is not None
    return optuna.trial.create_trial(
        # its run was deleted since: nothing can be learnt from it
        state=states[told.state] if is_known else TrialState.FAIL,
        value=told.score if told.state == "done" else None,
        params={d.key: _as_drawn(d, told.values[d.key]) for d in space.dimensions},
        distributions=distributions,
        intermediate_values=dict(told.scores) if told.state == "pruned" else None,
    )
