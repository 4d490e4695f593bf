"""Full training state on disk: tensors and plain values only, nothing that can run code."""

import math
import pickle
import textwrap
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from tessella.atomic import replacing, share
from tessella.errors import UsageError
from tessella.models.segmenter import Segmenter
from tessella.optim import Plateau
from tessella.train.history import EpochRow
from tessella.train.part import Part
from tessella.train.ranks import Ranks
from tessella.train.sharding import read_optimizer, read_weights, write_optimizer, write_weights


class DamagedError(ValueError):
    """A checkpoint is not there, or not as it was written."""


class Scaler(Protocol):
    """What a precision keeps between steps, as Fabric's precisions do."""

    def state_dict(self) -> dict[str, Any]:
        """Plain values and tensors."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take them up."""
        ...


@dataclass
class TrainingState:
    """All that changes while training; saved and restored as one."""

    segmenter: Segmenter
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LambdaLR
    plateau: Plateau
    average: AveragedModel | None
    """The moving average of the weights, where one is kept."""

    rows: list[EpochRow] = field(default_factory=list)
    """One for each finished epoch."""

    best: float = -math.inf
    """Best validation score so far, greater is better."""

    best_epoch: int = 0
    """Which epoch had it, from 1; 0: none so far."""

    since_best: int = 0
    """Validations since then."""

    part: Part | None = None
    """What is done of the epoch after `rows`; None: nothing."""

    scaler: Scaler | None = None
    """What scales gradients in fp16; other precisions keep nothing."""

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    """Where it is trained."""

    ranks: Ranks = field(default_factory=Ranks)
    """The processes that train together, each with random numbers of its own."""

    @property
    def scored(self) -> nn.Module:
        """What is validated and kept: the average of the weights, or the weights."""
        return self.average.module if self.average is not None else self.segmenter

    def shipped_weights(self) -> dict[str, Any]:
        """Of what is scored; all processes that share them call, and the first gets them."""
        return read_weights(self.scored)

    def save(self, path: Path, *, previous: Path | None = None) -> None:
        """Write the state to `path`, whole or not at all; of several processes the first does.

        Args:
            path: the file.
            previous: gets what `path` was before; at every moment one of both is whole.
        """
        generators = [self.ranks.gather(state) for state in self._random_states()]
        weights = read_weights(self.segmenter)
        moments = read_optimizer(self.segmenter, self.optimizer)
        if not self.ranks.is_first:
            return
        content = {
            "segmenter": weights,
            "optimizer": moments,
            "schedule": self.schedule.state_dict(),
            "plateau": asdict(self.plateau),
            "average": self.average.state_dict() if self.average else None,
            # plain numbers: a NumPy one would be refused at the next load
            "rows": [[float(value) for value in row] for row in self.rows],
            "best": float(self.best),
            "best_epoch": self.best_epoch,
            "since_best": self.since_best,
            "part": asdict(self.part) if self.part else None,
            "scaler": dict(self.scaler.state_dict()) if self.scaler else {},
            "rng": [list(states) for states in zip(*generators, strict=True)],
        }
        _write(path, content, previous=previous)

    def restore(self, path: Path) -> None:
        """Take up the state at `path`.

        Raises:
            DamagedError: the file is missing or damaged.
            UsageError: other than so many processes as these trained it.
            ValueError: it belongs to another model.
        """
        content = read_state(path)
        self._check_ranks(path, content)
        try:
            write_weights(self.segmenter, content["segmenter"])
            write_optimizer(self.segmenter, self.optimizer, content["optimizer"])
            self.schedule.load_state_dict(content["schedule"])
            self.plateau.__dict__.update(asdict(Plateau(**content["plateau"])))
            if self.average is not None:
                self.average.load_state_dict(content["average"])
            self.set_rates()  # the saved ones are those of a shorter run if it got longer
            self.rows = [_row(values) for values in content["rows"]]
            self.best, self.since_best = content["best"], content["since_best"]
            self.best_epoch = content["best_epoch"]
            self.part = Part(**content["part"]) if content["part"] else None
            if self.scaler is not None and content["scaler"]:
                self.scaler.load_state_dict(content["scaler"])
            self._set_random_states(content["rng"][self.ranks.index])
        except (KeyError, RuntimeError, TypeError, AttributeError, ValueError) as error:
            reason = textwrap.shorten(str(error), 300, placeholder=" ...")
            raise ValueError(
                f"{path}: does not fit the run's recipe ({reason}); resume with the recipe.yaml "
                "that the run began with."
            ) from error

    def set_rates(self) -> None:
        """Have the optimiser's rates say what the schedule and the plateau do at this step."""
        factors = [curve(self.schedule.last_epoch) for curve in self.schedule.lr_lambdas]
        groups = zip(self.optimizer.param_groups, self.schedule.base_lrs, factors, strict=True)
        for group, base, factor in groups:
            group["lr"] = base * factor

    def _random_states(self) -> list[torch.Tensor]:
        """Of this process: main memory's, then the GPU's."""
        states = [torch.get_rng_state()]
        if self.device.type == "cuda":
            states.append(torch.cuda.get_rng_state(self.device))
        return states

    def _set_random_states(self, states: Sequence[torch.Tensor]) -> None:
        torch.set_rng_state(states[0])
        if self.device.type == "cuda" and len(states) > 1:
            torch.cuda.set_rng_state(states[1], self.device)

    def _check_ranks(self, path: Path, content: Mapping[str, Any]) -> None:
        count = len(content.get("rng", ()))
        if count not in (0, self.ranks.count):
            raise UsageError(
                f"{path}: {count} processes trained this run, now {self.ranks.count} would; start "
                "as many as before, by torchrun or Slurm if these started it."
            )


def _write(path: Path, content: dict[str, Any], *, previous: Path | None) -> None:
    with replacing(path) as temporary:
        try:
            with temporary.open("wb") as stream:
                torch.save(content, stream)
        except RuntimeError as error:
            # torch's writer hides what the system said (disk full) behind an error of its own
            if isinstance(reason := error.__context__, OSError):
                raise OSError(reason.errno, reason.strerror, str(path)) from error
            raise
        if previous is not None and path.exists():
            share(path, previous)


def read_state(path: Path) -> dict[str, Any]:
    """What `TrainingState.save` wrote, its tensors in main memory.

    Raises:
        DamagedError: the file is missing or damaged.
    """
    try:
        _check_whole(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise DamagedError(f"{path}: there is no checkpoint to resume from; start anew.") from error
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise DamagedError(
            f"{path}: the checkpoint is damaged ({error}); resume from another, or start anew."
        ) from error
    if not isinstance(content, dict):
        raise DamagedError(
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
