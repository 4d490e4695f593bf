"""Sweeps, from the first trial to the last."""

import contextlib
import gc
import logging
import shlex
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from tessella.errors import UsageError
from tessella.lock import locked
from tessella.progress import Track, silently
from tessella.rank import this_rank
from tessella.stop import StoppedError
from tessella.sweep.folder import SweepFolder, create_sweep, open_sweep, refuse_taken
from tessella.sweep.overhear import Heard, overhearing
from tessella.sweep.ranking import Place, best_place, ranked, still_to_begin
from tessella.sweep.rehearsal import rehearse
from tessella.sweep.results import write_results
from tessella.sweep.settings import (
    Settings,
    read_settings,
    variants_of,
    with_trials,
    write_settings,
)
from tessella.sweep.table import score_words, values_words
from tessella.sweep.taking import take
from tessella.sweep.training import train_trial
from tessella.sweep.trials import Trial, Tried, look_at, read_trial, read_trials, write_trial

logger = logging.getLogger(__name__)

_RESULTS_SECONDS = 60.0
_SUSPICIOUS_DEATHS = 2


@dataclass(frozen=True)
class Outcome:
    """What a sweep has found so far."""

    folder: SweepFolder
    settings: Settings
    places: tuple[Place, ...]
    """Every combination that was begun, the best first."""

    @property
    def best(self) -> Place | None:
        """The best combination that went to its end."""
        return best_place(self.places)

    @property
    def trials(self) -> list[Tried]:
        """All trials, in the order of their beginning."""
        tried = [one for place in self.places for one in place.trials]
        return sorted(tried, key=lambda one: one.trial.number)


def sweep(settings: Settings, *, out: Path, track: Track = silently) -> Outcome:
    """Train every trial of a sweep into the new folder `out`.

    A trial that fails, as by a loss that is no number or for lack of memory, is noted, and the
    sweep goes on.

    Args:
        settings: from `settings_for`.
        out: the folder to make.
        track: shows progress of each pass.

    Raises:
        StoppedError: a signal came; `resume` goes on.
        UsageError: a name or option in one of the choices is unknown, or `out` is not empty.
        ValueError: data, weights or hardware that cannot be used.
        OSError: a file cannot be read or written, as on a full disk; `resume` goes on.
    """
    _refuse_ranks()
    refuse_taken(out)
    rehearse(settings.recipe, variants_of(settings.recipe, settings.space))
    folder = create_sweep(out)
    write_settings(folder.settings_file, settings)
    return _train_all(folder, settings, track)


def resume(
    path: Path,
    *,
    trials: int | None = None,
    give_up: Sequence[int] = (),
    retry: Sequence[int] = (),
    track: Track = silently,
) -> Outcome:
    """Go on with the sweep at `path`; what was in work when it ended is taken up where it was.

    In one process all comes out as if the sweep had never ended. Several may work on one sweep at
    the same time, each on trials of its own.

    Args:
        path: the folder that `sweep` made.
        trials: combinations in all, to make it longer; None leaves them as they are.
        give_up: numbers of trials in work that are noted as failed instead of gone on with.
        retry: numbers of trials that have failed and are taken up where they were.
        track: shows progress of each pass.

    Raises:
        StoppedError: a signal came.
        UsageError: there is no sweep, its settings are damaged, or a trial to give up or to retry
            is not in that state.
        ValueError: a record of a trial or a history is damaged; or the data or the device that
            all trials need is not here.
        OSError: a file cannot be read or written.
    """
    _refuse_ranks()
    folder = open_sweep(path)
    settings = read_settings(folder.settings_file)
    if trials is not None and trials != settings.combinations:
        settings = with_trials(settings, trials)
        write_settings(folder.settings_file, settings)
    folder.records.mkdir(exist_ok=True)
    for number in give_up:
        _give_up(folder, number)
    for number in retry:
        _retry(folder, number)
    if _has_work(folder, settings):  # else it may be looked at anywhere
        rehearse(settings.recipe, ())  # what this machine lacks is no trial's fault
    return _train_all(folder, settings, track)


def _has_work(folder: SweepFolder, settings: Settings) -> bool:
    tried = read_trials(folder, monitor=settings.monitor)
    is_open = any(one.trial.state == "in work" for one in tried)
    return is_open or bool(still_to_begin(tried, settings))


def _retry(folder: SweepFolder, number: int) -> None:
    is_there = folder.record_file(number).is_file()
    trial = read_trial(folder, number) if is_there else None
    if trial is None or trial.state != "failed":
        state = trial.state if trial else "not begun"
        raise UsageError(
            f"{folder.path}: trial {number} is {state}; only one that has failed can be retried."
        )
    write_trial(folder, replace(trial, state="in work", reason="", deaths=0))


