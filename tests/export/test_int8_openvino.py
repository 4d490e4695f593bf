"""An OpenVINO model in int8: as good as the float one, of the same face, and silent."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest
from onnx import helper, numpy_helper

from tessella.export.int8_openvino import attempts, node_names_first_last, quantize_openvino

Images = Callable[[], Iterator[np.ndarray]]
ImageOf = Callable[..., np.ndarray]
Files = tuple[bytes, bytes]


def converted(model: bytes, folder: Path) -> Files:
    """An ONNX model as OpenVINO's two files, with a card inside."""
    read = openvino.Core().read_model(model, b"")
    read.set_rt_info('{"format": 1}', ["tessella", "card"])
    read.set_rt_info("a, b, c", ["model_info", "labels"])
    openvino.save_model(read, folder / "model.xml", compress_to_fp16=False)
    return (folder / "model.xml").read_bytes(), (folder / "model.bin").read_bytes()


@pytest.fixture(scope="module")
def float_files(float_onnx: bytes, tmp_path_factory: pytest.TempPathFactory) -> Files:
    return converted(float_onnx, tmp_path_factory.mktemp("float"))


@pytest.fixture(scope="module")
def int8(float_files: Files, images: Images) -> Files:
    return quantize_openvino(*float_files, images)


def read(files: Files) -> openvino.Model:
    return openvino.Core().read_model(*files)


def run(files: Files, image: np.ndarray) -> np.ndarray:
    # float32 in full: by default this engine rounds to bfloat16 where the processor can
    hints = {"INFERENCE_PRECISION_HINT": "f32"}
    return openvino.Core().compile_model(read(files), "CPU", hints)({"images": image})["classes"]


def sources(files: Files, name: str) -> list[openvino.Node]:
    """What the inputs of an operation come from."""
    (found,) = [op for op in read(files).get_ops() if op.get_friendly_name() == name]
    return [value.get_source_output().get_node() for value in found.inputs()]


def weights_of(files: Files, name: str) -> openvino.Node:
    """The constant below what an operation has for weights."""
    node = sources(files, name)[1]
    while node.get_type_name() != "Constant":
        node = node.inputs()[0].get_source_output().get_node()
    return node


CONVOLUTIONS = ("first/WithoutBiases", "middle/WithoutBiases", "last/WithoutBiases")


@pytest.mark.parametrize("size", [(32, 48), (64, 80), (18, 22)])
def test_nearly_all_pixels_are_as_in_float_at_any_size(
    float_files: Files, int8: Files, image_of: ImageOf, size: tuple[int, int]
) -> None:
    image = image_of(size=size, seed=77)  # calibration has not seen it
    expected, found = run(float_files, image), run(int8, image)
    assert found.shape == (1, *size)
    assert found.dtype == np.uint8
    # random weights leave many pixels near a tie; a wrong range or scale gives below 0.8
    assert (found == expected).mean() > 0.95


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_activations_are_quantised_and_weights_are_bytes(int8: Files, name: str) -> None:
    above = {node.get_type_name() for node in sources(int8, name)}
    assert above & {"FakeQuantize", "MaxPool", "Concat"}
    assert weights_of(int8, name).get_element_type() == openvino.Type.i8


def test_images_are_normalised_in_float(int8: Files) -> None:
    assert sources(int8, "normalise_scale")[0].get_type_name() == "Convert"
    assert sources(int8, "normalise_shift")[0].get_friendly_name() == "normalise_scale"


def test_the_last_resize_stays_float(float_onnx: bytes, images: Images, tmp_path: Path) -> None:
    model = onnx.load_model_from_string(float_onnx)
    place = next(i for i, node in enumerate(model.graph.node) if node.name == "crop")
    del model.graph.node[place]
    twice = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice")
    model.graph.initializer.append(twice)
    resize = helper.make_node("Resize", ["scores", "", "twice"], ["logits"], "back", mode="linear")
    model.graph.node.insert(place, resize)
    quantized = quantize_openvino(*converted(model.SerializeToString(), tmp_path), images)
    (interpolate,) = [
        op
        for op in read(quantized).get_ops()
        if op.get_type_name() == "Interpolate" and op.get_friendly_name() != "upsample"
    ]
    assert sources(quantized, interpolate.get_friendly_name())[0].get_type_name() == "Add"


