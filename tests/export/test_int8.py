"""An int8 file is what its table says: scored as it is written, and not written where it costs."""

import json

import numpy as np
import pytest

from tessella.evaluate import evaluate_model
from tessella.export.export import ExportedFile, export
from tessella.predictor import load
from tessella.run import Run


@pytest.fixture(scope="module", params=["onnx", "openvino"])
def made(
    request: pytest.FixtureRequest, tiny_run: Run, tmp_path_factory: pytest.TempPathFactory
) -> ExportedFile:
    """The tiny run in int8, compared on all of its validation images."""
    out = tmp_path_factory.mktemp("int8") / f"tiny.{request.param}"
    return export(tiny_run.path, to=request.param, out=out, images=0, int8_max_drop=100)


def test_the_table_holds_what_evaluate_says_of_the_file(made: ExportedFile) -> None:
    assert made.int8 is not None
    scored = evaluate_model(made.path, split="val", device="cpu")
    assert (scored.counts == made.int8.file_counts).all()
    assert made.document()["int8"]["mean_iou"]["file"] == pytest.approx(scored.scores["mean_iou"])


def test_the_card_keeps_the_precision_and_every_way_that_was_tried(made: ExportedFile) -> None:
    card = json.loads(made.path.with_name(f"{made.path.name}.json").read_text())["card"]
    assert card["exported"]["precision"] == "int8"
    assert len(card["exported"]["parity"]["int8"]["tried"]) == 1
    assert load(made.path, device="cpu").protocol()["precision"] == "int8"


def test_it_takes_any_size(made: ExportedFile) -> None:
    predictor = load(made.path, device="cpu")
    for height, width in ((33, 47), (7, 130), (90, 61)):
        image = np.zeros((height, width, 3), np.uint8)
        assert predictor.predict(image).class_map.shape == (height, width)
