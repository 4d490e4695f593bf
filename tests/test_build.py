"""Recipes and tables made into objects: names looked up, options checked, weights in order."""

import re
from collections.abc import Callable

import pytest
import torch

from tessella import build
from tessella.data.cache import CachedDataset
from tessella.errors import UsageError
from tessella.recipe import Recipe

MakeRecipe = Callable[..., Recipe]


def test_data_is_cached_unless_the_recipe_says_no(recipe_of: MakeRecipe) -> None:
    assert isinstance(build.open_dataset(recipe_of(), "train"), CachedDataset)
    assert not isinstance(build.open_dataset(recipe_of("data.cache_mb=0"), "train"), CachedDataset)


def test_class_weights_are_put_in_the_order_of_the_classes(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("loss.class_weights={road: 3, sky: 0.5}")
    labels = build.open_dataset(recipe, "train").labels
    loss = build.build_loss(recipe, labels, torch.device("cpu"))
    weights = loss.keywords["class_weights"]
    expected = [{"road": 3.0, "sky": 0.5}.get(name, 1.0) for name in labels.names]
    assert weights.tolist() == expected


def test_the_encoder_learns_at_its_own_rate(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("model={name: unet, encoder: resnet18}", "optimizer.encoder_lr_factor=0.1")
    labels = build.open_dataset(recipe, "train").labels
    model = build.build_model(recipe, labels)
    optimizer, _ = build.build_optimization(recipe, model, steps_per_epoch=1)
    encoder = {id(p) for p in model.network.encoder.parameters()}
    for group in optimizer.param_groups:
        in_encoder = {id(p) in encoder for p in group["params"]}
        assert len(in_encoder) == 1
        expected = recipe.optimizer.lr * (0.1 if in_encoder == {True} else 1.0)
        assert group["initial_lr"] == pytest.approx(expected)


def test_every_trainable_parameter_is_in_exactly_one_group(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("model={name: unet, encoder: resnet18}")
    labels = build.open_dataset(recipe, "train").labels
    model = build.build_model(recipe, labels)
    optimizer, _ = build.build_optimization(recipe, model, steps_per_epoch=1)
    grouped = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters())


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data={name: folder, options: {val_share: '15%'}}", "val_share: is '15%'; expected float"),
        ("data={name: folder, options: {images: 5}}", "images: is 5; expected str | None"),
        ("data.options.count=true", "count: is True; expected int"),
    ],
)
def test_an_option_of_another_kind_is_refused_by_name(
    recipe_of: MakeRecipe, override: str, message: str
) -> None:
    with pytest.raises(UsageError, match=f"data.options.{re.escape(message)}"):
        build.open_dataset(recipe_of(override), "train")


def test_a_loss_option_of_another_kind_is_refused_by_name(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("loss.options={label_smoothing: much}")
    labels = build.open_dataset(recipe, "train").labels
    with pytest.raises(UsageError, match="loss.options.label_smoothing: is 'much'; expected float"):
        build.build_loss(recipe, labels, torch.device("cpu"))


def test_a_whole_number_suits_an_option_that_may_be_a_fraction(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("loss.options={label_smoothing: 0}")
    labels = build.open_dataset(recipe, "train").labels
    assert build.build_loss(recipe, labels, torch.device("cpu"))
