"""torchvision's segmentation models behind our contract: FCN, DeepLabv3 and Lite R-ASPP."""

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from jaxtyping import Float
from torch import Tensor, nn

from tessella.errors import UsageError
from tessella.models.options import refuse_unknown_options, refuse_wrong_values
from tessella.models.segmenter import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Segmenter,
    values_for_channels,
)
from tessella.models.torchvision_weights import (
    Variant,
    find_torchvision_weights,
    load_torchvision_weights,
    variant_of,
)

HEADS = {
    "torchvision_fcn": ("decoder.4",),
    "torchvision_deeplabv3": ("decoder.4",),
    "torchvision_lraspp": ("decoder.low_classifier", "decoder.high_classifier"),
}
"""The 1x1 convolutions of each model that give one channel per class."""

AUXILIARY_HEAD = "auxiliary_head.4"
"""The same of the auxiliary head."""


def torchvision_segmenter(
    name: str,
    *,
    num_classes: int,
    in_channels: int,
    encoder: str,
    encoder_weights: str,
    options: Mapping[str, Any],
    accept_noncommercial: bool,  # noqa: ARG001  the signature of all builders
) -> Segmenter:
    """A model of torchvision with heads for our classes; nothing is downloaded unasked.

    The heads are torchvision's own 1x1 convolutions, and the first convolution keeps its size,
    stride and padding, so features lie where they lie in the published models.

    Args:
        name: a key of `HEADS`.
        num_classes: channels of the logits.
        in_channels: channels of the images.
        encoder: resnet50 or resnet101, or mobilenet_v3_large; not all fit all models.
        encoder_weights: "none", "imagenet" (the encoder), "coco_voc" (everything but the last
            layers, learnt from COCO's images with VOC's classes), or a file of either kind.
        options: `auxiliary` (false): whether there is a second, smaller head that helps training.
        accept_noncommercial: unused; no licence is stated for torchvision's weights.

    Raises:
        UsageError: an unknown option or encoder, or a model that has no auxiliary head.
        ValueError: the weights cannot be had or do not fit.
    """
    variant = variant_of(name, encoder)
    where = f"model {name}"
    parameters = inspect.signature(_network).parameters
    refuse_unknown_options(options, known=["auxiliary"], where=where)
    refuse_wrong_values(options, parameters, where=where)
    auxiliary: bool = options.get("auxiliary", False)
    if auxiliary and not variant.has_auxiliary:
        raise UsageError(f"{where} has no auxiliary head; remove the option auxiliary.")
    source = find_torchvision_weights(variant, encoder_weights)
    network = _network(
        variant, num_classes=num_classes, in_channels=in_channels, auxiliary=auxiliary
    )
    heads = [*HEADS[name], AUXILIARY_HEAD] if auxiliary else HEADS[name]
    if source is not None:
        load_torchvision_weights(network, source, heads=heads, in_channels=in_channels)
    return Segmenter(
        network,
        num_classes=num_classes,
        in_channels=in_channels,
        stride=variant.stride,
        mean=values_for_channels(source.mean if source else IMAGENET_MEAN, in_channels),
        std=values_for_channels(source.std if source else IMAGENET_STD, in_channels),
        head_layers=heads,
    )


class TorchvisionNetwork(nn.Module):
    """Encoder and decoder in a row; the features come by name."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        """Join both."""
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k _ _"]:
        """Logits at the decoder's resolution, an eighth or a sixteenth of the image's."""
        return self.decoder(self.encoder(images)["out"])


class TorchvisionNetworkWithAuxiliary(TorchvisionNetwork):
    """The same with a second head on features of the stage before the last."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, auxiliary_head: nn.Module) -> None:
        """Join the three."""
        super().__init__(encoder, decoder)
        self.auxiliary_head = auxiliary_head

    def with_auxiliary(self, images: Float[Tensor, "n c h w"]) -> tuple[Tensor, Tensor]:
        """The logits of both heads."""
        features = self.encoder(images)
        return self.decoder(features["out"]), self.auxiliary_head(features["aux"])


class LiteNetwork(TorchvisionNetwork):
    """Lite R-ASPP: the decoder takes features of two resolutions."""

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k _ _"]:
        """Logits at an eighth of the image's resolution."""
        return self.decoder(self.encoder(images))


def _network(
    variant: Variant, *, num_classes: int, in_channels: int, auxiliary: bool
) -> TorchvisionNetwork:
    build = variant.build
    if variant.has_auxiliary:
        build = partial(build, aux_loss=auxiliary)
    # both None: torchvision downloads the encoder's weights where only the first is
    whole = build(weights=None, weights_backbone=None, num_classes=num_classes)
    encoder, decoder = whole.get_submodule("backbone"), whole.get_submodule("classifier")
    if in_channels != 3:
        _take_channels(encoder, variant.first_convolution, in_channels)
    if not variant.has_auxiliary:
        return LiteNetwork(encoder, decoder)
    if not auxiliary:
        return TorchvisionNetwork(encoder, decoder)
    head = whole.get_submodule("aux_classifier")
    return TorchvisionNetworkWithAuxiliary(encoder, decoder, head)


def _take_channels(encoder: nn.Module, first_convolution: str, in_channels: int) -> None:
    """Replace the first convolution by one of the same geometry for other images."""
    old = cast(nn.Conv2d, encoder.get_submodule(first_convolution))
    new = nn.Conv2d(
        in_channels,
        old.out_channels,
        kernel_size=cast(tuple[int, int], old.kernel_size),
        stride=cast(tuple[int, int], old.stride),
        padding=cast(tuple[int, int], old.padding),
        bias=old.bias is not None,
    )
    nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
    encoder.set_submodule(first_convolution, new)