def _give_up(folder: SweepFolder, number: int) -> None:
    if not folder.record_file(number).is_file():
        raise UsageError(f"{folder.path}: no trial {number} was begun, so none can be given up.")
    with locked(folder.trial_lock_file(number)) as is_mine:
        trial = read_trial(folder, number)
        if not is_mine or trial.state != "in work":
            where = "in work in another process" if trial.state == "in work" else trial.state
            raise UsageError(
                f"{folder.path}: trial {number} is {where}; only one that no process works on any "
                "more can be given up."
            )
        write_trial(folder, replace(trial, state="failed", reason="given up"))


def _refuse_ranks() -> None:
    if this_rank().count > 1:
        raise UsageError(
            "a sweep trains one trial at a time and was started in several processes; start it "
            "without torchrun or srun, and set train.devices to train each trial on several GPUs."
        )


def _train_all(folder: SweepFolder, settings: Settings, track: Track) -> Outcome:
    _announce(settings)
    outcome = _look(folder, settings)
    with overhearing() as heard:
        while True:
            with ExitStack() as held:
                trial = take(folder, settings, held)
                if trial is None:
                    return outcome
                _say_what_begins(trial, outcome)
                ended = _train_one(trial, folder, settings, track)
                outcome = _look(folder, settings)
                _say_what_ended(ended, outcome)
                _leave_if_asked(heard, ended, outcome)


def _train_one(trial: Trial, folder: SweepFolder, settings: Settings, track: Track) -> Trial:
    try:
        ended = train_trial(trial, folder, settings, track=track)
    except BaseException as error:
        with contextlib.suppress(OSError):  # it may be the reason
            write_trial(folder, replace(trial, deaths=trial.deaths - 1))  # told, not vanished
        if isinstance(error, StoppedError):
            raise _stopped(trial, folder, settings, error.number) from error
        raise
    write_trial(folder, ended)
    gc.collect()  # a network and its optimiser hold one another, and the next ones need the room
    return ended


def _look(folder: SweepFolder, settings: Settings) -> Outcome:
    """What there is now, written into the folder too."""
    with locked(folder.lock_file, seconds=_RESULTS_SECONDS):  # the newest shall be written last
        places = ranked(read_trials(folder, monitor=settings.monitor), settings)
        write_results(folder, settings, places)
    return Outcome(folder, settings, tuple(places))


def _leave_if_asked(heard: Heard, ended: Trial, outcome: Outcome) -> None:
    number = heard()
    if number is not None and still_to_begin(outcome.trials, outcome.settings):
        raise _stopped(ended, outcome.folder, outcome.settings, number)


def _stopped(trial: Trial, folder: SweepFolder, settings: Settings, number: int) -> StoppedError:
    at = f"trial {trial.number} of {settings.num_trials}"
    epochs = look_at(folder, trial, monitor=settings.monitor).epochs
    where = f"in {at}, after epoch {epochs}" if trial.state == "in work" else f"after {at}"
    return StoppedError(
        f"stopped by {signal.Signals(number).name} {where}; nothing is lost, go on by: "
        f"tessella sweep --resume {shlex.quote(str(folder.path))}",
        number=number,
    )


def _announce(settings: Settings) -> None:
    space = settings.space
    how = "one after the other" if settings.order == "grid" else "proposed by Optuna"
    seeds = f", each with the seeds {', '.join(space.seeds)}" if space.seeds else ""
    logger.info("%d combinations, %s%s", settings.combinations, how, seeds)
    for dimension in space.dimensions:
        logger.info("  %s", dimension.text())


def _say_what_begins(trial: Trial, outcome: Outcome) -> None:
    best = outcome.best
    so_far = f"; best so far {score_words(best, outcome.settings)}" if best else ""
    logger.info(
        "trial %d of %d: %s%s",
        trial.number,
        outcome.settings.num_trials,
        values_words(trial.values),
        so_far,
    )
    if trial.deaths >= _SUSPICIOUS_DEATHS:
        logger.warning(
            "trial %d was begun %d times before, and its process vanished before anything was "
            "saved; often the system ends what takes too much memory. If it does so again, "
            "--give-up %d has the sweep go on without it",
            *(trial.number, trial.deaths, trial.number),
        )


def _say_what_ended(trial: Trial, outcome: Outcome) -> None:
    one = next(one for one in outcome.trials if one.trial.number == trial.number)
    best = one.best(higher_is_better=outcome.settings.higher_is_better)
    said = {
        "done": "done",
        "pruned": f"ended after epoch {one.epochs}, worse than most were by then",
        "failed": f"failed: {trial.reason}",
    }
    score = f", {outcome.settings.monitor_name} {best[1]:.4f} at epoch {best[0]}" if best else ""
    logger.info("trial %d: %s%s", trial.number, said[trial.state], score)
