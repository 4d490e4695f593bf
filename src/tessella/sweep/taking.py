"""Which trial comes next, when several processes may ask."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from tessella.lock import locked
from tessella.sweep.folder import SweepFolder
from tessella.sweep.ranking import Place, ranked, still_to_begin
from tessella.sweep.settings import Settings
from tessella.sweep.space import SEED_KEY
from tessella.sweep.study import Told, propose
from tessella.sweep.trials import (
    Trial,
    Tried,
    folder_name,
    look_at,
    read_trial,
    read_trials,
    write_trial,
)

_PATIENCE_SECONDS = 600.0  # nobody chooses for so long


def take(folder: SweepFolder, settings: Settings, held: ExitStack) -> Trial | None:
    """The trial to train now; None when none is left.

    One that was begun and that no process works on any more comes before a new one.

    Args:
        folder: of the sweep.
        settings: of the sweep.
        held: keeps the trial for this process until it is closed.

    Raises:
        ValueError: a record or a history is damaged.
        OSError: a file cannot be read, written or locked.
    """
    with locked(folder.lock_file, seconds=_PATIENCE_SECONDS) as is_mine:
        if not is_mine:
            raise OSError(f"{folder.lock_file}: another process does not let go of it; end that.")
        tried = read_trials(folder, monitor=settings.monitor)
        for one in (one.trial for one in tried if one.trial.state == "in work"):
            if held.enter_context(locked(folder.trial_lock_file(one.number))):
                trial = read_trial(folder, one.number)
                if trial.state == "in work":  # it may have been finished since it was read
                    return _begun_again(folder, settings, trial)
        return _new(folder, settings, tried, held)


def _begun_again(folder: SweepFolder, settings: Settings, trial: Trial) -> Trial:
    run = look_at(folder, trial, monitor=settings.monitor).run
    if run.last_checkpoint.exists() or not run.recipe_file.exists():
        return trial
    trial = replace(trial, deaths=trial.deaths + 1)
    write_trial(folder, trial)
    return trial


def _new(
    folder: SweepFolder, settings: Settings, tried: Sequence[Tried], held: ExitStack
) -> Trial | None:
    to_come = still_to_begin(tried, settings)
    if not to_come:
        return None
    number = to_come[0]
    held.enter_context(locked(folder.trial_lock_file(number)))
    values = values_of(number, tried, settings)
    trial = Trial(number, values, folder_name(number, values))
    write_trial(folder, trial)
    return trial


def values_of(number: int, tried: Sequence[Tried], settings: Settings) -> dict[str, str]:
    """What a new trial is to be trained with, key.path -> YAML.

    Args:
        number: of the trial, from 1.
        tried: the trials that there are.
        settings: of the sweep.
    """
    space = settings.space
    index = settings.combination_of(number)
    trials = [one.trial for one in tried]
    sibling = next((t for t in trials if settings.combination_of(t.number) == index), None)
    if sibling is not None:
        values = {key: sibling.values[key] for key in space.keys}
    elif settings.order == "grid":
        values = space.combination(index)
    else:
        values = propose(
            space,
            [_told(place) for place in _as_begun(tried, settings)],
            index=index,
            combinations=settings.combinations,
            seed=settings.seed,
            higher_is_better=settings.higher_is_better,
        )
    seed = (number - 1) % space.repetitions
    return {**values, **({SEED_KEY: space.seeds[seed]} if space.seeds else {})}


def _as_begun(tried: Sequence[Tried], settings: Settings) -> list[Place]:
    return sorted(ranked(tried, settings), key=lambda place: place.trials[0].trial.number)


def _told(place: Place) -> Told:
    pruned = next((one for one in place.trials if one.trial.state == "pruned"), None)
    return Told(place.values, place.state, place.score, pruned.scores if pruned else {})
