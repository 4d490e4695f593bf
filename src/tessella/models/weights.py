"""Pretrained weights of encoders: found in the hub's cache, downloaded, or read from a file."""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from segmentation_models_pytorch import encoders as smp_encoders
from torch import Tensor, nn

from tessella.errors import UsageError
from tessella.models.encoders import (
    TIMM,
    licence_of_weights,
    refuse_impossible_pair,
    refuse_noncommercial_weights,
    refuse_unknown_encoder,
    timm_settings,
)
from tessella.models.hub import fetch
from tessella.models.origin import NOT_STATED, WeightsOrigin
from tessella.models.segmenter import IMAGENET_MEAN, IMAGENET_STD
from tessella.models.state_file import read_tensors
from tessella.suggestion import did_you_mean

NONE = "none"
"""Name of random weights."""

IMAGENET = "imagenet"
"""Name of an encoder's usual published weights; for timm encoders whatever their tag says."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EncoderWeights:
    """A file of encoder weights, and how their training images were normalised."""

    path: Path
    """The file, in the hub's cache or the user's own."""

    mean: tuple[float, ...]
    """Per channel, in 0..1 units."""

    std: tuple[float, ...]
    """Per channel, in 0..1 units."""

    licence: str
    """As far as it is recorded."""


def find_encoder_weights(
    encoder: str, weights: str, *, accept_noncommercial: bool
) -> EncoderWeights | None:
    """The file that `weights` means for an encoder; None for random weights.

    Args:
        encoder: name of the encoder.
        weights: "none", a published name such as "imagenet", or a path. The hub's cache is asked
            before the network.
        accept_noncommercial: take published weights that exclude commercial use.

    Raises:
        UsageError: there is neither such a name nor such a file, or the licence is not accepted.
        ValueError: published weights are neither in the cache nor downloadable.
    """
    if weights == NONE:
        return None
    if weights in _published(encoder):
        if not accept_noncommercial:
            refuse_noncommercial_weights(encoder)
        return _from_hub(encoder, weights)
    path = Path(weights).expanduser()
    if not path.is_file():
        names = [NONE, *_published(encoder)]
        raise UsageError(
            f"encoder weights {weights!r} for {encoder}: neither a file nor a published name"
            f"{did_you_mean(weights, names)} (expected a path, or one of {', '.join(names)}); "
            "correct model.encoder_weights."
        )
    mean, std = _normalization_beside(encoder, path)
    return EncoderWeights(path, mean, std, licence="of the file's own")


def published_origin(model: str, *, encoder: str, encoder_weights: str) -> WeightsOrigin | None:
    """What `encoder_weights` are; None for random weights. Nothing is read or downloaded.

    Args:
        model: name of the architecture.
        encoder: name of the encoder.
        encoder_weights: "none", a published name, or a path.

    Raises:
        UsageError: there is no such encoder, or the architecture cannot use it.
    """
    refuse_unknown_encoder(encoder)
    refuse_impossible_pair(model, encoder)
    if encoder_weights == NONE:
        return None
    place = _published(encoder).get(encoder_weights)
    if place is None:
        return WeightsOrigin(encoder_weights, NOT_STATED, encoder_weights, NOT_STATED)
    address = f"https://huggingface.co/{place['repo_id']}"
    if place["revision"]:
        address += f"/tree/{place['revision']}"
    tag = str(timm_settings(encoder).get("tag") or "") if encoder.startswith(TIMM) else ""
    learnt_from = f"what timm's tag {tag} says" if tag else encoder_weights
    return WeightsOrigin(encoder_weights, learnt_from, address, licence_of_weights(encoder))


def load_encoder_weights(
    module: nn.Module, source: EncoderWeights, *, encoder: str, in_channels: int
) -> None:
    """Put all weights of a file into an encoder, or none.

    The file holds the state dict of the classifier that the encoder comes from (the classifier
    itself is left out), or a segmentation model's with keys "encoder.*". With other than three
    input channels the first convolution's weights are repeated over the channels and scaled so
    that the sums stay; this is what timm and segmentation_models_pytorch do.

    Raises:
        ValueError: the file is damaged, or its tensors are not exactly the encoder's.
    """
    tensors = read_tensors(source.path)
    where = f"{source.path} for encoder {encoder}"
    prefix = next((p for p in ("network.encoder.", "encoder.") if _any_starts(tensors, p)), None)
    if prefix:
        tensors = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    elif encoder.startswith(TIMM):
        tensors = _timm_tensors(encoder, tensors, where=where, wanted=module.state_dict())
    tensors = fit_channels(tensors, module.state_dict(), in_channels=in_channels)
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise ValueError(mismatch(where, error)) from error
    _log.info(
        "encoder %s: loaded %d tensors from %s (licence: %s; mean %s, std %s)",
        encoder,
        len(module.state_dict()),
        source.path,
        source.licence,
        source.mean,
        source.std,
    )


def _published(encoder: str) -> Mapping[str, Mapping[str, str | None]]:
    """Names of an encoder's published weights, and where in the hub they are."""
    if not encoder.startswith(TIMM):
        return smp_encoders.encoders[encoder]["pretrained_settings"]
    hub_id = timm_settings(encoder).get("hf_hub_id")
    return {IMAGENET: {"repo_id": hub_id, "revision": None}} if hub_id else {}


