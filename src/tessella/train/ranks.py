"""What the processes that train together add up, and what they agree on."""

import datetime
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from tessella.rank import Rank

PATIENCE = datetime.timedelta(hours=3)
"""How long processes wait for one another: one may look through the whole data set first."""


class ElsewhereError(ValueError):
    """Another process found what ends the training, and says it."""


def elsewhere(rank: Rank, error: BaseException) -> ElsewhereError:
    """What a process says that lost the others; with the reason, which no other may have said."""
    reason = textwrap.shorten(str(error), 300, placeholder=" ...")
    return ElsewhereError(
        f"process {rank.index + 1} of {rank.count}: another one has ended; it says why ({reason})."
    )


def is_lost_connection(error: BaseException) -> bool:
    """Whether another process ended while this one waited for it."""
    return isinstance(error, RuntimeError) and any(
        word in str(error) for word in ("Connection closed", "Connection reset", "NCCL", "gloo")
    )


class Ranks:
    """All processes of a training; those of one that is alone need no others.

    What is about steps goes over the device's own connection; the rest goes over the main memory's,
    so that no GPU waits for it.
    """

    def __init__(self, rank: Rank | None = None) -> None:
        """Join the others.

        Args:
            rank: this process, where Fabric has connected it with others; None: it is alone.
        """
        self.index, self.count = (rank.index, rank.count) if rank else (0, 1)
        self._group: dist.ProcessGroup | None = None
        if self.count > 1:
            self._group = dist.new_group(backend="gloo", timeout=PATIENCE)  # type: ignore[assignment]
        self._asked: tuple[Tensor, Any] | None = None

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.index == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over all processes; `tensor` itself, changed."""
        if self.count > 1:
            dist.all_reduce(tensor)
        return tensor

    def largest(self, number: int) -> int:
        """The largest number that any process gives; waits for all."""
        if self._group is None:
            return number
        shared = torch.tensor(number)
        dist.all_reduce(shared, op=dist.ReduceOp.MAX, group=self._group)
        return int(shared)

    def agree(self, *wishes: bool) -> list[bool]:
        """Which of the wishes any process had a call ago; with one process, which it has now.

        Nobody waits: each call sends its own and reads what came of the call before.
        """
        if self._group is None:
            return list(wishes)
        found = self._settled(len(wishes))
        sent = torch.tensor(wishes, dtype=torch.uint8)
        work = dist.all_reduce(sent, op=dist.ReduceOp.MAX, group=self._group, async_op=True)
        self._asked = (sent, work)
        return found

    def settle(self) -> None:
        """Let go of what was wished last; the next call of `agree` is a first one."""
        self._settled(0)
        self._asked = None

    def _settled(self, count: int) -> list[bool]:
        if self._asked is None:
            return [False] * count
        sent, work = self._asked
        work.wait()
        return [bool(wish) for wish in sent]

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """Every process's tensor, all of one shape, in main memory."""
        mine = tensor.cpu()
        if self._group is None:
            return [mine]
        found = [torch.empty_like(mine) for _ in range(self.count)]
        dist.all_gather(found, mine, group=self._group)
        return found

    def follow_first(self, tensors: Iterable[Tensor]) -> None:
        """Give each tensor the first process's values, in place."""
        if self.count > 1:
            for tensor in tensors:
                dist.broadcast(tensor, src=0)

    def summed(self, numbers: Mapping[str, Tensor | float]) -> dict[str, Tensor]:
        """The sums over all processes, of copies, by name."""
        tensors = {name: torch.as_tensor(number).clone() for name, number in numbers.items()}
        if self._group is not None:
            for tensor in tensors.values():
                dist.all_reduce(tensor, group=self._group)
        return tensors

    def wait(self) -> None:
        """Until all processes are here."""
        if self._group is not None:
            dist.barrier(group=self._group)
