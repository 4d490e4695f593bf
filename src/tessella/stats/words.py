"""The numbers and remarks of the statistics page as text."""

from collections.abc import Iterator, Sequence

import numpy as np

from tessella.report.words import percent
from tessella.stats.numbers import SplitStatistics, Statistics

_RARE = 0.001  # share of the labelled pixels below which a class is easily never learnt


def share_of_pixels(share: float | None) -> str:
    """A share 0..1 in per cent, never rounded down to nothing; n/a where it is undefined."""
    if share is not None and 0 < share < 0.0001:
        return "< 0.01 %"
    return percent(share)


def three_digits(value: float) -> str:
    """A weight with three significant digits: 0.285, 7.36, 50.5."""
    return f"{value:#.3g}".rstrip(".")


def decimals(value: float | None, digits: int) -> str:
    """A number with so many decimals; n/a where it is undefined."""
    return "n/a" if value is None else f"{value:.{digits}f}"


def size_in_words(split: SplitStatistics) -> str:
    """Height x width of the images, or the range that they cover."""
    heights, widths = split.sizes.heights(), split.sizes.widths()
    if heights is None or widths is None:
        return "n/a"
    if len(split.sizes.counts) == 1:
        return f"{heights[0]}x{widths[0]}"
    return f"{heights[0]}x{widths[0]} to {heights[2]}x{widths[2]}"


def remarks(statistics: Statistics) -> list[str]:
    """What a reader should not miss: absent and rare classes, images without a mask or a label."""
    return [
        remark
        for name, split in statistics.splits.items()
        for remark in _remarks_of(name, split, statistics)
    ]


def _remarks_of(name: str, split: SplitStatistics, statistics: Statistics) -> Iterator[str]:
    if not split.num_images:
        yield f"{name}: has no images."
        return
    if split.num_unannotated:
        yield (
            f"{name}: {split.num_unannotated} of {split.num_images} images have no mask; they "
            "count in sizes and colours only."
        )
    if not split.num_annotated:
        return
    if not split.labelled_pixels:
        yield f"{name}: no pixel has a class; all are ignored."
        return
    absent = split.pixels == 0
    rare = ~absent & (split.pixels < _RARE * split.labelled_pixels)
    if absent.any():
        yield f"{name}: no pixel of {_listed(absent, statistics.labels.names)}."
    if rare.any():
        yield (
            f"{name}: under {percent(_RARE)} of the pixels are "
            f"{_listed(rare, statistics.labels.names)}; such classes are easily never learnt."
        )


def _listed(chosen: np.ndarray, names: Sequence[str], *, most: int = 12) -> str:
    found = [names[i] for i in map(int, np.flatnonzero(chosen))]
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more
