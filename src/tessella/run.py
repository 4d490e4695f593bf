"""A run is a folder, complete: what is in it is enough to repeat, resume, score and ship it."""

import datetime
import hashlib
import importlib.metadata
import itertools
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tessella.atomic import leftovers, write_json, write_text
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.recipe import Recipe, read_recipe

_PACKAGES = ("tessella", "torch", "torchvision", "segmentation-models-pytorch", "timm", "numpy")
_PACKAGES += ("opencv-python-headless", "pillow", "lightning-fabric")


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
        """Command, versions, commit, hardware and data hash."""
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
    def tensorboard_folder(self) -> Path:
        """Events for TensorBoard."""
        return self.path / "tensorboard"

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


def create_run(path: Path) -> Run:
    """A new, empty run folder.

    Raises:
        UsageError: there is something at `path` already.
        OSError: the folder cannot be made.
    """
    if path.is_dir():
        for unfinished in leftovers(path):  # of a process that was killed in this very place
            unfinished.unlink()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(
            f"{path}: is not empty; choose another --out, go on with it by --resume, or delete it."
        )
    path.mkdir(parents=True, exist_ok=True)
    return Run(path)


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
    path = Path("runs") / f"{recipe_name}-{now}"
    numbered = (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
    return next(free for free in itertools.chain([path], numbered) if not free.exists())


def write_beginnings(
    run: Run,
    recipe: Recipe,
    labels: LabelMap,
    splits: Mapping[str, Sequence[str]],
    *,
    device: str,
) -> None:
    """Everything about a run that is known before its first step."""
    write_text(run.recipe_file, recipe.to_yaml())
    write_json(run.labels_file, labels.to_dict())
    write_json(run.split_file, {name: list(samples) for name, samples in splits.items()})
    environment = describe_environment(recipe.train.seed, splits)
    write_json(run.environment_file, {**environment, "device": device})


def split_hash(names: Iterable[str]) -> str:
    """A short fingerprint of which samples a split holds, in their order."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def describe_environment(seed: int, splits: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Where and with what a run was made, as plain values."""
    commit, dirty = _commit()
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "commit": commit,
        "uncommitted_changes": dirty,
        "seed": seed,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "versions": _versions(),
        "splits": {
            name: {"samples": len(samples), "sha256": split_hash(samples)}
            for name, samples in splits.items()
        },
    }


def processor_name() -> str:
    """The processor's model, as the system calls it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _commit() -> tuple[str | None, bool | None]:
    """The commit of Tessella's own source and whether it was changed; None outside of a clone."""
    here = Path(__file__).resolve().parent
    try:
        commit = _git(here, "rev-parse", "HEAD")
        # a file unknown to git (installed into somebody else's repository) says nothing about us
        _git(here, "ls-files", "--error-unmatch", __file__)
        return commit, bool(_git(here, "status", "--porcelain", "--", str(here)))
    except (OSError, subprocess.SubprocessError):
        return None, None


def _git(folder: Path, *words: str) -> str:
    result = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=10
    )
    return result.stdout.strip()
