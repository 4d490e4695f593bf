"""Numbers and remarks as text."""

import math

import numpy as np
import pytest

from tessella.report.words import (
    class_remarks,
    css_color,
    flattened,
    percent,
    protocol_details,
    protocol_sentence,
    score,
    thousands,
    training_facts,
)


@pytest.mark.parametrize(
    ("value", "text"), [(0.71249, "0.712"), (1, "1.000"), (None, "n/a"), (math.nan, "n/a")]
)
def test_scores_have_three_decimals_or_are_not_available(value: float | None, text: str) -> None:
    assert score(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.314, "31 %"),
        (0.0314, "3.1 %"),
        (0.00049, "0.05 %"),
        (0, "0 %"),
        (1.0, "100 %"),
        (None, "n/a"),
    ],
)
def test_shares_are_per_cent_with_two_digits_or_so(value: float | None, text: str) -> None:
    assert percent(value) == text


def test_thousands_are_set_apart() -> None:
    assert thousands(1234567) == "1\u202f234\u202f567"


def test_the_protocol_is_one_sentence() -> None:
    protocol = {
        "ignored": "255",
        "averaging": "over classes",
        "split": "test",
        "num_images": 233,
        "resolution": "360x480",
        "seed": 3,
    }
    assert protocol_sentence(protocol) == (
        "Measured on the test split (233 images) at 360x480; averaging: over classes; ignored: 255."
    )


def test_the_sentence_of_an_empty_protocol_still_ends() -> None:
    assert protocol_sentence({}) == "Measured."


def test_details_of_the_protocol_are_what_the_sentence_leaves_out() -> None:
    assert protocol_details({"split": "test", "seed": 3}) == [("seed", "3")]


def test_class_remarks_name_every_kind_of_missing_class() -> None:
    # a found; b present, never predicted; c present and predicted, never together; d absent yet
    # predicted; e absent and never predicted
    counts = np.array(
        [[5, 0, 1, 1, 0], [3, 0, 0, 0, 0], [2, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
    )
    assert class_remarks([{"name": name} for name in "abcde"], counts) == [
        "Never predicted, though present: b.",
        "Predicted, but never where they are (IoU 0): c.",
        "Not in this split, yet predicted: d.",
        "Not in this split (n/a): e.",
    ]


def test_class_remarks_are_silent_where_all_is_well() -> None:
    assert class_remarks([{"name": "a"}, {"name": "b"}], np.eye(2, dtype=int)) == []


def test_nested_mappings_become_dotted_keys() -> None:
    content = {"a": {"b": {"c": 1}, "d": None}, "e": ["x", 2], "f": "text"}
    assert flattened(content) == [("a.b.c", "1"), ("a.d", "none"), ("e", "x 2"), ("f", "text")]


def test_training_facts_add_up_the_time_and_take_the_median_speed() -> None:
    history = [
        {"epoch": 1, "val_mean_iou": 0.5, "seconds": 3600.0, "images_per_second": 10.0},
        {"epoch": 2, "val_mean_iou": 0.6, "seconds": 61.0, "images_per_second": 30.0},
        {"epoch": 3, "val_mean_iou": 0.4, "seconds": math.nan, "images_per_second": 20.0},
    ]
    assert training_facts(history) == [
        ("epochs", "3"),
        ("best epoch", "2 (mean IoU 0.600 in validation)"),
        ("time", "1 h 1 min"),
        ("speed", "20 images/s (median epoch)"),
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.21, "4.21 s"), (59.7, "1 min 0 s"), (125, "2 min 5 s")]
)
def test_short_trainings_are_timed_in_minutes_and_seconds(seconds: float, text: str) -> None:
    assert ("time", text) in training_facts([{"seconds": seconds}])


def test_colors_are_written_for_css() -> None:
    assert css_color((1, 20, 255)) == "rgb(1 20 255)"
