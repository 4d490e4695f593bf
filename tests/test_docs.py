"""The documents say what is so: commands run, pages match the code, links and pictures exist."""

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from tessella.recipes import shipped_recipes
from tessella.run import Run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(text: str) -> list[str]:
    """The `tessella` lines of console blocks, those with a shown answer left out."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("tessella ")]


def tessella(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "tessella", *shlex.split(line)[1:]]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def write_own_folder(root: Path, *, with_classes: bool) -> None:
    """The folder `mine` of the documents: 20 photographs with masks 0 and 1."""
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    for number in range(20):
        mask = np.zeros((90, 120), np.uint8)
        mask[rng.integers(0, 60) :, rng.integers(0, 80) :] = 1
        image = (mask[..., None] * 120 + rng.integers(0, 99, (90, 120, 3))).astype(np.uint8)
        Image.fromarray(image).save(root / "images" / f"{number}.jpg")
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")
    if with_classes:
        (root / "classes.txt").write_text("background\ncrack\n")


@pytest.fixture(scope="module")
def readme_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every command of the README has run as written."""
    folder = tmp_path_factory.mktemp("readme")
    write_own_folder(folder / "mine", with_classes=True)
    for line in commands(README):
        done = tessella(line, folder)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    return folder


@pytest.mark.slow
def test_every_command_of_the_readme_runs_as_written(readme_folder: Path) -> None:
    assert len(commands(README)) >= 10
    assert (readme_folder / "runs" / "demo" / "report" / "report.html").is_file()


@pytest.mark.slow
def test_every_command_about_files_that_are_given_away_runs_as_written(readme_folder: Path) -> None:
    lines = commands((ROOT / "docs" / "export.md").read_text(encoding="utf-8"))
    assert len(lines) >= 7
    for line in lines:
        if line == "tessella demo":  # the README's; it takes a minute
            continue
        done = tessella(line, readme_folder)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_every_command_about_data_runs_as_written(tmp_path: Path) -> None:
    write_own_folder(tmp_path / "mine", with_classes=False)
    lines = commands((ROOT / "docs" / "data.md").read_text(encoding="utf-8"))
    assert len(lines) >= 7
    for line in lines:
        done = tessella(line, tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert (tmp_path / "mine.yaml").is_file()
    assert (tmp_path / "mine-fixed" / "fixed.json").is_file()


@pytest.mark.slow
def test_every_command_about_training_runs_as_written(tmp_path: Path) -> None:
    write_own_folder(tmp_path / "mine", with_classes=True)
    lines = commands((ROOT / "docs" / "training.md").read_text(encoding="utf-8"))
    assert len(lines) >= 5
    for line in lines:
        done = tessella(line, tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


@pytest.mark.slow
def test_every_command_about_runs_runs_as_written(tmp_path: Path) -> None:
    write_own_folder(tmp_path / "mine", with_classes=True)
    lines = commands((ROOT / "docs" / "runs.md").read_text(encoding="utf-8"))
    assert len(lines) >= 5
    for line in lines:
        done = tessella(line, tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert (tmp_path / "mlflow.db").is_file()
    assert list(tmp_path.glob("runs/second/wandb/offline-run-*"))


def test_every_command_about_slurm_runs_as_written(tmp_path: Path) -> None:
    write_own_folder(tmp_path / "mine", with_classes=True)
    lines = commands((ROOT / "docs" / "slurm.md").read_text(encoding="utf-8"))
    assert len(lines) >= 2
    for line in lines:
        done = tessella(line, tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


@pytest.mark.slow
def test_every_command_about_predicting_runs_as_written(tiny_run: Run, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "predict.md").read_text(encoding="utf-8")
    write_own_folder(tmp_path / "mine", with_classes=False)
    shutil.copytree(tiny_run.path, tmp_path / "runs" / "demo")
    [find] = re.findall(r"^find .*$", page, re.MULTILINE)
    subprocess.run(find, shell=True, cwd=tmp_path, check=True)
    lines = commands(page)
    assert len(lines) >= 5
    for line in lines:
        done = tessella(line, tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert "all shards: 20 of 20 images done" in tessella(lines[3], tmp_path).stdout
    named = tmp_path / "predictions" / "photos" / "mine" / "images" / "7_mask.png"
    assert named.is_file()
    [python] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", python], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "()\n"


@pytest.mark.slow
def test_every_command_about_sweeps_runs_as_written(tmp_path: Path) -> None:
    write_own_folder(tmp_path / "mine", with_classes=True)
    lines = commands((ROOT / "docs" / "sweep.md").read_text(encoding="utf-8"))
    assert len(lines) >= 5
    for line in lines:
        done = tessella(line, tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def test_the_error_shown_in_the_readme_is_the_one_given(tmp_path: Path) -> None:
    shown = re.findall(r"\$ (tessella .*)\n(error: .*)\n", README)
    assert shown
    for line, error in shown:
        assert tessella(line, tmp_path).stderr.strip() == error


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    """docs/make_reference.py as a module."""
    place = ROOT / "docs" / "make_reference.py"
    spec = importlib.util.spec_from_file_location("make_reference", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "page", ["recipe.md", "recipes.md", "datasets.md", "models.md", "losses.md"]
)
def test_a_reference_page_matches_the_code(page: str, reference: ModuleType) -> None:
    written = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert written == reference.PAGES[page](), "run make docs"


def test_every_option_of_a_data_set_says_what_it_means() -> None:
    lines = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    assert len(rows) > 5
    assert not [row for row in rows if row.endswith("|  |")]


def test_every_key_of_a_recipe_says_what_it_means() -> None:
    rows = [
        line for line in (ROOT / "docs" / "recipe.md").read_text().splitlines() if "| `" in line
    ]
    assert len(rows) > 30
    assert not [row for row in rows if row.endswith("|  |")]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_links_and_pictures_of_a_page_exist(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    missing = [
        target
        for target in targets
        if not target.startswith(("http:", "https:")) and not (page.parent / target).exists()
    ]
    assert not missing


@pytest.mark.parametrize("name", re.findall(r"`([\w/]+\.py)`", README))
def test_files_named_in_the_readme_exist(name: str) -> None:
    assert (ROOT / "src" / "tessella" / name).exists() or (ROOT / name).exists()


def test_every_figure_of_a_recipe_has_its_result_file() -> None:
    """A score in a recipe's text names the file in benchmarks/results/ that it comes from."""
    for name, text in shipped_recipes().items():
        if re.search(r"0\.\d\d", text.partition("data:")[0]):
            files = re.findall(r"benchmarks/results/[\w-]+\.json", text)
            assert files, name
            assert all((ROOT / file).is_file() for file in files), name
