"""SVG parts: round ticks, escaping, and the frame's arithmetic."""

import math
import xml.etree.ElementTree as ET

import pytest

from tessella.report.svg import (
    Frame,
    add,
    drawing,
    markup,
    printable,
    round_ticks,
    short_number,
    shortened,
    whole_ticks,
)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 1.84, [0, 0.5, 1, 1.5, 2]),
        (0, 38, [0, 10, 20, 30, 40]),
        (-0.3, 0.4, [-0.4, -0.2, 0, 0.2, 0.4]),
        (0, 0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (5, 5, [5, 5.2, 5.4, 5.6, 5.8, 6]),
    ],
)
def test_round_ticks_cover_the_range_in_round_steps(
    low: float, high: float, expected: list[float]
) -> None:
    assert round_ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize("high", [1e-9, 3e-5, 0.013, 0.7, 1.0, 3.3, 97.0, 12345.0, 1e12])
def test_round_ticks_are_at_most_six_and_reach_both_ends(high: float) -> None:
    ticks = round_ticks(0.0, high)
    assert 2 <= len(ticks) <= 6
    assert ticks[0] == 0
    assert ticks[-1] >= high * (1 - 1e-8)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1, 1, [1]),
        (1, 6, [1, 2, 3, 4, 5, 6]),
        (1, 40, [5, 10, 15, 20, 25, 30, 35, 40]),
        (1, 300, [50, 100, 150, 200, 250, 300]),
    ],
)
def test_whole_ticks_are_whole_epochs_inside_the_range(
    low: int, high: int, expected: list[int]
) -> None:
    assert whole_ticks(low, high) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "0.25"), (12, "12"), (1e-5, "1e-5"), (0.30000000000000004, "0.3"), (2e7, "2e7")],
)
def test_short_numbers_have_no_padding(value: float, text: str) -> None:
    assert short_number(value) == text


def test_frame_puts_data_on_its_rectangle_with_y_upwards() -> None:
    frame = Frame((0, 10), (0, 4), left=100, right=200, top=50, bottom=90)
    assert (frame.x(0), frame.x(5), frame.x(10)) == (100, 150, 200)
    assert (frame.y(0), frame.y(1), frame.y(4)) == (90, 80, 50)


def test_markup_escapes_text_and_attributes() -> None:
    root = drawing(10, 10, label='a "<b>"')
    add(root, "text", {"x": 1}, text="</svg><script>alert(1)</script>")
    text = markup(root)
    assert "<script" not in text
    parsed = ET.fromstring(text)
    assert parsed.get("aria-label") == 'a "<b>"'
    assert parsed[0].text == "</svg><script>alert(1)</script>"


def test_control_characters_do_not_break_the_document() -> None:
    root = drawing(10, 10, label="a\x00b")
    add(root, "text", {}, text="c\x1bd\ud800")
    assert ET.fromstring(markup(root))[0].text == "c d "


def test_attributes_are_written_with_two_decimals() -> None:
    root = drawing(10, 10, label="")
    assert add(root, "rect", {"x": 1 / 3, "y": 2.0}).attrib == {"x": "0.33", "y": "2"}


def test_shortened_text_keeps_its_length() -> None:
    assert shortened("abcdef", most=6) == "abcdef"
    assert shortened("abcdefg", most=6) == "abcde…"


def test_printable_text_is_left_alone() -> None:
    assert printable("Straße 道路") == "Straße 道路"


def test_round_ticks_of_a_tiny_range_are_finite() -> None:
    assert all(math.isfinite(tick) for tick in round_ticks(0.5, 0.5000001))
