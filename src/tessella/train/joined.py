"""The processes that torchrun or Slurm has started, put in touch for work without training."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed as dist

from tessella.cores import threads_each
from tessella.rank import Rank
from tessella.team import ALONE, Team
from tessella.train.engine import cluster_of
from tessella.train.ranks import PATIENCE, elsewhere, is_lost_connection

T = TypeVar("T")


@dataclass(frozen=True)
class _Joined:
    """A process that others are in touch with, by main memory."""

    rank: Rank

    @property
    def index(self) -> int:
        return self.rank.index

    @property
    def count(self) -> int:
        return self.rank.count

    def gather(self, mine: T) -> Sequence[T]:
        found: list[T | None] = [None] * self.count
        try:
            dist.all_gather_object(found, mine)
        except RuntimeError as error:
            if not is_lost_connection(error):
                raise
            raise elsewhere(self.rank, error) from error
        return found  # type: ignore[return-value]


@contextmanager
def joined(rank: Rank) -> Iterator[Team]:
    """The team of all processes while the block runs, each with a GPU or its share of the cores.

    Args:
        rank: this process; one that is alone needs nobody.

    Raises:
        UsageError: Slurm was told too little to say who is where.
    """
    if rank.count == 1:
        yield ALONE
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(rank.local_index % torch.cuda.device_count())
    torch.set_num_threads(threads_each(rank))
    cluster = cluster_of(rank)
    dist.init_process_group(
        "gloo",
        init_method=f"tcp://{cluster.main_address}:{cluster.main_port}",
        rank=rank.index,
        world_size=rank.count,
        timeout=PATIENCE,
    )
    try:
        yield _Joined(rank)
    finally:
        dist.destroy_process_group()
