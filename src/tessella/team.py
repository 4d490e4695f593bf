"""Processes that share the images of one piece of work, and put together what each has found."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Team(Protocol):
    """One process among those that share the work."""

    @property
    def index(self) -> int:
        """Of this process, from 0."""
        ...

    @property
    def count(self) -> int:
        """Of all processes."""
        ...

    def gather(self, mine: T) -> Sequence[T]:
        """What every process gives, in their order; waits for all, and all have it then.

        Raises:
            ValueError: another process has ended.
        """
        ...


class _Alone:
    """A process that shares with nobody."""

    index, count = 0, 1

    def gather(self, mine: T) -> Sequence[T]:
        return (mine,)


ALONE: Team = _Alone()
"""All the work is this process's."""


def share_of(team: Team, length: int) -> range:
    """The indices that are this process's: neighbours, and in all shares together each once."""
    return range(team.index * length // team.count, (team.index + 1) * length // team.count)
