"""The class list as a whole: classes that never occur, and what is ignored."""

from pathlib import Path
from typing import Any

import numpy as np

from tessella.check import check_path

Tools = Any
Written = Any

THREE = ["none", "road", "car"]


def test_classes_at_the_end_that_never_occur_make_the_list_too_long(
    tools: Tools, written: Written
) -> None:
    root = written([tools.areas([0, 1, 2])])
    found = tools.the(tools.checked(root, classes=[*THREE, "tree", "sky"]), "class_list_long")
    assert found.severity == "warning"
    assert "has 5 classes, but the masks hold only the first 3; never seen: tree, sky" in (
        found.summary
    )
    assert found.count == 2


def test_a_class_in_between_that_never_occurs_is_absent(tools: Tools, written: Written) -> None:
    found = tools.the(tools.checked(written([tools.areas([0, 2])]), classes=THREE), "class_absent")
    assert found.summary == "1 of 3 classes never occurs: road."


def test_a_class_that_only_val_holds_is_a_warning(tools: Tools, written: Written) -> None:
    written([tools.areas([0, 1])], split="train")
    written([tools.areas([0, 1, 2])], split="val", first=1)
    root = written([tools.areas([0, 1, 2])], split="test", first=2)
    found = tools.the(tools.checked(root, classes=THREE), "class_absent")
    assert found.severity == "warning"
    assert found.summary == "1 of 3 classes never occurs in train, but elsewhere: car."


def test_a_class_that_val_lacks_is_a_remark(tools: Tools, written: Written) -> None:
    written([tools.areas([0, 1, 2])], split="train")
    written([tools.areas([0, 1])], split="val", first=1)
    root = written([tools.areas([0, 1, 2])], split="test", first=2)
    found = tools.the(tools.checked(root, classes=THREE), "class_absent")
    assert found.severity == "remark"
    assert found.advice == "It has no score in val."


def test_background_that_is_ignored_is_suspicious(tools: Tools, written: Written) -> None:
    mask = np.zeros((48, 64), np.uint8)
    mask[:12, :32], mask[:12, 32:] = 1, 2  # three quarters stay 0
    findings = tools.checked(written([mask]), classes={"road": 1, "car": 2}, ignore=[0])
    found = tools.the(findings, "ignore_suspicious")
    assert found.severity == "warning"
    assert found.summary.startswith("75.0% of all pixels are ignored (value 0)")


def test_a_thin_border_that_is_ignored_is_right(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 1, 2, 255])], split="train")
    assert tools.kinds(tools.checked(root, classes=THREE)) == set()


def test_the_void_band_as_a_class_is_suspicious(tools: Tools, written: Written) -> None:
    # S0-B01: void as a 22nd class, learned and scored
    classes = {"none": 0, "road": 1, "car": 2, "void": 255}
    found = tools.the(
        tools.checked(written([tools.areas([0, 1, 2, 255])]), classes=classes), "ignore_suspicious"
    )
    assert "255 is listed as the class void" in found.summary
    assert "data.options.ignore=[255]" in found.advice


# --- words and advice ---------------------------------------------------------------------------


def test_several_classes_never_occur_and_they_are_named(tools: Tools, written: Written) -> None:
    names = ["a", "b", "c", "d", "e"]
    found = tools.the(tools.checked(written([tools.areas([0, 4])]), classes=names), "class_absent")
    assert found.summary == "3 of 5 classes never occur: b, c, d."
    assert found.count == 3


def test_of_a_list_of_one_name_the_class_is_singular(tools: Tools, written: Written) -> None:
    written([tools.areas([255, 0])], split="train")
    root = written([np.full((48, 64), 255, np.uint8)], split="val", first=1)
    findings = tools.checked(root, classes={"plant": 0, "soil": 255})
    found = tools.the(findings, "class_absent")
    assert found.summary == "1 of 2 classes never occurs in val, but elsewhere: plant."


def test_a_class_left_out_of_a_plain_list_does_not_move_the_others(
    tools: Tools, written: Written
) -> None:
    root = written([tools.areas([0, 2])], split="train")
    found = tools.the(tools.checked(root, classes=THREE), "class_absent")
    assert found.advice == (
        "It cannot be learned or scored; add images that show it, or leave it out: "
        "'data.options.classes={none: 0, car: 2}'."
    )
    assert tools.kinds(tools.checked(root, **tools.advised(found))) == set()


def test_several_absent_classes_are_left_out_together(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 3])], split="train")
    found = tools.the(tools.checked(root, classes=[*THREE, "tree"]), "class_absent")
    assert found.advice == (
        "They cannot be learned or scored; add images that show them, or leave them out: "
        "'data.options.classes={none: 0, tree: 3}'."
    )


def test_where_values_are_stated_an_absent_class_is_simply_removed(
    tools: Tools, written: Written
) -> None:
    classes = {"none": 0, "road": 50, "car": 100}
    found = tools.the(
        tools.checked(written([tools.areas([0, 100])]), classes=classes), "class_absent"
    )
    assert found.advice == (
        "It cannot be learned or scored; add images that show it, or remove it from the list."
    )


def test_a_long_list_is_not_written_out(tools: Tools, written: Written) -> None:
    names = [f"class {index}" for index in range(33)]
    root = written([tools.areas([0, 32])])
    found = tools.the(tools.checked(root, classes=names), "class_absent")
    assert found.advice.endswith("leave them out and give the others their values.")


def test_a_first_class_that_never_occurs_may_mean_a_count_from_1(
    tools: Tools, written: Written
) -> None:
    # the last class is absent by chance, so that no value is beyond the list
    root = written([tools.areas([1, 2])], split="train")
    found = tools.the(tools.checked(root, classes=THREE), "class_absent")
    assert found.advice == (
        "Look at a mask: if 1 is none, the masks count from 1; give each class its value then: "
        "'data.options.classes={none: 1, road: 2, car: 3}'. Otherwise add images that show it."
    )


def test_1_and_255_of_one_class_in_different_masks_are_no_void_band(
    tools: Tools, written: Written
) -> None:
    root = written([tools.areas([0, 1]), tools.areas([0, 255])], split="train")
    classes = {"none": 0, "crack": {"values": [1, 255]}}
    assert tools.kinds(tools.checked(root, classes=classes)) == set()


def test_1_and_255_of_one_class_in_the_same_masks_may_be_a_void_band(
    tools: Tools, written: Written
) -> None:
    root = written([tools.areas([0, 1, 255])], split="train")
    classes = {"none": 0, "crack": {"values": [1, 255]}}
    assert tools.kinds(tools.checked(root, classes=classes)) == {"ignore_suspicious"}


def test_the_list_of_a_public_data_set_cannot_be_stated_anew(real_data: Path) -> None:
    found = [p for p in check_path(real_data / "voc").problems if p.kind == "class_absent"]
    assert found
    assert not any("data.options" in problem.advice for problem in found)
