"""Recipes and tables made into objects: names looked up, options checked, weights in order."""

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch

from tessella import build
from tessella.data.cache import CachedDataset
from tessella.data.loader import ScoringLoader
from tessella.errors import UsageError
from tessella.losses import LOSSES
from tessella.optim import Plateau
from tessella.recipe import Recipe

MakeRecipe = Callable[..., Recipe]


def test_data_is_cached_unless_the_recipe_says_no(recipe_of: MakeRecipe) -> None:
    assert isinstance(build.open_dataset(recipe_of(), "train"), CachedDataset)
    assert not isinstance(build.open_dataset(recipe_of("data.cache_mb=0"), "train"), CachedDataset)


def test_class_weights_are_put_in_the_order_of_the_classes(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("loss.class_weights={road: 3, sky: 0.5}")
    training = build.open_dataset(recipe, "train")
    loss = build.build_loss(recipe, training.labels, device=torch.device("cpu"), training=training)
    weights = loss.weight.keywords["class_weights"]
    expected = [{"road": 3.0, "sky": 0.5}.get(name, 1.0) for name in training.labels.names]
    assert weights.tolist() == expected


def test_class_weights_by_rule_come_from_the_training_split(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("loss.class_weights=enet")
    training = build.open_dataset(recipe, "train")
    loss = build.build_loss(recipe, training.labels, device=torch.device("cpu"), training=training)
    masks = np.stack([training[index].mask for index in range(len(training))])
    share = np.array([(masks == index).sum() for index in range(8)]) / (masks != 255).sum()
    expected = [1 / math.log(1.02 + p) if p else 1.0 for p in share]
    assert loss.weight.keywords["class_weights"].tolist() == pytest.approx(expected)


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
    assert loss.weight.keywords["class_weights"].tolist() == pytest.approx(expected)


def test_the_encoder_learns_at_its_own_rate(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("model={name: unet, encoder: resnet18}", "optimizer.encoder_lr_factor=0.1")
    labels = build.open_dataset(recipe, "train").labels
    model = build.build_model(recipe, labels)
    optimizer, _ = build.build_optimization(
        recipe, model, steps_per_epoch=1, plateau=Plateau(0.5, 5)
    )
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
    optimizer, _ = build.build_optimization(
        recipe, model, steps_per_epoch=1, plateau=Plateau(0.5, 5)
    )
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


ALL_RANDOM = (
    "augment={crop: [8, 8], vertical_flip: 1, rotate_degrees: 90, class_balance: 1, hue: 0.5, "
    "gamma: 0.5, greyscale: 1, blur: 1, noise: 1, jpeg: 1, coarse_dropout: 1, mask_dropout: 1, "
    "cutmix: 1, classmix: 1, max_class_share: 0.5}"
)


def test_no_augmentation_reaches_what_is_scored(recipe_of: MakeRecipe) -> None:
    # S3-B02, S4-B01: a random crop or flip in the validation pipeline
    plain, varied = recipe_of(), recipe_of(ALL_RANDOM)
    samples = build.open_dataset(plain, "val")
    loader = ScoringLoader(build.open_dataset(varied, "val"), batch_size=3, workers=0)
    for _ in range(2):
        images = [image for batch in loader for image in batch.images]
        masks = [mask for batch in loader for mask in batch.masks]
        for index in range(len(samples)):
            np.testing.assert_array_equal(images[index].permute(1, 2, 0), samples[index].image)
            np.testing.assert_array_equal(masks[index], samples[index].mask)


def test_an_augmentation_step_that_does_not_exist_is_named_before_any_work(
    recipe_of: MakeRecipe,
) -> None:
    with pytest.raises(UsageError, match=r"augment.extra 'no_such:f': No module named 'no_such'"):
        build.check_recipe(recipe_of("augment.extra='no_such:f'"))


def test_losses_are_added_with_their_weights_and_options(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of(
        "loss.add=[{name: dice, weight: 0.5}, {name: focal, weight: 2, options: {gamma: 1}}]"
    )
    training = build.open_dataset(recipe, "train")
    labels = training.labels
    loss = build.build_loss(recipe, labels, device=torch.device("cpu"), training=training)
    logits = torch.randn(2, labels.num_classes, 5, 6, generator=torch.Generator().manual_seed(0))
    mask = torch.arange(60).reshape(2, 5, 6) % labels.num_classes
    mask[0, 0] = 255
    expected = (
        LOSSES["cross_entropy"](logits, mask, ignore_index=255)
        + 0.5 * LOSSES["dice"](logits, mask, ignore_index=255)
        + 2 * LOSSES["focal"](logits, mask, ignore_index=255, gamma=1)
    )
    torch.testing.assert_close(loss.compute(logits, mask), expected)
    assert loss.weight(mask) == 54


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("loss.add=[{name: dise}]", "no loss is called 'dise'; did you mean 'dice'"),
        (
            "loss.add=[{name: dice}, {name: focal, options: {gama: 1}}]",
            "loss.add.1.options.gama: unknown option; did you mean 'gamma'",
        ),
    ],
)
def test_an_added_loss_is_checked_like_the_first(
    recipe_of: MakeRecipe, override: str, message: str
) -> None:
    recipe = recipe_of(override)
    training = build.open_dataset(recipe, "train")
    with pytest.raises(UsageError, match=message):
        build.build_loss(recipe, training.labels, device=torch.device("cpu"), training=training)


def test_layers_of_the_encoder_learn_slower_towards_the_image(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("model={name: unet, encoder: resnet18}", "optimizer.layer_decay=0.5")
    model = build.build_model(recipe, build.open_dataset(recipe, "train").labels)
    optimizer, _ = build.build_optimization(
        recipe, model, steps_per_epoch=1, plateau=Plateau(0.5, 5)
    )
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    rates = {names[id(p)]: g["initial_lr"] for g in optimizer.param_groups for p in g["params"]}
    lr = recipe.optimizer.lr
    assert rates["network.segmentation_head.0.weight"] == pytest.approx(lr)
    assert rates["network.encoder.layer4.1.conv1.weight"] == pytest.approx(lr)
    assert rates["network.encoder.layer4.0.conv1.weight"] == pytest.approx(lr * 0.5)
    assert rates["network.encoder.conv1.weight"] == pytest.approx(lr * 0.5**8)  # 8 blocks above


def test_the_plateau_multiplies_the_schedule(recipe_of: MakeRecipe) -> None:
    recipe = recipe_of("schedule={name: plateau, gamma: 0.1, patience: 1}")
    model = build.build_model(recipe, build.open_dataset(recipe, "train").labels)
    plateau = Plateau(0.1, 1)
    optimizer, schedule = build.build_optimization(
        recipe, model, steps_per_epoch=3, plateau=plateau
    )
    rates = []
    for score in (0.5, 0.4, 0.6):
        optimizer.step()
        plateau.note(score)
        schedule.step()
        rates.append(optimizer.param_groups[0]["lr"] / recipe.optimizer.lr)
    assert rates == pytest.approx([1, 0.1, 0.1])


@pytest.mark.parametrize(
    ("overrides", "is_warned"),
    [
        (["model.freeze=encoder"], True),
        (["model.freeze=encoder", "model.weights=somewhere"], False),
        (["model.freeze=encoder", "model.encoder_weights=imagenet"], False),
        ([], False),
    ],
)
def test_freezing_random_weights_is_warned_about(
    recipe_of: MakeRecipe,
    caplog: pytest.LogCaptureFixture,
    overrides: list[str],
    is_warned: bool,
) -> None:
    network = recipe_of("model={name: unet, encoder: tu-resnet10t}")
    segmenter = build.build_model(network, build.open_dataset(network, "train").labels)
    recipe = recipe_of("model={name: unet, encoder: tu-resnet10t}", *overrides)
    build.freeze_as_told(recipe, segmenter)
    assert ("frozen as they were drawn at random" in caplog.text) == is_warned
