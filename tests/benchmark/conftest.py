"""An exported file made by hand, and a look at this process's children."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from onnx import TensorProto, helper

from tessella.labels import LabelMap
from tessella.model_card import CARD_KEY, Exported, ModelCard

LABELS = LabelMap.from_names(["red", "green", "blue"])


def write_brightest(path: Path, *, size: tuple[int, int] | None = None) -> Path:
    """An ONNX file that calls a pixel by its brightest channel, for one size or any."""
    height, width = size or ("h", "w")
    graph = helper.make_graph(
        [
            helper.make_node("ArgMax", ["images"], ["index"], axis=1, keepdims=0),
            helper.make_node("Cast", ["index"], ["classes"], to=TensorProto.UINT8),
        ],
        "brightest",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", 3, height, width])],
        [helper.make_tensor_value_info("classes", TensorProto.UINT8, ["n", height, width])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    card = ModelCard(
        model={"name": "brightest", "encoder": None, "options": {}, "accept_noncommercial": False},
        in_channels=3,
        labels=LABELS,
        precision="fp32",
        exported=Exported(outputs=("classes",), precision="fp32", size=size),
    )
    helper.set_model_props(model, {CARD_KEY: card.to_json()})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path


def children() -> dict[int, str]:
    """The processes that this one has started and that are not gone yet, with their arguments."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == os.getpid():
                found[int(folder.name)] = (folder / "cmdline").read_text()
        except OSError:  # it ended in between
            continue
    return found


@pytest.fixture
def brightest_file() -> Callable[..., Path]:
    """`write_brightest`."""
    return write_brightest


@pytest.fixture
def children_now() -> Callable[[], dict[int, str]]:
    """`children`."""
    if not Path("/proc/self/stat").is_file():
        pytest.skip("only Linux tells who started a process")
    return children
