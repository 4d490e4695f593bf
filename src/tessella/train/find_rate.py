"""How the loss follows a rising learning rate, and which rate to begin with."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tessella import build
from tessella.data.loader import Batch
from tessella.errors import UsageError
from tessella.models.freeze import keep_frozen_in_eval
from tessella.progress import Track, silently
from tessella.recipe import Recipe
from tessella.train.epoch import train_step
from tessella.train.setup import Setup, open_splits, set_up

LOWEST, HIGHEST = 1e-7, 10.0
"""Rates at the first and at the last step."""

LEAST_STEPS = 20

_FALLING = 4.0  # a loss so many times the best is lost for good
_MEMORY = 0.9  # share of the old in the smoothed loss
_LEFT_OUT = 5  # steps at each end in which the smoothed loss tells little


class RateStep(NamedTuple):
    """One step of the search."""

    rate: float
    """Of the decoder; the encoder's follows it by the recipe's factor."""

    loss: float
    """Of the step's images, before the step."""

    smoothed: float
    """The mean of the losses so far, recent ones counting most."""


@dataclass(frozen=True)
class RateSearch:
    """What the steps of the search gave."""

    steps: tuple[RateStep, ...]

    @property
    def suggestion(self) -> float | None:
        """The rate at which the smoothed loss fell fastest; None where it never fell.

        Source: Smith 2017, "Cyclical Learning Rates for Training Neural Networks",
        arXiv:1506.01186, section 3.3, read off as the steepest slope.
        """
        inner = self.steps[_LEFT_OUT:]
        best = min(range(len(inner)), key=lambda at: inner[at].smoothed, default=0)
        slopes = [
            (after.smoothed - before.smoothed, here.rate)
            for before, here, after in zip(inner, inner[1:], inner[2 : best + 1], strict=False)
        ]
        slope, rate = min(slopes, default=(0.0, 0.0))
        return rate if slope < 0 else None


def find_rate(recipe: Recipe, *, steps: int = 100, track: Track = silently) -> RateSearch:
    """Train a throw-away model for some steps with a rate that rises from 1e-7 to 10.

    It ends early when the loss is four times the best one or no number.

    Args:
        recipe: as for training; its schedule counts for nothing.
        steps: of the optimiser, at least `LEAST_STEPS`.
        track: shows progress.

    Raises:
        UsageError: too few steps, or an unknown name in the recipe.
        ValueError: data that cannot be used.
    """
    if steps < LEAST_STEPS:
        raise UsageError(
            f"find-lr: {steps} steps are too few to see a slope; take {LEAST_STEPS} or more."
        )
    build.check_recipe(recipe)
    setup = set_up(recipe, open_splits(recipe), track=silently)
    setup.task.segmenter.train()
    keep_frozen_in_eval(setup.task.segmenter)
    taken = track(_rising(setup, steps), about="find-lr", total=steps, size=lambda _: 1)
    return RateSearch(tuple(taken))


def _rising(setup: Setup, steps: int) -> Iterator[RateStep]:
    tally = setup.task.tally()
    groups = setup.state.optimizer.param_groups
    shares = [group["initial_lr"] / setup.recipe.optimizer.lr for group in groups]
    mean, best = 0.0, math.inf
    for number, batches in zip(range(steps), _steps_of_batches(setup), strict=False):
        rate = LOWEST * (HIGHEST / LOWEST) ** (number / (steps - 1))
        for group, share in zip(groups, shares, strict=True):
            group["lr"] = rate * share
        loss = float(train_step(setup.task, batches, tally)) / len(batches)
        mean = _MEMORY * mean + (1 - _MEMORY) * loss
        smoothed = mean / (1 - _MEMORY ** (number + 1))
        best = min(best, smoothed)
        if not smoothed <= _FALLING * best:  # NaN too
            return
        yield RateStep(rate, loss, smoothed)


def _steps_of_batches(setup: Setup) -> Iterator[list[Batch]]:
    """What one step after the other computes, epoch after epoch."""
    batches = itertools.chain.from_iterable(setup.training.epoch(n) for n in itertools.count())
    while group := list(itertools.islice(batches, setup.task.accumulate)):
        yield group
