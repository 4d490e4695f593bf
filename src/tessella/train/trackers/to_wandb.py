"""A run in Weights & Biases: on its server, or in files beside the run for `wandb sync`."""

import logging
import os
import secrets
import shutil
from typing import Literal, cast

import wandb

from tessella.recipe import Recipe
from tessella.run import Run
from tessella.train.history import EpochRow
from tessella.train.trackers import Status
from tessella.train.trackers.card import facts, figures, files, identity, keep_identity

logger = logging.getLogger(__name__)

Mode = Literal["online", "offline", "disabled", "shared"]

_NAME = "wandb"
_PROJECT = "tessella"
_EXIT_CODES: dict[Status, int] = {"finished": 0, "failed": 1, "stopped": 255}
_INIT_SECONDS = 30.0
_FINISH_SECONDS = 300.0


class WandbTracker:
    """One run of a project."""

    def __init__(self, recorded: wandb.Run, run: Run, *, last_epoch: int) -> None:
        """Go on with a run that is open.

        Args:
            recorded: takes figures and files.
            run: gives the files, and keeps what was recorded.
            last_epoch: that was recorded before; W&B does not tell where it is offline.
        """
        self._recorded, self._run = recorded, run
        self.last_epoch = last_epoch

    def add(self, row: EpochRow) -> None:
        """All figures of an epoch; its number is the step."""
        self._recorded.log({"epoch": row.epoch, **figures(row)}, step=row.epoch)
        self.last_epoch = row.epoch
        keep_identity(self._run, _NAME, id=self._recorded.id, last_epoch=row.epoch)

    def finish(self, *, status: Status) -> None:
        """Hand over the card and the recipe."""
        for file in files(self._run):
            # in its folder first: of a file elsewhere it makes a link, and warns of it
            copied = shutil.copy(file, self._recorded.dir)
            self._recorded.save(copied, base_path=self._recorded.dir, policy="now")
        self._recorded.summary["status"] = status
        self._recorded.finish(exit_code=_EXIT_CODES[status])


def open_tracker(run: Run, recipe: Recipe) -> WandbTracker:
    """The run in W&B that was begun for this one, or a new one.

    Raises:
        wandb.Error: the server does not answer, or refuses.
    """
    before = identity(run, _NAME)
    run_id = str(before.get("id") or os.environ.get("WANDB_RUN_ID") or secrets.token_hex(4))
    last_epoch = int(before.get("last_epoch", 0))
    keep_identity(run, _NAME, id=run_id, last_epoch=last_epoch)
    recorded = wandb.init(
        id=run_id,
        resume="allow",
        project=os.environ.get("WANDB_PROJECT", _PROJECT),
        name=os.environ.get("WANDB_NAME", run.path.name),
        notes=recipe.about or None,
        config={**recipe.model_dump(mode="json", exclude={"about"}), "facts": facts(run)},
        dir=run.path,
        mode=_mode(run),
        reinit="create_new",
        settings=wandb.Settings(
            silent=True,
            console="off",
            disable_code=True,  # it would copy the script, and what differs from the commit
            disable_git=True,
            init_timeout=_INIT_SECONDS,
            finish_timeout=_FINISH_SECONDS,
        ),
    )
    recorded.define_metric("*", step_metric="epoch")
    return WandbTracker(recorded, run, last_epoch=last_epoch)


def _mode(run: Run) -> Mode | None:
    """What the user has chosen; None, which is the server, where there is a key for it.

    Raises:
        ValueError: it is to be the server, and there is no key; W&B would ask for one and wait.
    """
    chosen = os.environ.get("WANDB_MODE")
    if chosen in ("offline", "disabled") or wandb.login(prompt=False):
        return cast(Mode | None, chosen)
    if chosen:
        raise ValueError(f"WANDB_MODE is {chosen}, but no API key is set up; run `wandb login`.")
    logger.info(
        "W&B: no API key is set up, so the run is recorded in files; wandb sync %s/wandb/offline-* "
        "sends them",
        run.path,
    )
    return "offline"
