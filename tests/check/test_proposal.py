"""What masks seem to mean when nobody said it."""

from collections.abc import Mapping

import pytest

from tessella.check.proposal import Proposal, nearest_listed, propose, split_off_seams
from tessella.check.tally import ValueCount
from tessella.data.classes import labels_from_classes
from tessella.data.voc import NAMES, voc_color
from tessella.labels import pack


def areas(*values: int) -> dict[int, ValueCount]:
    """Each value with 1000 pixels in stretches of 20."""
    return {value: ValueCount(pixels=1000, runs=50, files=1) for value in values}


def seams(*values: int) -> dict[int, ValueCount]:
    """Each value with 10 pixels, one by one."""
    return {value: ValueCount(pixels=10, runs=10, files=1) for value in values}


def proposed(table: Mapping[int, ValueCount], *, is_color: bool = False) -> Proposal:
    found = propose(table, is_color=is_color)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([0, 255], {"background": 0, "foreground": 255}),
        ([0, 1], {"background": 0, "foreground": 1}),
        ([0, 1, 255], {"background": 0, "foreground": 1}),
        ([0, 1, 2], {"class_0": 0, "class_1": 1, "class_2": 2}),
        ([1, 2, 3], {"class_1": 1, "class_2": 2, "class_3": 3}),
        ([0, 2, 5, 255], {"class_0": 0, "class_2": 2, "class_5": 5}),
        ([0, 128, 255], {"class_0": 0, "class_128": 128, "class_255": 255}),
        ([0, 85, 170, 255], {"class_0": 0, "class_85": 85, "class_170": 170, "class_255": 255}),
        ([0, 300], {"background": 0, "foreground": 300}),
    ],
)
def test_single_values_become_these_classes(values: list[int], classes: dict[str, int]) -> None:
    assert proposed(areas(*values)).options == {"classes": classes}


def test_a_thin_255_beside_spread_values_is_ignored() -> None:
    table = areas(0, 100, 200) | {255: ValueCount(pixels=100, runs=25, files=1)}
    assert 255 not in proposed(table).options["classes"].values()


@pytest.mark.parametrize(
    "table", [areas(0, 255), areas(0, 1, 2, 255), areas(10, 90), areas(1, 2, 3)]
)
def test_the_options_give_the_proposed_label_map(table: dict[int, ValueCount]) -> None:
    found = proposed(table)
    made = labels_from_classes(found.options["classes"], ignore=found.options.get("ignore"))
    assert made.file_values == found.labels.file_values
    assert made.names == found.labels.names


def test_unknown_colours_become_numbered_classes() -> None:
    found = proposed(areas(0, 0xC81E1E, 0x1EC828), is_color=True)
    assert found.options == {
        "classes": {"background": [0, 0, 0], "class_1": [30, 200, 40], "class_2": [200, 30, 30]}
    }
    assert found.labels.encoding == "color"


def test_known_colours_get_all_names_of_their_palette() -> None:
    table = areas(*(pack(voc_color(index)) for index in (0, 5, 15, 20, 255)))
    found = proposed(table, is_color=True)
    assert found.labels.names == NAMES
    assert found.options["ignore"] == [[224, 224, 192]]
    assert "Pascal VOC" in found.reason


def test_a_palette_of_voc_names_the_indices() -> None:
    palette = {index: pack(voc_color(index)) for index in (0, 5, 15, 20)}
    found = propose(areas(*palette), is_color=False, palette=palette)
    assert found is not None
    assert found.options["classes"] == {name: index for index, name in enumerate(NAMES)}
    assert found.labels.colors[15] == voc_color(15)


@pytest.mark.parametrize("table", [{}, areas(*range(300)), areas(-1, 2), areas(0, 70_000)])
def test_what_no_list_can_explain_gets_no_proposal(table: dict[int, ValueCount]) -> None:
    assert propose(table, is_color=False) is None


def test_more_colours_than_classes_get_no_proposal() -> None:
    assert propose(areas(*range(0, 3000, 10)), is_color=True) is None


def test_seams_are_split_off_and_repaired() -> None:
    table = areas(0, 255) | seams(16, 64, 127, 128, 191)
    assert split_off_seams(table) == ([0, 255], [16, 64, 127, 128, 191])
    found = proposed(table)
    assert found.repairs == {16: 0, 64: 0, 127: 0, 128: 255, 191: 255}
    assert found.options == {"classes": {"background": 0, "foreground": 255}}


@pytest.mark.parametrize(
    "table",
    [
        areas(0, 255) | seams(64, 191),  # two thin values could be classes
        areas(0) | seams(1, 2, 3, 4),  # no two areas to lie between
        seams(0, 1, 2, 3, 4),  # noise
        areas(*range(20)) | seams(30, 31, 32),  # many classes, some of them rare
    ],
)
def test_thin_values_that_could_be_classes_are_kept(table: dict[int, ValueCount]) -> None:
    assert split_off_seams(table) == (sorted(table), [])


def test_the_nearest_value_is_taken_and_the_lower_on_a_tie() -> None:
    assert nearest_listed([4, 5, 90], [0, 10, 100], encoding="index") == {4: 0, 5: 0, 90: 100}


def test_the_nearest_colour_is_near_in_all_channels() -> None:
    dark_red, white = 0x500000, 0xFFFFFF
    assert nearest_listed([dark_red, 0xF0F0E0], [0, white], encoding="color") == {
        dark_red: 0,
        0xF0F0E0: white,
    }


def test_codes_have_no_neighbours() -> None:
    assert nearest_listed([5], [1, 9], encoding="code") == {}


def test_255_in_the_void_colour_of_voc_is_ignored_however_wide_it_is() -> None:
    palette = {index: pack(voc_color(index)) for index in (0, 1, 15, 255)}
    found = propose(areas(0, 1, 15, 255), is_color=False, palette=palette)
    assert found is not None
    assert found.options == {"classes": {"class_0": 0, "class_1": 1, "class_15": 15}}
    assert dict(found.labels.file_values)[255] == found.labels.ignore_index


def test_255_in_another_colour_beside_spread_values_is_a_class() -> None:
    palette = {0: 0, 1: 0x800000, 15: 0x008000, 255: 0xFFFFFF}
    found = propose(areas(0, 1, 15, 255), is_color=False, palette=palette)
    assert found is not None
    assert found.options["classes"]["class_255"] == 255
