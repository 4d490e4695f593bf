"""ONNX Runtime: what a file must hold, and what it is asked for."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from tessella.backends.onnx import open_bytes
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.model_card import CARD_KEY, CLASSES, Exported, ModelCard


def brightest(card: str | None, *, channels: int = 3) -> bytes:
    """A graph whose class map is the brightest channel."""
    images = helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", channels, "h", "w"])
    classes = helper.make_tensor_value_info("classes", TensorProto.UINT8, ["n", "h", "w"])
    nodes = [
        helper.make_node("ArgMax", ["images"], ["index"], axis=1, keepdims=0),
        helper.make_node("Cast", ["index"], ["classes"], to=TensorProto.UINT8),
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "brightest", [images], [classes]),
        opset_imports=[helper.make_opsetid("", 20)],
        ir_version=9,
    )
    if card is not None:
        helper.set_model_props(model, {CARD_KEY: card})
    return model.SerializeToString()


def card_text() -> str:
    labels = LabelMap.from_names(["red", "green", "blue"])
    exported = Exported((CLASSES,), "fp32", None)
    return ModelCard({"name": "brightest"}, 3, labels, "fp32", exported=exported).to_json()


def random_images(count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 9, 13, 3), dtype=np.uint8)


def test_a_foreign_graph_with_a_card_is_as_good_as_ours() -> None:
    backend, card = open_bytes(brightest(card_text()), where="x.onnx")
    assert card.labels.names == ("red", "green", "blue")
    images = random_images()
    assert (backend.class_maps(backend.place(images)) == images.argmax(-1)).all()


def test_threads_share_a_session() -> None:
    backend, _ = open_bytes(brightest(card_text()), where="x.onnx")
    images = random_images(16)
    with ThreadPoolExecutor(4) as pool:
        maps = list(
            pool.map(lambda i: backend.class_maps(backend.place(images[i : i + 1])), range(16))
        )
    assert (np.concatenate(maps) == images.argmax(-1)).all()


def test_a_file_without_a_card_is_refused() -> None:
    with pytest.raises(ValueError, match=r"x\.onnx: holds no card"):
        open_bytes(brightest(None), where="x.onnx")


def test_images_of_another_kind_are_refused_with_the_engines_reason() -> None:
    backend, _ = open_bytes(brightest(card_text()), where="x.onnx")
    grey = np.zeros((1, 9, 13, 1), np.uint8)
    with pytest.raises(ValueError, match=r"images of shape \(1, 1, 9, 13\): ONNX Runtime says"):
        backend.class_maps(backend.place(grey))


def test_a_device_that_the_engine_lacks_is_refused() -> None:
    with pytest.raises(UsageError, match="device 'mps': this ONNX Runtime computes on cpu"):
        open_bytes(brightest(card_text()), where="x.onnx", device="mps")


def test_the_threads_are_those_that_were_allowed(
    monkeypatch: pytest.MonkeyPatch, exported_files: dict[str, Path]
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    backend, _ = open_bytes(exported_files["onnx"].read_bytes(), where="x.onnx")
    assert backend.where == "cpu, 1 thread"
