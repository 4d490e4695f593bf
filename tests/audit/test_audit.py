"""An audit of a real run: the tutorial's number beside the right one."""

import math
from pathlib import Path

import pytest

from tessella.audit.audit import Audit, audit
from tessella.audit.tutorials import TUTORIALS
from tessella.errors import UsageError
from tessella.evaluate import evaluate_model
from tessella.run import Run
from tessella.train.history import read_history


@pytest.fixture(scope="module", params=TUTORIALS)
def audited(request: pytest.FixtureRequest, tiny_run: Run) -> Audit:
    return audit(str(request.param), tiny_run.path)


def test_every_number_has_the_right_one_beside_it(audited: Audit) -> None:
    assert audited.lines
    assert all(math.isfinite(line.right) for line in audited.lines)
    assert (audited.split, audited.num_images) == ("val", 8)


def test_the_right_scores_are_those_of_evaluate(audited: Audit, tiny_run: Run) -> None:
    scores = evaluate_model(tiny_run.path, split="val").scores
    checked = [line for line in audited.lines if line.right_name.replace(" ", "_") in scores]
    assert checked
    assert [line.right for line in checked] == [
        scores[line.right_name.replace(" ", "_")] for line in checked
    ]


def test_the_faulty_numbers_differ_from_the_right_ones(audited: Audit) -> None:
    values = [line for line in audited.lines if not math.isnan(line.as_tutorial)]
    assert any(abs(line.as_tutorial - line.right) > 0.01 * line.right for line in values)


@pytest.mark.parametrize("name", ["flowers17", "cityscapes"])
def test_the_right_loss_is_the_one_of_training(name: str, tiny_run: Run) -> None:
    # the model in the run is the best epoch's, scored with the recipe's own loss
    best = max(read_history(tiny_run.history_file), key=lambda row: row["val_mean_iou"])
    line = next(line for line in audit(name, tiny_run.path).lines if line.right_name == "loss")
    assert line.right == pytest.approx(best["val_loss"], rel=1e-4)  # history has six digits


def test_the_document_holds_plain_values(audited: Audit) -> None:
    document = audited.document()
    assert len(document["lines"]) == len(audited.lines)
    assert all(line["explanation"] and line["faults"] for line in document["lines"])


def test_an_index_that_was_never_updated_has_no_value(tiny_run: Run) -> None:
    # S4-B03
    lines = audit("cityscapes", tiny_run.path).document()["lines"]
    assert next(line for line in lines if line["called"] == "IoU")["as_tutorial"] is None


def test_an_unknown_tutorial_lists_the_known_ones(tiny_run: Run) -> None:
    with pytest.raises(UsageError, match="no tutorial is called 'camsec'.*'camseq'"):
        audit("camsec", tiny_run.path)


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=str(tmp_path)):
        audit("camseq", tmp_path)
