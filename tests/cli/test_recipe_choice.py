"""The recipe of a command: by name or file, overridden, on the user's data."""

from pathlib import Path

import pytest

from tessella.cli.recipe_choice import chosen_recipe


@pytest.mark.parametrize("folder", ["mine", "it's mine", "a: b #c", "~x"])
def test_any_folder_can_hold_the_data(tmp_path: Path, folder: str) -> None:
    assert chosen_recipe("folder", data=tmp_path / folder).data.root == tmp_path / folder


def test_overrides_replace_and_the_data_option_has_the_last_word(tmp_path: Path) -> None:
    recipe = chosen_recipe(
        "folder", overrides=["train.epochs=3", "data.root=elsewhere"], data=tmp_path
    )
    assert (recipe.train.epochs, recipe.data.root) == (3, tmp_path)


def test_a_relative_folder_is_kept_as_it_is_from_here(monkeypatch, tmp_path: Path) -> None:  # noqa: ANN001
    monkeypatch.chdir(tmp_path)
    assert chosen_recipe("folder", data=Path("data")).data.root == tmp_path / "data"
