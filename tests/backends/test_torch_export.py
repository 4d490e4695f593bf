"""A program file is looked through before torch sees it: nothing that is loaded runs code."""

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tessella.backends.torch_export import open_bytes, open_file
from tessella.errors import UsageError


class Trap:
    """Unpickled, it would write a file."""

    def __init__(self, file: Path) -> None:
        self.file = str(file)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (self.file, "w")


def changed(content: bytes, changes: dict[str, bytes]) -> bytes:
    """The archive with parts replaced or added."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
        folder = old.namelist()[0].partition("/")[0]
        wanted = {f"{folder}/{part}": value for part, value in changes.items()}
        for name in old.namelist():
            new.writestr(name, wanted.pop(name, None) or old.read(name))
        for name, value in wanted.items():
            new.writestr(name, value)
    return stream.getvalue()


def part(content: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        folder = archive.namelist()[0].partition("/")[0]
        return archive.read(f"{folder}/{name}")


@pytest.fixture
def content(exported_files: dict[str, Path]) -> bytes:
    return exported_files["torch"].read_bytes()


def test_torch_alone_loads_the_file_and_computes_any_size(exported_files: dict[str, Path]) -> None:
    """S3-F: whoever has torch needs no code of ours."""
    module = torch.export.load(exported_files["torch"]).module()
    for height, width in ((16, 32), (33, 47), (5, 91)):
        classes, shares = module(torch.zeros((3, 3, height, width), dtype=torch.uint8))
        assert classes.shape == (3, height, width)
        assert shares.shape == (3, 8, height, width)


def test_an_archive_packed_anew_is_still_read(content: bytes) -> None:
    backend, card = open_bytes(changed(content, {}), where="x.pt2")
    assert card.labels.num_classes == 8
    assert backend.class_maps(backend.place(np.zeros((1, 9, 9, 3), np.uint8))).shape == (1, 9, 9)


def test_pickled_examples_that_would_run_code_are_refused(content: bytes, tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    stream = io.BytesIO()
    torch.save(Trap(trap), stream)
    bad = changed(content, {"data/sample_inputs/model.pt": stream.getvalue()})
    with pytest.raises(ValueError, match=r"x\.pt2: holds pickled objects, which could run code"):
        open_bytes(bad, where="x.pt2")
    assert not trap.exists()


def test_pickled_tensors_are_refused(content: bytes) -> None:
    name = "data/weights/model_weights_config.json"
    config = json.loads(part(content, name))
    next(iter(config["config"].values()))["use_pickle"] = True
    with pytest.raises(ValueError, match="holds pickled tensors"):
        open_bytes(changed(content, {name: json.dumps(config).encode()}), where="x.pt2")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("target", "torch.hub.load", "a call of 'torch.hub.load'"),
        ("target", "torch.ops.aten.add.Tensor.__class__", "a call of"),
        ("expr_str", "__import__('os').getcwd()", "a formula"),
        ("expr_str", "Symbol('s1').__class__", "a formula"),
    ],
)
def test_what_is_not_a_tensor_operation_is_refused(
    content: bytes, key: str, value: str, message: str
) -> None:
    program = json.loads(part(content, "models/model.json"))
    program["strange"] = [{key: value}]
    bad = changed(content, {"models/model.json": json.dumps(program).encode()})
    with pytest.raises(ValueError, match=message):
        open_bytes(bad, where="x.pt2")


@pytest.mark.parametrize(
    "name",
    ["data/aotinductor/model/x.so", "data/constants/custom_obj_0", "data/constants/opaque_0"],
)
def test_parts_that_only_code_would_need_are_refused(content: bytes, name: str) -> None:
    with pytest.raises(ValueError, match=f"holds a part called '{name}'"):
        open_bytes(changed(content, {name: pickle.dumps(1)}), where="x.pt2")


def test_a_file_cut_short_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"x\.pt2: is no exported PyTorch program"):
        open_bytes(content[: len(content) // 2], where="x.pt2")


def test_another_precision_is_refused(exported_files: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="computes in fp32, not bf16"):
        open_file(exported_files["torch"], device="cpu", precision="bf16")


def test_a_program_without_logits_says_what_it_gives(content: bytes) -> None:
    backend, _ = open_bytes(content, where="x.pt2")
    with pytest.raises(ValueError, match="gives classes, probabilities, but no logits"):
        backend.logits(backend.place(np.zeros((1, 9, 9, 3), np.uint8)))
