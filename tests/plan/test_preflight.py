"""A step is made to fit into the memory that there is, and measured."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tessella import build
from tessella.plan.fit import Footprint, StepSize, footprint_of, smaller_steps
from tessella.plan.look import look_at
from tessella.plan.machine import Machine
from tessella.plan.preflight import Preflight, first_that_fits, needed_bytes, preflight
from tessella.progress import silently
from tessella.recipe import Recipe
from tessella.train.setup import open_splits

MakeRecipe = Callable[..., Recipe]
# no parameters, 10 bytes a pixel in training and 2 in validation
FOOTPRINT = Footprint(0, 10.0, 2.0)


def flown(recipe: Recipe, machine: Machine, *, fixed: tuple[str, ...] = ()) -> Preflight:
    splits = open_splits(recipe)
    return preflight(
        recipe,
        splits,
        facts=look_at(splits, track=silently),
        machine=machine,
        segmenter=build.build_model(recipe, splits.train.labels),
        fixed=fixed,
    )


def room_for(recipe: Recipe, *, batch_size: int) -> Machine:
    """A machine whose memory takes a step of so many images and not one more."""
    labels = open_splits(recipe).train.labels
    footprint = footprint_of(build.build_model(recipe, labels), crop=recipe.augment.crop)
    need = footprint.training_bytes(StepSize(batch_size, 1, recipe.augment.crop))
    return Machine("cpu", "2 cores", int(need / 0.8) + 1, "fp32")


@pytest.mark.parametrize(
    ("room_bytes", "step"),
    [
        (8 * 64 * 64 * 10, (8, 1)),
        (8 * 64 * 64 * 10 - 1, (4, 2)),
        (3 * 64 * 64 * 10, (2, 4)),
    ],
)
def test_the_first_step_that_fits_is_taken(room_bytes: int, step: tuple[int, int]) -> None:
    steps = list(smaller_steps(StepSize(8, 1, (64, 64)), stride=32))
    found = first_that_fits(steps, footprint=FOOTPRINT, room_bytes=room_bytes, largest=(10, 10))
    assert found is not None
    assert found[:2] == step


def test_validation_of_a_large_image_can_need_more_than_a_step() -> None:
    step = StepSize(1, 1, (10, 10))
    assert needed_bytes(step, footprint=FOOTPRINT, largest=(100, 100)) == 100 * 100 * 2


def test_with_memory_enough_nothing_is_changed(recipe_of: MakeRecipe, cpu: Machine) -> None:
    recipe = recipe_of("train.precision=fp32")
    found = flown(recipe, cpu)
    assert found.recipe == recipe
    assert (found.reason, found.remarks) == ("", ())
    assert found.costs.step_seconds > 0


def test_with_too_little_memory_the_batch_shrinks_and_the_step_keeps_its_images(
    recipe_of: MakeRecipe,
) -> None:
    recipe = recipe_of("augment.crop=[96, 96]", "data.cache_mb=0")
    found = flown(recipe, room_for(recipe, batch_size=2))
    assert (found.recipe.train.batch_size, found.recipe.train.accumulate) == (2, 2)
    assert found.recipe.augment.crop == (96, 96)
    assert found.reason.startswith("batch 4 with crop 96x96 does not fit into")
    assert found.steps_per_epoch == 2  # as before: eight images by four


def test_a_batch_that_the_user_set_stays_and_the_crop_shrinks(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("augment.crop=[96, 96]", "data.cache_mb=0")
    found = flown(recipe, room_for(recipe, batch_size=2), fixed=("train.batch_size",))
    assert found.recipe.train.batch_size == 4
    assert found.recipe.augment.crop < (96, 96)


def test_if_nothing_fits_it_says_how_much_is_needed(recipe_of: MakeRecipe, cpu: Machine) -> None:
    tiny = replace(cpu, free_bytes=1000)
    with pytest.raises(ValueError, match=r"memory: the smallest step \(batch 1, crop") as caught:
        flown(recipe_of(), tiny)
    assert "choose a smaller model, augment.crop, train.batch_size" in str(caught.value)


def test_unknown_memory_is_said_and_not_guessed(recipe_of: MakeRecipe, cpu: Machine) -> None:
    found = flown(recipe_of(), replace(cpu, free_bytes=None))
    assert found.remarks == (
        "This system does not tell how much memory is free; none was checked.",
    )
