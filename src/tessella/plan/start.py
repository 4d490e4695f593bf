"""Which network to train and what it starts from: pretrained weights where they can be had."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tessella.errors import UsageError
from tessella.models import MODELS
from tessella.models.build import build_segmenter
from tessella.models.segmenter import Segmenter
from tessella.plan.annotated import Choice
from tessella.recipe_parts import ModelRecipe

logger = logging.getLogger(__name__)

_NONE, _IMAGENET = "none", "imagenet"
_SMP = MODELS["unet"].builder

# the second is tried where the weights of the first cannot be had
_PRETRAINED = {"cpu": ("mobilenet_v2", "resnet18"), "gpu": ("resnet50", "resnet34")}
_FROM_SCRATCH = {"cpu": "tu-resnet10t", "gpu": "resnet34"}
_SMALL_DECODER = {"mobilenet_v2": [128, 64, 48, 32, 16], "tu-resnet10t": [96, 48, 32, 16, 16]}

FILE_ENCODERS = (
    *("mobilenet_v2", "resnet18", "resnet34", "resnet50", "resnet101", "efficientnet-b0"),
    *("efficientnet-b1", "efficientnet-b2", "efficientnet-b3", "tu-resnet10t"),
    *("tu-mobilenetv3_large_100", "tu-convnext_tiny"),
)
"""Encoders whose weights a file may hold, when nobody says which."""


class Start(NamedTuple):
    """A network before its first step."""

    choices: Mapping[str, Choice]
    """Of `model.*`, those of the user left out."""

    segmenter: Segmenter
    """The network itself, for what it says about its stride and costs."""

    is_pretrained: bool
    remarks: tuple[str, ...]
    """What the user should know before starting."""


def choose_start(given: Mapping[str, Any], *, num_classes: int, is_gpu: bool) -> Start:
    """The network, built once to see that training can build it.

    Args:
        given: the user's values by key, e.g. "model.name".
        num_classes: of the data.
        is_gpu: larger networks are chosen there.

    Raises:
        UsageError: what the user gave cannot be.
        ValueError: weights that the user asked for cannot be had or do not fit.
    """
    chosen: dict[str, Choice] = {}
    name = given.get("model.name", "unet")
    if "model.name" not in given:
        chosen["model.name"] = Choice(name, "a sound choice for sharp borders and few images")
    has_encoder = name in MODELS and MODELS[name].takes_encoder
    remarks: tuple[str, ...] = ()
    if has_encoder:
        encoder_choices, remarks = _encoder(given, name, num_classes=num_classes, is_gpu=is_gpu)
        chosen |= encoder_choices
    values = {key: choice.value for key, choice in chosen.items()} | dict(given)
    segmenter = _build(values, num_classes=num_classes)
    starts_from = (values.get("model.encoder_weights", _NONE), values.get("model.weights"))
    return Start(chosen, segmenter, starts_from != (_NONE, None), remarks)


def _encoder(
    given: Mapping[str, Any], name: str, *, num_classes: int, is_gpu: bool
) -> tuple[dict[str, Choice], tuple[str, ...]]:
    weights = given.get("model.encoder_weights")
    if weights is None and "model.weights" in given:
        weights = _NONE
    if "model.encoder" in given:
        preferred: tuple[str, ...] = (given["model.encoder"],)
    elif MODELS[name].builder != _SMP:
        preferred = (MODELS[name].example_encoder,)
    elif weights == _NONE:
        preferred = (_FROM_SCRATCH[_kind(is_gpu)],)
    else:
        preferred = _PRETRAINED[_kind(is_gpu)]
    attempt = {**given, "model.name": name}
    if weights is not None:
        if "model.encoder" not in given and Path(weights).is_file():
            preferred = (_encoder_in(attempt, num_classes=num_classes),)
        return _choices(given, preferred[0], weights, is_gpu=is_gpu), ()
    reason = ""
    for encoder in preferred:
        attempt |= {"model.encoder": encoder, "model.encoder_weights": _IMAGENET}
        try:
            _build(attempt, num_classes=num_classes)
        except UsageError:
            raise
        except ValueError as error:  # neither in the cache nor downloadable
            reason = reason or str(error).partition(" Either ")[0]
        else:
            return _choices(given, encoder, _IMAGENET, is_gpu=is_gpu), ()
    is_free = "model.encoder" not in given and MODELS[name].builder == _SMP
    scratch = _FROM_SCRATCH[_kind(is_gpu)] if is_free else preferred[0]
    remark = (
        f"No pretrained weights can be had here, so training starts from scratch: it takes about "
        f"three times as long and scores lower. Give a file by --weights FILE if you have one. "
        f"({reason})"
    )
    return _choices(given, scratch, _NONE, is_gpu=is_gpu), (remark,)


def _choices(
    given: Mapping[str, Any], encoder: str, weights: str, *, is_gpu: bool
) -> dict[str, Choice]:
    found = {
        "model.encoder": Choice(encoder, _why_encoder(weights, is_gpu=is_gpu)),
        "model.encoder_weights": Choice(weights, _why_weights(weights)),
    }
    if not is_gpu and given.get("model.name", "unet") == "unet" and encoder in _SMALL_DECODER:
        options = {"decoder_channels": _SMALL_DECODER[encoder]}
        found["model.options"] = Choice(options, "a narrow decoder: half the time on a CPU")
    return {key: choice for key, choice in found.items() if key not in given}


def _why_encoder(weights: str, *, is_gpu: bool) -> str:
    if weights == _NONE:
        size = "mid-sized" if is_gpu else "small, as this is a CPU"
        return f"{size}; it learns well from scratch"
    if weights != _IMAGENET:
        return "the one that the file of weights belongs to"
    return "large enough for a GPU" if is_gpu else "small and fast, as this is a CPU"


def _why_weights(weights: str) -> str:
    if weights == _NONE:
        return "none can be had here: from scratch, which needs about three times the steps"
    if weights == _IMAGENET:
        return "pretrained: fewer images and a third of the steps do"
    return "your file"


def _encoder_in(attempt: Mapping[str, Any], *, num_classes: int) -> str:
    """The encoder that a file of weights belongs to, found by trying."""
    weights = attempt["model.encoder_weights"]
    for encoder in FILE_ENCODERS:
        try:
            _build({**attempt, "model.encoder": encoder}, num_classes=num_classes)
        except ValueError:
            continue
        return encoder
    raise UsageError(
        f"{weights}: holds the weights of none of the encoders tried ({', '.join(FILE_ENCODERS)}); "
        "say which it is, for example model.encoder=resnet152."
    )


def _build(values: Mapping[str, Any], *, num_classes: int) -> Segmenter:
    model = {key.partition(".")[2]: v for key, v in values.items() if key.startswith("model.")}
    choice = ModelRecipe.model_validate(model)
    return build_segmenter(
        choice.name,
        num_classes=num_classes,
        encoder=choice.encoder,
        encoder_weights=choice.encoder_weights,
        options=choice.options,
        accept_noncommercial=choice.accept_noncommercial,
    )


def _kind(is_gpu: bool) -> str:
    return "gpu" if is_gpu else "cpu"
