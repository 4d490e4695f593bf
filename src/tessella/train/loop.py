"""The training of a recipe, start to end, in plain sight."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from tessella import build
from tessella.atomic import write_json, write_text
from tessella.backends.torch import describe
from tessella.data.leaks import Leaks
from tessella.errors import UsageError
from tessella.models.freeze import unfreeze
from tessella.progress import Track, silently
from tessella.rank import this_rank
from tessella.recipe import Recipe
from tessella.run import (
    Run,
    note_lengthening,
    note_resumption,
    open_run,
    write_beginnings,
)
from tessella.stop import Stop, listening
from tessella.train.bad_batch import BadLossError, save_batches
from tessella.train.board import Board
from tessella.train.claim import claimed, new_run
from tessella.train.engine import deterministic, start_engine
from tessella.train.epoch import Pass, train_epoch, validate
from tessella.train.history import EpochRow, monitored
from tessella.train.independence import check_leaks
from tessella.train.keep import keep_epoch, keep_state, take_up
from tessella.train.launch import run_in_processes
from tessella.train.messages import announce, report, stopped
from tessella.train.part import Part, Pauses
from tessella.train.ranks import elsewhere, is_lost_connection
from tessella.train.run_log import kept_log
from tessella.train.setup import Setup, open_splits, set_up
from tessella.train.sharding import whole
from tessella.train.trackers import require_trackers
from tessella.train.trackers.patient import open_trackers

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
    require_trackers(recipe.train.trackers)
    _on_all_ranks(recipe, _train_anew, recipe, out, track, after_epoch=after_epoch)
    return Run(out)


def _train_anew(tell: Watch, recipe: Recipe, out: Path, track: Track) -> None:
    with kept_log() as log_into, deterministic(wanted=recipe.train.deterministic):
        engine = start_engine(recipe)
        run, is_first = Run(out), engine.ranks.is_first
        with new_run(run, is_first=is_first):
            splits = open_splits(recipe)
            leaks = None
            if is_first:
                leaks = check_leaks(recipe, splits.train, splits.val, track=track)
            setup = set_up(recipe, splits, track=track, engine=engine)
            if leaks is not None:
                # recipe.yaml first: whatever was killed after it can be resumed
                _begin(setup, run, leaks)
                log_into(run)
            _run_epochs(setup, run, tell)


def _begin(setup: Setup, run: Run, leaks: Leaks) -> None:
    recipe, splits = setup.recipe, setup.splits
    names = {
        recipe.data.train_split: splits.train.names,
        recipe.data.val_split: splits.val.names,
    }
    write_beginnings(
        run,
        recipe,
        setup.labels,
        names,
        device=describe(setup.device),
        processes=setup.ranks.count,
        contents=leaks.contents,
    )
    write_json(run.leaks_file, leaks.document())
    if leaks.found:
        logger.warning("%s", leaks.message())


def resume(
    path: Path,
    *,
    more_epochs: int = 0,
    root: Path | None = None,
    track: Track = silently,
    after_epoch: Watch = _nothing,
) -> Run:
    """Go on with the run at `path` where its last state was kept, by its own recipe.

    However it ended, the weights come out as if it had not: bit for bit on a CPU. A damaged last
    state is told, and the one before is taken.

    Args:
        path: the run folder.
        more_epochs: make the run so many epochs longer than it was to be, finished or not. The
            learning rate goes on as though it had been planned so.
        root: where the data lies now, if not where it did.
        track: shows progress.
        after_epoch: as for `train`.

    Raises:
        UsageError: there is no run.
        ValueError: every state that it has is damaged.
        StoppedError: a signal came.
    """
    run = open_run(path)
    recipe = run.recipe()
    require_trackers(recipe.train.trackers)
    if root is not None:
        data = recipe.data.model_copy(update={"root": root})
        recipe = recipe.model_copy(update={"data": data})
    if more_epochs:
        longer = recipe.train.model_copy(update={"epochs": recipe.train.epochs + more_epochs})
        recipe = recipe.model_copy(update={"train": longer})
    _on_all_ranks(recipe, _train_on, recipe, path, track, after_epoch=after_epoch)
    return run


def _train_on(tell: Watch, recipe: Recipe, path: Path, track: Track) -> None:
    run = open_run(path)
    with kept_log() as log_into, deterministic(wanted=recipe.train.deterministic):
        engine = start_engine(recipe)
        with claimed(run, is_first=engine.ranks.is_first):
            splits = open_splits(recipe)
            setup = set_up(recipe, splits, track=track, engine=engine)
            if setup.ranks.is_first:
                log_into(run)
                if not run.leaks_file.exists():  # killed before its first step: it is written last
                    _begin(setup, run, check_leaks(recipe, splits.train, splits.val, track=track))
                else:
                    processes = setup.ranks.count
                    note_resumption(run, device=describe(setup.device), processes=processes)
            take_up(setup, run)
            if setup.ranks.is_first:
                _keep_recipe(setup, run)
            _run_epochs(setup, run, tell)


def _keep_recipe(setup: Setup, run: Run) -> None:
    """Where training goes on longer, or with its data in another place."""
    before, now = run.recipe(), setup.recipe
    if now.train.epochs > before.train.epochs:
        note_lengthening(
            run,
            after=len(setup.state.rows),
            before=before.train.epochs,
            to=now.train.epochs,
        )
    if now != before:
        write_text(run.recipe_file, now.to_yaml())


def _on_all_ranks(
    recipe: Recipe, work: Callable[..., None], *arguments: object, after_epoch: Watch
) -> None:
    """Do the work here, or in as many processes as the recipe wants and nobody has started."""
    count = recipe.train.devices
    rank = this_rank()
    if rank.starter != "user" or count * recipe.train.nodes == 1:
        try:
            work(after_epoch, *arguments)
        except RuntimeError as error:
            if rank.count == 1 or not is_lost_connection(error):
                raise
            raise elsewhere(rank, error) from error
    elif recipe.train.nodes > 1:
        raise UsageError(
            f"train.nodes={recipe.train.nodes}: start the processes on each machine by torchrun "
            "or Slurm (`tessella slurm` writes the job)."
        )
    else:
        run_in_processes(count, work, *arguments, heard=after_epoch)


def _run_epochs(setup: Setup, run: Run, tell: Watch) -> None:
    """Train what is left of the recipe's epochs, keeping the run folder whole after each."""
    announce(setup)
    if len(setup.state.rows) >= setup.recipe.train.epochs:
        logger.info("all %d epochs are trained; --more N adds some", setup.recipe.train.epochs)
        return
    is_first = setup.ranks.is_first
    with listening(speaks=is_first) as stop, ExitStack() as closing_at_end:
        with whole(setup.state.segmenter):
            board = closing_at_end.enter_context(_board(setup, run)) if is_first else None
        record = _nothing
        if is_first:
            tracking = open_trackers(run, setup.recipe, rows=setup.state.rows)
            record = closing_at_end.enter_context(tracking)
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
            if is_first:
                is_validated = _is_due(setup, row.epoch - 1)
                report(setup, row, is_validated=is_validated, is_best=is_best)
            with whole(setup.state.segmenter):
                if board is not None:
                    board.add(row, setup.task)
            if is_first:
                record(row)
                tell(row)
            asked = setup.ranks.largest(stop.asked or 0)
            if asked and epoch + 1 < setup.recipe.train.epochs:
                raise stopped(setup, run.path, asked)


