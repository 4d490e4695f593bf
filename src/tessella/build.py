"""A recipe and the tables, made into objects; the only place that sees both."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tessella.data.augment import Augmentation
from tessella.data.cache import CachedDataset
from tessella.data.class_weights import Kind, class_weights
from tessella.data.dataset import Dataset
from tessella.data.make_splits import class_pixels
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.lookup import check_options, look_up
from tessella.losses import LOSSES
from tessella.models import MODELS
from tessella.models.build import build_segmenter
from tessella.models.segmenter import Segmenter
from tessella.optim import build_optimizer, build_schedule, parameter_groups, rate_at
from tessella.recipe import Recipe
from tessella.source import Source, find_entry
from tessella.suggestion import unknown_name

logger = logging.getLogger(__name__)

_ENCODER_PREFIX = "network.encoder."


def source_of(recipe: Recipe, *, root: Path | None = None) -> Source:
    """The recipe's data set, in `root` where that is given."""
    return Source(recipe.data.name, root or recipe.data.root, recipe.data.options)


def open_dataset(recipe: Recipe, split: str, *, root: Path | None = None) -> Dataset:
    """One split of the recipe's data, behind its cache.

    Args:
        recipe: says which data set, where and with what options.
        split: a name that the data set knows.
        root: in place of the recipe's folder.

    Raises:
        UsageError: unknown data set, option or split.
        ValueError: the files are not as the data set needs them.
    """
    dataset = source_of(recipe, root=root).open(split)
    if not recipe.data.cache_mb:
        return dataset
    return CachedDataset(dataset, limit_bytes=recipe.data.cache_mb << 20)


def build_augmentation(recipe: Recipe) -> Augmentation:
    """The random variation of training samples."""
    return Augmentation(**recipe.augment.model_dump())


def build_model(recipe: Recipe, labels: LabelMap, *, in_channels: int = 3) -> Segmenter:
    """The recipe's network behind its input contract, with encoder weights loaded."""
    return build_segmenter(
        recipe.model.name,
        num_classes=labels.num_classes,
        in_channels=in_channels,
        encoder=recipe.model.encoder,
        encoder_weights=recipe.model.encoder_weights,
        options=recipe.model.options,
        accept_noncommercial=recipe.model.accept_noncommercial,
    )


def build_loss(
    recipe: Recipe, labels: LabelMap, *, device: torch.device, training: Dataset
) -> Callable[..., Any]:
    """The recipe's loss as a function of (logits, mask).

    Args:
        recipe: says which loss, with which options and class weights.
        labels: the classes, in order.
        device: where it will compute.
        training: read once where the recipe asks for class weights by a rule.

    Raises:
        UsageError: unknown loss, option or class name.
        ValueError: the training split cannot be read.
    """
    loss = look_up("loss", recipe.loss.name, LOSSES)
    given = ("ignore_index", "class_weights")
    check_options("loss.options", loss, recipe.loss.options, given=given)
    weights = None
    if recipe.loss.class_weights is not None:
        listed = _class_weights(recipe.loss.class_weights, labels, training)
        weights = torch.tensor(listed, dtype=torch.float32, device=device)
    return partial(
        loss, ignore_index=labels.ignore_index, class_weights=weights, **recipe.loss.options
    )


def _class_weights(
    choice: Mapping[str, float] | Kind, labels: LabelMap, training: Dataset
) -> list[float]:
    """One weight for each class."""
    if isinstance(choice, Mapping):
        for name in choice:
            if name not in labels.names:
                raise UsageError(f"loss.class_weights: {unknown_name('class', name, labels.names)}")
        return [choice.get(name, 1.0) for name in labels.names]
    pixels = class_pixels(training)
    of_image = pixels.sum(axis=1, keepdims=True)
    weights = class_weights(
        pixels.sum(axis=0),
        kind=choice,
        pixels_where_present=(of_image * (pixels > 0)).sum(axis=0),
    ).tolist()
    shown = ", ".join(f"{n} {w:.2f}" for n, w in zip(labels.names, weights, strict=True))
    logger.info("class weights (%s): %s", choice, shown)
    return weights


def build_optimization(
    recipe: Recipe, model: nn.Module, *, steps_per_epoch: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    """The optimiser and its schedule over the whole of training."""
    choice, schedule = recipe.optimizer, recipe.schedule
    groups = parameter_groups(
        model,
        lr=choice.lr,
        weight_decay=choice.weight_decay,
        encoder_lr_factor=choice.encoder_lr_factor,
        encoder_prefix=_ENCODER_PREFIX,
    )
    optimizer = build_optimizer(choice.name, groups, lr=choice.lr, momentum=choice.momentum)
    factor = rate_at(
        schedule.name,
        total_steps=recipe.train.epochs * steps_per_epoch,
        warmup_steps=schedule.warmup_steps,
        power=schedule.power,
        steps_per_drop=schedule.step_epochs * steps_per_epoch,
        gamma=schedule.gamma,
    )
    return optimizer, build_schedule(optimizer, factor)


def check_recipe(recipe: Recipe) -> None:
    """Refuse names that no table knows before any work is done.

    Raises:
        UsageError: an unknown data set, model or loss.
    """
    find_entry(recipe.data.name)
    look_up("loss", recipe.loss.name, LOSSES)
    if ":" not in recipe.model.name and recipe.model.name not in MODELS:
        raise UsageError(unknown_name("model", recipe.model.name, MODELS))
