"""The search for a learning rate: rates, early end, suggestion by paper and pencil."""

import math
from collections.abc import Callable

import pytest

from tessella.errors import UsageError
from tessella.recipe import Recipe
from tessella.train.find_rate import HIGHEST, LOWEST, RateSearch, RateStep, find_rate

MakeRecipe = Callable[..., Recipe]


def search_of(losses: list[float]) -> RateSearch:
    """A search at rates 1, 2, 3, ... with these smoothed losses."""
    return RateSearch(tuple(RateStep(n, loss, loss) for n, loss in enumerate(losses, 1)))


def test_the_rate_at_the_steepest_fall_is_suggested() -> None:
    flat, fall = [5.0] * 6, [5.0, 4.8, 4.0, 2.0, 1.5, 1.4]  # steepest around 4.0: 4.8 to 2.0
    assert search_of([*flat, *fall, 3.0, 9.0]).suggestion == 9


@pytest.mark.parametrize("losses", [[], [1.0] * 30, [float(n) for n in range(1, 31)]])
def test_a_loss_that_never_falls_suggests_nothing(losses: list[float]) -> None:
    assert search_of(losses).suggestion is None


def test_a_fall_after_the_best_does_not_count() -> None:
    losses = [5.0] * 6 + [5.0, 4.0, 3.0, 2.9, 50.0, 20.0, 10.0]
    assert search_of(losses).suggestion == 8


def test_rates_rise_by_the_same_factor_until_the_loss_is_lost(recipe_of: MakeRecipe) -> None:
    search = find_rate(recipe_of(), steps=60)
    rates = [step.rate for step in search.steps]
    assert rates[0] == LOWEST
    factor = (HIGHEST / LOWEST) ** (1 / 59)
    assert all(b / a == pytest.approx(factor) for a, b in zip(rates, rates[1:], strict=False))
    assert all(math.isfinite(step.loss) for step in search.steps)
    first = search.steps[0].loss
    assert search.suggestion is not None
    assert 1e-4 < search.suggestion < 2  # the tiny network's own rate is 1e-2
    best = min(step.smoothed for step in search.steps)
    assert best < 0.9 * first


def test_the_search_needs_enough_steps(recipe_of: MakeRecipe) -> None:
    with pytest.raises(UsageError, match="find-lr: 5 steps are too few to see a slope; take 20"):
        find_rate(recipe_of(), steps=5)


def test_several_batches_in_a_step_are_one_step_of_the_search(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("train.accumulate=2", "train.batch_size=2")
    search = find_rate(recipe, steps=20)
    assert search.steps[0].loss == pytest.approx(math.log(8), rel=0.3)  # eight classes, untrained
