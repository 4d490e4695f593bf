"""The range of each tensor of an ONNX graph over images: what its 256 steps will span.

ONNX Runtime's own calibrators print, and those with histograms keep every tensor of every image
until the end and take the width of their bins from the first image. Here lowest and highest are
computed inside the graph, and histograms, in a second pass, from at most 131,072 values of each
tensor and image: memory grows neither with the number of images nor, for them, with their size.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
from jaxtyping import Float32, Float64, Int64
from onnx import TensorProto, helper, numpy_helper

from tessella.export.calibration import Calibration, Images, checked_images

PERCENTILE = 99.99
"""Share of a tensor's values, in percent, that the range of `percentile` keeps; the rest is cut
half from each end. Wu et al. 2020, arXiv:2004.09602, compare cuts from 99.9 to 99.9999."""

BINS = 2048
"""Of a histogram, on each side of zero."""

STEPS = 256
"""Of an 8-bit number."""

_SAMPLE = 65_536
_CANDIDATE_STRIDE = 8
_PREFIX = "tessella.calibration"


class Range(NamedTuple):
    """What values a tensor takes, or is clipped to."""

    lowest: np.float32
    highest: np.float32


class Histogram(NamedTuple):
    """How often a tensor's values fall into bins of one width."""

    counts: Int64[np.ndarray, " b"]
    edges: Float64[np.ndarray, " b_plus_1"]
    """From the lowest to the highest, symmetric around zero where the tensor has both signs, from
    or up to zero where it has one."""

    zero: int
    """Index of the edge that is zero."""


def tensor_ranges(
    model: onnx.ModelProto, tensors: Sequence[str], images: Images, *, calibration: Calibration
) -> dict[str, Range]:
    """The range of each tensor.

    Args:
        model: takes images as its only input; inferred types are not needed.
        tensors: float32 tensors of the graph.
        images: read once for `minmax`, twice otherwise.
        calibration: how the range follows from the values.

    Raises:
        ValueError: there is no image, one does not fit the model, or a tensor becomes infinite or
            no number on one.
    """
    full = _full_ranges(model, tensors, images)
    if calibration == "minmax":
        return full
    narrow = {"percentile": percentile_range, "entropy": entropy_range}[calibration]
    histograms = _histograms(model, full, images)
    return {
        name: narrow(histograms[name], full[name]) if name in histograms else full[name]
        for name in tensors
    }


def histogram_edges(full: Range) -> tuple[Float64[np.ndarray, " b_plus_1"], int]:
    """The edges for a tensor of such a range, and which of them is zero."""
    lowest, highest = float(full.lowest), float(full.highest)
    largest = max(-lowest, highest)
    start, stop = (-largest if lowest < 0 else 0.0), (largest if highest > 0 else 0.0)
    num_below, num_above = BINS * (start < 0), BINS * (stop > 0)
    return np.linspace(start, stop, num_below + num_above + 1), num_below


def percentile_range(histogram: Histogram, full: Range) -> Range:
    """The range without the rarest values at either end."""
    counts, edges, _ = histogram
    below = np.cumsum(counts)
    cut = below[-1] * (1 - PERCENTILE / 100) / 2
    first = int(np.searchsorted(below, cut, side="right"))
    last = int(np.searchsorted(below, below[-1] - cut, side="left"))
    return _clipped(full, edges[first], edges[last + 1])