def _from_hub(encoder: str, weights: str) -> EncoderWeights:
    place = _published(encoder)[weights]
    repo_id, revision = str(place["repo_id"]), place["revision"]
    what = f"encoder weights {weights!r} for {encoder}"
    if encoder.startswith(TIMM):
        path = fetch(
            repo_id, ["model.safetensors", "pytorch_model.bin"], revision=revision, what=what
        )
        settings = timm_settings(encoder)
    else:
        # both, before anything is built: the file beside the weights holds their mean and std
        config = fetch(repo_id, ["config.json"], revision=revision, what=what)
        path = fetch(repo_id, ["model.safetensors"], revision=revision, what=what)
        settings = _read_settings(config)
    mean, std = _normalization(settings, path)
    return EncoderWeights(path, mean, std, licence_of_weights(encoder))


def _normalization_beside(encoder: str, path: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std for the user's own file: timm's, those of a config.json beside, ImageNet's."""
    if encoder.startswith(TIMM):
        return _normalization(timm_settings(encoder), path)
    config = path.with_name("config.json")
    return _normalization(_read_settings(config) if config.is_file() else {}, path)


def _read_settings(config: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(config.read_text()))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{config}: expected a JSON object with mean and std, {error}; correct or remove it."
        ) from error


def _normalization(
    settings: Mapping[str, Any], path: Path
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    space, scale = settings.get("input_space", "RGB"), settings.get("input_range", [0, 1])
    if space != "RGB" or list(scale) != [0, 1]:
        raise ValueError(
            f"{path}: these weights expect {space} images in {scale}, but images here are RGB and "
            "mean and std in 0..1; choose other weights."
        )
    return tuple(settings.get("mean", IMAGENET_MEAN)), tuple(settings.get("std", IMAGENET_STD))


def _any_starts(names: Mapping[str, Tensor], prefix: str) -> bool:
    return any(name.startswith(prefix) for name in names)


def _timm_tensors(
    encoder: str, tensors: dict[str, Tensor], *, where: str, wanted: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """A timm classifier's file as the tensors of the feature extractor made from it.

    timm loads into feature extractors leniently: whatever is missing stays random. So the file
    goes into the whole classifier first, strictly, and its tensors are picked from there.
    """
    name = encoder.removeprefix(TIMM)
    classifier = timm.create_model(name)
    heads = timm_settings(encoder).get("classifier") or ()
    prefixes = tuple(f"{head}." for head in ([heads] if isinstance(heads, str) else heads))
    own = {k: v for k, v in classifier.state_dict().items() if k.startswith(prefixes)}
    body = {k: v for k, v in tensors.items() if not k.startswith(prefixes)}
    try:
        # through timm, because it knows the older layouts of its own files
        overlay = {"state_dict": body | own, "label_offset": 0}
        classifier = timm.create_model(name, pretrained=True, pretrained_cfg_overlay=overlay)
    except (RuntimeError, KeyError) as error:
        raise ValueError(mismatch(where, error)) from error
    by_name = {_flat(name): tensor for name, tensor in classifier.state_dict().items()}
    return {name: by_name[_flat(name)] for name in wanted if _flat(name) in by_name}


def _flat(name: str) -> str:
    """A tensor's name without the renaming that timm's feature extractors do."""
    return re.sub(r"^(model\.)*(body\.)?", "", name).replace(".", "_")


def fit_channels(
    tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], *, in_channels: int
) -> dict[str, Tensor]:
    """Weights of first convolutions, published for three channels, for `in_channels` of them."""

    def fit(name: str, tensor: Tensor) -> Tensor:
        if name not in wanted or tensor.ndim != 4 or tensor.shape[1] != 3:
            return tensor
        target = wanted[name].shape
        if target != (tensor.shape[0], in_channels, *tensor.shape[2:]):
            return tensor
        channels = torch.arange(in_channels) % 3
        if in_channels == 1:
            return tensor.sum(dim=1, keepdim=True)
        return tensor[:, channels] * (3 / in_channels)

    return {name: fit(name, tensor) for name, tensor in tensors.items()}


def mismatch(where: str, error: Exception) -> str:
    """What torch found wrong with a state dict, counted; some names of each kind."""
    text = str(error)
    found = {
        "missing": _quoted(text, "Missing key"),
        "not the encoder's": _quoted(text, "Unexpected key"),
        "of another shape": re.findall(r"size mismatch for ([^:\s]+)", text),
    }
    parts = [f"{len(names)} {kind} ({_some(names)})" for kind, names in found.items() if names]
    return (
        f"{where}: tensors do not fit: {'; '.join(parts) or text.splitlines()[0]}. "
        "Give the file of this very encoder, whole."
    )


def _quoted(text: str, title: str) -> list[str]:
    line = next((line for line in text.splitlines() if line.strip().startswith(title)), "")
    return re.findall(r'"([^"]+)"', line)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
