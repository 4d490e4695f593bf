"""Ranges of tensors over images, against NumPy on the whole tensors."""

import math
from collections.abc import Iterator

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tessella.export.int8_ranges import (
    BINS,
    Histogram,
    Range,
    entropy_range,
    histogram_edges,
    percentile_range,
    tensor_ranges,
)


def graph(*nodes: onnx.NodeProto, constants: dict[str, float]) -> onnx.ModelProto:
    """Images as float32 `x`, and what the nodes make of them."""
    cast = helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT)
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", 3, "h", "w"])
    output = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)
    values = [numpy_helper.from_array(np.float32(v), name) for name, v in constants.items()]
    made = helper.make_graph([cast, *nodes], "graph", [images], [output], values)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


SHIFTED = graph(helper.make_node("Sub", ["x", "middle"], ["y"]), constants={"middle": 100.0})


def two_images() -> Iterator[np.ndarray]:
    """Of different sizes; values 10..50, then 0..240."""
    yield np.linspace(10, 50, 3 * 4 * 6).astype(np.uint8).reshape(1, 3, 4, 6)
    yield np.linspace(0, 240, 3 * 8 * 5).astype(np.uint8).reshape(1, 3, 8, 5)


def test_minmax_spans_all_images() -> None:
    found = tensor_ranges(SHIFTED, ["x", "y"], two_images, calibration="minmax")
    assert found == {"x": (0, 240), "y": (-100, 140)}


def test_percentile_leaves_out_a_rare_outlier() -> None:
    def images() -> Iterator[np.ndarray]:
        image = np.full((1, 3, 200, 200), 110, np.uint8)  # y is 10
        image[0, 0, 0, :2] = 255, 0  # two of 120,000 values, and 1 in 20,000 may go at either end
        yield image

    full = tensor_ranges(SHIFTED, ["y"], images, calibration="minmax")["y"]
    narrow = tensor_ranges(SHIFTED, ["y"], images, calibration="percentile")["y"]
    assert full == (-100, 155)
    bin_width = 155 / BINS
    assert narrow.lowest == pytest.approx(10, abs=bin_width)
    assert narrow.highest == pytest.approx(10, abs=bin_width)


@pytest.mark.parametrize("calibration", ["percentile", "entropy"])
def test_a_tensor_of_one_value_keeps_it(calibration: str) -> None:
    def images() -> Iterator[np.ndarray]:
        yield np.full((1, 3, 4, 4), 100, np.uint8)

    found = tensor_ranges(SHIFTED, ["x", "y"], images, calibration=calibration)  # type: ignore[arg-type]
    assert found == {"x": (100, 100), "y": (0, 0)}


def test_a_large_image_is_sampled_all_over() -> None:
    def images() -> Iterator[np.ndarray]:
        image = np.zeros((1, 3, 512, 512), np.uint8)
        image[..., 256:] = 200
        yield image

    # half of the values at either end: a sample of the left half alone would give 0..0
    found = tensor_ranges(SHIFTED, ["x"], images, calibration="percentile")["x"]
    assert found.highest == pytest.approx(200, abs=200 / BINS)


def test_images_are_read_once_for_minmax_and_twice_otherwise() -> None:
    started: list[str] = []

    def images() -> Iterator[np.ndarray]:
        started.append("pass")
        return two_images()

    tensor_ranges(SHIFTED, ["y"], images, calibration="minmax")
    assert len(started) == 1
    tensor_ranges(SHIFTED, ["y"], images, calibration="entropy")
    assert len(started) == 3


def test_a_tensor_that_is_no_number_is_refused_by_name_and_image() -> None:
    root = graph(
        helper.make_node("Sub", ["x", "middle"], ["y"]),
        helper.make_node("Reciprocal", ["y"], ["z"]),
        constants={"middle": 45.0},
    )

    def images() -> Iterator[np.ndarray]:
        yield np.full((1, 3, 2, 2), 44, np.uint8)
        yield np.full((1, 3, 2, 2), 45, np.uint8)

    with pytest.raises(ValueError, match="calibration image 2: tensor 'z' becomes infinite"):
        tensor_ranges(root, ["y", "z"], images, calibration="minmax")


