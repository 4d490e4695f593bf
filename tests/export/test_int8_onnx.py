"""An ONNX graph in int8: as good as the float one, of the same face, and really in bytes."""

import tempfile
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from tessella.export.int8_onnx import attempts, node_names_first_last, quantize_onnx

Images = Callable[[], Iterator[np.ndarray]]
ImageOf = Callable[..., np.ndarray]

CONVOLUTIONS = ("first", "middle", "last")


@pytest.fixture(scope="module")
def int8(float_onnx: bytes, images: Images) -> bytes:
    return quantize_onnx(float_onnx, images, calibration="minmax")


def run(model: bytes, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(["classes"], {"images": image})[0]


def graph_of(model: bytes) -> onnx.GraphProto:
    return onnx.load_model_from_string(model).graph


def nodes_by_name(model: bytes) -> dict[str, onnx.NodeProto]:
    return {node.name: node for node in graph_of(model).node}


def source(model: bytes, tensor: str) -> onnx.NodeProto:
    """The node that gives a tensor."""
    return next(node for node in graph_of(model).node if tensor in node.output)


def constant(model: bytes, name: str) -> np.ndarray:
    return next(numpy_helper.to_array(c) for c in graph_of(model).initializer if c.name == name)


@pytest.fixture(scope="module", params=["minmax", "percentile", "entropy"])
def of_each_calibration(request: pytest.FixtureRequest, float_onnx: bytes, images: Images) -> bytes:
    return quantize_onnx(float_onnx, images, calibration=request.param)


@pytest.mark.parametrize("size", [(32, 48), (64, 80), (18, 22)])
def test_nearly_all_pixels_are_as_in_float_at_any_size(
    float_onnx: bytes, of_each_calibration: bytes, image_of: ImageOf, size: tuple[int, int]
) -> None:
    image = image_of(size=size, seed=77)  # calibration has not seen it
    expected, found = run(float_onnx, image), run(of_each_calibration, image)
    assert found.shape == (1, *size)
    assert found.dtype == np.uint8
    # random weights leave many pixels near a tie; a wrong range or scale gives below 0.8
    assert (found == expected).mean() > 0.95


def test_several_images_at_once_give_what_each_gives(int8: bytes, image_of: ImageOf) -> None:
    both = np.concatenate([image_of(size=(32, 32), seed=seed) for seed in (7, 8)])
    alone = np.concatenate([run(int8, both[:1]), run(int8, both[1:])])
    np.testing.assert_array_equal(run(int8, both), alone)


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_activations_are_unsigned_bytes(int8: bytes, name: str) -> None:
    dequantize = source(int8, nodes_by_name(int8)[name].input[0])
    assert dequantize.op_type == "DequantizeLinear"
    assert constant(int8, dequantize.input[2]).dtype == np.uint8


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_weights_are_signed_bytes_with_a_step_per_channel(
    int8: bytes, float_onnx: bytes, name: str
) -> None:
    dequantize = source(int8, nodes_by_name(int8)[name].input[1])
    weights, steps, zeros = (constant(int8, part) for part in dequantize.input)
    given = constant(float_onnx, f"{name}.weight")
    assert weights.dtype == zeros.dtype == np.int8
    assert not zeros.any()
    # symmetric: the largest of each output channel takes the step 127
    np.testing.assert_allclose(steps, abs(given).max(axis=(1, 2, 3)) / 127, rtol=0.01)
    restored = weights * steps.reshape(-1, 1, 1, 1)
    assert (abs(restored - given) <= 0.51 * steps.reshape(-1, 1, 1, 1)).all()


def test_onnxruntime_computes_all_that_lies_between_in_bytes(int8: bytes, tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(int8, options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load_model(tmp_path / "optimised.onnx").graph.node]
    assert kinds.count("QLinearConv") == 3
    assert kinds.count("QLinearAdd") == kinds.count("QLinearConcat") == 1
    # the images are quantised once, and the logits, an output here, are the only floats after
    assert kinds.count("QuantizeLinear") == kinds.count("DequantizeLinear") == 1
    assert not {"Conv", "FusedConv", "Relu"} & set(kinds)


def test_normalising_and_the_class_map_stay_as_they_were(int8: bytes) -> None:
    nodes = nodes_by_name(int8)
    assert nodes["normalise_scale"].input[:] == ["as_float", "scale"]
    assert nodes["normalise_shift"].input[:] == ["scaled", "shift"]
    assert nodes["argmax"].input[:] == ["logits"]


def test_kept_layers_stay_float(float_onnx: bytes, images: Images) -> None:
    kept = node_names_first_last(float_onnx)
    quantized = quantize_onnx(float_onnx, images, calibration="minmax", keep_float=kept)
    nodes = nodes_by_name(quantized)
    assert kept == ("first", "last")
    for name in kept:
        np.testing.assert_array_equal(
            constant(quantized, nodes[name].input[1]), constant(float_onnx, f"{name}.weight")
        )
    assert source(quantized, nodes["middle"].input[1]).op_type == "DequantizeLinear"
    assert nodes["first"].input[0] == "normal"


def test_inputs_and_outputs_keep_their_names_types_and_free_axes(
    int8: bytes, float_onnx: bytes
) -> None:
    before, after = graph_of(float_onnx), graph_of(int8)
    assert list(after.input) == list(before.input)
    assert list(after.output) == list(before.output)


def test_metadata_is_kept_and_nothing_is_added(int8: bytes) -> None:
    model = onnx.load_model_from_string(int8)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert properties == {"tessella.card": "{}", "labels": "a, b, c"}
    assert model.producer_name == "tessella"
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 20)]


