"""Weights for torchvision's segmentation models: what is published, and how it is loaded."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn
from torchvision.models import (
    MobileNet_V3_Large_Weights,
    ResNet50_Weights,
    ResNet101_Weights,
    WeightsEnum,
    segmentation,
)

from tessella.errors import UsageError
from tessella.models.foreign_names import names_within_network
from tessella.models.origin import NOT_STATED, WeightsOrigin
from tessella.models.segmenter import IMAGENET_MEAN, IMAGENET_STD
from tessella.models.state_file import read_tensors
from tessella.models.torch_hub import fetch_url
from tessella.models.weights import IMAGENET, NONE, fit_channels, mismatch
from tessella.suggestion import did_you_mean, unknown_name

COCO_VOC = "coco_voc"
"""Name of the weights that torchvision calls COCO_WITH_VOC_LABELS_V1."""

_AUXILIARY = "auxiliary_head."

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Variant:
    """One segmentation model of torchvision on one encoder."""

    name: str
    """Model and encoder, for messages."""

    build: Callable[..., nn.Module]
    imagenet: WeightsEnum
    """Of the encoder's classifier."""

    coco_voc: WeightsEnum
    """Of the whole model."""

    stride: int
    """How much smaller the last features are than the image."""

    first_convolution: str
    """Its name in the encoder."""

    has_auxiliary: bool
    """Whether torchvision can add an auxiliary head."""


def _on_resnet(name: str, build: Callable[..., nn.Module], *weights: WeightsEnum) -> Variant:
    return Variant(name, build, *weights, stride=8, first_convolution="conv1", has_auxiliary=True)


VARIANTS: dict[str, dict[str, Variant]] = {
    "torchvision_fcn": {
        "resnet50": _on_resnet(
            "torchvision_fcn on resnet50",
            segmentation.fcn_resnet50,
            ResNet50_Weights.IMAGENET1K_V1,
            segmentation.FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1,
        ),
        "resnet101": _on_resnet(
            "torchvision_fcn on resnet101",
            segmentation.fcn_resnet101,
            ResNet101_Weights.IMAGENET1K_V1,
            segmentation.FCN_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1,
        ),
    },
    "torchvision_deeplabv3": {
        "resnet50": _on_resnet(
            "torchvision_deeplabv3 on resnet50",
            segmentation.deeplabv3_resnet50,
            ResNet50_Weights.IMAGENET1K_V1,
            segmentation.DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1,
        ),
        "resnet101": _on_resnet(
            "torchvision_deeplabv3 on resnet101",
            segmentation.deeplabv3_resnet101,
            ResNet101_Weights.IMAGENET1K_V1,
            segmentation.DeepLabV3_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1,
        ),
        "mobilenet_v3_large": Variant(
            "torchvision_deeplabv3 on mobilenet_v3_large",
            segmentation.deeplabv3_mobilenet_v3_large,
            MobileNet_V3_Large_Weights.IMAGENET1K_V1,
            segmentation.DeepLabV3_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1,
            stride=16,
            first_convolution="0.0",
            has_auxiliary=True,
        ),
    },
    "torchvision_lraspp": {
        "mobilenet_v3_large": Variant(
            "torchvision_lraspp on mobilenet_v3_large",
            segmentation.lraspp_mobilenet_v3_large,
            MobileNet_V3_Large_Weights.IMAGENET1K_V1,
            segmentation.LRASPP_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1,
            stride=16,
            first_convolution="0.0",
            has_auxiliary=False,
        ),
    },
}
"""Our name of a model -> name of an encoder -> what torchvision has."""


@dataclass(frozen=True)
class TorchvisionWeights:
    """A file of weights, and how their training images were normalised."""

    origin: WeightsOrigin
    path: Path
    tensors: Mapping[str, Tensor]
    """By torchvision's names of the segmentation model, or of the encoder's classifier."""

    mean: tuple[float, ...]
    """Per channel, in 0..1 units."""

    std: tuple[float, ...]
    """Per channel, in 0..1 units."""


def variant_of(model: str, encoder: str) -> Variant:
    """What torchvision has for a model and an encoder.

    Raises:
        UsageError: the model is not to be had on this encoder.
    """
    known = VARIANTS[model]
    if encoder not in known:
        raise UsageError(f"model {model}: {unknown_name('encoder', encoder, known)}")
    return known[encoder]


