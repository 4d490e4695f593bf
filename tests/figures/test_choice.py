"""Which samples are shown: by index, by name, or spread."""

from dataclasses import dataclass

import pytest

from tessella.data.dataset import Dataset
from tessella.errors import UsageError
from tessella.figures.choice import choose
from tessella.labels import LabelMap
from tessella.sample import Sample


@dataclass(frozen=True)
class Named:
    """A data set that is asked for its names only."""

    names: tuple[str, ...]
    labels: LabelMap = LabelMap.from_names(["a"])

    @property
    def groups(self) -> tuple[str, ...]:
        return self.names

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        raise AssertionError(f"sample {index} was read")


SEQUENCES: Dataset = Named(("a/0001", "a/0002", "b/0001", "b/0003", "c"))


def test_four_samples_spread_over_the_split_are_shown_by_default() -> None:
    ten = Named(tuple(map(str, range(10))))
    assert choose(ten, split="val") == [0, 3, 6, 9]


def test_all_samples_of_a_small_split_are_shown() -> None:
    assert choose(Named(("x", "y", "z")), split="val") == [0, 1, 2]


def test_indices_keep_their_order_and_none_comes_twice() -> None:
    """S2-F19."""
    assert choose(SEQUENCES, split="val", indices=[4, 0, 4, 2]) == [4, 0, 2]


@pytest.mark.parametrize(("name", "index"), [("a/0001", 0), ("0002", 1), ("0003", 3), ("c", 4)])
def test_a_name_or_its_last_part_will_do(name: str, index: int) -> None:
    assert choose(SEQUENCES, split="val", names=[name]) == [index]


@pytest.mark.parametrize("index", [5, -1, 99])
def test_an_index_out_of_range_is_told_how_many_there_are(index: int) -> None:
    with pytest.raises(UsageError) as caught:
        choose(SEQUENCES, split="val", indices=[0, index])
    assert str(caught.value) == (
        f"figures: split 'val' has 5 samples, 0..4; there is no {index}; give one of these."
    )


def test_an_unknown_name_is_told_the_closest() -> None:
    with pytest.raises(UsageError, match="sample of split 'val' is called 'a/0003'; did you mean"):
        choose(SEQUENCES, split="val", names=["a/0003"])


def test_an_ambiguous_last_part_is_refused() -> None:
    with pytest.raises(
        UsageError, match="2 samples of split 'val' end in '0001'; .*a/0001, b/0001"
    ):
        choose(SEQUENCES, split="val", names=["0001"])


def test_indices_and_names_together_are_refused() -> None:
    with pytest.raises(UsageError, match="by index and by name; give one of the two"):
        choose(SEQUENCES, split="val", indices=[0], names=["c"])


def test_an_empty_split_is_refused() -> None:
    with pytest.raises(ValueError, match="split 'val' is empty"):
        choose(Named(()), split="val")
