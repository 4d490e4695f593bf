"""A run is a folder, complete: what is in it is enough to repeat, resume, score and ship it."""

import datetime
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tessella.atomic import leftovers, write_json, write_text
from tessella.environment import describe_environment
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.recipe import Recipe, read_recipe

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Run:
    """The places of a run folder."""

    path: Path

    @property
    def recipe_file(self) -> Path:
        """Every choice of the run, spelled out."""
        return self.path / "recipe.yaml"

    @property
    def labels_file(self) -> Path:
        """What the classes are."""
        return self.path / "labels.json"

    @property
    def environment_file(self) -> Path:
        """Command, versions, commits, hardware and data hashes."""
        return self.path / "environment.json"

    @property
    def split_file(self) -> Path:
        """Names of the samples in each split."""
        return self.path / "split.json"

    @property
    def leaks_file(self) -> Path:
        """What the splits share: copies, neighbouring frames, groups."""
        return self.path / "leaks.json"

    @property
    def history_file(self) -> Path:
        """One row an epoch."""
        return self.path / "history.csv"

    @property
    def lock_file(self) -> Path:
        """Locked by the training that writes into the run."""
        return self.path / ".lock"

    @property
    def tensorboard_folder(self) -> Path:
        """Events for TensorBoard."""
        return self.path / "tensorboard"

    @property
    def trackers_file(self) -> Path:
        """By what MLflow and others know the run again; there if it is recorded in one."""
        return self.path / "trackers.json"

    @property
    def last_checkpoint(self) -> Path:
        """Full state, to resume from: after the last epoch, or within one."""
        return self.path / "checkpoints" / "last.pt"

    @property
    def previous_checkpoint(self) -> Path:
        """The state before the last, should that be damaged."""
        return self.path / "checkpoints" / "previous.pt"

    @property
    def best_checkpoint(self) -> Path:
        """Full state after the epoch with the best validation mean IoU."""
        return self.path / "checkpoints" / "best.pt"

    @property
    def bad_batch_folder(self) -> Path:
        """Crops, masks and names of the step whose loss was no number; there if one was."""
        return self.path / "bad_batch"

    @property
    def model_folder(self) -> Path:
        """Weights of the best epoch and the card that says what they are."""
        return self.path / "model"

    @property
    def export_folder(self) -> Path:
        """Files that were made of the model to be given away."""
        return self.path / "export"

    @property
    def evaluation_folder(self) -> Path:
        """Scores, one JSON document a split."""
        return self.path / "evaluation"

    @property
    def report_file(self) -> Path:
        """The page to look at."""
        return self.path / "report" / "report.html"

    @property
    def log_file(self) -> Path:
        """What was said while it ran."""
        return self.path / "log.txt"

    def recipe(self) -> Recipe:
        """The recipe that the run followed."""
        return read_recipe(
            self.recipe_file.read_text(encoding="utf-8"), where=str(self.recipe_file)
        )

    def labels(self) -> LabelMap:
        """The classes that the run learnt.

        Raises:
            ValueError: labels.json is not a label map.
            OSError: it cannot be read.
        """
        try:
            return LabelMap.from_dict(json.loads(self.labels_file.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self.labels_file}: not a label map ({error}); restore the file that training "
                "wrote."
            ) from error

    def environment(self) -> dict[str, Any]:
        """Command, versions, commits, hardware and data hashes, as `describe_environment` has them.

        Raises:
            ValueError: environment.json is damaged.
            OSError: it cannot be read.
        """
        try:
            content = json.loads(self.environment_file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(
                f"{self.environment_file}: not JSON ({error}); restore the file that training "
                "wrote."
            ) from error
        if not isinstance(content, dict) or not isinstance(content.get("splits"), dict):
            raise ValueError(
                f"{self.environment_file}: does not say what the splits were; restore the file "
                "that training wrote."
            )
        return content


def create_run(path: Path) -> Run:
    """A new, empty run folder.

    Raises:
        UsageError: there is something at `path` already.
        OSError: the folder cannot be made.
    """
    if path.is_dir():
        for unfinished in leftovers(path):  # of a process that was killed in this very place
            unfinished.unlink()
    run = Run(path)
    if path.exists() and not (path.is_dir() and set(path.iterdir()) <= {run.lock_file}):
        raise UsageError(
            f"{path}: is not empty; choose another --out, go on with it by --resume, or delete it."
        )
    path.mkdir(parents=True, exist_ok=True)
    return run


def open_run(path: Path) -> Run:
    """The run at `path`.

    Raises:
        UsageError: there is no run.
    """
    run = Run(path)
    if not run.recipe_file.is_file():
        what = "is no run folder (it has no recipe.yaml)" if path.exists() else "does not exist"
        raise UsageError(f"{path}: {what}; expected the folder that `tessella train` wrote.")
    return run


def default_run_path(recipe_name: str) -> Path:
    """runs/NAME-DATE-TIME below the current folder, numbered where that exists already."""
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    return free_path(Path("runs") / f"{recipe_name}-{now}")


def free_path(path: Path) -> Path:
    """The path, or the first of PATH-2, PATH-3 and so on where nothing is."""
    numbered = (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
    return next(free for free in itertools.chain([path], numbered) if not free.exists())


def write_beginnings(
    run: Run,
    recipe: Recipe,
    labels: LabelMap,
    splits: Mapping[str, Sequence[str]],
    *,
    device: str,
    processes: int = 1,
    contents: Mapping[str, str] = _NOTHING,
) -> None:
    """Everything about a run that is known before its first step.

    Args:
        run: gets the files.
        recipe: every choice.
        labels: the classes.
        splits: split -> the names of its samples.
        device: what it is trained on, for a person.
        processes: that train it together.
        contents: split -> the hash of its images and masks (`tessella.data.content`).
    """
    write_text(run.recipe_file, recipe.to_yaml())
    write_json(run.labels_file, labels.to_dict())
    write_json(run.split_file, {name: list(samples) for name, samples in splits.items()})
    environment = describe_environment(recipe.train.seed, splits, contents=contents)
    write_json(run.environment_file, {**environment, "device": device, "processes": processes})


def note_lengthening(run: Run, *, after: int, before: int, to: int) -> None:
    """Keep in the environment that the run was made longer, which bends its learning rates.

    Args:
        run: has been trained so far by a shorter recipe.
        after: epochs that were done then.
        before: epochs that the recipe had.
        to: epochs that it has from then on.
    """
    environment = run.environment()
    noted = [*environment.get("lengthened", ()), {"after": after, "from": before, "to": to}]
    write_json(run.environment_file, {**environment, "lengthened": noted})


def note_resumption(run: Run, *, device: str, processes: int = 1) -> None:
    """Add to a run's card that it goes on: when, by what command, and what else is not as before.

    Args:
        run: with its environment.json.
        device: what it is trained on now, for a person.
        processes: that train it now.

    Raises:
        ValueError: environment.json is damaged.
        OSError: it cannot be read or written.
    """
    begun = run.environment()
    now = describe_environment(begun.get("seed", 0), {})
    now |= {"device": device, "processes": processes, "splits": begun["splits"]}
    told = {
        key: value
        for key, value in now.items()
        if key in ("date", "command") or value != begun.get(key)
    }
    write_json(run.environment_file, {**begun, "resumed": [*begun.get("resumed", []), told]})


def changed_splits(run: Run, contents: Mapping[str, str]) -> list[str]:
    """The splits whose images or masks are not those that the run began with.

    Args:
        run: says what they were; a split that it says nothing about is passed over.
        contents: split -> the hash of its images and masks now (`tessella.data.content`).

    Raises:
        ValueError: environment.json is damaged.
        OSError: it cannot be read.
    """
    before = run.environment()["splits"]
    noted = {name: before.get(name, {}).get("content_sha256") for name in contents}
    return [name for name, now in contents.items() if noted[name] not in (None, now)]
