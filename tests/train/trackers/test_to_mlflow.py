"""A run in MLflow, read back by MLflow's own client from a real database."""

import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Run as Recorded
from mlflow.tracking import MlflowClient

from tessella.recipe import Recipe
from tessella.run import Run
from tessella.stop import StoppedError
from tessella.train.history import EpochRow
from tessella.train.hyper_parameters import hyper_parameters
from tessella.train.trackers.card import identity
from tessella.train.trackers.patient import open_trackers

MakeRecipe = Callable[..., Recipe]


def recorded_runs(database: Path) -> tuple[MlflowClient, list[Recorded]]:
    client = MlflowClient(tracking_uri=f"sqlite:///{database}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return client, list(client.search_runs(experiments))


def points(client: MlflowClient, recorded: Recorded, name: str) -> list[tuple[int, float]]:
    history = client.get_metric_history(recorded.info.run_id, name)
    return sorted((metric.step, metric.value) for metric in history)


def record(
    run: Run,
    recipe: Recipe,
    rows: list[EpochRow],
    *,
    done: int = 0,
    then: Exception | None = None,
) -> None:
    """As training does: some epochs were done before, the others come one by one."""
    with open_trackers(run, recipe, rows=rows[:done]) as add:
        for row in rows[done:]:
            add(row)
        if then is not None:
            raise then


def test_a_run_is_recorded_whole(
    begun: Run, tracked: MakeRecipe, rows: list[EpochRow], tmp_path: Path
) -> None:
    """Figures by epoch, choices, facts and files: one database, as making one takes long."""
    recipe = tracked("mlflow")
    record(begun, recipe, rows)
    client, (recorded,) = recorded_runs(tmp_path / "mlflow.db")

    assert points(client, recorded, "train_loss") == [
        (1, 2.0),
        (2, 1.0),
        (3, pytest.approx(2 / 3)),
        (4, 0.5),
        (5, 0.4),
    ]
    assert points(client, recorded, "val_mean_iou") == [(1, 0.0625), (3, 0.1875), (5, 0.3125)]
    assert recorded.data.params == {
        key: str(value) for key, value in hyper_parameters(recipe).items()
    }
    assert recorded.data.params["optimizer.lr"] == "0.01"
    assert recorded.data.tags["data.train"] == "1111"
    assert recorded.data.tags["mlflow.note.content"] == "what for"
    assert recorded.info.run_name == "first"
    assert recorded.info.status == "FINISHED"
    assert client.get_experiment(recorded.info.experiment_id).name == "tessella"
    artifacts = {file.path for file in client.list_artifacts(recorded.info.run_id)}
    assert artifacts == {"recipe.yaml", "environment.json"}


def test_a_run_that_goes_on_is_the_same_run_there(
    begun: Run,
    tracked: MakeRecipe,
    rows: list[EpochRow],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = tracked("mlflow")
    with pytest.raises(StoppedError):
        record(begun, recipe, rows[:2], then=StoppedError("saved", number=15))
    client, (stopped,) = recorded_runs(tmp_path / "mlflow.db")
    assert stopped.info.status == "KILLED"

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")  # it goes on where it began
    longer = tracked("mlflow").model_copy(
        update={"train": recipe.train.model_copy(update={"epochs": 9})}
    )
    record(begun, longer, rows, done=3)  # the third was done, but not recorded

    client, (recorded,) = recorded_runs(tmp_path / "mlflow.db")
    assert recorded.info.run_id == stopped.info.run_id
    assert [step for step, _ in points(client, recorded, "train_loss")] == [1, 2, 3, 4, 5]
    assert recorded.info.status == "FINISHED"
    assert recorded.data.params["train.epochs"] == "2"  # MLflow keeps what it was told first
    assert not (tmp_path / "elsewhere" / "mlflow.db").exists()


def test_keys_that_mlflow_refuses_are_spelt_otherwise(
    begun: Run, recipe_of: MakeRecipe, rows: list[EpochRow], tmp_path: Path
) -> None:
    recipe = recipe_of("train.trackers=[mlflow]", "loss.class_weights={'?a//b': 2, größe: 3}")
    record(begun, recipe, rows[:1])
    _, (recorded,) = recorded_runs(tmp_path / "mlflow.db")
    assert recorded.data.params["loss.class_weights._a__b"] == "2.0"
    assert recorded.data.params["loss.class_weights.größe"] == "3.0"


def test_the_users_own_address_and_experiment_are_taken_and_not_written_down(
    begun: Run,
    tracked: MakeRecipe,
    rows: list[EpochRow],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/theirs.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "streets")
    assert mlflow.is_tracking_uri_set()
    record(begun, tracked("mlflow"), rows[:1])
    client, (recorded,) = recorded_runs(tmp_path / "theirs.db")
    assert client.get_experiment(recorded.info.experiment_id).name == "streets"
    assert identity(begun, "mlflow") == {"run_id": recorded.info.run_id}
    assert not (tmp_path / "mlflow.db").exists()


def test_a_run_that_was_deleted_there_begins_anew_with_all_epochs(
    begun: Run, tracked: MakeRecipe, rows: list[EpochRow], tmp_path: Path
) -> None:
    record(begun, tracked("mlflow"), rows[:2])
    client, (recorded,) = recorded_runs(tmp_path / "mlflow.db")
    client.delete_run(recorded.info.run_id)
    record(begun, tracked("mlflow"), rows[:3], done=2)
    client, (again,) = recorded_runs(tmp_path / "mlflow.db")
    assert again.info.run_id != recorded.info.run_id
    assert [step for step, _ in points(client, again, "train_loss")] == [1, 2, 3]


def test_a_server_that_is_gone_costs_a_line_and_no_epoch(
    begun: Run,
    tracked: MakeRecipe,
    rows: list[EpochRow],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # nobody listens there
    record(begun, tracked("mlflow"), rows)
    told = [one.getMessage() for one in caplog.records if one.name.startswith("tessella")]
    assert len(told) == 2
    assert "mlflow does not record this run: API request to http://127.0.0.1:9" in told[0]
    assert told[1] == "mlflow: has no record of epochs 1 to 5; history.csv has them."


def test_a_database_that_cannot_be_written_costs_a_line_and_no_epoch(
    begun: Run,
    tracked: MakeRecipe,
    rows: list[EpochRow],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    record(begun, tracked("mlflow"), rows[:1])
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("drop table metrics")
    caplog.clear()
    record(begun, tracked("mlflow"), rows[:2], done=1)
    told = [one.getMessage() for one in caplog.records if one.name.startswith("tessella")]
    assert any("mlflow does not record this run" in one for one in told)
    assert told[-1] == "mlflow: has no record of epochs 1 to 2; history.csv has them."
