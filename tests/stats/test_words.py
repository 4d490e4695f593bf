"""Numbers as people read them, and the remarks that a page opens with."""

from collections.abc import Callable

import numpy as np
import pytest

from tessella.data.dataset import Dataset
from tessella.sample import Sample
from tessella.stats.measure import measure
from tessella.stats.words import (
    decimals,
    remarks,
    share_of_pixels,
    size_in_words,
    three_digits,
)

ListedOf = Callable[..., Dataset]
SampleOf = Callable[..., Sample]
BARE = Sample(np.zeros((2, 2, 3), np.uint8), None, "bare")


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "n/a"), (0.0, "0 %"), (0.00001, "< 0.01 %"), (0.0001, "0.01 %"), (0.31, "31 %")],
)
def test_a_share_is_never_rounded_down_to_nothing(share: float | None, text: str) -> None:
    assert share_of_pixels(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1.00"), (0.28549, "0.285"), (50.498, "50.5"), (10.0, "10.0"), (123.4, "123")],
)
def test_weights_have_three_digits(value: float, text: str) -> None:
    assert three_digits(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "n/a"), (9.649, "9.65")])
def test_decimals_of_nothing_are_not_available(value: float | None, text: str) -> None:
    assert decimals(value, 2) == text


def test_one_size_is_named_and_several_give_their_range(listed: ListedOf, sample: SampleOf) -> None:
    wide, tall = sample([[0, 0, 0]]), sample([[0], [0]])
    found = measure({"a": listed([wide]), "b": listed([wide, tall]), "c": listed([])}).splits
    assert [size_in_words(found[s]) for s in "abc"] == ["1x3", "1x1 to 2x3", "n/a"]


def test_absent_classes_are_remarked(listed: ListedOf, sample: SampleOf) -> None:
    found = measure({"train": listed([sample([[0, 1, 2]])]), "val": listed([sample([[1]])])})
    assert remarks(found) == ["val: no pixel of road, car."]


def test_rare_classes_are_remarked_below_one_in_a_thousand(
    listed: ListedOf, sample: SampleOf
) -> None:
    mask = np.zeros((1, 2000), np.uint8)
    mask[0, :2] = 1  # 0.1 %
    mask[0, 2] = 2  # 0.05 %
    found = measure({"train": listed([sample(mask)])})
    expected = "train: under 0.10 % of the pixels are car; such classes are easily never learnt."
    assert remarks(found) == [expected]


@pytest.mark.parametrize(
    ("samples", "remark"),
    [
        ([], "train: has no images."),
        ([BARE], "train: 1 of 1 images have no mask; they count in sizes and colours only."),
        ([BARE._replace(mask=np.full((2, 2), 255, np.uint8))], "train: no pixel has a class"),
    ],
    ids=["empty", "bare", "ignored"],
)
def test_splits_without_labels_are_remarked(
    listed: ListedOf, samples: list[Sample], remark: str
) -> None:
    found = remarks(measure({"train": listed(samples)}))
    assert len(found) == 1
    assert found[0].startswith(remark)
