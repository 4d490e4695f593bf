"""Every run below a folder as one row: what it was, how far it came, what it scored."""

import csv
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tessella.errors import UsageError
from tessella.model_place import CARD
from tessella.recipe import read_recipe
from tessella.run import Run

State = Literal["finished", "ended early", "training", "unfinished"]
"""All epochs; as many as `train.early_stop` allowed; by a process of this machine, now; fewer."""

Order = Literal["score", "date", "name"]
"""The best, the newest or the first by name at the top."""


@dataclass(frozen=True)
class RunRow:
    """What is told of a run; None where it is not known (yet)."""

    path: str
    """The folder, as it can be given to other commands."""

    state: State
    epochs: int
    """Done."""

    planned_epochs: int
    recipe: str
    """What the recipe calls itself."""

    model: str
    encoder: str | None
    val_mean_iou: float | None
    """Of the model that was kept, on the validation split, 0..1."""

    best_epoch: int | None
    """After which that model was kept, from 1."""

    test_mean_iou: float | None
    """On the test split, 0..1, where that was evaluated."""

    seconds: float
    """Training and validation of all epochs."""

    date: str | None
    """When it began, UTC, as ISO 8601."""

    commit: str | None
    """Of Tessella."""

    uncommitted_changes: bool | None
    data: str | None
    """The hash of the training images and masks."""


@dataclass(frozen=True)
class Unreadable:
    """A folder that looks like a run and cannot be told."""

    path: str
    reason: str


@dataclass(frozen=True)
class Found:
    """What lies below some folders."""

    runs: tuple[RunRow, ...]
    unreadable: tuple[Unreadable, ...]

    def document(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "runs": [asdict(row) for row in self.runs],
            "unreadable": [asdict(folder) for folder in self.unreadable],
        }


def find_runs(folders: Sequence[Path], *, order: Order = "score") -> Found:
    """The runs in and below these folders, however deep, but none within another.

    Only small text files are read: a thousand runs take about a second.

    Args:
        folders: each a run itself, or above some.
        order: what comes first.

    Raises:
        UsageError: there is no such folder.
    """
    rows: list[RunRow] = []
    unreadable: list[Unreadable] = []
    locked = _locked_inodes()
    for path in dict.fromkeys(run for folder in folders for run in _run_folders(folder)):
        try:
            rows.append(_row(Run(path), locked))
        except (ValueError, OSError, TypeError, AttributeError, KeyError) as error:
            unreadable.append(Unreadable(str(path), _reason(error, path)))
    return Found(tuple(_sorted(rows, order)), tuple(unreadable))


def _run_folders(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; name the one that holds your runs.")
    for place, below, files in os.walk(folder):
        if Run(Path(place)).recipe_file.name in files:
            below.clear()
            yield Path(place)
        below[:] = sorted(name for name in below if not name.startswith("."))


def _sorted(rows: Iterable[RunRow], order: Order) -> list[RunRow]:
    named = sorted(rows, key=lambda row: row.path)
    if order == "date":
        return sorted(named, key=lambda row: row.date or "", reverse=True)
    if order == "score":
        return sorted(named, key=lambda row: math.inf if (s := row.val_mean_iou) is None else -s)
    return named


def _reason(error: Exception, path: Path) -> str:
    """In one line, without the folder, which stands beside it."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = (text or type(error).__name__).splitlines()
    return lines[0].removeprefix(f"{path}{os.sep}")


def _row(run: Run, locked: set[int]) -> RunRow:
    choice = _choice(run)
    epochs, seconds, validations = _history(run)
    kept = _json(run.model_folder / CARD).get("validation", {})
    test = _json(run.evaluation_folder / f"{choice['data.test_split']}.json")
    environment = _json(run.environment_file)
    train_split = environment.get("splits", {}).get(choice["data.train_split"], {})
    since_best = sum(epoch > kept.get("epoch", 0) for epoch in validations)
    planned, patience = int(choice["train.epochs"]), choice.get("train.early_stop")
    state: State = "unfinished"
    if epochs >= planned:
        state = "finished"
    elif patience and since_best >= int(patience):
        state = "ended early"
    elif run.lock_file.exists() and run.lock_file.stat().st_ino in locked:
        state = "training"
    return RunRow(
        path=str(run.path),
        state=state,
        epochs=epochs,
        planned_epochs=planned,
        recipe=choice["name"],
        model=choice["model.name"],
        encoder=choice["model.encoder"],
        val_mean_iou=kept.get("mean_iou"),
        best_epoch=kept.get("epoch"),
        test_mean_iou=test.get("scores", {}).get("mean_iou"),
        seconds=seconds,
        date=environment.get("date"),
        commit=environment.get("commit"),
        uncommitted_changes=environment.get("uncommitted_changes"),
        data=train_split.get("content_sha256"),
    )


_WANTED = (
    *("name", "data.train_split", "data.test_split", "model.name", "model.encoder"),
    *("train.epochs", "train.early_stop"),
)
_PLAIN_LINE = re.compile(r"(  )?([a-z_]+):(?: ([\w./+-][^'\"#]*)?)?")


def _choice(run: Run) -> dict[str, Any]:
    """The recipe's choices that are shown.

    A whole recipe takes 14 ms to read and check, and a folder may hold a thousand: lines as
    training writes them are read as they are. One that lacks a choice is read in full.
    """
    text = run.recipe_file.read_text(encoding="utf-8")
    found: dict[str, Any] = {}
    section = last = ""
    for line in text.splitlines():
        match = _PLAIN_LINE.fullmatch(line.rstrip())
        if match is not None:
            indent, key, value = match.groups()
            section, last = (section, f"{section}.{key}") if indent else (key, key)
            found[last] = value
        elif line.startswith(" "):
            found.pop(last, None)  # its value goes on here
        else:
            section = last = "?"
    if all(key in found for key in _WANTED) and found["name"] and found["train.epochs"]:
        return found
    recipe = read_recipe(text, where=str(run.recipe_file)).model_dump(mode="json")
    parts = ((key, key.rpartition(".")) for key in _WANTED)
    return {key: recipe[part][name] if part else recipe[name] for key, (part, _, name) in parts}


def _history(run: Run) -> tuple[int, float, list[int]]:
    """(epochs, their seconds, those that were validated)."""
    if not run.history_file.is_file():
        return 0, 0.0, []
    with run.history_file.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    try:
        seconds = sum(float(row["seconds"]) for row in rows)
        scores = [(int(row["epoch"]), float(row["val_loss"])) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{run.history_file}: expected a number in each column; delete or mend it."
        ) from error
    return len(rows), seconds, [epoch for epoch, loss in scores if not math.isnan(loss)]


def _json(path: Path) -> dict[str, Any]:
    """What a file holds; nothing where it was not written yet."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ValueError(f"{path}: is no JSON ({error}).") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: holds a {type(content).__name__}; expected keys and values.")
    return content


def _locked_inodes() -> set[int]:
    """What processes of this machine hold a lock on, as training does on its run; Linux tells.

    Trying the locks instead could keep out a training that begins at that moment.
    """
    try:
        lines = Path("/proc/locks").read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    pattern = re.compile(r"FLOCK\s+\S+\s+WRITE\s+\S+\s+[0-9a-f]+:[0-9a-f]+:(\d+)")
    return {int(match[1]) for line in lines if (match := pattern.search(line))}