def entropy_range(histogram: Histogram, full: Range) -> Range:
    """The range, symmetric around zero but for where the tensor ends, that loses least information.

    Source: Migacz 2017, "8-bit inference with TensorRT", GTC: the distribution clipped to the
    range, against the same in steps, by Kullback-Leibler divergence.
    """
    edges, zero = histogram.edges, histogram.zero
    counts = _without_zeros(histogram)
    num_bins = counts.size
    best, chosen = np.inf, (0, num_bins)
    two_sided = 0 < zero < num_bins
    for reach in range(STEPS // (1 + two_sided), BINS + 1, _CANDIDATE_STRIDE):
        start, stop = max(0, zero - reach), min(num_bins, zero + reach)
        divergence = _divergence(counts, start, stop)
        if divergence < best:
            best, chosen = divergence, (start, stop)
    return _clipped(full, edges[chosen[0]], edges[chosen[1]])


def _without_zeros(histogram: Histogram) -> Int64[np.ndarray, " b"]:
    """Counts as if zero were no commoner than its neighbours.

    Zero is a step of its own: the many that a ReLU gives lose nothing, but would seem to where
    their bin is merged with others.
    """
    counts = histogram.counts.copy()
    place = min(histogram.zero, counts.size - 1)
    beside = place + 1 if place + 1 < counts.size else place - 1
    counts[place] = min(counts[place], counts[beside])
    return counts


def _divergence(counts: Int64[np.ndarray, " b"], start: int, stop: int) -> float:
    """Information lost by clipping to the bins start..stop and telling `STEPS` steps apart."""
    inside = counts[start:stop].astype(np.float64)
    clipped = inside.copy()
    clipped[0] += counts[:start].sum()
    clipped[-1] += counts[stop:].sum()
    step = np.arange(inside.size) * STEPS // inside.size
    taken = inside > 0
    # a step's values spread over those of its bins that have any
    per_bin = np.bincount(step, inside, STEPS) / np.maximum(np.bincount(step, taken, STEPS), 1)
    in_steps = np.where(taken, per_bin[step], 1e-4)  # never 0: what was clipped must cost
    present = clipped > 0
    p = clipped[present] / clipped.sum()
    q = in_steps[present] / in_steps.sum()
    return float((p * np.log(p / q)).sum())


def _clipped(full: Range, low: float, high: float) -> Range:
    return Range(
        max(full.lowest, np.float32(low)),
        min(full.highest, np.float32(high)),
    )


def _full_ranges(
    model: onnx.ModelProto, tensors: Sequence[str], images: Images
) -> dict[str, Range]:
    nodes = [
        helper.make_node(kind, [name], [f"{_PREFIX}.{kind}.{place}"], keepdims=0)
        for kind in ("ReduceMin", "ReduceMax")
        for place, name in enumerate(tensors)
    ]
    session = _observing(model, nodes, outputs=[node.output[0] for node in nodes])
    lowest = np.full(len(tensors), np.inf, np.float32)
    highest = -lowest
    for number, found in enumerate(_run(session, model, images), start=1):
        low, high = np.array(found, np.float32).reshape(2, -1)
        if not (np.isfinite(low) & np.isfinite(high)).all():
            name = tensors[int(np.argmin(np.isfinite(low) & np.isfinite(high)))]
            raise ValueError(
                f"calibration image {number}: tensor {name!r} becomes infinite or no number on "
                "it; the float model does not work there, so it cannot be quantised."
            )
        lowest, highest = np.minimum(lowest, low), np.maximum(highest, high)
    return {name: Range(lowest[i], highest[i]) for i, name in enumerate(tensors)}


def _histograms(
    model: onnx.ModelProto, full: dict[str, Range], images: Images
) -> dict[str, Histogram]:
    """Of the tensors that have more than one value."""
    names = [name for name, (lowest, highest) in full.items() if lowest < highest]
    if not names:
        return {}
    edges = {name: histogram_edges(full[name]) for name in names}
    counts = {name: np.zeros(edges[name][0].size - 1, np.int64) for name in names}
    nodes = [node for place, name in enumerate(names) for node in _sampling(name, place)]
    session = _observing(
        model, nodes, outputs=[node.output[0] for node in nodes if node.op_type == "Slice"]
    )
    for found in _run(session, model, images):
        for name, values in zip(names, found, strict=True):
            span = edges[name][0]
            counts[name] += np.histogram(values, counts[name].size, (span[0], span[-1]))[0]
    return {name: Histogram(counts[name], *edges[name]) for name in names}


def _sampling(tensor: str, place: int) -> list[onnx.NodeProto]:
    """Nodes that give at most 2 * `_SAMPLE` values of a tensor, evenly spread over it."""

    def name(what: str) -> str:
        return f"{_PREFIX}.{what}.{place}"

    # an odd stride, 1 + 2 * (size // (2 * _SAMPLE)): an even one would meet the same columns only
    return [
        helper.make_node("Size", [tensor], [name("size")]),
        helper.make_node("Div", [name("size"), f"{_PREFIX}.most"], [name("ratio")]),
        helper.make_node("Add", [name("ratio"), name("ratio")], [name("even")]),
        helper.make_node("Add", [name("even"), f"{_PREFIX}.one"], [name("stride")]),
        helper.make_node("Reshape", [tensor, f"{_PREFIX}.flat"], [name("flat")]),
        helper.make_node(
            "Slice",
            [
                *(name("flat"), f"{_PREFIX}.first", f"{_PREFIX}.end", f"{_PREFIX}.first"),
                name("stride"),
            ],
            [name("sample")],
        ),
    ]


def _observing(
    model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], *, outputs: Sequence[str]
) -> onnxruntime.InferenceSession:
    """A session of the model that gives these outputs in place of its own."""
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    graph = observed.graph
    constants = {"flat": -1, "first": 0, "end": 2**62, "most": 2 * _SAMPLE, "one": 1}
    graph.initializer.extend(
        numpy_helper.from_array(np.array([value], np.int64), f"{_PREFIX}.{name}")
        for name, value in constants.items()
    )
    graph.node.extend(nodes)
    del graph.output[:]
    graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; they come as exceptions
    options.enable_mem_pattern = False  # a plan for one size of images serves no other
    return onnxruntime.InferenceSession(
        observed.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _run(
    session: onnxruntime.InferenceSession, model: onnx.ModelProto, images: Images
) -> Iterator[Sequence[Float32[np.ndarray, "..."]]]:
    """The session's outputs for each image."""
    given = model.graph.input[0]
    _, channels, *size = (
        axis.dim_value if axis.HasField("dim_value") else None
        for axis in given.type.tensor_type.shape.dim
    )
    for image in checked_images(images, channels=channels, size=(size[0], size[1])):
        found: Sequence[Any] = session.run(None, {given.name: image})
        yield found
