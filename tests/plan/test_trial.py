"""A trial measures real steps and leaves nothing behind."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tessella.plan.trial import Trial, try_out
from tessella.recipe import Recipe
from tessella.run import Run
from tessella.train import train
from tessella.train.setup import open_splits

MakeRecipe = Callable[..., Recipe]


def tried(recipe: Recipe, *, is_cached: bool = True) -> Trial:
    trial = try_out(recipe, open_splits(recipe), is_cached=is_cached)
    assert trial is not None
    return trial


@pytest.mark.parametrize("is_cached", [True, False])
def test_a_trial_measures_a_step_a_validation_and_a_save(
    recipe_of: MakeRecipe, is_cached: bool
) -> None:
    found = tried(recipe_of(), is_cached=is_cached)
    assert 0 < found.step_seconds < 5
    assert 0 < found.seconds_per_validation_image < 5
    assert 0 < found.save_seconds < 5
    assert found.steps_per_epoch == 2  # eight images by four


def test_accumulated_batches_are_one_step(recipe_of: MakeRecipe) -> None:
    assert tried(recipe_of("train.batch_size=2", "train.accumulate=3")).steps_per_epoch == 2


def test_an_epoch_of_a_single_batch_is_enough_to_measure(recipe_of: MakeRecipe) -> None:
    assert tried(recipe_of("train.batch_size=32")).steps_per_epoch == 1


def test_a_run_after_a_trial_equals_a_run_without_bit_for_bit(
    recipe_of: MakeRecipe, tiny_run: Run, tmp_path: Path
) -> None:
    tried(recipe_of())
    again = train(recipe_of(), out=tmp_path / "run")
    first, second = (
        torch.load(run.last_checkpoint, weights_only=True)["segmenter"] for run in (tiny_run, again)
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_trial_takes_no_random_number_away(recipe_of: MakeRecipe) -> None:
    torch.manual_seed(7), np.random.seed(7), random.seed(7)
    expected = torch.rand(3), np.random.rand(3), random.random()
    torch.manual_seed(7), np.random.seed(7), random.seed(7)
    tried(recipe_of("augment.scale=[0.5, 2.0]"))
    found = torch.rand(3), np.random.rand(3), random.random()
    assert torch.equal(found[0], expected[0])
    assert np.array_equal(found[1], expected[1])
    assert found[2] == expected[2]


def test_class_weights_by_a_rule_are_not_counted_for_a_trial(recipe_of: MakeRecipe) -> None:
    assert tried(recipe_of("loss.class_weights=sqrt_inverse")).step_seconds > 0


def test_a_loss_that_is_no_number_ends_a_trial_with_advice(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("optimizer.lr=1e30", "optimizer.name=sgd")
    with pytest.raises(ValueError, match=r"in the first steps that were tried out; lower"):
        tried(recipe)
