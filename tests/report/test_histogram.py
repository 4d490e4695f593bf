"""The histogram of per-image scores."""

import xml.etree.ElementTree as ET

import pytest

from tessella.report.histogram import bin_counts, mean_iou_histogram


@pytest.mark.parametrize(
    ("value", "index"),
    [(0.0, 0), (0.049, 0), (0.05, 1), (0.15, 3), (0.3, 6), (0.999, 19), (1.0, 19)],
)
def test_a_value_falls_in_the_bin_that_it_opens(value: float, index: int) -> None:
    counts = bin_counts([value])
    assert counts[index] == sum(counts) == 1


def test_all_twenty_bins_are_counted() -> None:
    assert bin_counts([k / 20 for k in range(20)]) == [1] * 20


def test_no_values_draw_nothing() -> None:
    assert mean_iou_histogram([]) == ""


def test_bars_tell_their_range_and_count() -> None:
    chart = ET.fromstring(mean_iou_histogram([0.5, 0.52, 0.91]))
    assert [e.text for e in chart.iter("title")] == [
        "mean IoU 0.50 to 0.55: 2 images",
        "mean IoU 0.90 to 0.95: 1 image",
    ]


def test_the_median_is_marked() -> None:
    assert "median 0.520" in mean_iou_histogram([0.5, 0.52, 0.91])


def test_the_axis_of_few_images_has_whole_numbers_only() -> None:
    chart = ET.fromstring(mean_iou_histogram([0.1, 0.2]))
    ticks = [e.text for e in chart.iter("text") if e.get("class") == "tick end"]
    assert ticks == ["0", "1"]


def test_bars_stay_inside_of_the_frame() -> None:
    chart = ET.fromstring(mean_iou_histogram([0.5] * 97))
    (bar,) = chart.iter("rect")
    assert float(bar.get("y", "nan")) >= 26
    assert float(bar.get("y", "0")) + float(bar.get("height", "nan")) == pytest.approx(202)
