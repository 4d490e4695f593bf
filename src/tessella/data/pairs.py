"""A data set made of files: a list of image and mask paths plus what the masks mean."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import UInt8

from tessella.data.images import read_image, read_mask
from tessella.labels import LabelMap
from tessella.sample import Sample


class DrawnMask(Protocol):
    """A mask that is not a file of pixels but is drawn from outlines or run lengths."""

    def draw(self, height: int, width: int, labels: LabelMap) -> UInt8[np.ndarray, "h w"]:
        """The mask of an image of this size, in pixels: class indices, or `ignore_index`."""
        ...


class Pair(NamedTuple):
    """One image file and its mask."""

    image: Path
    """May lead into a zip, as everything that `tessella.data.files` reads."""

    mask: Path | DrawnMask | None
    """A file, something that draws it, or None when nobody annotated the image."""

    name: str
    """Unique within the data set."""

    group: str
    """The video, building or patient that a split must not cut."""


@dataclass(frozen=True)
class PairDataset:
    """Samples read from files on demand; nothing is kept in memory.

    Raises:
        ValueError: two pairs have one name.
    """

    pairs: Sequence[Pair]
    labels: LabelMap
    official: bool = False
    """Whether the split is the one that the data set's authors published."""

    def __post_init__(self) -> None:
        times = Counter(pair.name for pair in self.pairs)
        if repeated := [pair for pair in self.pairs if times[pair.name] > 1]:
            raise ValueError(
                f"{repeated[0].image}: {repeated[1].image} has the same name "
                f"{repeated[0].name!r}; a sample needs a name of its own. Rename or remove one."
            )

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every sample, in order."""
        return tuple(pair.name for pair in self.pairs)

    @property
    def groups(self) -> tuple[str, ...]:
        """The group of every sample, in order."""
        return tuple(pair.group for pair in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read and decode sample `index`.

        Raises:
            IndexError: past the end.
            ValueError: a file is unreadable, the mask holds unlisted values, or its size is not
                the image's.
        """
        pair = self.pairs[index]
        image = read_image(pair.image)
        if pair.mask is None:
            return Sample(image, None, pair.name)
        if not isinstance(pair.mask, Path):
            height, width = image.shape[:2]
            return Sample(image, pair.mask.draw(height, width, self.labels), pair.name)
        mask = read_mask(pair.mask, self.labels)
        if mask.shape != image.shape[:2]:
            raise ValueError(
                f"{pair.mask}: mask is {mask.shape[0]}x{mask.shape[1]} (height x width) but its "
                f"image {pair.image.name} is {image.shape[0]}x{image.shape[1]}; "
                "export the mask at the image's size."
            )
        return Sample(image, mask, pair.name)
