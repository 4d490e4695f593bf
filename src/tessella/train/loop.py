"""The training of a recipe, start to end, in plain sight."""

import logging
import math
import shlex
import signal
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from tessella import build
from tessella.atomic import write_json, write_text
from tessella.backends.torch import describe
from tessella.data.leaks import Leaks
from tessella.models.freeze import unfreeze
from tessella.optim import trainable_count
from tessella.progress import Track, silently
from tessella.recipe import Recipe
from tessella.run import Run, create_run, open_run, write_beginnings
from tessella.stop import Stop, StoppedError, listening
from tessella.train.bad_batch import BadLossError, save_batches
from tessella.train.board import Board
from tessella.train.epoch import Pass, train_epoch, validate
from tessella.train.history import EpochRow, monitored
from tessella.train.independence import check_leaks
from tessella.train.keep import keep_epoch, keep_state, take_up
from tessella.train.part import Part, Pauses
from tessella.train.run_log import kept_log
from tessella.train.setup import Setup, open_splits, set_up

logger = logging.getLogger(__name__)

Watch = Callable[[EpochRow], None]
"""Is told each epoch's figures."""


def _nothing(row: EpochRow) -> None:
    """Nobody watches."""


def train(
    recipe: Recipe, *, out: Path, track: Track = silently, after_epoch: Watch = _nothing
) -> Run:
    """Train `recipe` from its first epoch into the new run folder `out`.

    The run keeps the full state after the last epoch and after the best one (by validation mean
    IoU), and the best weights as a model folder. SIGINT, SIGTERM and SIGUSR1 have it keep the state
    within the epoch too, and leave.

    Args:
        recipe: every choice.
        out: the folder to make.
        track: shows progress.
        after_epoch: called with each epoch's figures when they are kept; what it raises ends the
            training.

    Raises:
        StoppedError: a signal came; `resume` goes on.
        UsageError: an unknown name in the recipe, or `out` is not empty.
        ValueError: data that cannot be used, or a loss that became NaN.
        OSError: the run folder cannot be written.
    """
    build.check_recipe(recipe)
    with kept_log() as log_into:
        splits = open_splits(recipe)
        leaks = check_leaks(recipe, splits.train, splits.val, track=track)
        setup = set_up(recipe, splits, track=track)
        run = create_run(out)
        _begin(setup, run, leaks)  # recipe.yaml first: whatever was killed after it can be resumed
        log_into(run)
        _run_epochs(setup, run, after_epoch)
    return run


def _begin(setup: Setup, run: Run, leaks: Leaks) -> None:
    recipe, splits = setup.recipe, setup.splits
    names = {
        recipe.data.train_split: splits.train.names,
        recipe.data.val_split: splits.val.names,
    }
    write_beginnings(run, recipe, setup.labels, names, device=describe(setup.device))
    write_json(run.leaks_file, leaks.document())
    if leaks.found:
        logger.warning("%s", leaks.message())


def resume(
    path: Path, *, more_epochs: int = 0, track: Track = silently, after_epoch: Watch = _nothing
) -> Run:
    """Go on with the run at `path` where its last state was kept, by its own recipe.

    However it ended, the weights come out as if it had not: bit for bit on a CPU. A damaged last
    state is told, and the one before is taken.

    Args:
        path: the run folder.
        more_epochs: make the run so many epochs longer than it was to be, finished or not. The
            learning rate goes on as though it had been planned so.
        track: shows progress.
        after_epoch: as for `train`.

    Raises:
        UsageError: there is no run.
        ValueError: every state that it has is damaged.
        StoppedError: a signal came.
    """
    run = open_run(path)
    recipe = run.recipe()
    if more_epochs:
        longer = recipe.train.model_copy(update={"epochs": recipe.train.epochs + more_epochs})
        recipe = recipe.model_copy(update={"train": longer})
    with kept_log() as log_into:
        splits = open_splits(recipe)
        setup = set_up(recipe, splits, track=track)
        log_into(run)
        if not run.leaks_file.exists():  # killed before its first step: it is written last
            _begin(setup, run, check_leaks(recipe, splits.train, splits.val, track=track))
        take_up(setup, run)
        if more_epochs:
            write_text(run.recipe_file, recipe.to_yaml())
        _run_epochs(setup, run, after_epoch)
    return run


def _run_epochs(setup: Setup, run: Run, after_epoch: Watch) -> None:
    """Train what is left of the recipe's epochs, keeping the run folder whole after each."""
    _announce(setup)
    if len(setup.state.rows) >= setup.recipe.train.epochs:
        logger.info("all %d epochs are trained; --more N adds some", setup.recipe.train.epochs)
        return
    done = setup.state.rows
    # the last epoch's pictures may not have been drawn: they are, while the weights are its own
    again = done[-1:] if setup.state.part is None else []
    with (
        listening() as stop,
        closing(Board(run, setup.recipe, setup.splits, done=len(done) - len(again))) as board,
    ):
        for row in again:
            board.add(row, setup.task)
        for epoch in range(len(setup.state.rows), setup.recipe.train.epochs):
            if _is_hopeless(setup):
                logger.info(
                    "stopped early: no better %s in %d validations",
                    setup.recipe.train.monitor,
                    setup.state.since_best,
                )
                return
            row = _run_epoch(setup, run, epoch, stop)
            is_best = _take_note(setup, row)
            keep_epoch(setup, run)
            _report(setup, row, is_best=is_best)
            board.add(row, setup.task)
            after_epoch(row)
            if stop.asked and epoch + 1 < setup.recipe.train.epochs:
                raise _stopped(setup, run, stop.asked)


def _is_hopeless(setup: Setup) -> bool:
    patience = setup.recipe.train.early_stop
    return patience is not None and setup.state.since_best >= patience


