"""The class list as a whole: classes that never occur, and what is ignored."""

from typing import Any

import numpy as np

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
    assert found.summary == "1 of 3 classes never occur: road."


def test_a_class_that_only_val_holds_is_a_warning(tools: Tools, written: Written) -> None:
    written([tools.areas([0, 1])], split="train")
    written([tools.areas([0, 1, 2])], split="val", first=1)
    root = written([tools.areas([0, 1, 2])], split="test", first=2)
    found = tools.the(tools.checked(root, classes=THREE), "class_absent")
    assert found.severity == "warning"
    assert found.summary == "1 of 3 classes never occur in train, but elsewhere: car."


def test_a_class_that_val_lacks_is_a_remark(tools: Tools, written: Written) -> None:
    written([tools.areas([0, 1, 2])], split="train")
    written([tools.areas([0, 1])], split="val", first=1)
    root = written([tools.areas([0, 1, 2])], split="test", first=2)
    found = tools.the(tools.checked(root, classes=THREE), "class_absent")
    assert found.severity == "remark"
    assert found.advice == "They have no score in val."


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