def test_the_file_is_valid_onnx(int8: bytes) -> None:
    onnx.checker.check_model(onnx.load_model_from_string(int8), full_check=True)


def test_the_given_model_is_not_changed(float_onnx: bytes, images: Images) -> None:
    before = bytes(float_onnx)
    quantize_onnx(float_onnx, images, calibration="minmax")
    assert float_onnx == before


def test_one_image_is_in_memory_at_a_time(float_onnx: bytes, images: Images) -> None:
    alive: list[weakref.ref[np.ndarray]] = []
    most: list[int] = []

    def watched() -> Iterator[np.ndarray]:
        for image in images():
            alive.append(weakref.ref(image))
            yield image
            del image
            most.append(sum(one() is not None for one in alive))

    quantize_onnx(float_onnx, watched, calibration="entropy")
    assert len(alive) == 12  # six images, two passes
    assert max(most) <= 1


@pytest.fixture
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_nothing_is_left_in_the_temporary_folder(
    float_onnx: bytes, images: Images, own_temporary_folder: Path
) -> None:
    quantize_onnx(float_onnx, images, calibration="percentile")
    assert list(own_temporary_folder.iterdir()) == []


def test_nothing_is_left_in_the_temporary_folder_after_a_failure(
    float_onnx: bytes, own_temporary_folder: Path
) -> None:
    with pytest.raises(ValueError, match="got no image"):
        quantize_onnx(float_onnx, lambda: iter(()), calibration="minmax")
    assert list(own_temporary_folder.iterdir()) == []


def test_nothing_is_printed(
    float_onnx: bytes, images: Images, capfd: pytest.CaptureFixture[str]
) -> None:
    quantize_onnx(float_onnx, images, calibration="entropy")
    assert capfd.readouterr() == ("", "")


def test_images_of_another_channel_count_are_refused(float_onnx: bytes) -> None:
    def gray() -> Iterator[np.ndarray]:
        yield np.zeros((1, 1, 8, 8), np.uint8)

    expected = r"calibration image 1: is uint8 of shape \(1, 1, 8, 8\); .*\(1, 3, any, any\)"
    with pytest.raises(ValueError, match=expected):
        quantize_onnx(float_onnx, gray, calibration="minmax")


def test_a_name_of_no_node_is_refused(float_onnx: bytes, images: Images) -> None:
    with pytest.raises(ValueError, match="no node is called 'frist'; did you mean 'first'"):
        quantize_onnx(float_onnx, images, calibration="minmax", keep_float=["frist"])


def changed(model: bytes, change: Callable[[onnx.ModelProto], None]) -> bytes:
    proto = onnx.load_model_from_string(model)
    change(proto)
    return proto.SerializeToString()


def test_a_model_of_float_images_is_refused(float_onnx: bytes, images: Images) -> None:
    def take_floats(model: onnx.ModelProto) -> None:
        model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT

    with pytest.raises(ValueError, match="the model takes images; expected one input of uint8"):
        quantize_onnx(changed(float_onnx, take_floats), images, calibration="minmax")


def test_a_model_of_an_old_opset_is_refused(float_onnx: bytes, images: Images) -> None:
    def make_old(model: onnx.ModelProto) -> None:
        model.opset_import[0].version = 12

    with pytest.raises(ValueError, match="of ONNX opset 12, int8 weights need 13"):
        quantize_onnx(changed(float_onnx, make_old), images, calibration="minmax")


def test_a_batch_norm_is_merged_into_its_convolution(
    float_onnx: bytes, images: Images, image_of: ImageOf
) -> None:
    def add_norm(model: onnx.ModelProto) -> None:
        parts = {"gain": 2.0, "offset": 0.1, "mean": 0.3, "var": 1.5}
        model.graph.initializer.extend(
            numpy_helper.from_array(np.full(8, value, np.float32), name)
            for name, value in parts.items()
        )
        place = next(i for i, node in enumerate(model.graph.node) if node.name == "middle")
        model.graph.node[place].output[0] = "before_norm"
        norm = helper.make_node("BatchNormalization", ["before_norm", *parts], ["middle_out"], "bn")
        model.graph.node.insert(place + 1, norm)

    normed = changed(float_onnx, add_norm)
    quantized = quantize_onnx(normed, images, calibration="minmax")
    assert "BatchNormalization" not in {node.op_type for node in graph_of(quantized).node}
    image = image_of(size=(32, 48), seed=77)
    assert (run(quantized, image) == run(normed, image)).mean() > 0.95


def test_attempts_try_every_calibration_before_keeping_layers_in_float(
    float_onnx: bytes, images: Images
) -> None:
    ways = attempts(float_onnx, images)
    kept = ", first and last layer in float"
    calibrations = ["minmax", "percentile", "entropy"]
    assert [way.name for way in ways] == [
        *calibrations,
        *(f"{name}{kept}" for name in calibrations),
    ]
    first, last = ways[0].make(), ways[-1].make()
    assert constant(first, "first.weight_quantized").dtype == np.int8
    assert constant(last, "first.weight").dtype == np.float32