def published_origin(model: str, *, encoder: str, encoder_weights: str) -> WeightsOrigin | None:
    """What `encoder_weights` are; None for random weights. Nothing is read or downloaded.

    Raises:
        UsageError: there is no such model on this encoder.
    """
    variant = variant_of(model, encoder)
    if encoder_weights == NONE:
        return None
    if encoder_weights == IMAGENET:
        learnt_from = "ImageNet-1k's classes (the encoder only)"
        return WeightsOrigin(IMAGENET, learnt_from, variant.imagenet.url, NOT_STATED)
    if encoder_weights == COCO_VOC:
        learnt_from = (
            "COCO's images with the 20 classes of Pascal VOC and background (the whole network, "
            "not ImageNet alone)"
        )
        return WeightsOrigin(COCO_VOC, learnt_from, variant.coco_voc.url, NOT_STATED)
    return WeightsOrigin(encoder_weights, NOT_STATED, encoder_weights, NOT_STATED)


def find_torchvision_weights(variant: Variant, weights: str) -> TorchvisionWeights | None:
    """The file that `weights` means, read; None for random weights.

    Args:
        variant: the model and its encoder.
        weights: "none", "imagenet", "coco_voc" or a path. Torch hub's cache is asked before the
            network.

    Raises:
        UsageError: there is neither such a name nor such a file.
        ValueError: the weights cannot be had, or are damaged.
    """
    model, _, encoder = variant.name.partition(" on ")
    origin = published_origin(model, encoder=encoder, encoder_weights=weights)
    if origin is None:
        return None
    published = {IMAGENET: variant.imagenet, COCO_VOC: variant.coco_voc}.get(weights)
    if published is not None:
        path = fetch_url(published.url, what=f"weights {weights!r} for {variant.name}")
        preset = published.transforms()
        return TorchvisionWeights(
            origin, path, read_tensors(path), tuple(preset.mean), tuple(preset.std)
        )
    path = Path(weights).expanduser()
    if not path.is_file():
        names = [NONE, IMAGENET, COCO_VOC]
        raise UsageError(
            f"encoder weights {weights!r} for {variant.name}: neither a file nor a published name"
            f"{did_you_mean(weights, names)} (expected a path, or one of {', '.join(names)}); "
            "correct model.encoder_weights."
        )
    tensors = read_tensors(path)
    mean, std = (_in_unit_range(tensors, n) for n in ("mean", "std"))
    return TorchvisionWeights(origin, path, tensors, mean or IMAGENET_MEAN, std or IMAGENET_STD)


def load_torchvision_weights(
    network: nn.Module, source: TorchvisionWeights, *, heads: Sequence[str], in_channels: int
) -> None:
    """Put a file's weights into a network: all of the encoder's, or all but the last layers'.

    A file of a whole segmentation model (torchvision's, or one of ours) fills everything but
    `heads`; a classifier's file fills the encoder. The tensors of an auxiliary head that the
    network does not have are left out, and one that the file does not have stays random: the log
    says so.

    Raises:
        ValueError: the file's tensors are not exactly these.
    """
    found = names_within_network(source.tensors)
    if any(name.startswith("decoder.") for name in found):
        target, tensors = network, _without_heads(found, network.state_dict(), heads)
    else:
        target, tensors = network.get_submodule("encoder"), _classifiers_encoder(found)
    try:
        target.load_state_dict(fit_channels(tensors, target.state_dict(), in_channels=in_channels))
    except RuntimeError as error:
        raise ValueError(mismatch(f"{source.path} for {type(network).__name__}", error)) from error
    _log.info("%s (mean %s, std %s)", source.origin.text(), source.mean, source.std)


def _without_heads(
    found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], heads: Sequence[str]
) -> dict[str, Tensor]:
    """The tensors of a whole model, with the last layers of the network that is to be filled."""
    own = tuple(f"{head}." for head in heads)
    tensors = {n: t for n, t in found.items() if not n.startswith(own)}
    for which, side, other in (("file", tensors, wanted), ("model", wanted, found)):
        extra = [n for n in side if n.startswith(_AUXILIARY)]
        if extra and not any(n.startswith(_AUXILIARY) for n in other):
            _log.info("only the %s has an auxiliary head; it is not loaded", which)
            tensors = {n: t for n, t in tensors.items() if n not in extra}
            own = (*own, _AUXILIARY)
    _log.info("the last layers (%s) are new: the file's classes are others", ", ".join(heads))
    return tensors | {n: t for n, t in wanted.items() if n.startswith(own)}


def _classifiers_encoder(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The encoder's tensors in a classifier's file, or in one of an encoder alone."""
    body = {n: t for n, t in found.items() if not n.startswith(("fc.", "classifier."))}
    return {n.removeprefix("encoder.").removeprefix("features."): t for n, t in body.items()}


def _in_unit_range(tensors: Mapping[str, Tensor], name: str) -> tuple[float, ...] | None:
    """Mean or std as our models save them, 0..255, in 0..1 units."""
    values = tensors.get(name)
    return None if values is None else tuple((values.double().flatten() / 255).tolist())