def _announce(setup: Setup) -> None:
    segmenter = setup.state.segmenter
    logger.info(
        "%s: %d training and %d validation images, %d classes; %s of %s parameters are "
        "trained, %s on %s%s",
        setup.recipe.name,
        len(setup.splits.train),
        len(setup.splits.val),
        setup.labels.num_classes,
        f"{trainable_count(segmenter.parameters()):,}",
        f"{sum(parameter.numel() for parameter in segmenter.parameters()):,}",
        setup.precision,
        setup.device,
        _resuming(setup),
    )


def _resuming(setup: Setup) -> str:
    done, part = len(setup.state.rows), setup.state.part
    if not (done or part):
        return ""
    step = f", step {part.steps} of the next" if part else ""
    return f"; resuming after epoch {done} of {setup.recipe.train.epochs}{step}"


def _stopped(setup: Setup, run: Run, number: signal.Signals) -> StoppedError:
    done, part = len(setup.state.rows), setup.state.part
    step = f" and {part.steps} steps of the next" if part else ""
    return StoppedError(
        f"stopped by {number.name} after epoch {done} of {setup.recipe.train.epochs}{step}; "
        f"nothing is lost, go on by: tessella train --resume {shlex.quote(str(run.path))}",
        number=number,
    )


def _run_epoch(setup: Setup, run: Run, epoch: int, stop: Stop) -> EpochRow:
    _unfreeze_if_due(setup, epoch)
    begun = setup.state.part
    started = time.perf_counter() - (begun.seconds if begun else 0.0)
    rate = begun.rate if begun else float(setup.task.optimizer.param_groups[0]["lr"])

    def save(part: Part) -> None:
        seconds = time.perf_counter() - started
        setup.state.part = replace(part, rate=rate, seconds=seconds)
        keep_state(setup, run)
        if stop.asked:
            raise _stopped(setup, run, stop.asked)

    pauses = Pauses(stop, minutes=setup.recipe.train.save_minutes, save=save)
    trained = _train(setup, run, epoch, pauses)
    validated = None
    if _is_due(setup, epoch):
        validated = validate(setup.task, stop.until(setup.scoring), total=len(setup.splits.val))
    if stop.asked and pauses.end is not None:
        save(pauses.end)  # what was validated of the split is of no use
    setup.state.part = None
    row = _row(epoch, rate, trained, validated, time.perf_counter() - started)
    setup.state.rows.append(row)
    return row


def _train(setup: Setup, run: Run, epoch: int, pauses: Pauses) -> Pass:
    begun, training = setup.state.part, setup.training
    first = begun.steps * setup.recipe.train.accumulate if begun else 0
    try:
        return train_epoch(
            setup.task,
            training.epoch(epoch, first=first),
            total=training.images_per_epoch - first * training.images_per_batch,
            begun=begun,
            pauses=pauses,
        )
    except BadLossError as error:
        save_batches(run.bad_batch_folder, error, setup.labels)
        raise ValueError(
            f"{error} in epoch {epoch + 1}; what the network saw is in {run.bad_batch_folder}. "
            f"Look at it, lower optimizer.lr (now {setup.recipe.optimizer.lr}), set "
            "optimizer.clip_norm=1 or use train.precision=fp32."
            + (" The state before is kept." if run.last_checkpoint.exists() else "")
        ) from error


def _unfreeze_if_due(setup: Setup, epoch: int) -> None:
    due = setup.recipe.model.unfreeze_epoch
    if due is not None and epoch + 1 >= due and (again := unfreeze(setup.state.segmenter)):
        logger.info("epoch %d: %s more parameters are trained from now on", epoch + 1, f"{again:,}")


def _is_due(setup: Setup, epoch: int) -> bool:
    choice = setup.recipe.train
    return (epoch + 1) % choice.validate_every == 0 or epoch + 1 == choice.epochs


def _take_note(setup: Setup, row: EpochRow) -> bool:
    """Whether the epoch is the best so far; counts the validations since."""
    if not _is_due(setup, row.epoch - 1):
        return False
    score = monitored(row, setup.recipe.train.monitor)
    is_best = score > setup.state.best
    if is_best:
        setup.state.best, setup.state.best_epoch = score, row.epoch
    setup.state.since_best = 0 if is_best else setup.state.since_best + 1
    if setup.recipe.schedule.name == "plateau":
        setup.state.plateau.note(score)
    return is_best


def _report(setup: Setup, row: EpochRow, *, is_best: bool) -> None:
    validation = (
        f", validation loss {row.val_loss:.3f}, mean IoU {row.val_mean_iou:.3f}"
        if _is_due(setup, row.epoch - 1)
        else ""
    )
    logger.info(
        "epoch %d/%d: loss %.3f%s%s; %.1f s, %.0f images/s",
        row.epoch,
        setup.recipe.train.epochs,
        row.train_loss,
        validation,
        " (best)" if is_best else "",
        row.seconds,
        row.images_per_second,
    )


def _row(
    epoch: int, rate: float, trained: Pass, validated: Pass | None, seconds: float
) -> EpochRow:
    return EpochRow(
        epoch=epoch + 1,
        train_loss=trained.loss,
        train_mean_iou=trained.mean_iou,
        train_pixel_accuracy=trained.pixel_accuracy,
        val_loss=validated.loss if validated else math.nan,
        val_mean_iou=validated.mean_iou if validated else math.nan,
        val_macro_f1=validated.macro_f1 if validated else math.nan,
        val_pixel_accuracy=validated.pixel_accuracy if validated else math.nan,
        learning_rate=rate,
        seconds=seconds,
        images_per_second=trained.images_per_second,
    )
