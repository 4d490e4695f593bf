"""Values that the class list does not know: named, with slips of the list recognised."""

from typing import Any

import numpy as np
import pytest

Tools = Any
Written = Any

RED, GREEN = (200, 30, 30), (30, 200, 40)


def painted(mask: np.ndarray) -> np.ndarray:
    table = np.zeros((256, 3), np.uint8)
    table[1], table[2] = RED, GREEN
    return table[mask]


def test_a_value_between_the_listed_ones_is_named_with_its_share(
    tools: Tools, written: Written
) -> None:
    # S1-B05: what the table does not list became class 0 without a word
    mask = np.full((48, 64), 100, np.uint8)
    mask[:12], mask[12:24] = 150, 200
    found = tools.the(
        tools.checked(written([mask]), classes={"none": 0, "road": 100, "car": 200}),
        "unlisted_values",
    )
    assert found.severity == "error"
    assert found.summary == (
        "The masks hold 1 value that the class list does not know: 150 (25.0%)."
    )
    assert found.advice == "Add it to the classes, or to those ignored."


def test_the_commonest_come_first_and_the_others_are_counted(
    tools: Tools, written: Written
) -> None:
    mask = np.zeros((48, 64), np.uint8)
    for number in range(8):  # 20, 40, ..., 160 in ever wider columns
        mask[:, 4 + 5 * number : 5 + 6 * number] = 20 * number + 20
    found = tools.the(
        tools.checked(written([mask]), classes={"none": 0, "road": 250}), "unlisted_values"
    )
    assert "8 values that the class list does not know: 160 (" in found.summary
    assert found.summary.endswith(" and 2 more.")
    assert found.advice == "Add them to the classes, or to those ignored."


# --- a colour mistyped --------------------------------------------------------------------------


@pytest.mark.parametrize(("listed", "is_near"), [((200, 30, 38), True), ((200, 30, 39), False)])
def test_a_listed_colour_that_never_occurs_is_compared_with_one_nearby(
    tools: Tools, written: Written, listed: tuple[int, int, int], is_near: bool
) -> None:
    classes = {"none": [0, 0, 0], "red": list(listed), "green": list(GREEN)}
    root = written([painted(tools.areas([0, 1, 2]))])
    found = tools.the(tools.checked(root, classes=classes), "unlisted_values")
    assert "1 colour that the class list does not know: (200, 30, 30)" in found.summary
    assert (
        found.advice == f"The list says {listed} for red, which never occurs; perhaps "
        "(200, 30, 30) is meant. Correct the list, or add the colour to it."
    ) == is_near


def test_an_ignored_colour_can_be_mistyped_too(tools: Tools, written: Written) -> None:
    root = written([painted(tools.areas([0, 1, 2]))])
    found = tools.the(
        tools.checked(root, classes={"red": list(RED), "green": list(GREEN)}, ignore=[[0, 0, 1]]),
        "unlisted_values",
    )
    assert found.advice.startswith("The list says (0, 0, 1) for an ignored colour, which never")


def test_a_near_colour_that_does_occur_is_a_class_of_its_own(
    tools: Tools, written: Written
) -> None:
    mask = painted(tools.areas([0, 1, 2]))
    mask[:4] = (200, 30, 33)
    classes = {"none": [0, 0, 0], "red": list(RED), "green": list(GREEN)}
    found = tools.the(tools.checked(written([mask]), classes=classes), "unlisted_values")
    assert found.advice == "Add it to the classes, or to those ignored."


# --- red and blue exchanged ---------------------------------------------------------------------


def test_colours_in_the_order_of_opencv_are_recognised(tools: Tools, written: Written) -> None:
    classes = {"none": [0, 0, 0], "red": [30, 30, 200], "green": [40, 200, 30]}
    root = written([painted(tools.areas([0, 1, 2]))])
    found = tools.the(tools.checked(root, classes=classes), "unlisted_values")
    assert found.advice == (
        "They are colours of the list with red and blue exchanged, the order that OpenCV writes "
        "(BGR); write [red, green, blue] in the list, or export the masks again."
    )


def test_one_colour_that_no_exchange_explains_rules_the_order_out(
    tools: Tools, written: Written
) -> None:
    classes = {"none": [0, 0, 0], "red": [30, 30, 200]}
    root = written([painted(tools.areas([0, 1, 2]))])
    found = tools.the(tools.checked(root, classes=classes), "unlisted_values")
    assert found.advice == "Add them to the classes, or to those ignored."


# --- values left unstated -----------------------------------------------------------------------


@pytest.mark.parametrize("values", [[0, 65535], [0, 1000, 2000], [0, 128, 254], [10, 60, 110]])
def test_as_many_values_as_names_are_proposed_in_order(
    tools: Tools, written: Written, values: list[int]
) -> None:
    names = ["none", "road", "car"][: len(values)]
    root = written([tools.areas(values)], split="train")
    found = tools.the(tools.checked(root, classes=names), "unlisted_values")
    advised = tools.advised(found)
    assert advised == {"classes": dict(zip(names, values, strict=True))}
    assert tools.kinds(tools.checked(root, **advised)) == set()


@pytest.mark.parametrize(
    "classes", [["none", "road", "car", "tree"], {"none": 0, "road": 100, "car": 150}]
)
def test_other_numbers_of_values_and_stated_ones_are_not_put_in_order(
    tools: Tools, written: Written, classes: Any
) -> None:
    root = written([tools.areas([0, 100, 200])])
    found = tools.the(tools.checked(root, classes=classes), "unlisted_values")
    assert tools.advised(found) == {}
