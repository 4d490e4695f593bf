"""What the splits of a data set hold, counted in one pass over their samples."""

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from tessella.data.dataset import Dataset
from tessella.data.in_order import in_order
from tessella.labels import LabelMap
from tessella.progress import Track, silently
from tessella.sample import Sample
from tessella.stats.numbers import Colors, Sizes, SplitStatistics, Statistics

GRID = 32
"""Rows and columns of the map of where classes lie."""

_STRIP_PIXELS = 1 << 20


class _Seen(NamedTuple):
    """What one sample adds to the counts of its split."""

    split: str
    size: tuple[int, int]
    levels: np.ndarray
    places: np.ndarray | None
    pixels: np.ndarray | None


def measure(datasets: Mapping[str, Dataset], *, track: Track = silently) -> Statistics:
    """Counts of every split, in one pass over all samples in threads; memory stays flat.

    Args:
        datasets: split name -> its samples; all with the same classes.
        track: shows progress, in images.

    Raises:
        ValueError: there is no split, the splits have different classes, a sample cannot be read
            or its mask holds values that are no class, or images differ in their channels.
    """
    labels = _shared_labels(datasets)
    tallies = {split: _Tally(labels.num_classes) for split in datasets}
    places = [
        (split, index) for split, samples in datasets.items() for index in range(len(samples))
    ]

    def see(place: tuple[str, int]) -> _Seen:
        split, index = place
        return _see(split, datasets[split][index], labels)

    found = in_order(see, places)
    for seen in track(found, about="stats", total=len(places), size=lambda _: 1):
        tallies[seen.split].add(seen)
    return Statistics(labels, {split: tally.result() for split, tally in tallies.items()})


def _shared_labels(datasets: Mapping[str, Dataset]) -> LabelMap:
    if not datasets:
        raise ValueError("statistics: there is no split to measure; give at least one.")
    first, *others = datasets
    labels = datasets[first].labels
    for split in others:
        if datasets[split].labels.names != labels.names:
            raise ValueError(
                f"statistics: split {split!r} has the classes "
                f"{', '.join(datasets[split].labels.names)}, but {first!r} has "
                f"{', '.join(labels.names)}; give all splits the same classes in the same order."
            )
    return labels


def _see(split: str, sample: Sample, labels: LabelMap) -> _Seen:
    height, width = sample.image.shape[:2]
    levels = _count_levels(sample.image)
    if sample.mask is None:
        return _Seen(split, (height, width), levels, None, None)
    if sample.mask.shape != (height, width) or sample.mask.dtype != np.uint8:
        raise ValueError(
            f"{sample.name}: mask is {sample.mask.dtype} of shape {sample.mask.shape} but its "
            f"image is {height}x{width}; expected uint8 of the same height and width. Correct "
            "the reader."
        )
    down, across = (-(-GRID // side) if side < GRID else 1 for side in (height, width))
    places = _count_places(sample.mask.repeat(down, axis=0).repeat(across, axis=1))
    pixels = places.sum(axis=(0, 1)) // (down * across)
    unlisted = pixels.copy()
    unlisted[: labels.num_classes] = 0
    unlisted[labels.ignore_index] = 0
    if unlisted.any():
        raise ValueError(
            f"{sample.name}: its mask holds the values {np.flatnonzero(unlisted).tolist()}, but "
            f"classes are 0..{labels.num_classes - 1} and {labels.ignore_index} (ignored). Correct "
            "the reader."
        )
    of_classes = places[..., : labels.num_classes].transpose(2, 0, 1)
    # a copy, so that samples waiting for their turn do not keep the counts of all 256 values
    return _Seen(split, (height, width), levels, of_classes.copy(), pixels)


def _count_levels(image: np.ndarray) -> np.ndarray:
    """(c, 256) pixels of each value; in strips of rows, as bincount makes 8 bytes of each pixel."""
    rows = max(1, _STRIP_PIXELS // image.shape[1])
    levels = np.zeros((image.shape[2], 256), np.int64)
    for top in range(0, len(image), rows):
        for channel in range(image.shape[2]):
            strip = image[top : top + rows, :, channel]
            levels[channel] += np.bincount(strip.ravel(), minlength=256)
    return levels


def _count_places(mask: np.ndarray) -> np.ndarray:
    """(GRID, GRID, 256) pixels of each value by relative place, in a mask of GRID pixels or up."""
    height, width = mask.shape
    columns = (np.arange(width, dtype=np.int64) * GRID // width * 256).astype(np.int32)
    edges = [-(-row * height // GRID) for row in range(GRID + 1)]
    strips = [mask[top:bottom] for top, bottom in itertools.pairwise(edges)]
    counts = [np.bincount((columns + s).ravel(), minlength=GRID * 256) for s in strips]
    return np.stack(counts).reshape(GRID, GRID, 256)


@dataclass(eq=False)
class _Tally:
    """The running counts of a split."""

    num_classes: int
    num_unannotated: int = 0
    ignored_pixels: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    levels: np.ndarray | None = None

    def __post_init__(self) -> None:
        k = self.num_classes
        self.pixels, self.where_present = np.zeros((2, k), np.int64)
        self.together = np.zeros((k, k), np.int64)
        self.places = np.zeros((k, GRID, GRID), np.int64)

    def add(self, seen: _Seen) -> None:
        self.sizes[seen.size] += 1
        if self.levels is None:
            self.levels = np.zeros_like(seen.levels)
        if self.levels.shape != seen.levels.shape:
            raise ValueError(
                f"statistics: the images of split {seen.split!r} have {len(self.levels)} and "
                f"{len(seen.levels)} channels; a network needs one number of channels. Save them "
                "alike."
            )
        self.levels += seen.levels
        if seen.pixels is None or seen.places is None:
            self.num_unannotated += 1
            return
        pixels = seen.pixels[: self.num_classes]
        present = pixels > 0
        self.pixels += pixels
        self.ignored_pixels += int(seen.pixels[255])
        self.where_present[present] += pixels.sum()
        self.together += present[:, None] & present
        self.places += seen.places

    def result(self) -> SplitStatistics:
        return SplitStatistics(
            num_images=self.sizes.total(),
            num_unannotated=self.num_unannotated,
            pixels=self.pixels,
            ignored_pixels=self.ignored_pixels,
            images_with_class=self.together.diagonal().copy(),
            pixels_where_present=self.where_present,
            together=self.together,
            places=self.places,
            sizes=Sizes(dict(self.sizes)),
            colors=Colors(self.levels if self.levels is not None else np.zeros((0, 256), np.int64)),
        )
