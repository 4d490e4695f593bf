"""What networks of our own that contract and expand have in common: the frame around both paths."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from tessella.errors import UsageError
from tessella.models.layers import Norm, fewest_rows_at_the_bottom
from tessella.models.segmenter import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Segmenter,
    values_for_channels,
)


class TwoPaths(nn.Module):
    """Encoder and decoder in a row; heights and widths are multiples of 2**depth."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        """Join both paths; the decoder takes what the encoder returns, and has a layer `head`."""
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, images: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """Logits at the size of the images."""
        return self.decoder(self.encoder(images))


def two_path_segmenter(
    encoder: nn.Module,
    decoder: nn.Module,
    *,
    num_classes: int,
    in_channels: int,
    depth: int,
    norm: Norm,
) -> Segmenter:
    """Both paths behind the contract of every model; the stride is 2**depth.

    Args:
        encoder: halves the resolution `depth` times.
        decoder: brings it back; its layer `head` gives the logits.
        num_classes: channels of the logits.
        in_channels: channels of the images, normalised with ImageNet's mean and deviation.
        depth: see `encoder`.
        norm: of its layers; some need more than one row at the lowest resolution.
    """
    return Segmenter(
        TwoPaths(encoder, decoder),
        num_classes=num_classes,
        in_channels=in_channels,
        stride=2**depth,
        min_size=2**depth * fewest_rows_at_the_bottom(norm),
        mean=values_for_channels(IMAGENET_MEAN, in_channels),
        std=values_for_channels(IMAGENET_STD, in_channels),
        head_layers=["decoder.head"],
    )


def refuse_wrong_shape(model: str, *, depth: Any, most: int, base_channels: Any) -> None:
    """Do nothing when a network of this depth and width can be built.

    Raises:
        UsageError: depth is not in 1..most, or base_channels is below 1.
    """
    if not 1 <= depth <= most:
        raise UsageError(f"{model}: depth is {depth!r}; give a whole number in 1..{most}.")
    if base_channels < 1:
        raise UsageError(
            f"{model}: base_channels is {base_channels!r}; give a whole number from 1 up."
        )
