"""Every shipped recipe is whole: it parses, names what exists, and says what it is."""

import pytest

from tessella.build import check_recipe
from tessella.data import DATASETS
from tessella.lookup import check_options
from tessella.recipe import Recipe, read_recipe
from tessella.recipes import shipped_recipes

RECIPES = shipped_recipes()


@pytest.fixture(params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return read_recipe(RECIPES[request.param], where=request.param)


def test_its_name_is_its_files(recipe: Recipe) -> None:
    assert recipe.name in RECIPES


def test_it_names_only_what_the_tables_hold(recipe: Recipe) -> None:
    check_recipe(recipe)
    reader = DATASETS[recipe.data.name].read
    check_options("data.options", reader, recipe.data.options, given=())


def test_it_says_what_it_is_in_its_first_line(recipe: Recipe) -> None:
    first = recipe.about.splitlines()[0]
    assert 20 <= len(first) <= 100
    assert first.endswith((".", ":"))


def test_it_survives_being_written_and_read(recipe: Recipe) -> None:
    assert read_recipe(recipe.to_yaml(), where="written") == recipe


def test_its_model_can_be_built(recipe: Recipe) -> None:
    from tessella.models.build import build_segmenter

    segmenter = build_segmenter(
        recipe.model.name,
        num_classes=3,
        encoder=recipe.model.encoder,
        options=recipe.model.options,
    )
    assert sum(parameter.numel() for parameter in segmenter.parameters()) > 1000
