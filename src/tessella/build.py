"""A recipe and the tables, made into objects; the only place that sees both."""

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tessella.data.augment import Augmentation
from tessella.data.cache import CachedDataset
from tessella.data.class_weights import Kind, class_weights
from tessella.data.dataset import Dataset
from tessella.data.make_splits import class_pixels
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.lookup import check_options, look_up
from tessella.losses import LOSSES, labelled_weight
from tessella.models import MODELS
from tessella.models.build import build_segmenter
from tessella.models.depth import depth_of_parameters
from tessella.models.freeze import freeze
from tessella.models.segmenter import Segmenter
from tessella.models.start_weights import load_start_weights
from tessella.optim import (
    Plateau,
    build_optimizer,
    build_schedule,
    parameter_groups,
    rate_at,
    rate_factors,
)
from tessella.recipe import Recipe
from tessella.source import find_entry, source_of
from tessella.suggestion import unknown_name

logger = logging.getLogger(__name__)


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
    dataset = source_of(recipe.data, root=root).open(split)
    if not recipe.data.cache_mb:
        return dataset
    return CachedDataset(dataset, limit_bytes=recipe.data.cache_mb << 20)


def build_augmentation(recipe: Recipe) -> Augmentation:
    """The random variation of training samples."""
    return Augmentation(**recipe.augment.model_dump())


def build_model(recipe: Recipe, labels: LabelMap, *, in_channels: int = 3) -> Segmenter:
    """The recipe's network behind its input contract, with the weights that it starts from.

    Raises:
        UsageError: an unknown name or option, or there are no such weights.
        ValueError: weights are damaged or do not fit.
    """
    choice = recipe.model
    segmenter = build_segmenter(
        choice.name,
        num_classes=labels.num_classes,
        in_channels=in_channels,
        encoder=choice.encoder,
        encoder_weights=choice.encoder_weights,
        options=choice.options,
        accept_noncommercial=choice.accept_noncommercial,
    )
    if choice.weights is not None:
        report = load_start_weights(segmenter, choice.weights, allow_partial=choice.allow_partial)
        logger.info("%s", report.text())
    return segmenter


class Loss(NamedTuple):
    """What training minimises, and by what it was divided."""

    compute: Callable[[Tensor, Tensor], Tensor]
    """(logits, mask) -> scalar, a mean over labelled pixels or classes."""

    weight: Callable[[Tensor], Tensor]
    """mask -> scalar: how much of the mean of several batches is this one's."""


def build_loss(
    recipe: Recipe, labels: LabelMap, *, device: torch.device, training: Dataset
) -> Loss:
    """The recipe's loss, one or a sum of several.

    Args:
        recipe: says which losses, with which options and class weights.
        labels: the classes, in order.
        device: where it will compute.
        training: read once where the recipe asks for class weights by a rule.

    Raises:
        UsageError: unknown loss, option or class name.
        ValueError: the training split cannot be read.
    """
    choice = recipe.loss
    weights = None
    if choice.class_weights is not None:
        listed = _class_weights(choice.class_weights, labels, training)
        weights = torch.tensor(listed, dtype=torch.float32, device=device)
    given = {"ignore_index": labels.ignore_index, "class_weights": weights}
    terms = [(1.0, _loss_of(choice.name, choice.options, given, where="loss"))]
    for place, term in enumerate(choice.add):
        one = _loss_of(term.name, term.options, given, where=f"loss.add.{place}")
        terms.append((term.weight, one))
    compute = terms[0][1] if len(terms) == 1 else partial(_weighted_sum, terms)
    return Loss(compute, partial(labelled_weight, **given))


def _loss_of(
    name: str, options: Mapping[str, Any], given: Mapping[str, Any], *, where: str
) -> Callable[[Tensor, Tensor], Tensor]:
    loss = look_up("loss", name, LOSSES)
    check_options(f"{where}.options", loss, options, given=tuple(given))
    return partial(loss, **given, **options)


def _weighted_sum(
    terms: Sequence[tuple[float, Callable[[Tensor, Tensor], Tensor]]], logits: Tensor, mask: Tensor
) -> Tensor:
    return torch.stack([weight * loss(logits, mask) for weight, loss in terms]).sum()


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
    recipe: Recipe, segmenter: Segmenter, *, steps_per_epoch: int, plateau: Plateau
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    """The optimiser of what is trainable, and its schedule over the whole of training.

    Args:
        recipe: says which.
        segmenter: its trainable parameters are learnt.
        steps_per_epoch: of the optimiser.
        plateau: its factor multiplies all rates.
    """
    choice, schedule = recipe.optimizer, recipe.schedule
    names = [name for name, _ in segmenter.named_parameters()]
    is_layered = choice.layer_decay < 1
    factors = rate_factors(
        depth_of_parameters(segmenter) if is_layered else dict.fromkeys(names, 0),
        encoder_prefix=segmenter.encoder_prefix,
        encoder_lr_factor=choice.encoder_lr_factor,
        layer_decay=choice.layer_decay,
    )
    groups = parameter_groups(
        segmenter, lr=choice.lr, weight_decay=choice.weight_decay, factors=factors
    )
    optimizer = build_optimizer(choice.name, groups, lr=choice.lr, momentum=choice.momentum)
    curve = rate_at(
        schedule.name,
        total_steps=recipe.train.epochs * steps_per_epoch,
        warmup_steps=schedule.warmup_steps,
        power=schedule.power,
        steps_per_drop=schedule.step_epochs * steps_per_epoch,
        gamma=schedule.gamma,
    )
    return optimizer, build_schedule(optimizer, lambda step: plateau.factor * curve(step))


def freeze_as_told(recipe: Recipe, segmenter: Segmenter) -> None:
    """Make untrainable what the recipe says, until `unfreeze`.

    Raises:
        UsageError: the model has no such part, or nothing would be left to learn.
    """
    choice = recipe.model
    if choice.freeze == "none":
        return
    num_frozen = freeze(segmenter, choice.freeze)
    if choice.encoder_weights == "none" and choice.weights is None:
        logger.warning(
            "%s parameters are frozen as they were drawn at random; set model.encoder_weights or "
            "model.weights, or leave model.freeze out",
            f"{num_frozen:,}",
        )


def check_recipe(recipe: Recipe) -> None:
    """Refuse names that no table knows before any work is done.

    Raises:
        UsageError: an unknown data set, model, loss or augmentation step.
    """
    find_entry(recipe.data.name)
    build_augmentation(recipe)
    for name in (recipe.loss.name, *(term.name for term in recipe.loss.add)):
        look_up("loss", name, LOSSES)
    if ":" not in recipe.model.name and recipe.model.name not in MODELS:
        raise UsageError(unknown_name("model", recipe.model.name, MODELS))
