"""Decoded samples kept in memory, up to a limit."""

import pickle
from dataclasses import dataclass, field

import numpy as np
import pytest

from tessella.data.cache import CachedDataset
from tessella.data.in_order import in_order
from tessella.labels import LabelMap
from tessella.sample import Sample

BYTES = 2 * 3 * 3 + 2 * 3
"""Of one sample below: image and mask."""


@dataclass
class Counting:
    """Four samples of 2x3 pixels that count how often each is read."""

    with_masks: bool = True
    reads: list[int] = field(default_factory=list)
    labels: LabelMap = LabelMap.from_names(["ground"])  # noqa: RUF009 - frozen
    names: tuple[str, ...] = ("a", "b", "c", "d")
    groups: tuple[str, ...] = ("x", "x", "y", "y")

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Sample:
        name = self.names[index]
        self.reads.append(index)
        mask = np.zeros((2, 3), np.uint8) if self.with_masks else None
        return Sample(np.full((2, 3, 3), index, np.uint8), mask, name)


def test_a_second_epoch_reads_nothing_again() -> None:
    source = Counting()
    cached = CachedDataset(source, limit_bytes=4 * BYTES)
    first = [cached[i] for i in range(4)]
    second = [cached[i] for i in range(4)]
    assert source.reads == [0, 1, 2, 3]
    assert [sample.name for sample in second] == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(second[2].image, first[2].image)
    assert int(second[2].image[0, 0, 0]) == 2


def test_what_does_not_fit_is_read_each_time() -> None:
    source = Counting()
    cached = CachedDataset(source, limit_bytes=2 * BYTES + BYTES // 2)
    for _ in range(3):
        for index in range(4):
            assert cached[index].name == "abcd"[index]
    assert source.reads == [0, 1, 2, 3, 2, 3, 2, 3]


def test_a_limit_of_zero_keeps_nothing() -> None:
    source = Counting()
    cached = CachedDataset(source, limit_bytes=0)
    assert cached[1].name == cached[1].name
    assert source.reads == [1, 1]


def test_samples_without_mask_are_kept_too() -> None:
    source = Counting(with_masks=False)
    cached = CachedDataset(source, limit_bytes=BYTES)
    assert cached[0].mask is None
    assert cached[0].mask is None
    assert source.reads == [0]


def test_everything_else_is_the_data_sets() -> None:
    source = Counting()
    cached = CachedDataset(source, limit_bytes=0)
    assert len(cached) == 4
    assert cached.labels is source.labels
    assert cached.names == source.names
    assert cached.groups == source.groups
    assert source.reads == []


def test_past_the_end_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        CachedDataset(Counting(), limit_bytes=BYTES)[4]


def test_a_cached_data_set_travels_to_another_process() -> None:
    cached = CachedDataset(Counting(), limit_bytes=4 * BYTES)
    cached[1]
    copy = pickle.loads(pickle.dumps(cached))
    assert copy[1].name == "b"
    assert copy[3].name == "d"


def test_threads_that_read_one_sample_at_once_count_it_once() -> None:
    cached = CachedDataset(Counting(), limit_bytes=2 * BYTES)
    list(in_order(lambda _: cached[0], range(200), threads=8))
    assert cached[1] is cached[1]  # there is still room for a second one
