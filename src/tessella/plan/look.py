"""What a plan must know about the data: sizes, classes and how rare they are, from some samples."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tessella.data.dataset import Dataset
from tessella.labels import LabelMap
from tessella.progress import Track
from tessella.sample import Sample
from tessella.stats.measure import measure
from tessella.stats.numbers import Sizes
from tessella.train.setup import Splits

MOST_SAMPLES = 300
"""So many training samples are looked at; shares of classes are then known to a few percent."""

FEWEST_SAMPLES = 24
"""So many even if they are huge."""

_MOST_PIXELS = 500e6
_MOST_VALIDATION = 32


@dataclass(frozen=True)
class DataFacts:
    """A data set as far as choices depend on it."""

    num_train: int
    num_val: int
    num_measured: int
    """Training samples that were looked at."""

    names: tuple[str, ...]
    """Of the classes."""

    pixels: tuple[int, ...]
    """Labelled pixels of each class in the samples looked at."""

    ignored_share: float
    """Share of their pixels that have no class, 0..1."""

    sizes: Sizes
    """Of the training images looked at."""

    largest_size: tuple[int, int]
    """Height and width of the largest image of either split, of those looked at."""

    is_grouped: bool
    """Whether samples belong to videos, buildings or patients."""

    seconds_per_sample: float
    """To read and count one, in several threads."""

    @property
    def shares(self) -> list[float]:
        """Each class's share of the labelled pixels, 0..1."""
        total = sum(self.pixels)
        return [count / total for count in self.pixels]

    @property
    def rarest(self) -> tuple[str, float]:
        """The rarest class that was seen, and its share of the labelled pixels."""
        seen = [(share, name) for name, share in zip(self.names, self.shares, strict=True) if share]
        share, name = min(seen)
        return name, share

    @property
    def unseen(self) -> list[str]:
        """Classes without a pixel in the samples looked at."""
        return [name for name, count in zip(self.names, self.pixels, strict=True) if not count]

    @property
    def imbalance(self) -> float:
        """How much rarer the rarest class is than if all seen classes had the same share, >= 1."""
        num_seen = len(self.names) - len(self.unseen)
        return 1 / (num_seen * self.rarest[1])

    @property
    def median_size(self) -> tuple[int, int]:
        """Median height and median width, in pixels."""
        heights, widths = self.sizes.heights(), self.sizes.widths()
        assert heights is not None
        assert widths is not None
        return math.ceil(heights[1]), math.ceil(widths[1])

    @property
    def bytes_per_sample(self) -> float:
        """Of an average image with its mask, decoded."""
        pixels = sum(h * w * count for (h, w), count in self.sizes.counts.items())
        return 4 * pixels / sum(self.sizes.counts.values())

    def text(self) -> str:
        """One line: how many images of which size, and the classes."""
        height, width = self.median_size
        size = f"{height}x{width}" + ("" if len(self.sizes.counts) == 1 else " and other sizes")
        name, share = self.rarest
        ignored = f", {self.ignored_share:.0%} ignored" if self.ignored_share >= 0.005 else ""
        groups = ", in groups" if self.is_grouped else ""
        return (
            f"{self.num_train:,} training and {self.num_val:,} validation images{groups}, {size} "
            f"(height x width), {len(self.names)} classes; rarest {name}, {share:.2%} of the "
            f"labelled pixels{ignored}"
        )


@dataclass(frozen=True)
class Spread:
    """Some samples of a data set, evenly spread over it."""

    dataset: Dataset
    most: int

    @property
    def labels(self) -> LabelMap:
        """Those of the whole data set."""
        return self.dataset.labels

    @property
    def indices(self) -> Sequence[int]:
        """Where in the data set the samples are."""
        total = len(self.dataset)
        count = min(total, self.most)
        return [place * total // count for place in range(count)]

    @property
    def names(self) -> list[str]:
        """Of the samples."""
        return [self.dataset.names[index] for index in self.indices]

    @property
    def groups(self) -> list[str]:
        """Of the samples."""
        return [self.dataset.groups[index] for index in self.indices]

    def __len__(self) -> int:
        return min(len(self.dataset), self.most)

    def __getitem__(self, index: int) -> Sample:
        return self.dataset[self.indices[index]]


def num_to_look_at(pixels: int) -> int:
    """How many samples to read, by the pixels of one: fewer of large ones."""
    return min(MOST_SAMPLES, max(FEWEST_SAMPLES, int(_MOST_PIXELS / pixels)))


def look_at(splits: Splits, *, track: Track) -> DataFacts:
    """Measure some samples of both splits, evenly spread: at most a few hundred.

    Args:
        splits: not empty.
        track: shows progress, in images.

    Raises:
        ValueError: a sample cannot be read, has no mask, or no pixel is labelled.
    """
    height, width = splits.train[len(splits.train) // 2].image.shape[:2]
    num = num_to_look_at(height * width)
    seen = {
        "train": Spread(splits.train, num),
        "val": Spread(splits.val, min(num, _MOST_VALIDATION)),
    }
    started = time.perf_counter()
    found = measure(seen, track=track).splits
    seconds = time.perf_counter() - started
    for split, statistics in found.items():
        if statistics.num_unannotated:
            raise ValueError(
                f"{statistics.num_unannotated} of {statistics.num_images} {split} images looked at "
                "have no mask; training needs one for each. Add the masks or leave the images out."
            )
    train = found["train"]
    if not train.labelled_pixels:
        raise ValueError(
            f"not one pixel of the {train.num_images} training masks looked at has a class, all "
            f"are ignored; expected some of {', '.join(splits.train.labels.names)}. Look at the "
            "masks and at data.options.ignore."
        )
    return DataFacts(
        num_train=len(splits.train),
        num_val=len(splits.val),
        num_measured=train.num_images,
        names=splits.train.labels.names,
        pixels=tuple(train.pixels.tolist()),
        ignored_share=train.ignored_pixels / (train.ignored_pixels + train.labelled_pixels),
        sizes=train.sizes,
        largest_size=max(
            (size for split in found.values() for size in split.sizes.counts),
            key=lambda size: size[0] * size[1],
        ),
        is_grouped=len(set(splits.train.groups)) < len(splits.train),
        seconds_per_sample=seconds / sum(len(split) for split in seen.values()),
    )
