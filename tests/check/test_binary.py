"""Background and foreground: 255 taken for ignored, or written in two ways; right data by none."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

Tools = Any
Written = Any

TWO = ["background", "crack"]


def quarter(low: int, high: int) -> np.ndarray:
    """A mask whose upper quarter holds the second value."""
    mask = np.full((48, 64), low, np.uint8)
    mask[:12] = high
    return mask


# --- 0 and 255 ----------------------------------------------------------------------------------


def test_255_that_the_list_ignores_is_an_error_that_says_how_much_is_lost(
    tools: Tools, written: Written
) -> None:
    root = written([quarter(0, 255), quarter(0, 255)], split="train")
    findings = tools.checked(root, classes=TWO)
    found = tools.the(findings, "binary_0_255")
    assert found.severity == "error"
    assert found.summary == (
        "The masks hold 0 and 255 only, and the class list ignores 255: 25.0% of all pixels, the "
        "foreground, would count nowhere."
    )
    assert found.advice == "Give both values: 'data.options.classes={background: 0, crack: 255}'."
    assert found.count == 2
    assert tools.kinds(findings) == {"binary_0_255"}


def test_255_that_the_list_does_not_know_stands_for_nothing(tools: Tools, written: Written) -> None:
    findings = tools.checked(written([quarter(0, 255)]), classes=TWO, ignore=[254])
    found = tools.the(findings, "binary_0_255")
    assert "the class list does not list 255: 25.0% of all pixels" in found.summary
    assert found.summary.endswith("the foreground, stand for nothing.")
    assert tools.kinds(findings) == {"binary_0_255"}


@pytest.mark.parametrize(
    ("classes", "advised"),
    [
        (["soil", "plant"], {"soil": 0, "plant": 255}),
        (["crack"], {"background": 0, "crack": 255}),
        (["background"], {"background": 0, "foreground": 255}),
        (["a", "b", "c"], {"background": 0, "foreground": 255}),
        ({"crack": 1}, {"background": 0, "crack": 255}),
        (["no: data", "null"], {"no: data": 0, "null": 255}),
    ],
)
def test_both_values_get_the_names_of_the_list(
    tools: Tools, written: Written, classes: Any, advised: dict[str, int]
) -> None:
    findings = tools.checked(written([quarter(0, 255)], split="train"), classes=classes)
    assert tools.advised(tools.the(findings, "binary_0_255")) == {"classes": advised}
    assert tools.kinds(findings) == {"binary_0_255"}


@pytest.mark.parametrize("ignore", [None, [255], [255, 7]])
@pytest.mark.parametrize("kind", ["binary_0_255", "binary_mixed"])
def test_who_follows_the_advice_has_no_problem_left(
    tools: Tools, written: Written, kind: str, ignore: list[int] | None
) -> None:
    first = quarter(0, 255 if kind == "binary_0_255" else 1)
    root = written([first, quarter(0, 255)], split="train")
    options = {"classes": TWO} if ignore is None else {"classes": TWO, "ignore": ignore}
    found = tools.the(tools.checked(root, **options), kind)
    after = tools.checked(root, **{**options, **tools.advised(found)})
    assert tools.kinds(after) == set()
    assert after.labels.names == ("background", "crack")


@pytest.mark.parametrize("smoothing", ["BILINEAR", "BICUBIC", "LANCZOS"])
def test_seams_of_smoothing_do_not_hide_that_255_is_ignored(
    tools: Tools, written: Written, smoothing: str
) -> None:
    pictures = [Image.fromarray(tools.areas([0, 255], seed)) for seed in range(3)]
    method = Image.Resampling[smoothing]
    masks = [np.asarray(picture.resize((128, 96), method)) for picture in pictures]
    findings = tools.checked(written(masks, split="train"), classes=TWO)
    assert tools.kinds(findings) == {"binary_0_255", "blended_mask"}


def test_without_a_list_both_values_are_proposed(tools: Tools, written: Written) -> None:
    findings = tools.checked(written([tools.areas([0, 255])]))
    found = tools.the(findings, "binary_0_255")
    assert found.severity == "remark"
    assert found.advice == "Take the proposed classes, and give them their names."
    assert findings.options == {"classes": {"background": 0, "foreground": 255}}


@pytest.mark.parametrize(
    "options",
    [
        {"classes": {"background": 0, "crack": 255}},
        {"classes": {"crack": {"values": [255]}, "background": 0}},
        {"classes": {"background": [0, 0, 0], "crack": [255, 255, 255]}},
    ],
)
def test_both_values_as_classes_are_right(
    tools: Tools, written: Written, options: dict[str, Any]
) -> None:
    root = written([quarter(0, 255)], split="train")
    assert tools.kinds(tools.checked(root, **options)) == set()


def test_a_void_border_of_255_around_classes_is_right(tools: Tools, written: Written) -> None:
    # S0-B01: the 255 of VOC is a border, no class
    mask = tools.areas([0, 1, 15])
    inside = mask > 0
    mask[inside & ~np.roll(inside, 2, 1)] = 255
    names = [f"class {index}" for index in range(16)]
    found = tools.kinds(tools.checked(written([mask, mask.T.copy()], split="train"), classes=names))
    assert found == {"class_absent"}


def test_thin_lines_of_listed_classes_beside_large_void_areas_are_right(
    tools: Tools, written: Written
) -> None:
    mask = quarter(0, 255)
    for value, column in ((1, 10), (2, 30), (3, 50)):
        mask[12:, column] = value
    root = written([mask], split="train")
    findings = tools.checked(root, classes=["sky", "wire", "pole", "mast"])
    assert tools.kinds(findings) == set()


# --- 1 in some masks and 255 in others ----------------------------------------------------------


def test_foreground_as_1_and_as_255_is_an_error_without_a_proposal(
    tools: Tools, written: Written
) -> None:
    root = written([quarter(0, 1), quarter(0, 255), quarter(0, 255), np.zeros((48, 64), np.uint8)])
    findings = tools.checked(root)
    found = tools.the(findings, "binary_mixed")
    assert found.severity == "error"
    assert found.summary == (
        "The masks that hold 255 (2) are others than those that hold 1 (1): the foreground seems "
        "to be written in two ways, and 255 to be no ignored value."
    )
    assert found.advice == (
        "Look at some of both kinds; if both are the foreground: "
        "'data.options.classes={background: 0, foreground: {values: [1, 255]}}'."
    )
    assert found.files == (str(root / "masks" / "1.png"), str(root / "masks" / "2.png"))
    assert found.count == 2
    assert findings.labels is None
    assert tools.kinds(findings) == {"binary_mixed", "constant_masks"}


def test_one_bit_masks_beside_masks_of_255_are_two_ways_too(tools: Tools, written: Written) -> None:
    root = written([Image.fromarray(quarter(0, 1) > 0), quarter(0, 255)])
    assert tools.kinds(tools.checked(root)) == {"binary_mixed"}


@pytest.mark.parametrize("classes", [["background", "crack"], {"crack": 1, "background": 0}])
def test_two_ways_under_a_list_take_its_names(tools: Tools, written: Written, classes: Any) -> None:
    root = written([quarter(0, 1), quarter(0, 255)], split="train")
    found = tools.the(tools.checked(root, classes=classes), "binary_mixed")
    assert found.severity == "error"
    assert list(tools.advised(found)["classes"]) == list(classes)


@pytest.mark.parametrize(
    "masks",
    [
        [[0, 1, 255], [0, 1], [0, 255]],  # void beside an object in one of them
        [[1, 255], [0, 1], [0, 255]],
        [[0, 1, 255], [0, 1, 255]],
    ],
)
def test_1_and_255_in_one_file_are_foreground_and_void(
    tools: Tools, written: Written, masks: list[list[int]]
) -> None:
    findings = tools.checked(written([tools.areas(values) for values in masks]))
    assert "binary_mixed" not in tools.kinds(findings)
    assert findings.options == {"classes": {"background": 0, "foreground": 1}}


@pytest.mark.parametrize("masks", [[[0, 1], [0, 2], [0, 255]], [[0, 1], [0, 128, 255]]])
def test_more_values_than_0_1_255_are_no_two_ways(
    tools: Tools, written: Written, masks: list[list[int]]
) -> None:
    findings = tools.checked(written([tools.areas(values) for values in masks]))
    assert "binary_mixed" not in tools.kinds(findings)


def test_1_and_255_as_two_classes_are_what_the_list_says(tools: Tools, written: Written) -> None:
    root = written([quarter(0, 1), quarter(0, 255)], split="train")
    findings = tools.checked(root, classes={"none": 0, "road": 1, "car": 255})
    assert "binary_mixed" not in tools.kinds(findings)
