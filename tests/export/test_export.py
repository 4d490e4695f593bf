"""An export is written only if it says what the run says, and leaves nothing otherwise."""

import json
from pathlib import Path

import numpy as np
import pytest

from tessella.errors import UsageError
from tessella.export.export import checked_outputs, default_place, export
from tessella.export.parity import Parity
from tessella.predictor import load
from tessella.recipe import read_recipe
from tessella.run import Run
from tessella.train import train

PSPNET = """
name: psp
data: {name: synthetic, options: {count: 4, height: 33, width: 47}}
model: {name: pspnet, encoder: resnet18}
augment: {crop: [32, 32]}
train: {epochs: 1, batch_size: 4, precision: fp32, device: cpu, workers: 0}
"""


@pytest.fixture(scope="module")
def pspnet_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Its pyramid is right at the traced size only: exported for any size it answers wrongly."""
    recipe = read_recipe(PSPNET, where="psp")
    return train(recipe, out=tmp_path_factory.mktemp("psp") / "run")


def test_the_proof_lies_beside_the_file(exported_files: dict[str, Path]) -> None:
    file = exported_files["onnx"]
    proof = json.loads(file.with_name("tiny.onnx.json").read_text())
    assert proof["card"]["exported"]["parity"]["agreement"] >= 0.999
    assert len(proof["card"]["exported"]["parity"]["per_class"]) == 8


def test_a_file_goes_into_the_runs_folder(tiny_run: Run, tmp_path: Path) -> None:
    folder = tiny_run.path / "export"
    assert default_place(tiny_run.path, "onnx", precision="fp32") == folder / "tiny.onnx"
    assert default_place(tiny_run.path, "onnx", precision="int8") == folder / "tiny-int8.onnx"
    assert default_place(tiny_run.path, "triton", precision="fp32") == folder / "triton"
    given = tmp_path / "given"
    assert default_place(given, "torch", precision="fp32") == tmp_path / "given.pt2"


def test_class_maps_come_first_and_once() -> None:
    assert checked_outputs(["logits", "classes"]) == ("classes", "logits")
    with pytest.raises(UsageError, match="probability.*probabilities"):
        checked_outputs(["probability"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": (0, 5)}, "--size 0x5"),
        ({"size": (10**5, 10**5)}, "--size 100000x100000: no image of more than 179 megapixels"),
        ({"int8_max_drop": float("nan")}, "the drop allowed in mean IoU is nan"),
        ({"int8_max_drop": -1.0}, "the drop allowed in mean IoU is -1.0"),
        ({"int8_max_drop": 1.0, "to": "torch"}, "'torch' has no int8; .*onnx, openvino"),
    ],
)
def test_what_cannot_be_is_refused_before_the_work(
    wrong: dict[str, object], message: str, tmp_path: Path
) -> None:
    options = {"to": "onnx", "out": tmp_path / "x", **wrong}
    with pytest.raises(UsageError, match=message):
        export(tmp_path / "absent", **options)  # type: ignore[arg-type]


def test_a_folder_in_place_of_the_file_is_refused_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is a folder; give the file that shall be written"):
        export(tmp_path / "absent", to="onnx", out=tmp_path)


def test_a_size_that_leaves_crumbs_of_the_images_is_refused(tiny_run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--size 1x1: an image of the data, 33x47, .* 1551 piec"):
        export(tiny_run.path, to="onnx", out=tmp_path / "x.onnx", size=(1, 1))
    assert not list(tmp_path.iterdir())


def test_a_file_that_says_something_else_is_not_written(
    tiny_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if rounding had changed one pixel in a hundred."""
    monkeypatch.setattr(Parity, "agreement", 0.99)
    with pytest.raises(ValueError, match=r"x\.onnx: the exported file does not say .* Nothing was"):
        export(tiny_run.path, to="onnx", out=tmp_path / "out" / "x.onnx", images=2)
    assert not list(tmp_path.rglob("*"))


def test_a_network_that_is_right_at_one_size_only_is_exported_for_that(
    pspnet_run: Run, tmp_path: Path
) -> None:
    """PSPNet's file for any size would answer wrongly without a word."""
    made = export(pspnet_run.path, to="onnx", out=tmp_path / "psp.onnx", images=3)
    assert made.size == (33, 47)
    assert "px the file for any size is wrong" in made.why_fixed
    predictor = load(tmp_path / "psp.onnx")
    image = np.random.default_rng(0).integers(0, 256, (50, 200, 3), dtype=np.uint8)
    assert predictor.predict(image).class_map.shape == (50, 200)
    card = json.loads((tmp_path / "psp.onnx.json").read_text())["card"]
    assert card["exported"]["size"] == [33, 47]


def test_a_size_may_be_asked_for(tiny_run: Run, tmp_path: Path) -> None:
    made = export(tiny_run.path, to="onnx", out=tmp_path / "x.onnx", size=(64, 32), images=2)
    assert (made.size, made.why_fixed) == ((64, 32), "as you said")
    run, file = load(tiny_run.path, device="cpu", precision="fp32"), load(tmp_path / "x.onnx")
    image = np.random.default_rng(0).integers(0, 256, (64, 32, 3), dtype=np.uint8)
    assert (run.predict(image).class_map == file.predict(image).class_map).mean() > 0.999


def test_what_is_no_model_is_said_before_anything_is_traced(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gone: does not exist; expected a run folder"):
        export(tmp_path / "gone", to="onnx")


def test_a_repository_for_triton_holds_the_onnx_file(tiny_run: Run, tmp_path: Path) -> None:
    made = export(tiny_run.path, to="triton", out=tmp_path / "models", images=2)
    assert made.path == tmp_path / "models" / "tiny"
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    predictor = load(made.path / "1" / "model.onnx")
    assert predictor.predict(image).class_map.shape == (20, 30)
    assert 'name: "tiny"' in (made.path / "config.pbtxt").read_text()
