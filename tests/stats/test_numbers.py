"""What follows from the counts, by paper and pencil."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from tessella.data.dataset import Dataset
from tessella.labels import LabelMap
from tessella.sample import Sample
from tessella.stats.measure import GRID, measure
from tessella.stats.numbers import Colors, Sizes, SplitStatistics

ListedOf = Callable[..., Dataset]
SampleOf = Callable[..., Sample]


def one_split(dataset: Dataset) -> SplitStatistics:
    return measure({"train": dataset}).splits["train"]


def levels(*channels: dict[int, int]) -> np.ndarray:
    counts = np.zeros((len(channels), 256), np.int64)
    for row, channel in enumerate(channels):
        for value, count in channel.items():
            counts[row, value] = count
    return counts


def test_the_median_counts_every_image() -> None:
    sizes = Sizes({(10, 40): 3, (20, 30): 1, (50, 20): 1})
    assert sizes.heights() == (10, 10.0, 50)
    assert sizes.widths() == (20, 40.0, 40)


def test_the_median_of_an_even_number_lies_between_two() -> None:
    assert Sizes({(10, 1): 1, (13, 1): 1}).heights() == (10, 11.5, 13)


def test_sizes_come_commonest_first_then_smallest() -> None:
    sizes = Sizes({(9, 9): 1, (5, 5): 1, (7, 7): 2})
    assert sizes.commonest() == [((7, 7), 2), ((5, 5), 1), ((9, 9), 1)]


def test_no_images_have_no_sizes() -> None:
    assert Sizes({}).heights() is None
    assert Sizes({}).document() == {"height": None, "width": None, "counts": []}


def test_mean_and_standard_deviation_by_hand() -> None:
    # 0, 0, 0, 200: mean 50, variance (3 * 50^2 + 150^2) / 4 = 7500
    colors = Colors(levels({0: 3, 200: 1}, {9: 4}))
    assert colors.mean() == [50.0, 9.0]
    assert colors.std() == pytest.approx([7500**0.5, 0.0])


def test_a_tiny_deviation_survives_beside_many_pixels() -> None:
    # a float64 sum of squares would lose the one pixel that differs among 2^53
    colors = Colors(levels({255: 1 << 53, 254: 1}))
    assert colors.std() == pytest.approx([2**-26.5], rel=1e-9)


def test_colours_are_also_given_for_pixels_of_0_to_1() -> None:
    document = Colors(levels({0: 1, 255: 1})).document()
    assert document == {"mean": [127.5], "std": [127.5], "mean_of_1": [0.5], "std_of_1": [0.5]}


def test_the_spatial_prior_is_the_share_among_labelled_pixels_of_the_place(
    listed: ListedOf,
) -> None:
    first, second = np.zeros((2, GRID, GRID), np.uint8)
    second[0, 0], second[0, 1] = 1, 255
    first[5, 5] = second[5, 5] = 255
    image = np.zeros((GRID, GRID, 3), np.uint8)
    prior = one_split(listed([Sample(image, m, "s") for m in (first, second)])).spatial_prior()
    assert prior[:, 0, 0].tolist() == [0.5, 0.5, 0.0]
    assert prior[:, 0, 1].tolist() == [1.0, 0.0, 0.0]
    assert np.isnan(prior[:, 5, 5]).all()


def test_rows_of_a_table_end_with_the_ignored_pixels(listed: ListedOf, sample: SampleOf) -> None:
    found = measure({"val": listed([sample([[0, 0, 1, 255]])])})
    assert found.rows() == [
        {"split": "val", "class": "road", "pixels": 2, "share": 2 / 3, "images": 1},
        {"split": "val", "class": "sky", "pixels": 1, "share": 1 / 3, "images": 1},
        {"split": "val", "class": "car", "pixels": 0, "share": 0.0, "images": 0},
        {"split": "val", "class": "ignored", "pixels": 1, "share": 0.25, "images": None},
    ]


def test_the_document_is_plain_json_with_null_for_what_is_undefined(
    listed: ListedOf, sample: SampleOf
) -> None:
    found = measure({"val": listed([sample([[0, 255]])]), "test": listed([])})
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    val, test = document["splits"]["val"], document["splits"]["test"]
    assert val["classes"][0] == {
        "name": "road",
        "pixels": 1,
        "share": 1.0,
        "images": 1,
        "pixels_where_present": 1,
    }
    assert val["sizes"]["counts"] == [{"height": 1, "width": 2, "images": 1}]
    assert (val["spatial_prior"][0][0][0], val["spatial_prior"][0][0][31]) == (1.0, None)
    assert test["labelled_share"] is None
    assert LabelMap.from_dict(document["labels"]) == found.labels


def test_ignored_pixels_are_counted_apart(listed: ListedOf, sample: SampleOf) -> None:
    split = one_split(listed([sample([[0, 255], [1, 255]]), sample([[0, 0, 255]])]))
    assert split.ignored_pixels == 3
    assert split.labelled_pixels == 4
    assert split.labelled_share == pytest.approx(4 / 7)
    assert split.shares == [0.75, 0.25, 0.0]


def test_the_mean_number_of_classes_counts_each_image_once(
    listed: ListedOf, sample: SampleOf
) -> None:
    split = one_split(listed([sample([[0, 1, 1]]), sample([[2, 255, 2]])]))
    assert split.mean_classes_per_image == 1.5


def test_a_split_without_any_mask_has_undefined_shares(listed: ListedOf) -> None:
    split = one_split(listed([Sample(np.zeros((2, 2, 3), np.uint8), None, "bare")]))
    assert split.labelled_share is None
    assert split.shares == [None, None, None]
    assert split.mean_classes_per_image is None
