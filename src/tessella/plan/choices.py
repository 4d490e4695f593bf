"""The choices of a plan that follow from the data and the hardware, each with its reason."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tessella.data.class_weights import class_weights
from tessella.plan.annotated import Choice
from tessella.plan.look import DataFacts
from tessella.plan.machine import Machine

Chosen = dict[str, Choice]

_CROP_PIXELS = {"cpu": 256 * 320, "gpu": 512 * 512}
_BATCH = {"cpu": 8, "gpu": 16}
_MOST_IN_BATCH = 32
_WHOLE_UP_TO = 1.5  # an image of so many times the pixels of a crop is taken whole

UNEVEN, STRONGLY_UNEVEN = 4.0, 20.0
"""So many times rarer than its fair share is the rarest class from where on weights, and then a
loss of overlap, are used."""

MAX_CLASS_WEIGHT = 5.0
"""More makes a network see the rare class everywhere."""


def choose(
    facts: DataFacts,
    machine: Machine,
    *,
    given: Mapping[str, Any],
    stride: int,
    is_pretrained: bool,
    has_encoder: bool,
) -> Chosen:
    """Crop, augmentation, loss, batch and rates; keys that the user gave are left out.

    Args:
        facts: about the data.
        machine: where it will be trained.
        given: the user's values by key; what is chosen fits them.
        stride: of the network, in pixels.
        is_pretrained: whether the network starts from weights that know something.
        has_encoder: whether a part of it is called so, which may learn at a rate of its own.
    """
    found = crop_choices(facts, given=given, stride=stride, is_gpu=machine.is_gpu)
    found |= loss_choices(facts, given=given)
    crop = given.get("augment.crop") or found["augment.crop"].value
    found |= batch_choices(facts, crop=crop, is_gpu=machine.is_gpu)
    batch = given.get("train.batch_size") or found["train.batch_size"].value
    images_per_step = batch * given.get("train.accumulate", 1)
    found |= rate_choices(images_per_step, is_pretrained=is_pretrained, has_encoder=has_encoder)
    found["train.precision"] = Choice("auto", f"which is {machine.precision} here")
    return {key: choice for key, choice in found.items() if key not in given}


def crop_choices(
    facts: DataFacts, *, given: Mapping[str, Any], stride: int, is_gpu: bool
) -> Chosen:
    """The crop, a multiple of the stride, and the zoom that suits it.

    Images that are not much larger than what the device takes at once are taken whole.
    """
    height, width = facts.median_size
    most = _CROP_PIXELS[_kind(is_gpu)]
    is_whole = height * width <= _WHOLE_UP_TO * most
    if is_whole:
        crop = tuple(stride * math.ceil(side / stride) for side in (height, width))
        what = "the whole image" if len(facts.sizes.counts) == 1 else "a whole median image"
        reason = f"{what} of {height}x{width}, in multiples of the stride {stride}"
    else:
        shrink = math.sqrt(most / (height * width))
        crop = tuple(
            max(stride, min(stride * round(side * shrink / stride), stride * (side // stride)))
            for side in (height, width)
        )
        reason = f"part of {height}x{width}, as much as a {_device(is_gpu)} computes at a good pace"
    crop = given.get("augment.crop") or list(crop)
    filled = max(crop[0] / height, crop[1] / width)
    low = min(0.8, max(0.5, round(20 * 0.85 * filled) / 20))
    scale = [low, round(1 / low, 2)]
    what = "around the whole image" if low == 0.8 else "out until more than the image shows"
    return {
        "augment.crop": Choice(crop, reason),
        "augment.scale": Choice(scale, f"{what}, and in as far: on average as in use"),
    }


def loss_choices(facts: DataFacts, *, given: Mapping[str, Any]) -> Chosen:
    """Weights, a second loss and where crops are taken, by how rare the rarest class is.

    The loss is the user's alone as soon as any part of it is.
    """
    name, share = facts.rarest
    rarity = f"{name} is {facts.imbalance:.0f} times rarer than its fair share ({share:.2%})"
    found: Chosen = {}
    if facts.imbalance <= UNEVEN:
        found["loss.name"] = Choice(
            "cross_entropy", "classes are balanced well enough without weights"
        )
    else:
        found["loss.name"] = Choice("cross_entropy", "with weights, as classes are uneven")
        found["loss.class_weights"] = Choice(
            _weights(facts), f"1 / sqrt(share), at most {MAX_CLASS_WEIGHT:g}: {rarity}"
        )
    if facts.imbalance > STRONGLY_UNEVEN:
        found["loss.add"] = Choice(
            [{"name": "dice", "weight": 1.0}],
            f"overlap counts a class as much as another: {rarity}",
        )
    if any(key.startswith("loss.") for key in given):
        found = {}
    if facts.imbalance > UNEVEN:
        chance = 0.5 if facts.imbalance > STRONGLY_UNEVEN else 0.25
        found["augment.class_balance"] = Choice(
            chance, "crops are taken at rare classes more often"
        )
    return found


def _weights(facts: DataFacts) -> dict[str, float]:
    weights = class_weights(
        np.array(facts.pixels, np.int64), kind="sqrt_inverse", max_weight=MAX_CLASS_WEIGHT
    )
    return {name: round(float(w), 2) for name, w in zip(facts.names, weights, strict=True)}


def batch_choices(facts: DataFacts, *, crop: tuple[int, int], is_gpu: bool) -> Chosen:
    """Images in a batch: as many pixels as suit the device, and several steps in an epoch."""
    kind = _kind(is_gpu)
    by_pixels = round(_BATCH[kind] * _CROP_PIXELS[kind] / (crop[0] * crop[1]))
    by_pixels = min(_MOST_IN_BATCH, max(_BATCH[kind] // 2, by_pixels))
    by_number = min(facts.num_train, max(4, facts.num_train // 4))
    if by_number < by_pixels:
        reason = f"so that {facts.num_train} images still give several steps in an epoch"
        return {"train.batch_size": Choice(by_number, reason)}
    reason = f"what a {_device(is_gpu)} computes at a good pace with this crop"
    return {"train.batch_size": Choice(by_pixels, reason)}


def rate_choices(images_per_step: int, *, is_pretrained: bool, has_encoder: bool) -> Chosen:
    """The optimiser and its rates, by what a step averages over."""
    # Adam's noise falls with the square root of the batch; the rates were measured with 8 images
    factor = min(2.0, max(0.5, math.sqrt(images_per_step / 8)))
    base = 2e-3 if is_pretrained else 3e-3
    found = {
        "optimizer.name": Choice("adamw", "needs little tuning"),
        "optimizer.lr": Choice(
            float(f"{base * factor:.2g}"), f"for {images_per_step} images in a step"
        ),
        "schedule.name": Choice("poly", "falls to zero just when training ends"),
    }
    if is_pretrained and has_encoder:
        found["optimizer.encoder_lr_factor"] = Choice(0.3, "what is pretrained changes less")
    return found


def _kind(is_gpu: bool) -> str:
    return "gpu" if is_gpu else "cpu"


def _device(is_gpu: bool) -> str:
    return "GPU" if is_gpu else "CPU"
