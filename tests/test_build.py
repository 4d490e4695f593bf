"""Recipes and tables made into objects: names looked up, options checked, weights in order."""

import math
import re
from collections.abc import Callable

import numpy as np
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
    training = build.open_dataset(recipe, "train")
    loss = build.build_loss(recipe, training.labels, device=torch.device("cpu"), training=training)
    weights = loss.keywords["class_weights"]
    expected = [{"road": 3.0, "sky": 0.5}.get(name, 1.0) for name in training.labels.names]
    assert weights.tolist() == expected


def test_class_weights_by_rule_come_from_the_training_split(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("loss.class_weights=enet")
    training = build.open_dataset(recipe, "train")
    loss = build.build_loss(recipe, training.labels, device=torch.device("cpu"), training=training)
    masks = np.stack([training[index].mask for index in range(len(training))])
    share = np.array([(masks == index).sum() for index in range(8)]) / (masks != 255).sum()
    expected = [1 / math.log(1.02 + p) if p else 1.0 for p in share]
    assert loss.keywords["class_weights"].tolist() == pytest.approx(expected)


def test_median_frequency_counts_the_images_that_hold_the_class(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("loss.class_weights=median_frequency")
    training = build.open_dataset(recipe, "train")
    loss = build.build_loss(recipe, training.labels, device=torch.device("cpu"), training=training)
    masks = [training[index].mask for index in range(len(training))]
    frequency = {}
    for index in range(8):
        holding = [mask for mask in masks if (mask == index).any()]
        if holding:
            around = sum(int((mask != 255).sum()) for mask in holding)
            frequency[index] = sum(int((mask == index).sum()) for mask in holding) / around
    middle = np.median(list(frequency.values()))
    expected = [min(middle / frequency[i], 10) if i in frequency else 1.0 for i in range(8)]
    assert loss.keywords["class_weights"].tolist() == pytest.approx(expected)


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
    training = build.open_dataset(recipe, "train")
    with pytest.raises(UsageError, match="loss.options.label_smoothing: is 'much'; expected float"):
        build.build_loss(recipe, training.labels, device=torch.device("cpu"), training=training)


def test_a_whole_number_suits_an_option_that_may_be_a_fraction(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("loss.options={label_smoothing: 0}")
    training = build.open_dataset(recipe, "train")
    assert build.build_loss(recipe, training.labels, device=torch.device("cpu"), training=training)
