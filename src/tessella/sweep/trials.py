"""What a sweep remembers of each trial: its record, and what its run has shown."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal, get_args

from tessella.atomic import write_json
from tessella.run import Run
from tessella.sweep.folder import SweepFolder
from tessella.train.history import read_history

State = Literal["in work", "done", "pruned", "failed"]

_LONGEST_NAME = 60  # characters of a trial's folder after its number


@dataclass(frozen=True)
class Trial:
    """One training of a sweep."""

    number: int
    """From 1, in the order of their beginning."""

    values: Mapping[str, str]
    """key.path -> YAML, of all that varies."""

    folder: str
    """Name of its run folder."""

    state: State = "in work"
    reason: str = ""
    """Why it failed."""

    last_epoch: int | None = None
    """Where it was pruned: what its run has of later epochs does not count."""

    deaths: int = 0
    """Processes that vanished after it had begun and before it had saved anything."""


@dataclass(frozen=True)
class Tried:
    """A trial and what its run has shown so far."""

    trial: Trial
    run: Run
    scores: Mapping[int, float] = field(default_factory=dict)
    """Epoch, from 1 -> the monitored figure; validated epochs only."""

    epochs: int = 0
    """Trained so far."""

    seconds: float = 0.0
    """Training and validation of these epochs."""

    def best(self, *, higher_is_better: bool) -> tuple[int, float] | None:
        """(epoch, figure) of the best epoch, the first of equals; None before any is validated."""
        if not self.scores:
            return None
        sign = 1 if higher_is_better else -1
        return max(self.scores.items(), key=lambda item: (sign * item[1], -item[0]))


def write_trial(sweep: SweepFolder, trial: Trial) -> None:
    """Write what is known of a trial, whole or not at all."""
    write_json(sweep.record_file(trial.number), asdict(trial))


def read_trial(sweep: SweepFolder, number: int) -> Trial:
    """What is known of a trial.

    Raises:
        ValueError: its record is damaged.
        OSError: it cannot be read.
    """
    path = sweep.record_file(number)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        trial = Trial(**content)
        if trial.number != number or trial.state not in get_args(State):
            raise ValueError("another number, or an unknown state")
        return trial
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path}: not what a sweep writes ({error}); delete it together with the trial's "
            "folder, and the trial is made anew."
        ) from error


def read_trials(sweep: SweepFolder, *, monitor: str) -> list[Tried]:
    """All trials in the order of their numbers, with what their runs have shown.

    Args:
        sweep: where they are.
        monitor: the validation figure to read, as recipes call it.

    Raises:
        ValueError: a record or a history is damaged.
    """
    numbers = sorted(int(file.stem) for file in sweep.records.glob("[0-9]*.json"))
    return [look_at(sweep, read_trial(sweep, number), monitor=monitor) for number in numbers]


def look_at(sweep: SweepFolder, trial: Trial, *, monitor: str) -> Tried:
    """The trial with what its run has shown.

    Raises:
        ValueError: the history is damaged.
    """
    run = Run(sweep.path / trial.folder)
    rows = read_history(run.history_file)[: trial.last_epoch]
    try:
        scores = {int(row["epoch"]): row[f"val_{monitor}"] for row in rows}
        seconds = math.fsum(row["seconds"] for row in rows)
    except KeyError as error:
        raise ValueError(f"{run.history_file}: has no column {error}; restore the file.") from error
    finite = {epoch: score for epoch, score in scores.items() if math.isfinite(score)}
    return Tried(trial, run, finite, len(rows), seconds)


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """key.path -> as much of its end as tells it from the others: lr, loss.name, model.name."""
    return {key: _shortest(key, [other for other in keys if other != key]) for key in keys}


def _shortest(key: str, others: Sequence[str]) -> str:
    parts = key.split(".")
    ends = (".".join(parts[-length:]) for length in range(1, len(parts)))
    return next((end for end in ends if not any(_ends(o, end) for o in others)), key)


def _ends(key: str, end: str) -> bool:
    return key == end or key.endswith(f".{end}")


def folder_name(number: int, values: Mapping[str, str]) -> str:
    """A trial's folder, with its values as far as a file name can hold them."""
    names = short_names(list(values))
    words = [f"{names[key]}{value}" for key, value in values.items()]
    plain = "-".join(re.sub(r"[^\w.+-]+", "-", word, flags=re.ASCII).strip("-") for word in words)
    return f"trial-{number:03}-{plain}"[: len("trial-000-") + _LONGEST_NAME].rstrip("-.")