@contextmanager
def _board(setup: Setup, run: Run) -> Iterator[Board]:
    done = setup.state.rows
    # the last epoch's pictures may not have been drawn: they are, while the weights are its own
    again = done[-1:] if setup.state.part is None else []
    board = Board(run, setup.recipe, setup.splits, done=len(done) - len(again))
    with closing(board):
        for row in again:
            board.add(row, setup.task)
        yield board


def _is_hopeless(setup: Setup) -> bool:
    patience = setup.recipe.train.early_stop
    return patience is not None and setup.state.since_best >= patience


def _run_epoch(setup: Setup, run: Run, epoch: int, stop: Stop) -> EpochRow:
    _unfreeze_if_due(setup, epoch)
    begun = setup.state.part
    started = time.perf_counter() - (begun.seconds if begun else 0.0)
    rate = begun.rate if begun else float(setup.task.optimizer.param_groups[0]["lr"])

    def save(part: Part) -> None:
        seconds = time.perf_counter() - started
        setup.state.part = replace(part, rate=rate, seconds=seconds)
        keep_state(setup, run)
        if asked := setup.ranks.largest(stop.asked or 0):
            raise stopped(setup, run.path, asked)

    pauses = Pauses(stop, minutes=setup.recipe.train.save_minutes, save=save)
    trained = _train(setup, run, epoch, pauses)
    validated = None
    if _is_due(setup, epoch):
        with whole(setup.state.segmenter):
            batches = stop.until(setup.scoring)
            validated = validate(setup.task, batches, total=setup.scoring.images)
    asked = setup.ranks.largest(stop.asked or 0)
    if asked and pauses.end is not None:  # what was validated of the split is of no use
        if begun is None or pauses.end.steps > begun.steps:
            save(pauses.end)
        raise stopped(setup, run.path, asked)
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
        folder = run.bad_batch_folder
        if setup.ranks.count > 1:
            folder = folder / f"process-{setup.ranks.index}"
        save_batches(folder, error, setup.labels)
        raise ValueError(
            f"{error} in epoch {epoch + 1}; what the network saw is in {folder}. "
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
        setup.state.set_rates()  # at once, as a run that is resumed here would
    return is_best


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
