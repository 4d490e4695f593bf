"""The OpenVINO file: full precision, and the card where OpenVINO keeps such things."""

from pathlib import Path

import numpy as np
import openvino

from tessella.backends.openvino import unpacked


def test_weights_keep_their_precision(exported_files: dict[str, Path]) -> None:
    content = exported_files["openvino"].read_bytes()
    model = openvino.Core().read_model(*unpacked(content, where="x"))
    constants = [op for op in model.get_ops() if op.get_type_name() == "Constant"]
    assert not any(op.get_element_type() == openvino.Type.f16 for op in constants)


def test_labels_and_licence_are_where_other_programs_look(exported_files: dict[str, Path]) -> None:
    content = exported_files["openvino"].read_bytes()
    model = openvino.Core().read_model(*unpacked(content, where="x"))
    assert model.get_rt_info(["model_info", "labels"]).value.startswith("sky, building")
    assert model.get_rt_info(["model_info", "licence"]).value == "no pretrained weights"


def test_it_runs_with_openvino_alone(exported_files: dict[str, Path]) -> None:
    content = exported_files["openvino"].read_bytes()
    compiled = openvino.Core().compile_model(
        openvino.Core().read_model(*unpacked(content, where="x")), "CPU"
    )
    found = compiled({"images": np.zeros((1, 3, 21, 17), np.uint8)})
    assert found["classes"].shape == (1, 21, 17)
