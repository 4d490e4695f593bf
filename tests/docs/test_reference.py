"""The pages that are made from the code say what it says."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tessella.recipes import shipped_recipes

ROOT = Path(__file__).parents[2]


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


def test_every_figure_of_a_recipe_has_its_result_file() -> None:
    """A score in a recipe's text names the file in benchmarks/results/ that it comes from."""
    for name, text in shipped_recipes().items():
        if re.search(r"0\.\d\d", text.partition("data:")[0]):
            files = re.findall(r"benchmarks/results/[\w-]+\.json", text)
            assert files, name
            assert all((ROOT / file).is_file() for file in files), name
