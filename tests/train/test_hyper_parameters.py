"""A recipe's flat names: numbers stay numbers, everything else is a word."""

from collections.abc import Callable

import pytest

from tessella.recipe import Recipe
from tessella.train.hyper_parameters import hyper_parameters

MakeRecipe = Callable[..., Recipe]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "tiny"),
        ("optimizer.lr", 0.01),
        ("train.epochs", 2),
        ("train.precision", "fp32"),
        ("data.options.count", 8),
        ("augment.crop", "[32, 32]"),
        ("model.encoder", "none"),
        ("data.allow_leak", "false"),
        ("loss.add", '[{"name": "dice", "weight": 0.5, "options": {}}]'),
        ("loss.class_weights.dürr", 2.0),
        ("loss.options.far", "Infinity"),
    ],
)
def test_each_choice_has_its_path_for_a_name(
    recipe_of: MakeRecipe, key: str, value: str | float
) -> None:
    recipe = recipe_of(
        "loss.add=[{name: dice, weight: 0.5}]",
        "loss.class_weights={dürr: 2}",
        "loss.options.far=.inf",
    )
    assert hyper_parameters(recipe)[key] == value


def test_a_truth_is_no_number(recipe_of: MakeRecipe) -> None:
    assert hyper_parameters(recipe_of("data.allow_leak=true"))["data.allow_leak"] == "true"


def test_neither_the_description_nor_options_that_are_not_given_are_among_them(
    recipe_of: MakeRecipe,
) -> None:
    flat = hyper_parameters(recipe_of("about=long story"))
    assert "about" not in flat
    assert not [key for key in flat if key.startswith("loss.options")]
