"""Which part of a large image is computed at a time, and what of it is kept."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import NamedTuple

DEFAULT_TILE = 2048
"""Longest side, in pixels, that is computed in one piece unless told otherwise."""

HALO = 192
"""Pixels of context around each tile that are computed and thrown away."""


class Window(NamedTuple):
    """One tile: what is computed, what of it is kept, and where that goes."""

    outer: tuple[slice, slice]
    """Rows and columns of the image that the model sees."""

    inner: tuple[slice, slice]
    """Rows and columns of its output that are kept."""

    target: tuple[slice, slice]
    """Rows and columns of the image that they are the result for."""


def windows(size: Sequence[int], tile: int) -> Iterator[Window]:
    """Tiles that cover an image of `size` (height, width) exactly once, row by row.

    Each tile's output counts only for its own area; the model also sees up to 192 pixels around
    it, so that a tile's border shows as little as possible.
    """
    yield from _crossed(_spans(size[0], tile), _spans(size[1], tile))


def windows_of_one_size(size: Sequence[int], seen: Sequence[int]) -> Iterator[Window]:
    """Tiles for a model that sees `seen` (height, width) and nothing else.

    They overlap evenly; the border between two lies in the middle of what both see.

    Args:
        size: of the image, no side shorter than in `seen`.
        seen: of every window's `outer`.
    """
    yield from _crossed(_even_spans(size[0], seen[0]), _even_spans(size[1], seen[1]))


_Span = tuple[slice, slice, slice]


def _crossed(rows: Iterable[_Span], columns: Iterable[_Span]) -> Iterator[Window]:
    for row, column in product(rows, columns):
        outer, inner, target = zip(row, column, strict=True)
        yield Window(outer, inner, target)


def _spans(length: int, tile: int) -> Iterator[_Span]:
    if length <= tile:
        yield slice(0, length), slice(0, length), slice(0, length)
        return
    for start in range(0, length, tile):
        stop = min(start + tile, length)
        first, last = max(0, start - HALO), min(length, stop + HALO)
        yield slice(first, last), slice(start - first, stop - first), slice(start, stop)


def _even_spans(length: int, seen: int) -> Iterator[_Span]:
    # neighbours share a quarter of what they see, unless one is enough
    count = 1 if length <= seen else -(-(length - seen) * 4 // (seen * 3)) + 1
    firsts = [index * (length - seen) // max(1, count - 1) for index in range(count)]
    starts = [0, *((a + seen + b) // 2 for a, b in zip(firsts, firsts[1:], strict=False))]
    for first, start, stop in zip(firsts, starts, [*starts[1:], length], strict=True):
        yield slice(first, first + seen), slice(start - first, stop - first), slice(start, stop)
