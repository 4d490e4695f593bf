"""What training keeps in the run's folder, and how it is put right after a process was killed.

At every moment there is a whole state: `last.pt`, and `previous.pt` should that be damaged. All
else follows from it: `best.pt`, the model folder and the history are written after it, and written
again when a run is resumed that was killed in between.
"""

import logging
from collections.abc import Mapping
from dataclasses import asdict

from torch import Tensor

from tessella.atomic import leftovers, share
from tessella.model_card import card_of
from tessella.model_folder import write_model
from tessella.run import Run
from tessella.train.checkpoint import DamagedError
from tessella.train.history import read_history, write_history
from tessella.train.setup import Setup

logger = logging.getLogger(__name__)


def keep_epoch(setup: Setup, run: Run) -> None:
    """Keep the state at the end of an epoch, and the model if that was the best."""
    keep_state(setup, run)
    weights = setup.state.shipped_weights()
    if setup.ranks.is_first:
        _keep_rest(setup, run, weights)


def keep_state(setup: Setup, run: Run) -> None:
    """Keep the state, at the end of an epoch or within one."""
    setup.state.save(run.last_checkpoint, previous=run.previous_checkpoint)


def take_up(setup: Setup, run: Run) -> None:
    """Restore the newest state that is whole, and finish what was being written.

    Raises:
        ValueError: there are states and none is whole, or they belong to another recipe.
    """
    if setup.ranks.is_first:
        for folder in (run.path, run.last_checkpoint.parent, run.model_folder):
            for unfinished in leftovers(folder):
                unfinished.unlink()
    is_restored = _restore_newest(setup, run)
    setup.ranks.wait()  # all have read the same states
    weights = setup.state.shipped_weights()
    if not setup.ranks.is_first:
        return
    if not is_restored:
        _refuse_lost_states(run)
        logger.info("no state was saved yet; training starts with the first epoch")
    elif _num_rows(run) != len(setup.state.rows):  # the history is what is written last
        _keep_rest(setup, run, weights)


def _refuse_lost_states(run: Run) -> None:
    if _num_rows(run) == 0:
        return
    raise ValueError(
        f"{run.last_checkpoint.parent}: holds no state, but {run.history_file.name} has epochs; "
        "bring the states back, or train anew into another folder."
    )


def _restore_newest(setup: Setup, run: Run) -> bool:
    places = (run.last_checkpoint, run.previous_checkpoint, run.best_checkpoint)
    first_error: DamagedError | None = None
    for path in (place for place in places if place.exists()):
        try:
            setup.state.restore(path)
        except DamagedError as error:
            first_error = first_error or error
            continue
        if first_error is not None:
            logger.warning("%s Going on from %s instead.", first_error, path.name)
            setup.ranks.wait()
            if setup.ranks.is_first:
                # the damaged file shall not become the previous one
                share(path, run.last_checkpoint)
        return True
    if first_error is not None:
        raise first_error
    return False


def _num_rows(run: Run) -> int | None:
    """Rows of the history; None where it is damaged."""
    try:
        return len(read_history(run.history_file))
    except ValueError:
        return None


def _keep_rest(setup: Setup, run: Run, weights: Mapping[str, Tensor]) -> None:
    state = setup.state
    is_at_best = state.part is None and state.rows and state.best_epoch == len(state.rows)
    if is_at_best:
        share(run.last_checkpoint, run.best_checkpoint)
        row = state.rows[-1]
        card = card_of(
            setup.recipe,
            setup.labels,
            precision=setup.precision,
            validation={"mean_iou": row.val_mean_iou, "epoch": row.epoch},
            pretrained=asdict(setup.origin) if setup.origin else None,
        )
        write_model(run.model_folder, weights, card)
    write_history(run.history_file, state.rows)
