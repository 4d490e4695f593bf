"""Where figures go besides the run folder. Adding a place is a file beside this and a line here."""

import importlib
import importlib.util
import os
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, Protocol

from tessella.recipe import Recipe
from tessella.run import Run
from tessella.train.history import EpochRow

Status = Literal["finished", "stopped", "failed"]
"""How training ended: by itself, by a signal that it can go on after, or by an error."""


class Tracker(Protocol):
    """One run in one of these places; each method raises whatever its library does."""

    @property
    def last_epoch(self) -> int:
        """The last epoch that is recorded there; 0: none."""
        ...

    def add(self, row: EpochRow) -> None:
        """Record an epoch."""
        ...

    def finish(self, *, status: Status) -> None:
        """Hand over the run's card and recipe, say how it ended, and let go."""
        ...


class TrackerEntry(NamedTuple):
    """One line of the table."""

    about: str

    library: str
    """What has to be installed for it; the extra of Tessella has the same name."""

    module: str
    """Offers `open_tracker(run, recipe)`; loaded when asked for, since it loads the library."""

    environment: Mapping[str, str]
    """Set before that where the user has not: to be quiet, to report to nobody, not to wait long
    for a server that is gone.
    """


TRACKERS: Mapping[str, TrackerEntry] = {
    "mlflow": TrackerEntry(
        "MLflow: a database beside the runs, or the server at MLFLOW_TRACKING_URI",
        "mlflow",
        "to_mlflow",
        {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_LOGGING_LEVEL": "WARNING",
            "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
        },
    ),
    "wandb": TrackerEntry(
        "Weights & Biases: its server, or files for `wandb sync`",
        "wandb",
        "to_wandb",
        {"WANDB_ERROR_REPORTING": "false"},
    ),
}


def require_trackers(names: Iterable[str]) -> None:
    """Look whether what these trackers need is installed, without loading it.

    Raises:
        ModuleNotFoundError: it is not.
    """
    for library in (TRACKERS[name].library for name in names):
        found = importlib.util.find_spec(library)
        # a folder of that name in the working folder, such as W&B makes, is no library
        if found is None or found.origin is None:
            raise ModuleNotFoundError(f"No module named {library!r}", name=library)


def open_tracker(name: str, run: Run, recipe: Recipe) -> Tracker:
    """The run in that place: the one that was begun there before, or a new one."""
    entry = TRACKERS[name]
    for key, value in entry.environment.items():
        os.environ.setdefault(key, value)
    module = importlib.import_module(f"tessella.train.trackers.{entry.module}")
    opened: Tracker = module.open_tracker(run, recipe)
    return opened
