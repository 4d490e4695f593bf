"""The heat map and the list of the largest confusions, with counts small enough to do by hand."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tessella.report.confusion import Confusion, counts_array, heat_map, largest_confusions

NAMES = ["building", "pole", "sky"]
# building: 95 right, 5 as pole; pole: 31 of 100 as building, 9 as sky; sky: all of 1000 right
COUNTS = np.array([[95, 5, 0], [31, 60, 9], [0, 0, 1000]], np.int64)


def titles(chart: str) -> list[str | None]:
    return [e.text for e in ET.fromstring(chart).iter("title")]


def texts(chart: str) -> list[str | None]:
    return [e.text for e in ET.fromstring(chart).iter("text")]


def test_largest_confusions_are_sorted_by_their_share_of_the_true_class() -> None:
    assert largest_confusions(COUNTS, NAMES) == [
        Confusion("pole", "building", share=0.31, pixels=31),
        Confusion("pole", "sky", share=0.09, pixels=9),
        Confusion("building", "pole", share=0.05, pixels=5),
    ]


def test_of_equal_shares_the_one_with_more_pixels_is_first() -> None:
    counts = np.array([[5, 5], [50, 50]], np.int64)
    assert [c.truth for c in largest_confusions(counts, ["a", "b"])] == ["b", "a"]


def test_largest_confusions_keep_to_the_length_and_the_least_share() -> None:
    assert len(largest_confusions(COUNTS, NAMES, most=2)) == 2
    assert len(largest_confusions(COUNTS, NAMES, least=0.06)) == 2


def test_a_class_without_pixels_is_confused_with_nothing() -> None:
    assert largest_confusions(np.zeros((2, 2), np.int64), ["a", "b"]) == []


def test_cells_tell_share_and_counts() -> None:
    assert "pole taken for building: 31.0%, 31 of 100 pixels" in titles(heat_map(COUNTS, NAMES))


def test_cells_without_pixels_are_not_drawn() -> None:
    assert len(titles(heat_map(COUNTS, NAMES))) == np.count_nonzero(COUNTS)


def test_cells_show_per_cent_of_the_row() -> None:
    assert {"95", "5", "31", "60", "9", "100"} <= set(texts(heat_map(COUNTS, NAMES)))


def test_the_diagonal_is_right_and_the_rest_is_wrong() -> None:
    cells = [e for e in ET.fromstring(heat_map(COUNTS, NAMES)).iter("rect") if len(e)]
    assert [e.get("class") for e in cells] == ["right", "wrong", "wrong", "right", "wrong", "right"]


def test_the_row_of_an_absent_class_says_so() -> None:
    chart = heat_map(np.array([[9, 1], [0, 0]], np.int64), ["a", "b"])
    assert "no pixels in this split" in texts(chart)


def test_a_long_name_is_cut_beside_the_map_but_whole_in_the_tooltip() -> None:
    name = "a very long class name indeed"
    chart = heat_map(np.array([[1, 0], [0, 1]], np.int64), [name, "b"])
    assert name not in texts(chart)
    assert f"{name} taken for {name}: 100.0%, 1 of 1 pixels" in titles(chart)


def test_the_map_is_announced_with_its_largest_mistake() -> None:
    label = ET.fromstring(heat_map(COUNTS, NAMES)).get("aria-label")
    assert label == (
        "Confusion matrix of 3 classes, rows truth, columns prediction. "
        "Largest mistake: pole taken for building."
    )


@pytest.mark.parametrize("num_classes", [1, 2, 11, 40])
def test_everything_lies_inside_of_the_drawing(num_classes: int) -> None:
    counts = np.random.default_rng(0).integers(0, 100, (num_classes, num_classes))
    root = ET.fromstring(heat_map(counts, [f"some class {i}" for i in range(num_classes)]))
    _, _, width, height = (float(v) for v in (root.get("viewBox") or "").split())
    for rect in root.iter("rect"):
        x, y, w, h = (float(rect.get(key, "nan")) for key in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height


def test_forty_classes_have_cells_of_sixteen_units_without_numbers() -> None:
    root = ET.fromstring(heat_map(np.full((40, 40), 3), [str(i) for i in range(40)]))
    # a 16 unit raster with a gap of one unit
    assert {e.get("width") for e in root.iter("rect") if len(e)} == {"15"}
    assert not [e for e in root.iter("text") if "value" in (e.get("class") or "")]


def test_counts_of_another_number_of_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"has 2 rows of \[2, 3\] columns; expected 2 of 2"):
        counts_array([[1, 2], [1, 2, 3]], num_classes=2)
