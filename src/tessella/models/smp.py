"""Every architecture of segmentation_models_pytorch on every encoder that it can use."""

import inspect
from collections.abc import Mapping
from typing import Any

import segmentation_models_pytorch as smp
import torch
from torch import nn

from tessella.errors import UsageError
from tessella.models.encoders import (
    TIMM,
    refuse_impossible_pair,
    refuse_noncommercial_encoder,
    refuse_unknown_encoder,
    timm_settings,
)
from tessella.models.options import refuse_unknown_options
from tessella.models.segmenter import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Segmenter,
    values_for_channels,
)
from tessella.models.unreached import freeze_unreached
from tessella.models.weights import find_encoder_weights, load_encoder_weights

ARCHITECTURES: dict[str, type[nn.Module]] = {
    "unet": smp.Unet,
    "unetplusplus": smp.UnetPlusPlus,
    "manet": smp.MAnet,
    "linknet": smp.Linknet,
    "fpn": smp.FPN,
    "pspnet": smp.PSPNet,
    "deeplabv3": smp.DeepLabV3,
    "deeplabv3plus": smp.DeepLabV3Plus,
    "pan": smp.PAN,
    "upernet": smp.UPerNet,
    "segformer": smp.Segformer,
    "dpt": smp.DPT,
}
"""Our names of the architectures, the same as in the table of models."""

# where the last layer of an architecture is not the first of its segmentation head
_HEADS = {"dpt": "segmentation_head.head.4"}

# given otherwise, or against the contract of logits: an activation, a second output
_NOT_OPTIONS = {
    "self",
    "kwargs",
    "encoder_name",
    "encoder_weights",
    "in_channels",
    "classes",
    "activation",
    "aux_params",
}

# what smp and timm raise about a combination that cannot be
_REFUSALS = (
    ValueError,
    KeyError,
    TypeError,
    RuntimeError,
    AssertionError,
    IndexError,
    AttributeError,
)


def smp_segmenter(
    architecture: str,
    *,
    num_classes: int,
    in_channels: int,
    encoder: str,
    encoder_weights: str,
    options: Mapping[str, Any],
    accept_noncommercial: bool,
) -> Segmenter:
    """An architecture on an encoder, ready for images of any size.

    Parameters that no output depends on (stages below `encoder_depth`, a classifier) are frozen,
    so that every parameter that asks for a gradient gets one.

    Args:
        architecture: a key of `ARCHITECTURES`.
        num_classes: channels of the logits.
        in_channels: channels of the images.
        encoder: an encoder of smp, or "tu-" and a timm model.
        encoder_weights: "none", a published name such as "imagenet", or a file.
        options: the architecture's own, by smp's names; see `architecture_options`.
        accept_noncommercial: take encoders and weights that exclude commercial use.

    Raises:
        UsageError: an unknown name or option, a combination that cannot be, or a licence.
        ValueError: the weights cannot be had or do not fit.
    """
    refuse_unknown_encoder(encoder)
    refuse_impossible_pair(architecture, encoder)
    if not accept_noncommercial:
        refuse_noncommercial_encoder(encoder)
    refuse_unknown_options(
        options, known=architecture_options(architecture), where=f"model {architecture}"
    )
    source = find_encoder_weights(
        encoder, encoder_weights, accept_noncommercial=accept_noncommercial
    )
    network = _network(
        architecture,
        encoder,
        options=options,
        num_classes=num_classes,
        in_channels=in_channels,
    )
    stride, min_size = _accepted_sizes(network, in_channels, where=f"{architecture} on {encoder}")
    freeze_unreached(network, torch.zeros(1, in_channels, min_size, min_size))
    if source is not None:
        load_encoder_weights(
            network.get_submodule("encoder"), source, encoder=encoder, in_channels=in_channels
        )
    return Segmenter(
        network,
        num_classes=num_classes,
        in_channels=in_channels,
        stride=stride,
        min_size=min_size,
        mean=values_for_channels(source.mean if source else IMAGENET_MEAN, in_channels),
        std=values_for_channels(source.std if source else IMAGENET_STD, in_channels),
        head_layers=[_HEADS.get(architecture, "segmentation_head.0")],
    )


def architecture_options(architecture: str) -> list[str]:
    """Names of the options that an architecture takes."""
    parameters = inspect.signature(ARCHITECTURES[architecture].__init__).parameters
    return [name for name in parameters if name not in _NOT_OPTIONS]


def _network(
    architecture: str,
    encoder: str,
    *,
    options: Mapping[str, Any],
    num_classes: int,
    in_channels: int,
) -> nn.Module:
    arguments = {
        **options,
        "encoder_name": encoder,
        "encoder_weights": None,
        "in_channels": in_channels,
        "classes": num_classes,
    }
    build = ARCHITECTURES[architecture]
    try:
        if encoder.startswith(TIMM) and timm_settings(encoder).get("fixed_input_size"):
            # most transformers that were trained at one size take any if asked
            try:
                return build(**arguments, dynamic_img_size=True)
            except TypeError as error:
                if "dynamic_img_size" not in str(error):
                    raise
        return build(**arguments)
    except _REFUSALS as error:
        raise UsageError(
            f"model {architecture} cannot be built on encoder {encoder} with options "
            f"{dict(options)}: {str(error).rstrip('.')}. Choose another encoder or model, or "
            "correct the options."
        ) from error


def _accepted_sizes(network: nn.Module, in_channels: int, *, where: str) -> tuple[int, int]:
    """Stride and smallest side that a network takes, found by trying: few of them tell.

    Sides of once and twice the stride stand for the odd and the even multiples.
    """
    stride: int = getattr(network.get_submodule("encoder"), "output_stride")  # noqa: B009
    reason: Exception | None = None
    for step, smallest in ((stride, stride), (32, 32), (stride, 8 * stride)):
        try:
            with torch.no_grad():
                network.eval()(torch.zeros(1, in_channels, smallest, smallest + step))
        except _REFUSALS as error:
            reason = reason or error
        else:
            return step, smallest
        finally:
            network.train()
    raise UsageError(
        f"{where} does not take images of any size: {str(reason).rstrip('.')}. Choose an encoder "
        "without a fixed input size (for dpt one with a patch size of 8, 16 or 32)."
    )
