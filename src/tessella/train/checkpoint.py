"""Full training state on disk: tensors and plain values only, nothing that can run code."""

import pickle
import textwrap
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tessella.atomic import replacing
from tessella.train.history import EpochRow


@dataclass
class TrainingState:
    """All that changes while training; saved and restored as one."""

    segmenter: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LambdaLR
    rows: list[EpochRow]
    """One for each finished epoch."""

    best: float
    """Best validation mean IoU so far; -1 before the first."""

    def save(self, *paths: Path) -> None:
        """Write the state to each path, whole or not at all."""
        content = {
            "segmenter": self.segmenter.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            # plain numbers: a NumPy one would be refused at the next load
            "rows": [[float(value) for value in row] for row in self.rows],
            "best": float(self.best),
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }
        for path in paths:
            _write(path, content)

    def restore(self, path: Path) -> None:
        """Take up the state at `path`.

        Raises:
            ValueError: the file is missing or damaged, or belongs to another model.
        """
        content = _read(path)
        try:
            self.segmenter.load_state_dict(content["segmenter"])
            self.optimizer.load_state_dict(content["optimizer"])
            self.schedule.load_state_dict(content["schedule"])
            self.rows = [_row(values) for values in content["rows"]]
            self.best = content["best"]
            torch.set_rng_state(content["rng"])
            if torch.cuda.is_available() and content["cuda_rng"]:
                torch.cuda.set_rng_state_all(content["cuda_rng"])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            reason = textwrap.shorten(str(error), 300, placeholder=" ...")
            raise ValueError(
                f"{path}: does not fit the run's recipe ({reason}); resume with the recipe.yaml "
                "that the run began with."
            ) from error


def _write(path: Path, content: dict[str, Any]) -> None:
    with replacing(path) as temporary:
        try:
            with temporary.open("wb") as stream:
                torch.save(content, stream)
        except RuntimeError as error:
            # torch's writer hides what the system said (disk full) behind an error of its own
            if isinstance(reason := error.__context__, OSError):
                raise OSError(reason.errno, reason.strerror, str(path)) from error
            raise


def _read(path: Path) -> dict[str, Any]:
    try:
        _check_whole(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise ValueError(f"{path}: there is no checkpoint to resume from; start anew.") from error
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path}: the checkpoint is damaged ({error}); resume from another, or start anew."
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            f"{path}: holds a {type(content).__name__}; expected the state that training saved."
        )
    return content


def _check_whole(path: Path) -> None:
    # torch.load does not compare checksums: a flipped bit would become a wrong weight
    with zipfile.ZipFile(path) as archive:
        if broken := archive.testzip():
            raise zipfile.BadZipFile(f"wrong checksum of {broken}")


def _row(values: Sequence[float]) -> EpochRow:
    epoch, *rest = values
    return EpochRow(int(epoch), *rest)
