"""Data sets in memory, for the tests of the statistics."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from tessella.data.dataset import Dataset
from tessella.labels import LabelMap
from tessella.sample import Sample

LABELS = LabelMap.from_names(["road", "sky", "car"], colors=[(200, 0, 100), (0, 255, 0), (1, 2, 3)])


@dataclass(frozen=True)
class Listed:
    """Samples that lie in memory already."""

    samples: Sequence[Sample]
    labels: LabelMap = LABELS

    @property
    def names(self) -> list[str]:
        return [sample.name for sample in self.samples]

    @property
    def groups(self) -> list[str]:
        return self.names

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]


def sample_of(mask: object, *, image: object = None, name: str = "a") -> Sample:
    """A sample with this mask; its image is black, or all of one pixel's value."""
    values = np.array(mask, np.uint8)
    pixels = np.zeros((*values.shape, 3), np.uint8)
    if image is not None:
        pixels[:] = np.array(image, np.uint8)
    return Sample(pixels, values, name)


@pytest.fixture
def listed() -> Callable[..., Dataset]:
    """A data set of the samples given."""
    return Listed


@pytest.fixture
def sample() -> Callable[..., Sample]:
    """`sample_of`, for tests that draw their own."""
    return sample_of
