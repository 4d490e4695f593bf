"""What is seen of a data set, against counts by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from tessella.labels import LabelMap
from tessella.plan.look import DataFacts, Spread, look_at, num_to_look_at
from tessella.progress import silently
from tessella.sample import Sample
from tessella.train.setup import Splits


class Drawn:
    """Samples in memory: images of one size, masks whose first rows are class 1, then ignored."""

    def __init__(self, count: int, *, size: tuple[int, int] = (10, 20), rows: int = 1) -> None:
        self.labels = LabelMap.from_names(["ground", "thing", "never"])
        self.names = [f"{index:04}" for index in range(count)]
        self.groups = self.names
        self.reads: list[int] = []
        self._size, self._rows = size, rows

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        self.reads.append(index)
        mask = np.zeros(self._size, np.uint8)
        mask[: self._rows] = 1
        mask[self._rows : self._rows + 2] = 255
        return Sample(np.zeros((*self._size, 3), np.uint8), mask, self.names[index])


def test_facts_are_counts_over_the_samples() -> None:
    found = look_at(Splits(Drawn(4), Drawn(2, size=(30, 20))), track=silently)
    assert (found.num_train, found.num_val, found.num_measured) == (4, 2, 4)
    assert found.pixels == (4 * 140, 4 * 20, 0)
    assert found.ignored_share == pytest.approx(0.2)
    assert found.median_size == (10, 20)
    assert found.largest_size == (30, 20)
    assert found.rarest == ("thing", 0.125)
    assert found.imbalance == pytest.approx(4)  # a half of two seen classes against an eighth
    assert found.unseen == ["never"]
    assert found.bytes_per_sample == 800
    assert not found.is_grouped


def test_of_many_samples_some_hundred_are_read_evenly_spread() -> None:
    train = Drawn(3000)
    found = look_at(Splits(train, Drawn(100)), track=silently)
    assert found.num_measured == 300
    looked_at = sorted(set(train.reads) - {1500}) + [1500]
    assert sorted(looked_at) == list(range(0, 3000, 10))


@pytest.mark.parametrize(
    ("pixels", "num"), [(640 * 480, 300), (2000 * 2000, 125), (5000 * 5000, 24)]
)
def test_of_large_images_fewer_are_read(pixels: int, num: int) -> None:
    assert num_to_look_at(pixels) == num


def test_a_spread_is_even() -> None:
    assert Spread(Drawn(200), 24).indices[:4] == [0, 8, 16, 25]


def test_groups_are_noticed() -> None:
    train = Drawn(4)
    train.groups = ["a", "a", "b", "b"]
    found = look_at(Splits(train, Drawn(2)), track=silently)
    assert found.is_grouped
    assert "4 training and 2 validation images, in groups, 10x20 (height x width)" in found.text()


def test_a_spread_of_more_than_there_is_is_everything() -> None:
    spread = Spread(Drawn(3), 10)
    assert [spread[index].name for index in range(len(spread))] == ["0000", "0001", "0002"]
    assert spread.names == spread.groups == ["0000", "0001", "0002"]


def test_masks_without_a_labelled_pixel_are_refused() -> None:
    class Ignored(Drawn):
        def __getitem__(self, index: int) -> Sample:
            sample = super().__getitem__(index)
            return sample._replace(mask=np.full((10, 20), 255, np.uint8))

    with pytest.raises(ValueError, match="not one pixel of the 4 training masks looked at has a"):
        look_at(Splits(Ignored(4), Drawn(2)), track=silently)


def test_images_without_masks_are_refused() -> None:
    class Bare(Drawn):
        def __getitem__(self, index: int) -> Sample:
            return super().__getitem__(index)._replace(mask=None)

    with pytest.raises(ValueError, match="2 of 2 val images looked at have no mask; training"):
        look_at(Splits(Drawn(4), Bare(2)), track=silently)


def test_several_sizes_are_told(facts: Callable[..., DataFacts]) -> None:
    assert "and other sizes" in facts(sizes={(3, 4): 1, (5, 6): 2}).text()
    assert "and other sizes" not in facts(sizes={(3, 4): 2}).text()
