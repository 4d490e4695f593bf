"""The report of a real run: built from its folder, whole even when the data has gone."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tessella.errors import UsageError
from tessella.recipe import Recipe
from tessella.recipe_parts import DataRecipe
from tessella.report.report import report
from tessella.run import Run, open_run

MakeRecipe = Callable[..., Recipe]


@pytest.fixture
def own_run(tiny_run: Run, tmp_path: Path) -> Run:
    shutil.copytree(tiny_run.path, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "evaluation", ignore_errors=True)
    return open_run(tmp_path / "run")


def test_a_run_that_was_never_scored_is_scored_on_validation(own_run: Run) -> None:
    page = report(own_run.path).read_text()
    document = json.loads((own_run.evaluation_folder / "val.json").read_text())
    assert f"{document['scores']['mean_iou']:.3f}" in page
    assert f"{document['trivial']['mean_iou']:.3f}" in page


def test_pictures_are_of_the_worst_the_best_and_fixed_images(own_run: Run) -> None:
    page = report(own_run.path).read_text()
    images = json.loads((own_run.evaluation_folder / "val.json").read_text())["images"]
    ordered = sorted(images, key=lambda image: image["mean_iou"])
    for image in (ordered[0], ordered[1], ordered[2], ordered[-1], ordered[-2]):
        assert image["name"] in page
    assert page.count("data:image/") >= 4 * 5


def test_the_report_loads_nothing_from_outside(own_run: Run) -> None:
    page = report(own_run.path).read_text()
    assert not re.search(r"(src|href)\s*=\s*[\"']?https?:", page)


def test_a_split_that_was_asked_for_is_shown(own_run: Run) -> None:
    report(own_run.path, split="test")
    assert (own_run.evaluation_folder / "test.json").is_file()


def test_without_its_data_the_report_still_shows_the_scores(
    own_run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    report(own_run.path)
    moved = own_run.recipe().model_copy(update={"data": DataRecipe(name="camvid")})
    own_run.recipe_file.write_text(moved.to_yaml())
    page = report(own_run.path).read_text()
    assert "no pictures in the report: camvid: no folder given" in caplog.text
    assert "mean IoU" in page


def test_data_that_changed_since_it_was_scored_is_refused(own_run: Run) -> None:
    report(own_run.path)
    text = own_run.recipe_file.read_text()
    own_run.recipe_file.write_text(text.replace("count: 8", "count: 5"))
    with pytest.raises(UsageError, match="the data is not what was scored"):
        report(own_run.path)


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no run folder"):
        report(tmp_path)
