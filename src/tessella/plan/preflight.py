"""Before a long training: make a step fit into memory, and measure what the run will cost."""

import logging
from collections.abc import Collection, Iterator
from typing import NamedTuple

from tessella.models.segmenter import Segmenter
from tessella.plan.duration import gigabytes
from tessella.plan.fit import MARGIN, Footprint, StepSize, footprint_of, smaller_steps
from tessella.plan.length import Costs
from tessella.plan.look import DataFacts
from tessella.plan.machine import Machine
from tessella.plan.trial import Trial, try_out
from tessella.recipe import Recipe
from tessella.train.setup import Splits

logger = logging.getLogger(__name__)


class Preflight(NamedTuple):
    """A recipe that fits, and what it costs."""

    recipe: Recipe
    """As it was, or with a smaller batch or crop and more batches in a step."""

    costs: Costs
    steps_per_epoch: int
    reason: str
    """Why the step was made smaller; empty if it was not."""

    remarks: tuple[str, ...]


def preflight(
    recipe: Recipe,
    splits: Splits,
    *,
    facts: DataFacts,
    machine: Machine,
    segmenter: Segmenter,
    fixed: Collection[str],
) -> Preflight:
    """Find a step that fits into memory and measure it on real data; nothing of it stays.

    On a GPU steps are tried until one fits. Elsewhere a process that takes too much would be
    killed, so what a step needs is worked out beforehand.

    Args:
        recipe: what is to be trained.
        splits: its data.
        facts: about the data.
        machine: where.
        segmenter: the recipe's network.
        fixed: keys that are the user's, such as "train.batch_size", and stay.

    Raises:
        UsageError: an unknown name or option.
        ValueError: no step fits, or what is there cannot be trained.
    """
    first = StepSize(recipe.train.batch_size, recipe.train.accumulate, recipe.augment.crop)
    steps = smaller_steps(
        first,
        stride=segmenter.stride,
        keep_batch="train.batch_size" in fixed or "train.accumulate" in fixed,
        keep_crop="augment.crop" in fixed,
    )
    cache = min(
        recipe.data.cache_mb << 20, (facts.num_train + facts.num_val) * facts.bytes_per_sample
    )
    is_cached = facts.num_train * facts.bytes_per_sample <= recipe.data.cache_mb << 20
    remarks: tuple[str, ...] = ()
    if machine.device != "cuda":
        step, remarks = _by_estimate(
            list(steps), facts=facts, machine=machine, segmenter=segmenter, reserved=round(cache)
        )
        steps = iter([step])
    chosen, trial = _first_that_runs(recipe, splits, steps, machine=machine, is_cached=is_cached)
    now = StepSize(chosen.train.batch_size, chosen.train.accumulate, chosen.augment.crop)
    return Preflight(
        chosen,
        _costs(trial, facts),
        trial.steps_per_epoch,
        "" if now == first else _why_smaller(first, machine),
        remarks,
    )


def _by_estimate(
    steps: list[StepSize],
    *,
    facts: DataFacts,
    machine: Machine,
    segmenter: Segmenter,
    reserved: int,
) -> tuple[StepSize, tuple[str, ...]]:
    if machine.free_bytes is None:
        return steps[0], ("This system does not tell how much memory is free; none was checked.",)
    footprint = footprint_of(segmenter, crop=steps[0].crop)
    room = machine.free_bytes * (1 - MARGIN) - reserved
    largest = facts.largest_size
    step = first_that_fits(steps, footprint=footprint, room_bytes=room, largest=largest)
    if step is None:
        least = needed_bytes(steps[-1], footprint=footprint, largest=largest)
        raise ValueError(
            f"memory: the smallest step (batch {steps[-1].batch_size}, crop {steps[-1].crop}) with "
            f"validation images of {largest[0]}x{largest[1]} needs about {gigabytes(least)}, but "
            f"{gigabytes(max(0, room))} of {gigabytes(machine.free_bytes)} can be used beside "
            "cached data; choose a smaller model, augment.crop, train.batch_size or data.cache_mb, "
            "or cut the images into pieces."
        )
    return step, ()


def needed_bytes(step: StepSize, *, footprint: Footprint, largest: tuple[int, int]) -> int:
    """Memory for a step of training or a batch of validation, whichever needs more.

    Args:
        step: of training.
        footprint: of the network.
        largest: height and width of the largest image.
    """
    validating = footprint.validation_bytes(largest, batch_size=step.batch_size)
    return max(footprint.training_bytes(step), validating)


def first_that_fits(
    steps: Collection[StepSize],
    *,
    footprint: Footprint,
    room_bytes: float,
    largest: tuple[int, int],
) -> StepSize | None:
    """The first of ever smaller steps that needs no more than `room_bytes`; None if none does."""
    return next(
        (s for s in steps if needed_bytes(s, footprint=footprint, largest=largest) <= room_bytes),
        None,
    )


def _first_that_runs(
    recipe: Recipe,
    splits: Splits,
    steps: Iterator[StepSize],
    *,
    machine: Machine,
    is_cached: bool,
) -> tuple[Recipe, Trial]:
    step = None
    for step in steps:
        attempt = _with_step(recipe, step)
        logger.info("measuring a few steps with batch %d, crop %dx%d", step.batch_size, *step.crop)
        trial = try_out(attempt, splits, is_cached=is_cached)
        if trial is not None and _leaves_a_margin(trial, machine):
            return attempt, trial
    assert step is not None
    free = "" if machine.free_bytes is None else f" of {gigabytes(machine.free_bytes)}"
    raise ValueError(
        f"memory: even a step with batch {step.batch_size} and crop {step.crop[0]}x{step.crop[1]} "
        f"does not fit into the free memory{free} of {machine.about}; choose a smaller model, "
        "augment.crop or train.batch_size, or free the GPU."
    )


def _leaves_a_margin(trial: Trial, machine: Machine) -> bool:
    if machine.device != "cuda" or trial.peak_bytes is None or machine.free_bytes is None:
        return True
    return trial.peak_bytes <= machine.free_bytes * (1 - MARGIN / 2)


def _with_step(recipe: Recipe, step: StepSize) -> Recipe:
    train = {"batch_size": step.batch_size, "accumulate": step.accumulate}
    return recipe.model_copy(
        update={
            "train": recipe.train.model_copy(update=train),
            "augment": recipe.augment.model_copy(update={"crop": step.crop}),
        }
    )


def _why_smaller(first: StepSize, machine: Machine) -> str:
    free = "" if machine.free_bytes is None else f" {gigabytes(machine.free_bytes)} of"
    crop = "x".join(map(str, first.crop))
    return f"batch {first.batch_size} with crop {crop} does not fit into{free} free memory"


def _costs(trial: Trial, facts: DataFacts) -> Costs:
    return Costs(
        step_seconds=trial.step_seconds,
        validation_seconds=trial.seconds_per_validation_image * facts.num_val,
        save_seconds=trial.save_seconds,
        # every sample is read and compared once to find splits that share any
        start_seconds=facts.seconds_per_sample * (facts.num_train + facts.num_val),
        peak_bytes=trial.peak_bytes,
    )
