"""The documents say what is so: commands run, pages match the code, links and pictures exist."""

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.recipes import shipped_recipes

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


@pytest.mark.slow
def test_every_command_of_the_readme_runs_as_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (tmp_path / "mine" / kind).mkdir(parents=True)
    for number in range(20):
        mask = np.zeros((90, 120), np.uint8)
        mask[rng.integers(0, 60) :, rng.integers(0, 80) :] = 1
        image = (mask[..., None] * 120 + rng.integers(0, 99, (90, 120, 3))).astype(np.uint8)
        Image.fromarray(image).save(tmp_path / "mine" / "images" / f"{number}.jpg")
        Image.fromarray(mask).save(tmp_path / "mine" / "masks" / f"{number}.png")
    (tmp_path / "mine" / "classes.txt").write_text("background\ncrack\n")
    lines = commands(README)
    assert len(lines) >= 10
    for line in lines:
        done = tessella(line, tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


def test_the_error_shown_in_the_readme_is_the_one_given(tmp_path: Path) -> None:
    shown = re.findall(r"\$ (tessella .*)\n(error: .*)\n", README)
    assert shown
    for line, error in shown:
        assert tessella(line, tmp_path).stderr.strip() == error


def test_the_reference_page_matches_the_code() -> None:
    place = ROOT / "docs" / "make_reference.py"
    spec = importlib.util.spec_from_file_location("make_reference", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    written = (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8")
    assert written == module.recipe_page(), "run python docs/make_reference.py"


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
