"""Data sets in memory, for the tests of figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest

from tessella.data.dataset import Dataset
from tessella.labels import LabelMap
from tessella.sample import Sample


@dataclass(frozen=True)
class InMemory:
    """Samples that lie in memory already."""

    samples: Sequence[Sample]
    labels: LabelMap

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


@pytest.fixture
def in_memory() -> Callable[..., Dataset]:
    """A data set of the samples and labels given."""
    return InMemory
