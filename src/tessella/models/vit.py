"""A plain vision transformer at any patch size, with a light convolutional decoder."""

import inspect
from collections.abc import Mapping
from typing import Any

import timm
import torch
from jaxtyping import Float
from torch import Tensor, nn

from tessella.errors import UsageError
from tessella.models.encoders import TIMM, refuse_unknown_encoder
from tessella.models.layers import Convolution
from tessella.models.options import refuse_unknown_options, refuse_wrong_values
from tessella.models.segmenter import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Segmenter,
    values_for_channels,
)
from tessella.models.unreached import freeze_unreached
from tessella.models.weights import find_encoder_weights, load_encoder_weights

NUM_DEPTHS = 4
"""From how many blocks of the transformer, evenly spread, the decoder takes features."""

DECODER_CHANNELS = 256
"""Width of the decoder unless the option says otherwise."""

# what timm raises about a network that is no plain transformer, or has one size only
_REFUSALS = (TypeError, ValueError, RuntimeError, AttributeError, AssertionError, IndexError)


def vit_segmenter(
    name: str,
    *,
    num_classes: int,
    in_channels: int,
    encoder: str,
    encoder_weights: str,
    options: Mapping[str, Any],
    accept_noncommercial: bool,
) -> Segmenter:
    """A vision transformer of timm and a decoder; its stride is the patch size.

    Args:
        name: what the table of models calls it, for messages.
        num_classes: channels of the logits.
        in_channels: channels of the images.
        encoder: "tu-" and a timm model, e.g. tu-vit_small_patch14_dinov2.
        encoder_weights: "none", a published name such as "imagenet", or a file.
        options: `decoder_channels`, at least 1.
        accept_noncommercial: take weights that exclude commercial use.

    Raises:
        UsageError: an unknown name or option, an encoder that is no plain vision transformer, or
            a licence.
        ValueError: the weights cannot be had or do not fit.

    Source: the encoder of Dosovitskiy et al. 2021, arXiv:2010.11929, at any size. Normalised
    features of several blocks are concatenated at the patch grid, as the "+ms" head of Oquab et
    al. 2023, arXiv:2304.07193, section 7.4 does with the last four; here the four are spread
    evenly, and two doublings with convolutions come before the linear layer.
    """
    refuse_unknown_encoder(encoder)
    parameters = inspect.signature(Decoder).parameters
    refuse_unknown_options(options, known=["decoder_channels"], where=f"model {name}")
    refuse_wrong_values(options, parameters, where=f"model {name}")
    width: int = options.get("decoder_channels", DECODER_CHANNELS)
    if width < 1:
        raise UsageError(f"model {name}: decoder_channels is {width}; give a number from 1 up.")
    source = find_encoder_weights(
        encoder, encoder_weights, accept_noncommercial=accept_noncommercial
    )
    transformer = _transformer(name, encoder, in_channels=in_channels)
    decoder = Decoder(
        NUM_DEPTHS * transformer.channels, num_classes=num_classes, decoder_channels=width
    )
    network = VitNetwork(transformer, decoder)
    freeze_unreached(network, torch.zeros(1, in_channels, *[transformer.patch_size] * 2))
    if source is not None:
        load_encoder_weights(transformer, source, encoder=encoder, in_channels=in_channels)
    return Segmenter(
        network,
        num_classes=num_classes,
        in_channels=in_channels,
        stride=transformer.patch_size,
        mean=values_for_channels(source.mean if source else IMAGENET_MEAN, in_channels),
        std=values_for_channels(source.std if source else IMAGENET_STD, in_channels),
        head_layers=["decoder.head"],
    )


class VitNetwork(nn.Module):
    """Encoder and decoder in a row; heights and widths are multiples of the patch size."""

    def __init__(self, encoder: "VitEncoder", decoder: "Decoder") -> None:
        """Join both."""
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k _ _"]:
        """Logits at four times the patch grid."""
        return self.decoder(self.encoder(images))


class VitEncoder(nn.Module):
    """A transformer of timm as a source of feature maps; position embeddings fit any size."""

    def __init__(self, name: str, *, in_channels: int) -> None:
        """Build it with random weights.

        Raises:
            ValueError: it is no plain vision transformer, or has too few blocks.
        """
        super().__init__()
        # num_classes and global_pool: without the classifier
        model: Any = timm.create_model(
            name, in_chans=in_channels, num_classes=0, global_pool="", dynamic_img_size=True
        )
        height, width = model.patch_embed.patch_size
        features = model.feature_info
        if height != width or {feature["reduction"] for feature in features} != {height}:
            raise ValueError("its features are not all at one grid of square patches")
        if len(features) < NUM_DEPTHS:
            raise ValueError(f"it has {len(features)} blocks, fewer than {NUM_DEPTHS}")
        self.patch_size = int(height)
        self.channels = int(model.num_features)
        self.model: Any = model
        self._blocks = [len(features) * (i + 1) // NUM_DEPTHS - 1 for i in range(NUM_DEPTHS)]

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n _ _ _"]:
        """Normalised features of the chosen blocks side by side, one column per patch."""
        features = self.model.forward_intermediates(
            images, indices=self._blocks, norm=True, intermediates_only=True
        )
        return torch.cat(features, dim=1)


class Decoder(nn.Module):
    """Mixes the depths, doubles the grid twice, and classifies."""

    def __init__(self, channels_in: int, *, num_classes: int, decoder_channels: int) -> None:
        """Build it; all its convolutions are `decoder_channels` wide."""
        super().__init__()
        self.mix = Convolution(
            channels_in, decoder_channels, norm="batch", order="norm-relu", kernel_size=1
        )
        self.doublings = nn.Sequential(*(_doubling(decoder_channels) for _ in range(2)))
        self.head = nn.Conv2d(decoder_channels, num_classes, kernel_size=1)

    def forward(self, features: Float[Tensor, "n _ _ _"]) -> Float[Tensor, "n k _ _"]:
        """Logits at four times the height and width of the features."""
        return self.head(self.doublings(self.mix(features)))


def _doubling(channels: int) -> nn.Module:
    resize = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    return nn.Sequential(resize, Convolution(channels, channels, norm="batch", order="norm-relu"))


def _transformer(model: str, encoder: str, *, in_channels: int) -> VitEncoder:
    reason = "it is not one of timm's"
    if encoder.startswith(TIMM):
        try:
            transformer = VitEncoder(encoder.removeprefix(TIMM), in_channels=in_channels)
            side = transformer.patch_size
            with torch.no_grad():
                transformer.eval()(torch.zeros(1, in_channels, side, 2 * side))
        except _REFUSALS as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        else:
            return transformer.train()
    raise UsageError(
        f"model {model} needs a plain vision transformer, got encoder {encoder}: {reason}. Choose "
        "one that begins with tu-vit_, e.g. tu-vit_small_patch14_dinov2."
    )
