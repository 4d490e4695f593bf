"""Neighbours of one size are scored together, in order, within a bound on pixels."""

import numpy as np
import pytest

from tessella.data.by_size import grouped_by_size, num_images_in, read_by_size
from tessella.labels import LabelMap
from tessella.sample import Sample


def sample(name: str, height: int, width: int, *, has_mask: bool = True) -> Sample:
    mask = np.full((height, width), len(name), np.uint8) if has_mask else None
    return Sample(np.full((height, width, 3), ord(name[0]), np.uint8), mask, name)


class Listed:
    """A data set held in a list."""

    labels = LabelMap.from_names(["a", "b"])

    def __init__(self, samples: list[Sample]) -> None:
        self.samples = samples
        self.names = self.groups = tuple(s.name for s in samples)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        return self.samples[index]


def names(samples: list[Sample], batch_size: int) -> list[str]:
    groups = grouped_by_size(samples, batch_size=batch_size)
    return ["".join(s.name for s in group) for group in groups]


def test_a_new_size_begins_a_new_group() -> None:
    samples = [sample("a", 4, 5), sample("b", 4, 5), sample("c", 5, 4), sample("d", 4, 5)]
    assert names(samples, 8) == ["ab", "c", "d"]


def test_a_group_has_no_more_than_so_many() -> None:
    assert names([sample(name, 2, 2) for name in "abcde"], 2) == ["ab", "cd", "e"]


def test_a_group_holds_no_more_than_a_megapixel() -> None:
    assert names([sample(name, 512, 1024) for name in "abc"], 8) == ["ab", "c"]
    assert names([sample(name, 1100, 1000) for name in "ab"], 8) == ["a", "b"]


@pytest.mark.parametrize("reads_ahead", [False, True])
def test_batches_hold_images_masks_and_names_in_order(reads_ahead: bool) -> None:
    dataset = Listed([sample(name, 3, 4) for name in "abc"])
    batches = list(read_by_size(dataset, range(3), batch_size=2, reads_ahead=reads_ahead))
    assert [batch.names for batch in batches] == [("a", "b"), ("c",)]
    assert [num_images_in(batch) for batch in batches] == [2, 1]
    assert batches[0].images[:, 0, 0, 0].tolist() == [ord("a"), ord("b")]
    assert batches[0].masks.shape == (2, 3, 4)


def test_a_sample_without_a_mask_is_named() -> None:
    dataset = Listed([sample("a", 3, 4), sample("b", 3, 4, has_mask=False)])
    with pytest.raises(ValueError, match="b: has no mask, so it cannot be scored"):
        list(read_by_size(dataset, range(2), batch_size=4, reads_ahead=False))


def test_only_the_samples_that_are_asked_for_are_read() -> None:
    dataset = Listed([sample("a", 3, 4, has_mask=False), sample("b", 3, 4), sample("c", 3, 4)])
    batches = list(read_by_size(dataset, range(1, 3), batch_size=4, reads_ahead=True))
    assert [batch.names for batch in batches] == [("b", "c")]
