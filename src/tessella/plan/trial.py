"""A few real steps of training and one of validation in a throw-away set-up, timed."""

import gc
import itertools
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from tessella.backends.torch import resolve_device
from tessella.data.loader import Batch, TrainingLoader
from tessella.plan.look import Spread
from tessella.plan.memory import forget_peak, peak_bytes
from tessella.progress import silently
from tessella.recipe import Recipe
from tessella.train.bad_batch import BadLossError
from tessella.train.epoch import train_epoch, validate
from tessella.train.setup import Setup, Splits, open_splits, set_up

_MOST_STEPS = 20
_TIMED_SECONDS = 4.0
_VALIDATION_PIXELS = 4e6
_MOST_VALIDATION = 16


class Trial(NamedTuple):
    """What a few steps took."""

    step_seconds: float
    """Of the optimiser, with reading and augmenting."""

    steps_per_epoch: int
    seconds_per_validation_image: float
    save_seconds: float
    """Of the state, once."""

    peak_bytes: int | None
    """The most memory held, of a GPU or of the whole process; None where nobody tells."""


def try_out(recipe: Recipe, splits: Splits, *, is_cached: bool) -> Trial | None:
    """Measure a recipe, or None where a GPU has too little memory for it.

    Nothing that a later training computes depends on it: its draws are undone and all that it
    built is let go.

    Args:
        recipe: is not changed; class weights by a rule are left out, which changes no time.
        splits: opened by this recipe.
        is_cached: whether training will find its samples in memory after the first epoch; if not,
            they are read from files here too.

    Raises:
        UsageError: an unknown name or option.
        ValueError: data, weights or hardware that cannot be used, or a loss that is no number.
    """
    if isinstance(recipe.loss.class_weights, str):
        loss = recipe.loss.model_copy(update={"class_weights": None})
        recipe = recipe.model_copy(update={"loss": loss})
    if not is_cached:
        data = recipe.data.model_copy(update={"cache_mb": 0})
        splits = open_splits(recipe.model_copy(update={"data": data}))
    shown = Splits(splits.train, Spread(splits.val, _num_validation(splits)))
    try:
        with _leaving_no_trace(resolve_device(recipe.train.device)):
            return _measure(set_up(recipe, shown, track=silently))
    except BadLossError as error:
        raise ValueError(
            f"{error} in the first steps that were tried out; lower optimizer.lr (now "
            f"{recipe.optimizer.lr}), set optimizer.clip_norm=1 or use train.precision=fp32."
        ) from error
    except torch.cuda.OutOfMemoryError:
        return None
    finally:
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _num_validation(splits: Splits) -> int:
    height, width = splits.val[0].image.shape[:2]
    return max(1, min(_MOST_VALIDATION, int(_VALIDATION_PIXELS / (height * width))))


@contextmanager
def _leaving_no_trace(device: torch.device) -> Iterator[None]:
    """Every generator of random numbers goes on afterwards as if nothing had been drawn."""
    python, numpy = random.getstate(), np.random.get_state()
    is_cuda = device.type == "cuda"
    with torch.random.fork_rng([torch.cuda.current_device()] if is_cuda else []):
        yield
    random.setstate(python)
    np.random.set_state(numpy)


def _measure(setup: Setup) -> Trial:
    _forget_peak(setup.device)
    step_seconds = _seconds_per_step(setup)
    validation_seconds = _seconds_of_validation(setup)
    if validation_seconds < _TIMED_SECONDS:  # the first time samples are read and kernels chosen
        validation_seconds = _seconds_of_validation(setup)
    return Trial(
        step_seconds=step_seconds,
        steps_per_epoch=-(-len(setup.training) // setup.task.accumulate),
        seconds_per_validation_image=validation_seconds / len(setup.splits.val),
        save_seconds=_seconds_of_saving(setup),
        peak_bytes=_peak(setup.device),
    )


def _seconds_per_step(setup: Setup) -> float:
    """After a step of warm-up and one that tells the pace, a few seconds' worth of steps."""
    _seconds_of_training(setup, num_steps=1)
    once = _seconds_of_training(setup, num_steps=1)
    num = min(_MOST_STEPS, round(_TIMED_SECONDS / once))
    if num < 2:
        return once
    for _ in _batches(setup, num_steps=num):
        pass  # now the samples are cached, where they are going to be
    return _seconds_of_training(setup, num_steps=num) / num


def _seconds_of_training(setup: Setup, *, num_steps: int) -> float:
    batches = _batches(setup, num_steps=num_steps)
    started = time.perf_counter()
    train_epoch(setup.task, batches, total=num_steps)  # reads its counts, so a GPU has finished
    return time.perf_counter() - started


def _batches(setup: Setup, *, num_steps: int) -> Iterator[Batch]:
    """From the first batch on, always the same ones."""
    return itertools.islice(_endless(setup.training), num_steps * setup.task.accumulate)


def _seconds_of_validation(setup: Setup) -> float:
    started = time.perf_counter()
    validate(setup.task, setup.scoring, total=len(setup.splits.val))
    return time.perf_counter() - started


def _endless(training: TrainingLoader) -> Iterator[Batch]:
    """The batches of one epoch after the other: of a few images an epoch is a single batch."""
    return itertools.chain.from_iterable(map(training.epoch, itertools.count()))


def _seconds_of_saving(setup: Setup) -> float:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        setup.state.save(Path(folder) / "last.pt")
        return time.perf_counter() - started


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        forget_peak()


def _peak(device: torch.device) -> int | None:
    return torch.cuda.max_memory_reserved(device) if device.type == "cuda" else peak_bytes()
