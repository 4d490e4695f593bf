"""Which of many images are ours: every n-th, so that each worker has its share of what is large."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from tessella.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """One of `count` equal parts: the items `index`, `index + count`, `index + 2 * count`, ...

    Neighbours in a list are alike (one folder, one camera, one size): dealt out in turn rather
    than cut into blocks, all parts take about as long. They differ by one item at most.
    """

    index: int = 0
    """From 0."""

    count: int = 1

    def __str__(self) -> str:
        """The words of the command line."""
        return f"{self.index}/{self.count}"

    def of(self, items: Iterable[T]) -> Iterator[T]:
        """Our items, in order."""
        return (item for place, item in enumerate(items) if place % self.count == self.index)

    def size(self, total: int) -> int:
        """How many of so many items are ours."""
        return len(range(self.index, total, self.count))


def parse_shard(text: str) -> Shard:
    """The shard that `i/n` means.

    Raises:
        UsageError: it means none.
    """
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text.strip())
    if found is None:
        raise UsageError(
            f"--shard {text}: expected i/n, as in 0/4, the first of four; is a variable empty?"
        )
    index, count = map(int, found.groups())
    if not count:
        raise UsageError(f"--shard {text}: there are no shards of 0; the only one of 1 is 0/1.")
    if index >= count:
        raise UsageError(
            f"--shard {text}: shards count from 0, so those of {count} are 0/{count} to "
            f"{count - 1}/{count}; let the numbers of the jobs start with 0."
        )
    return Shard(index, count)
