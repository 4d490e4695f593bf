"""Samples kept decoded in memory, up to a limit, so that a second epoch reads no file again."""

import threading
from collections.abc import Sequence
from typing import Any

from tessella.data.dataset import Dataset, is_official
from tessella.labels import LabelMap
from tessella.sample import Sample


class CachedDataset:
    """A data set that remembers its first samples as uint8 until `limit_bytes` are full.

    What does not fit is read again each time, so memory stays flat however large the data set is.
    Each worker process fills a cache of its own; threads may share one.
    """

    def __init__(self, dataset: Dataset, *, limit_bytes: int) -> None:
        self._dataset = dataset
        self._bytes_left = limit_bytes
        self._kept: dict[int, Sample] = {}
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())  # a worker process has its own

    @property
    def labels(self) -> LabelMap:
        """The label map of the data set behind the cache."""
        return self._dataset.labels

    @property
    def names(self) -> Sequence[str]:
        """The names of the data set behind the cache."""
        return self._dataset.names

    @property
    def groups(self) -> Sequence[str]:
        """The groups of the data set behind the cache."""
        return self._dataset.groups

    @property
    def official(self) -> bool:
        """Whether the split of the data set behind the cache is an official one."""
        return is_official(self._dataset)

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Sample:
        kept = self._kept.get(index)
        if kept is not None:
            return kept
        sample = self._dataset[index]
        size = sample.image.nbytes + (sample.mask.nbytes if sample.mask is not None else 0)
        with self._lock:  # threads that look for leaks share the cache
            if size <= self._bytes_left and index not in self._kept:
                self._bytes_left -= size
                self._kept[index] = sample
        return sample
