"""Figures from rounds, worked out by hand."""

import json
from pathlib import Path

import pytest

from tessella.benchmark.result import Absent, Benchmark, Row


def row(*seconds: float, precision: str = "fp32") -> Row:
    return Row(
        model=Path("run"),
        engine="torch",
        precision=precision,
        where="cpu, 2 threads",
        seconds=seconds,
        peak_bytes=1000,
        gpu_peak_bytes=None,
        file_bytes=10,
    )


def test_the_median_of_an_even_number_of_rounds_lies_between_the_middle_two() -> None:
    assert row(0.4, 0.1, 0.3, 0.2).median_seconds == pytest.approx(0.25)


def test_p95_is_a_value_that_was_measured_and_95_of_100_are_no_longer() -> None:
    seconds = [index / 100 for index in range(1, 101)]
    p95 = row(*seconds).p95_seconds
    assert p95 in seconds
    assert sum(one <= p95 for one in seconds) >= 95


def test_the_ratio_is_taken_round_by_round() -> None:
    # the machine is ten times slower in the third round, for both; one is always twice as fast
    slow, fast = row(0.2, 0.4, 4.0), row(0.1, 0.2, 2.0)
    ratio = fast.times_as_fast_as(slow)
    assert (ratio.median, *ratio.quartiles) == pytest.approx((2.0, 2.0, 2.0))


def test_the_ratio_is_the_median_of_the_rounds_with_its_quartiles() -> None:
    # ratios 1, 2, 3, 4, 5
    one, other = row(1, 2, 3, 4, 5), row(1, 1, 1, 1, 1)
    ratio = other.times_as_fast_as(one)
    assert (ratio.median, *ratio.quartiles) == pytest.approx((3.0, 2.0, 4.0))


def test_the_document_is_json_with_images_per_second_of_whole_batches() -> None:
    absent = Absent(Path("a.onnx"), "openvino", None, "openvino is not installed")
    found = Benchmark({"batch": 4}, (row(0.5), row(0.25, precision="bf16")), (absent,), ())
    document = json.loads(json.dumps(found.document()))
    assert [one["images_per_second"] for one in document["rows"]] == [8, 16]
    assert document["rows"][1]["times_as_fast"] == {"median": 2.0, "quartiles": [2.0, 2.0]}
    assert document["left_out"] == [
        {
            "model": "a.onnx",
            "engine": "openvino",
            "precision": None,
            "reason": "openvino is not installed",
        }
    ]