def histogram_of(values: np.ndarray) -> tuple[Histogram, Range]:
    full = Range(np.float32(values.min()), np.float32(values.max()))
    edges, zero = histogram_edges(full)
    counts = np.histogram(values, edges)[0]
    return Histogram(counts, edges, zero), full


@pytest.mark.parametrize(
    ("full", "first", "last", "zero", "num_bins"),
    [
        ((0.0, 4.0), 0.0, 4.0, 0, BINS),
        ((1.0, 4.0), 0.0, 4.0, 0, BINS),
        ((-2.0, 4.0), -4.0, 4.0, BINS, 2 * BINS),
        ((-2.0, 0.0), -2.0, 0.0, BINS, BINS),
    ],
)
def test_edges_include_zero_and_are_symmetric_where_there_are_two_signs(
    full: tuple[float, float], first: float, last: float, zero: int, num_bins: int
) -> None:
    edges, place = histogram_edges(Range(np.float32(full[0]), np.float32(full[1])))
    assert (edges[0], edges[-1], place, edges.size - 1) == (first, last, zero, num_bins)
    assert edges[place] == 0


def test_percentile_agrees_with_the_quantiles_of_the_values() -> None:
    values = np.random.default_rng(0).normal(size=200_000)
    narrow = percentile_range(*histogram_of(values))
    low, high = np.quantile(values, [0.00005, 0.99995])
    width = 2 * abs(values).max() / (2 * BINS)
    assert narrow.lowest == pytest.approx(low, abs=2 * width)
    assert narrow.highest == pytest.approx(high, abs=2 * width)


def test_entropy_leaves_out_a_far_outlier_of_a_rectified_tensor() -> None:
    bulk = np.maximum(np.random.default_rng(0).normal(size=400_000), 0)
    values = np.append(bulk, [40.0] * 3)
    narrow = entropy_range(*histogram_of(values))
    # minmax would spend 7 of 8 steps beyond the last value but three
    assert 3.5 < narrow.highest < 8
    assert narrow.lowest == 0


def test_entropy_keeps_evenly_spread_values() -> None:
    values = np.random.default_rng(0).uniform(0, 1, 400_000)
    assert entropy_range(*histogram_of(values)).highest == pytest.approx(1, abs=0.01)


def test_many_zeros_do_not_narrow_the_range_of_entropy() -> None:
    values = np.abs(np.random.default_rng(0).normal(size=200_000))
    plain = entropy_range(*histogram_of(values)).highest
    with_zeros = entropy_range(*histogram_of(np.append(values, np.zeros(800_000)))).highest
    assert with_zeros == pytest.approx(plain, rel=0.05)


def slow_divergence(values: np.ndarray, threshold_bin: int) -> float:
    """KL of a one-sided histogram clipped at a bin against its 256 steps, bin by bin."""
    counts = np.histogram(values, BINS, (0, values.max()))[0].astype(float)
    counts[0] = min(counts[0], counts[1])
    inside = counts[:threshold_bin]
    p = inside.copy()
    p[-1] += counts[threshold_bin:].sum()
    q = np.full(threshold_bin, 1e-4)
    for step in range(256):
        members = [b for b in range(threshold_bin) if b * 256 // threshold_bin == step]
        taken = [b for b in members if inside[b] > 0]
        for b in taken:
            q[b] = sum(inside[m] for m in members) / len(taken)
    p, q = p / p.sum(), q / q.sum()
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)


def test_entropy_chooses_the_candidate_that_a_slow_search_chooses() -> None:
    values = np.random.default_rng(1).exponential(size=60_000)
    candidates = range(256, BINS + 1, 8)
    coarse = [c for c in candidates if c % 64 == 0]  # the slow search is slow
    chosen = entropy_range(*histogram_of(np.append(values, 0.0))).highest
    width = values.max() / BINS
    best = min(coarse, key=lambda c: slow_divergence(np.append(values, 0.0), c))
    # what was chosen loses no more than the best of the coarse candidates
    chosen_bin = round(float(chosen) / width)
    slow = slow_divergence(np.append(values, 0.0), chosen_bin)
    assert slow <= slow_divergence(np.append(values, 0.0), best) + 1e-9
