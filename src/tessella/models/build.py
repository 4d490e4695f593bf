"""From a model's name and plain values to a `Segmenter`."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from tessella.errors import UsageError
from tessella.models import MODELS
from tessella.models.options import refuse_unknown_options, refuse_wrong_values
from tessella.models.origin import WeightsOrigin
from tessella.models.segmenter import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Segmenter,
    values_for_channels,
)
from tessella.suggestion import unknown_name

USER_STRIDE = 32
"""Stride of a user's own network unless the option `stride` says otherwise; fits most."""

USER_HEADS = ("head", "auxiliary_head")
"""Names by which a user's own network may say which of its layers give the class logits."""


def build_segmenter(
    name: str,
    *,
    num_classes: int,
    options: Mapping[str, Any],
    in_channels: int = 3,
    encoder: str | None = None,
    encoder_weights: str = "none",
    accept_noncommercial: bool = False,
) -> Segmenter:
    """A model, from values that fit in a recipe or a model card.

    With the same values and `encoder_weights="none"` the state dict of one loads into the other.

    Args:
        name: a key of `MODELS`, or "package.module:function" of the user's own, which is called
            with num_classes, in_channels and the options, and returns a network for images
            normalised with ImageNet's mean and standard deviation. The option `stride` (32 unless
            given) is not passed on: its images are padded to a multiple of it. Freezing knows its
            parts by name: `encoder`, `head` and `auxiliary_head`.
        num_classes: channels of the logits, at least 1.
        options: the model's own.
        in_channels: channels of the images, at least 1.
        encoder: which encoder; only for models that take one.
        encoder_weights: "none" (random), a published name such as "imagenet", or a file.
        accept_noncommercial: take encoders and weights whose licence excludes commercial use.

    Raises:
        UsageError: an unknown name or option, or a combination that cannot be.
        ValueError: encoder weights cannot be had or do not fit.
    """
    for what, number in (("num_classes", num_classes), ("in_channels", in_channels)):
        if number < 1:
            raise UsageError(f"model {name}: {what} is {number}; give a whole number from 1 up.")
    own = ":" in name
    if not own and name not in MODELS:
        raise UsageError(unknown_name("model", name, MODELS))
    if not own and MODELS[name].takes_encoder:
        if encoder is None:
            example = MODELS[name].example_encoder
            raise UsageError(f"model {name} needs an encoder; set one, e.g. {example}.")
        return _import(MODELS[name].builder)(
            name,
            num_classes=num_classes,
            in_channels=in_channels,
            encoder=encoder,
            encoder_weights=encoder_weights,
            options=options,
            accept_noncommercial=accept_noncommercial,
        )
    if encoder is not None or encoder_weights != "none":
        raise UsageError(
            f"model {name} has no encoder to choose, got encoder {encoder} with weights "
            f"{encoder_weights}; remove both."
        )
    if own:
        return _users_own(name, options, num_classes=num_classes, in_channels=in_channels)
    build = _import(MODELS[name].builder)
    parameters = inspect.signature(build).parameters
    known = parameters.keys() - {"num_classes", "in_channels"}
    refuse_unknown_options(options, known=known, where=f"model {name}")
    refuse_wrong_values(options, parameters, where=f"model {name}")
    return build(num_classes=num_classes, in_channels=in_channels, **options)


def weights_origin(name: str, *, encoder: str | None, encoder_weights: str) -> WeightsOrigin | None:
    """What pretrained weights `build_segmenter` would start from; None for random ones.

    Nothing is read or downloaded, so this also tells the licence beforehand.

    Args:
        name: as for `build_segmenter`.
        encoder: as for `build_segmenter`.
        encoder_weights: as for `build_segmenter`.

    Raises:
        UsageError: an unknown model or encoder.
    """
    if encoder is None or encoder_weights == "none":
        return None
    if name not in MODELS:
        raise UsageError(unknown_name("model", name, MODELS))
    origin = _import(MODELS[name].origin)
    return origin(name, encoder=encoder, encoder_weights=encoder_weights)


def _import(place: str) -> Callable[..., Any]:
    module, _, function = place.partition(":")
    return getattr(importlib.import_module(module), function)


def _users_own(
    name: str, options: Mapping[str, Any], *, num_classes: int, in_channels: int
) -> Segmenter:
    stride = options.get("stride", USER_STRIDE)
    if not isinstance(stride, int) or stride < 1:
        raise UsageError(f"model {name}: stride is {stride!r}; give a whole number from 1 up.")
    arguments = {k: v for k, v in options.items() if k != "stride"}
    arguments |= {"num_classes": num_classes, "in_channels": in_channels}
    try:
        build = _import(name)
        inspect.signature(build).bind(**arguments)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise UsageError(
            f"model {name}: {error}; give package.module:function, importable from here, that "
            f"takes the keywords {', '.join(sorted(arguments))}."
        ) from error
    network = build(**arguments)
    if not isinstance(network, nn.Module):
        raise UsageError(
            f"model {name} returned a {type(network).__name__}, expected a torch.nn.Module; "
            "return the network."
        )
    return Segmenter(
        network,
        num_classes=num_classes,
        in_channels=in_channels,
        stride=stride,
        mean=values_for_channels(IMAGENET_MEAN, in_channels),
        std=values_for_channels(IMAGENET_STD, in_channels),
        head_layers=[layer for layer in USER_HEADS if layer in dict(network.named_children())],
    )
