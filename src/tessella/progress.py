"""How long work reports on itself: the caller hands in a `Track`, the library only calls it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Track(Protocol):
    """Wraps an iterable and shows how far it has come, in units of `size(item)` out of `total`."""

    def __call__(
        self, items: Iterable[T], *, about: str, total: int, size: Callable[[T], int]
    ) -> Iterator[T]: ...


def silently(
    items: Iterable[T],
    *,
    about: str,  # noqa: ARG001 - a Track is told, this one does not pass it on
    total: int,  # noqa: ARG001
    size: Callable[[T], int],  # noqa: ARG001
) -> Iterator[T]:
    """A `Track` that shows nothing."""
    yield from items
