"""A run in MLflow: on the user's server, or in a database in the working folder."""

import logging
import os
import re
import time
from pathlib import Path

import mlflow
from mlflow.entities import Metric, Param, RunTag
from mlflow.entities import Run as Recorded
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from tessella.recipe import Recipe
from tessella.run import Run
from tessella.train.history import EpochRow
from tessella.train.hyper_parameters import hyper_parameters
from tessella.train.trackers import Status
from tessella.train.trackers.card import facts, figures, files, identity, keep_identity

logger = logging.getLogger(__name__)

_NAME = "mlflow"
_EXPERIMENT = "tessella"
_STATUSES: dict[Status, str] = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}
_PARAMS_AT_ONCE = 100
_REFUSED_IN_KEYS = re.compile(r"[^\w\-. :]")  # slashes too: a key is normalised as a path


class MlflowTracker:
    """One run of an experiment."""

    def __init__(self, client: MlflowClient, run_id: str, run: Run) -> None:
        """Go on with a run that is there.

        Args:
            client: knows the server.
            run_id: the run's there.
            run: gives the files.
        """
        self._client, self._id, self._run = client, run_id, run
        steps = (metric.step for metric in client.get_metric_history(run_id, "train_loss"))
        self.last_epoch = max(steps, default=0)

    def add(self, row: EpochRow) -> None:
        """All figures of an epoch; its number is the step."""
        now = int(time.time() * 1000)
        metrics = [Metric(name, value, now, row.epoch) for name, value in figures(row).items()]
        self._client.log_batch(self._id, metrics=metrics)
        self.last_epoch = row.epoch

    def finish(self, *, status: Status) -> None:
        """Hand over the card and the recipe."""
        for file in files(self._run):
            self._client.log_artifact(self._id, str(file))
        self._client.set_terminated(self._id, _STATUSES[status])


def open_tracker(run: Run, recipe: Recipe) -> MlflowTracker:
    """The run in MLflow that was begun for this one, or a new one.

    Raises:
        MlflowException: the server does not answer, or refuses.
    """
    before = identity(run, _NAME)
    database = None
    if not mlflow.is_tracking_uri_set():
        database = before.get("database") or f"sqlite:///{Path.cwd().as_posix()}/mlflow.db"
    client = MlflowClient(tracking_uri=database)
    recorded = _recorded(client, before.get("run_id"))
    if recorded is None:
        recorded = client.create_run(_experiment(client), run_name=run.path.name)
        own = {"database": database} if database else {}  # an address may hold a password
        keep_identity(run, _NAME, run_id=recorded.info.run_id, **own)
    else:
        client.update_run(recorded.info.run_id, status="RUNNING")
    _describe(client, recorded, run, recipe)
    shown = f"mlflow ui --backend-store-uri {database}" if database else "your tracking server"
    logger.info("MLflow: %s shows run %s", shown, run.path.name)
    return MlflowTracker(client, recorded.info.run_id, run)


def _recorded(client: MlflowClient, run_id: str | None) -> Recorded | None:
    if run_id is None:
        return None
    try:
        found = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":  # another server than before
            return None
        raise
    return found if found.info.lifecycle_stage == "active" else None


def _experiment(client: MlflowClient) -> str:
    if chosen := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return chosen
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", _EXPERIMENT)
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name))


def _describe(client: MlflowClient, recorded: Recorded, run: Run, recipe: Recipe) -> None:
    """Facts as tags, choices as parameters; of these MLflow never changes one that it has."""
    told = facts(run)
    source = {
        "mlflow.source.name": told.get("command"),
        "mlflow.source.git.commit": told.get("project.commit", told.get("commit")),
        "mlflow.note.content": recipe.about,
    }
    tags = {**told, **{key: value for key, value in source.items() if value}}
    choices = hyper_parameters(recipe).items()
    wanted = {_REFUSED_IN_KEYS.sub("_", key)[:250]: str(value) for key, value in choices}
    new = [Param(key, text) for key, text in wanted.items() if key not in recorded.data.params]
    client.log_batch(recorded.info.run_id, tags=[RunTag(*tag) for tag in tags.items()])
    for first in range(0, len(new), _PARAMS_AT_ONCE):
        client.log_batch(recorded.info.run_id, params=new[first : first + _PARAMS_AT_ONCE])
