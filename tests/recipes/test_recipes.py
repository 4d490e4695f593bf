"""Finding recipes by name and by file."""

from pathlib import Path

import pytest

from tessella.errors import UsageError
from tessella.recipes import find_recipe, shipped_recipes


def test_a_shipped_name_gives_its_text() -> None:
    assert find_recipe("demo") == (shipped_recipes()["demo"], "demo.yaml")


def test_a_file_gives_its_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\n")
    assert find_recipe(str(path)) == ("name: mine\n", str(path))


def test_an_unknown_name_gets_a_suggestion_and_the_way_to_a_file() -> None:
    with pytest.raises(UsageError, match=r"called 'demmo'; did you mean 'demo'.*ending \.yaml"):
        find_recipe("demmo")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.yaml: cannot read the recipe: No such file"):
        find_recipe(str(tmp_path / "gone.yaml"))


def test_a_file_that_is_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "picture.yaml"
    path.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(UsageError, match="cannot read the recipe: not a text file"):
        find_recipe(str(path))