def test_kept_layers_stay_float(float_files: Files, images: Images) -> None:
    kept = node_names_first_last(*float_files)
    assert kept == (CONVOLUTIONS[0], CONVOLUTIONS[2])
    quantized = quantize_openvino(*float_files, images, keep_float=kept)
    kinds = [weights_of(quantized, name).get_element_type() for name in CONVOLUTIONS]
    assert kinds == [openvino.Type.f32, openvino.Type.i8, openvino.Type.f32]


def test_inputs_and_outputs_keep_their_names_types_and_free_axes(
    float_files: Files, int8: Files
) -> None:
    before, after = read(float_files), read(int8)
    for old, new in zip(
        (*before.inputs, *before.outputs), (*after.inputs, *after.outputs), strict=True
    ):
        assert new.get_names() == old.get_names()
        assert new.element_type == old.element_type
        assert new.partial_shape == old.partial_shape


def test_what_the_model_says_of_itself_is_kept(int8: Files) -> None:
    model = read(int8)
    assert model.get_rt_info(["tessella", "card"]).value == '{"format": 1}'
    assert model.get_rt_info(["model_info", "labels"]).value == "a, b, c"


@pytest.fixture
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_nothing_is_printed_nor_left_in_the_temporary_folder(
    float_files: Files,
    images: Images,
    own_temporary_folder: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    quantize_openvino(*float_files, images, preset="performance")
    assert capfd.readouterr() == ("", "")
    assert list(own_temporary_folder.iterdir()) == []


def test_no_image_is_refused_and_nothing_left(
    float_files: Files, own_temporary_folder: Path
) -> None:
    with pytest.raises(ValueError, match="calibration: got no image"):
        quantize_openvino(*float_files, lambda: iter(()))
    assert list(own_temporary_folder.iterdir()) == []


def test_images_of_another_channel_count_are_refused(float_files: Files) -> None:
    def gray() -> Iterator[np.ndarray]:
        yield np.zeros((1, 1, 8, 8), np.uint8)

    expected = r"calibration image 1: is uint8 of shape \(1, 1, 8, 8\); .*\(1, 3, any, any\)"
    with pytest.raises(ValueError, match=expected):
        quantize_openvino(*float_files, gray)


def test_a_name_of_no_operation_is_refused(float_files: Files, images: Images) -> None:
    with pytest.raises(ValueError, match="no operation is called 'frist/WithoutBiases'"):
        quantize_openvino(*float_files, images, keep_float=["frist/WithoutBiases"])


def test_keeping_all_layers_in_float_is_refused(float_files: Files, images: Images) -> None:
    with pytest.raises(ValueError, match="outside of the 3 operations to keep in float"):
        quantize_openvino(*float_files, images, keep_float=CONVOLUTIONS)


def test_attempts_keep_layers_in_float_last(float_files: Files, images: Images) -> None:
    names = [way.name for way in attempts(*float_files, images)]
    assert names == ["mixed", "performance", "mixed, first and last layer in float"]


def test_importing_reports_nothing_to_anybody_and_writes_no_file(tmp_path: Path) -> None:
    program = (
        "import sys, tessella.export.int8_openvino, nncf.telemetry\n"
        "print([name for name in sys.modules if name.startswith('openvino_telemetry.')])\n"
        "print(type(nncf.telemetry.telemetry).__name__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    # NNCF's stand-in for the missing package
    assert done.stdout == "[]\nMagicMock\n"
    assert list(tmp_path.iterdir()) == []
