"""The ONNX file holds all that somebody without Tessella needs."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from tessella.model_card import CARD_KEY


def test_inputs_and_outputs_have_names_types_and_free_axes(exported_files: dict[str, Path]) -> None:
    graph = onnx.load(exported_files["onnx"]).graph
    found = {
        value.name: (
            value.type.tensor_type.elem_type,
            [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim],
        )
        for value in (*graph.input, *graph.output)
    }
    assert found == {
        "images": (onnx.TensorProto.UINT8, ["batch", 3, "height", "width"]),
        "classes": (onnx.TensorProto.UINT8, ["batch", "height", "width"]),
        "probabilities": (onnx.TensorProto.FLOAT, ["batch", 8, "height", "width"]),
    }


def test_the_checker_of_the_format_has_no_objection(exported_files: dict[str, Path]) -> None:
    onnx.checker.check_model(onnx.load(exported_files["onnx"]), full_check=True)


def test_classes_colours_and_licence_are_readable_without_our_code(
    exported_files: dict[str, Path],
) -> None:
    properties = {p.key: p.value for p in onnx.load(exported_files["onnx"]).metadata_props}
    assert properties["labels"].startswith("sky, building")
    assert len(properties["palette"].split()) == 8
    assert properties["licence"] == "no pretrained weights"
    assert json.loads(properties[CARD_KEY])["exported"]["outputs"] == ["classes", "probabilities"]


def test_it_runs_with_the_runtime_alone_on_pixels_as_they_are(
    exported_files: dict[str, Path],
) -> None:
    """S3-B14: nobody has to know a mean or a standard deviation."""
    session = onnxruntime.InferenceSession(exported_files["onnx"])
    images = np.zeros((2, 3, 21, 17), np.uint8)
    classes, probabilities = session.run(None, {"images": images})
    assert classes.dtype == np.uint8
    assert (probabilities.argmax(1) == classes).all()


def test_nothing_of_this_machine_is_in_the_file(exported_files: dict[str, Path]) -> None:
    for file in exported_files.values():
        assert str(Path(__file__).parents[2]).encode() not in file.read_bytes()
