"""Which of the processes that train together this one is, as whoever started it says."""

import os
from dataclasses import dataclass
from typing import Literal

_SPELLED_OUT = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR")


@dataclass(frozen=True)
class Rank:
    """One process among those that train together."""

    index: int = 0
    """Among all, from 0."""

    count: int = 1
    """Of all processes."""

    local_index: int = 0
    """Among those of this machine."""

    local_count: int = 1
    """Of those of this machine."""

    starter: Literal["user", "torchrun", "slurm"] = "user"
    """Who started it; `torchrun` stands for all that set the same variables, as we do."""

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes and speaks."""
        return self.index == 0

    @property
    def machines(self) -> int:
        """How many there are, all with as many processes."""
        return self.count // self.local_count


def this_rank() -> Rank:
    """This process; alone unless the environment says otherwise."""
    if all(name in os.environ for name in _SPELLED_OUT):
        index, count, local_index, local_count = (_number(name) for name in _SPELLED_OUT[:4])
        return Rank(index, count, local_index, local_count, starter="torchrun")
    # in a batch script itself, or a shell on a node, there is no step: nobody else was started
    if os.environ.get("SLURM_STEP_ID", "").isdigit() and "SLURM_STEP_NUM_TASKS" in os.environ:
        count = _number("SLURM_STEP_NUM_TASKS")
        return Rank(
            _number("SLURM_PROCID"),
            count,
            _number("SLURM_LOCALID"),
            count // _number("SLURM_STEP_NUM_NODES"),
            starter="slurm",
        )
    return Rank()


def _number(name: str) -> int:
    text = os.environ.get(name, "")
    if not text.isdigit():
        raise ValueError(
            f"the environment variable {name} is {text!r}; torchrun and Slurm set it to a number. "
            "Unset it to train in one process."
        )
    return int(text)
