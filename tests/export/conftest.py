"""A small float graph as export writes them, of fixed weights: no torch is needed for int8."""

from collections.abc import Iterator

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

NUM_CLASSES = 3


def _conv(name: str, *, given: str, gives: str) -> onnx.NodeProto:
    weights = [f"{name}.weight", f"{name}.bias"]
    return helper.make_node("Conv", [given, *weights], [gives], name, pads=[1, 1, 1, 1])


def float_graph(*, seed: int = 0) -> onnx.ModelProto:
    """Normalise, conv, pool, residual, upsample, skip, conv, crop, argmax.

    Images of even height and width; every convolution is 3x3. `logits` is an output too.
    """
    random = np.random.default_rng(seed)
    constants: dict[str, np.ndarray] = {
        "scale": np.array([0.017, 0.018, 0.017], np.float32).reshape(1, 3, 1, 1),
        "shift": np.array([-2.1, -2.0, -1.8], np.float32).reshape(1, 3, 1, 1),
        "two": np.array([1, 1, 2, 2], np.int64),
        "start": np.array([0, 0], np.int64),
        "end": np.array([2**31, 2**31], np.int64),
        "axes": np.array([2, 3], np.int64),
    }
    for name, (inputs, outputs) in {
        "first": (3, 8),
        "middle": (8, 8),
        "last": (16, NUM_CLASSES),
    }.items():
        spread = (2 / (9 * inputs)) ** 0.5
        # channels of very different size, as trained ones are: one step for all would not do
        sizes = np.geomspace(0.2, 3, outputs).reshape(-1, 1, 1, 1) if name == "middle" else 1
        weights = random.normal(0, spread, (outputs, inputs, 3, 3)) * sizes
        constants[f"{name}.weight"] = weights.astype(np.float32)
        constants[f"{name}.bias"] = random.normal(0, 0.1, outputs).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["images"], ["as_float"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["as_float", "scale"], ["scaled"], "normalise_scale"),
        helper.make_node("Add", ["scaled", "shift"], ["normal"], "normalise_shift"),
        _conv("first", given="normal", gives="first_out"),
        helper.make_node("Relu", ["first_out"], ["full"], "relu_first"),
        helper.make_node(
            "MaxPool", ["full"], ["half"], "pool", kernel_shape=[2, 2], strides=[2, 2]
        ),
        _conv("middle", given="half", gives="middle_out"),
        helper.make_node("Add", ["middle_out", "half"], ["summed"], "residual"),
        helper.make_node("Relu", ["summed"], ["rectified"], "relu_residual"),
        # a size computed from a shape, as torch exports upsampling
        helper.make_node("Shape", ["rectified"], ["shape"], "shape"),
        helper.make_node("Mul", ["shape", "two"], ["size"], "size"),
        helper.make_node(
            "Resize", ["rectified", "", "", "size"], ["up"], "upsample", mode="nearest"
        ),
        helper.make_node("Concat", ["up", "full"], ["both"], "skip", axis=1),
        _conv("last", given="both", gives="scores"),
        helper.make_node("Slice", ["scores", "start", "end", "axes"], ["logits"], "crop"),
        helper.make_node("ArgMax", ["logits"], ["index"], "argmax", axis=1, keepdims=0),
        helper.make_node("Cast", ["index"], ["classes"], "to_uint8", to=TensorProto.UINT8),
    ]
    images = helper.make_tensor_value_info(
        "images", TensorProto.UINT8, ["batch", 3, "height", "width"]
    )
    outputs = [
        helper.make_tensor_value_info("classes", TensorProto.UINT8, ["batch", "height", "width"]),
        helper.make_tensor_value_info(
            "logits", TensorProto.FLOAT, ["batch", NUM_CLASSES, "height", "width"]
        ),
    ]
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "small", [images], outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    helper.set_model_props(model, {"tessella.card": "{}", "labels": "a, b, c"})
    model.producer_name = "tessella"
    onnx.checker.check_model(model)
    return model


def blobs(*, size: tuple[int, int], seed: int) -> np.ndarray:
    """An image of smooth patches of colour, uint8 (1, 3, h, w): nearer to a photo than noise."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (1, 3, size[0] // 8 + 2, size[1] // 8 + 2)).astype(np.float64)
    rows, columns = (np.arange(side) / 8 for side in size)
    top, left = rows.astype(int), columns.astype(int)
    down, right = (rows - top)[:, None], columns - left
    upper = coarse[:, :, top][..., left] * (1 - right) + coarse[:, :, top][..., left + 1] * right
    lower = (
        coarse[:, :, top + 1][..., left] * (1 - right)
        + coarse[:, :, top + 1][..., left + 1] * right
    )
    return (upper * (1 - down) + lower * down).astype(np.uint8)


@pytest.fixture(scope="session")
def float_onnx() -> bytes:
    """`float_graph` as a file."""
    return float_graph().SerializeToString()


def calibration_images() -> Iterator[np.ndarray]:
    """Six images of two sizes."""
    for seed in range(6):
        yield blobs(size=(32, 48) if seed % 2 else (40, 32), seed=seed)


@pytest.fixture(scope="session")
def images() -> object:
    """`calibration_images`, which starts anew at each call."""
    return calibration_images


@pytest.fixture(scope="session")
def image_of() -> object:
    """`blobs`, for images that calibration has not seen."""
    return blobs
