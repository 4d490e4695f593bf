"""Pages about one subject each: their commands run, their links and pictures exist."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tessella.run import Run

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
OwnImages = Callable[..., None]


def test_every_command_about_data_runs_as_written(
    console: Any, own_images: OwnImages, tmp_path: Path
) -> None:
    own_images(tmp_path / "mine", with_classes=False)
    console.run("docs/data.md", tmp_path, least=7)
    assert (tmp_path / "mine.yaml").is_file()
    assert (tmp_path / "mine-fixed" / "fixed.json").is_file()


@pytest.mark.slow
def test_every_command_about_training_runs_as_written(
    console: Any, own_images: OwnImages, tmp_path: Path
) -> None:
    own_images(tmp_path / "mine", with_classes=True)
    console.run("docs/training.md", tmp_path, least=5)


@pytest.mark.slow
def test_every_command_about_runs_runs_as_written(
    console: Any, own_images: OwnImages, tmp_path: Path
) -> None:
    own_images(tmp_path / "mine", with_classes=True)
    console.run("docs/runs.md", tmp_path, least=5)
    assert (tmp_path / "mlflow.db").is_file()
    assert list(tmp_path.glob("runs/second/wandb/offline-run-*"))


def test_every_command_about_slurm_runs_as_written(
    console: Any, own_images: OwnImages, tmp_path: Path
) -> None:
    own_images(tmp_path / "mine", with_classes=True)
    console.run("docs/slurm.md", tmp_path, least=2)


@pytest.mark.slow
def test_every_command_about_predicting_runs_as_written(
    console: Any, own_images: OwnImages, tiny_run: Run, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "predict.md").read_text(encoding="utf-8")
    own_images(tmp_path / "mine", with_classes=False)
    shutil.copytree(tiny_run.path, tmp_path / "runs" / "demo")
    [find] = re.findall(r"^find .*$", page, re.MULTILINE)
    subprocess.run(find, shell=True, cwd=tmp_path, check=True)
    console.run("docs/predict.md", tmp_path, least=5)
    again = console.tessella(console.commands("docs/predict.md")[3], tmp_path)
    assert "all shards: 20 of 20 images done" in again.stdout
    named = tmp_path / "predictions" / "photos" / "mine" / "images" / "7_mask.png"
    assert named.is_file()
    [python] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", python], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "()\n"


@pytest.mark.slow
def test_every_command_about_sweeps_runs_as_written(
    console: Any, own_images: OwnImages, tmp_path: Path
) -> None:
    own_images(tmp_path / "mine", with_classes=True)
    console.run("docs/sweep.md", tmp_path, least=5)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_and_pictures_of_a_page_exist(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    missing = [
        target
        for target in targets
        if not target.startswith(("http:", "https:")) and not (page.parent / target).exists()
    ]
    assert not missing
