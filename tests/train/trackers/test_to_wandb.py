"""A run in Weights & Biases, offline; its files are read back record by record."""

import json
import logging
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wandb
from wandb.proto.wandb_internal_pb2 import Record

from tessella.recipe import Recipe
from tessella.run import Run
from tessella.stop import StoppedError
from tessella.train.history import EpochRow
from tessella.train.trackers.card import identity
from tessella.train.trackers.patient import open_trackers

pytestmark = pytest.mark.processes  # W&B starts one

MakeRecipe = Callable[..., Recipe]

_BLOCK = 32768
_HEADER = struct.Struct("<IHB")  # checksum, length, kind of a fragment


def records(file: Path) -> Iterator[Record]:
    """What a .wandb file holds: fragments of LevelDB's log format after seven bytes of its own.

    Source: https://github.com/google/leveldb/blob/main/doc/log_format.md
    """
    content = file.read_bytes()
    assert content.startswith(b":W&B")
    place, joined = 7, b""
    while place + _HEADER.size <= len(content):
        if _BLOCK - place % _BLOCK < _HEADER.size:  # no header fits: the block is filled with zeros
            place += _BLOCK - place % _BLOCK
            continue
        checksum, length, kind = _HEADER.unpack_from(content, place)
        fragment = content[place + _HEADER.size :][:length]
        assert zlib.crc32(bytes([kind]) + fragment) == checksum
        place += _HEADER.size + length
        joined += fragment
        if kind in (1, 4):  # whole, or the last of several
            yield Record.FromString(joined)
            joined = b""


def files_of(run: Run) -> list[Path]:
    """The run's .wandb files, oldest first."""
    return sorted(run.path.glob("wandb/offline-run-*/run-*.wandb"))


def logged(file: Path) -> list[dict[str, float]]:
    """The figures of each step."""
    return [
        {
            (item.key or ".".join(item.nested_key)): json.loads(item.value_json)
            for item in record.history.item
        }
        for record in records(file)
        if record.HasField("history")
    ]


def record(
    run: Run,
    recipe: Recipe,
    rows: list[EpochRow],
    *,
    done: int = 0,
    then: Exception | None = None,
) -> None:
    """As a process that trains does: some epochs were done before, the others come one by one."""
    try:
        with open_trackers(run, recipe, rows=rows[:done]) as add:
            for row in rows[done:]:
                add(row)
            if then is not None:
                raise then
    finally:
        wandb.teardown()  # as at the end of a process: waits until the files are written


@pytest.fixture
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")


@pytest.mark.usefixtures("_offline")
def test_a_run_is_recorded_whole(begun: Run, tracked: MakeRecipe, rows: list[EpochRow]) -> None:
    """Figures by epoch, choices, facts and files."""
    record(begun, tracked("wandb"), rows)
    (file,) = files_of(begun)

    steps = logged(file)
    assert [(step["_step"], step["epoch"]) for step in steps] == [(n, n) for n in range(1, 6)]
    assert [step["train_loss"] for step in steps] == pytest.approx([2, 1, 2 / 3, 0.5, 0.4])
    assert [step.get("val_mean_iou") for step in steps] == [0.0625, None, 0.1875, None, 0.3125]

    (head,) = [record.run for record in records(file) if record.HasField("run")]
    assert (head.run_id, head.project) == (identity(begun, "wandb")["id"], "tessella")
    assert (head.display_name, head.notes) == ("first", "what for")
    config = {item.key: json.loads(item.value_json) for item in head.config.update}
    assert config["optimizer"]["lr"] == 0.01
    assert config["facts"]["data.train"] == "1111"

    (end,) = [record.exit for record in records(file) if record.HasField("exit")]
    assert end.exit_code == 0
    kept = {path.name for path in (file.parent / "files").iterdir()}
    assert kept >= {"recipe.yaml", "environment.json"}
    assert not kept & {"model.safetensors", "diff.patch", "code"}


@pytest.mark.usefixtures("_offline")
def test_a_run_that_goes_on_is_the_same_run_there(
    begun: Run, tracked: MakeRecipe, rows: list[EpochRow]
) -> None:
    recipe = tracked("wandb")
    with pytest.raises(StoppedError):
        record(begun, recipe, rows[:2], then=StoppedError("saved", number=15))
    record(begun, recipe, rows, done=3)  # the third was done, but not recorded

    first, second = files_of(begun)
    assert first.name == second.name == f"run-{identity(begun, 'wandb')['id']}.wandb"
    assert [step["_step"] for step in logged(first)] == [1, 2]
    assert [step["_step"] for step in logged(second)] == [3, 4, 5]
    exits = [one.exit.exit_code for one in records(first) if one.HasField("exit")]
    assert exits == [255]  # what W&B takes for interrupted


def test_without_a_key_it_is_recorded_in_files_and_said(
    begun: Run, tracked: MakeRecipe, rows: list[EpochRow], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    record(begun, tracked("wandb"), rows[:1])
    assert len(files_of(begun)) == 1
    assert (
        f"W&B: no API key is set up, so the run is recorded in files; wandb sync {begun.path}"
        in (caplog.text)
    )


def test_the_server_without_a_key_costs_a_line_and_no_epoch(
    begun: Run,
    tracked: MakeRecipe,
    rows: list[EpochRow],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    record(begun, tracked("wandb"), rows)
    told = [one.getMessage() for one in caplog.records if one.name.startswith("tessella")]
    assert told == [
        "wandb does not record this run: WANDB_MODE is online, but no API key is set up; run "
        "`wandb login`. Training goes on; it is tried again now and then.",
        "wandb: has no record of epochs 1 to 5; history.csv has them.",
    ]


def test_where_it_is_switched_off_nothing_is_written(
    begun: Run, tracked: MakeRecipe, rows: list[EpochRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "disabled")
    record(begun, tracked("wandb"), rows)
    assert not (begun.path / "wandb").exists()


@pytest.mark.usefixtures("_offline")
def test_project_and_name_are_the_users_where_set(
    begun: Run, tracked: MakeRecipe, rows: list[EpochRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_PROJECT", "streets")
    monkeypatch.setenv("WANDB_NAME", "monday")
    record(begun, tracked("wandb"), rows[:1])
    (file,) = files_of(begun)
    (head,) = [one.run for one in records(file) if one.HasField("run")]
    assert (head.project, head.display_name) == ("streets", "monday")
