"""A U-Net in plain sight: no encoder library, no pretrained weights."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tessella.errors import UsageError
from tessella.models.layers import (
    Convolution,
    Norm,
    Upsampling,
    enlarge,
    refuse_unknown_choice,
)
from tessella.models.segmenter import (
    Segmenter,
)
from tessella.models.two_paths import refuse_wrong_shape, two_path_segmenter

MAX_DEPTH = 6
"""Deepest plain U-Net: 2**6 = 64 times fewer rows and columns at the bottom."""


def plain_unet(
    *,
    num_classes: int,
    in_channels: int = 3,
    depth: int = 4,
    base_channels: int = 64,
    dropout: float = 0.0,
    norm: Norm = "batch",
    upsampling: Upsampling = "nearest",
) -> Segmenter:
    """A plain U-Net with random weights; its stride is 2**depth.

    Args:
        num_classes: channels of the logits.
        in_channels: channels of the images.
        depth: how often the resolution is halved, 1..6.
        base_channels: channels at full resolution, at least 1; they double at every level.
        dropout: probability in [0, 1) of dropping a value at the end of the contracting path.
        norm: what follows every 3x3 convolution and its ReLU.
        upsampling: how the expanding path doubles the resolution: interpolated, then convolved
            3x3, or by a transposed 2x2 convolution as in the paper.

    Raises:
        UsageError: depth, base_channels or dropout is out of its range, or a name is unknown.

    Source: Ronneberger et al. 2015, arXiv:1505.04597, section 2 and figure 1; here with padded
    convolutions and normalisation, so that the logits have the size of the image.
    """
    refuse_unknown_choice("plain_unet's norm", norm, Norm)
    refuse_unknown_choice("plain_unet's upsampling", upsampling, Upsampling)
    refuse_wrong_shape("plain_unet", depth=depth, most=MAX_DEPTH, base_channels=base_channels)
    if not 0 <= dropout < 1:
        raise UsageError(f"plain_unet: dropout is {dropout!r}; give a number in [0, 1).")
    levels = [base_channels * 2**level for level in range(depth + 1)]
    encoder = Encoder(in_channels, levels, dropout=dropout, norm=norm)
    decoder = Decoder(levels[::-1], num_classes, norm=norm, upsampling=upsampling)
    return two_path_segmenter(
        *(encoder, decoder),
        num_classes=num_classes,
        in_channels=in_channels,
        depth=depth,
        norm=norm,
    )


class Encoder(nn.Module):
    """The contracting path: every level's features before they are halved, and the bottom."""

    def __init__(self, in_channels: int, levels: list[int], *, dropout: float, norm: Norm) -> None:
        """Build one block per level; the last of `levels` is the bottom's channels."""
        super().__init__()
        inputs = [in_channels, *levels[:-2]]
        self.blocks = nn.ModuleList(
            TwoConvolutions(i, o, norm=norm) for i, o in zip(inputs, levels[:-1], strict=True)
        )
        self.halve = nn.MaxPool2d(2)
        self.bottom = Convolution(levels[-2], levels[-1], norm=norm, order="relu-norm")
        self.dropout = nn.Dropout(dropout)

    def forward(self, images: Float[Tensor, "n c h w"]) -> list[Float[Tensor, "n _ _ _"]]:
        """Features from full resolution down to the bottom, each half as large as the last."""
        features = []
        for block in self.blocks:
            images = block(images)
            features.append(images)
            images = self.halve(images)
        features.append(self.dropout(self.bottom(images)))
        return features


class Decoder(nn.Module):
    """The expanding path: doubles the resolution and merges the encoder's features."""

    def __init__(
        self, levels: list[int], num_classes: int, *, norm: Norm, upsampling: Upsampling
    ) -> None:
        """Build one block per halving; `levels` are the channels from the bottom up."""
        super().__init__()
        self.first = Convolution(levels[0], levels[0], norm=norm, order="relu-norm")
        pairs = list(zip(levels[:-1], levels[1:], strict=True))
        self.ups = nn.ModuleList(enlarge(upsampling, i, channels=o, norm=norm) for i, o in pairs)
        self.merges = nn.ModuleList(TwoConvolutions(i, o, norm=norm) for i, o in pairs)
        self.head = nn.Conv2d(levels[-1], num_classes, kernel_size=1)

    def forward(self, features: list[Float[Tensor, "n _ _ _"]]) -> Float[Tensor, "n k h w"]:
        """Logits at the resolution of the first features."""
        merged = self.first(features[-1])
        for up, merge, skipped in zip(self.ups, self.merges, features[-2::-1], strict=True):
            merged = merge(torch.cat([up(merged), skipped], dim=1))
        return self.head(merged)


class TwoConvolutions(nn.Sequential):
    """A block of either path: twice a 3x3 convolution, ReLU and norm."""

    def __init__(self, channels_in: int, channels: int, *, norm: Norm) -> None:
        """Build it; the first convolution changes the number of channels."""
        super().__init__(
            Convolution(channels_in, channels, norm=norm, order="relu-norm"),
            Convolution(channels, channels, norm=norm, order="relu-norm"),
        )
