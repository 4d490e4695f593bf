"""V-Net in two dimensions: a U-Net of residual blocks that learns how to halve and double."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tessella.models.layers import (
    Norm,
    norm_layer,
    refuse_unknown_choice,
)
from tessella.models.segmenter import (
    Segmenter,
)
from tessella.models.two_paths import refuse_wrong_shape, two_path_segmenter

MAX_DEPTH = 6
"""Deepest V-Net: 2**6 = 64 times fewer rows and columns at the bottom."""

MOST_CONVOLUTIONS = 3
"""In one block: the first has 1 convolution, the second 2, all others 3."""


def vnet2d(
    *,
    num_classes: int,
    in_channels: int = 3,
    depth: int = 4,
    base_channels: int = 16,
    norm: Norm = "batch",
) -> Segmenter:
    """V-Net for images, with random weights; its stride is 2**depth.

    Args:
        num_classes: channels of the logits.
        in_channels: channels of the images.
        depth: how often the resolution is halved, 1..6; 4 in the paper.
        base_channels: channels at full resolution, at least 1; 16 in the paper. They double at
            every level.
        norm: what follows every 5x5 convolution, before its PReLU; none in the paper.

    Raises:
        UsageError: depth or base_channels is out of its range, or the norm is unknown.

    Source: Milletari et al. 2016, arXiv:1606.04797, section 2, figure 2 and table 1, with squares
    in place of cubes. Images have several channels, so the first block adds a 1x1 convolution of
    its input where the paper adds its one channel to all sixteen.
    """
    refuse_unknown_choice("vnet2d's norm", norm, Norm)
    refuse_wrong_shape("vnet2d", depth=depth, most=MAX_DEPTH, base_channels=base_channels)
    levels = [base_channels * 2**level for level in range(depth + 1)]
    encoder = Encoder(in_channels, levels, norm=norm)
    decoder = Decoder(levels, num_classes, norm=norm)
    return two_path_segmenter(
        *(encoder, decoder),
        num_classes=num_classes,
        in_channels=in_channels,
        depth=depth,
        norm=norm,
    )


class ResidualBlock(nn.Module):
    """5x5 convolutions at one resolution, and their input added before the last PReLU."""

    def __init__(
        self, channels_in: int, channels: int, *, num_convolutions: int, norm: Norm
    ) -> None:
        """Build it; where the numbers of channels differ, a 1x1 convolution adapts the input."""
        super().__init__()
        inputs = [channels_in] + [channels] * (num_convolutions - 1)
        self.convolutions = nn.ModuleList(
            nn.Sequential(nn.Conv2d(i, channels, 5, padding=2), norm_layer(norm, channels))
            for i in inputs
        )
        self.activations = nn.ModuleList(nn.PReLU(channels) for _ in inputs)
        same = channels_in == channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(channels_in, channels, 1)

    def forward(self, features: Float[Tensor, "n _ h w"]) -> Float[Tensor, "n _ h w"]:
        """Features of the same resolution."""
        added = self.shortcut(features)
        last = len(self.convolutions) - 1
        layers = zip(self.convolutions, self.activations, strict=True)
        for index, (convolution, activate) in enumerate(layers):
            features = convolution(features)
            features = activate(features + added if index == last else features)
        return features


class Step(nn.Sequential):
    """A 2x2 convolution of stride 2, or its transpose, with norm and PReLU."""

    def __init__(self, convolution: nn.Conv2d | nn.ConvTranspose2d, *, norm: Norm) -> None:
        """Build it around the convolution that halves or doubles the resolution."""
        channels = convolution.out_channels
        super().__init__(convolution, norm_layer(norm, channels), nn.PReLU(channels))


class Encoder(nn.Module):
    """The left side: each level's features, from full resolution down to the bottom."""

    def __init__(self, in_channels: int, levels: list[int], *, norm: Norm) -> None:
        """Build a block per level; `levels` are the channels from full resolution down."""
        super().__init__()
        self.blocks = nn.ModuleList(
            ResidualBlock(
                in_channels if level == 0 else channels,
                channels,
                num_convolutions=min(level + 1, MOST_CONVOLUTIONS),
                norm=norm,
            )
            for level, channels in enumerate(levels)
        )
        self.halvings = nn.ModuleList(
            Step(nn.Conv2d(i, o, kernel_size=2, stride=2), norm=norm)
            for i, o in zip(levels[:-1], levels[1:], strict=True)
        )

    def forward(self, images: Float[Tensor, "n c h w"]) -> list[Float[Tensor, "n _ _ _"]]:
        """Features of every level, each half as large as the last."""
        features = [self.blocks[0](images)]
        for halve, block in zip(self.halvings, self.blocks[1:], strict=True):
            features.append(block(halve(features[-1])))
        return features


class Decoder(nn.Module):
    """The right side: doubles the resolution and continues beside the encoder's features."""

    def __init__(self, levels: list[int], num_classes: int, *, norm: Norm) -> None:
        """Build a block per doubling; `levels` are the channels from full resolution down."""
        super().__init__()
        # a block has twice its level's channels: half come from below, half from the left side
        inputs = [*(2 * channels for channels in levels[1:-1]), levels[-1]]
        self.doublings = nn.ModuleList(
            Step(nn.ConvTranspose2d(i, o, kernel_size=2, stride=2), norm=norm)
            for i, o in reversed(list(zip(inputs, levels[:-1], strict=True)))
        )
        self.blocks = nn.ModuleList(
            ResidualBlock(
                2 * channels,
                2 * channels,
                num_convolutions=min(level + 1, MOST_CONVOLUTIONS),
                norm=norm,
            )
            for level, channels in reversed(list(enumerate(levels[:-1])))
        )
        self.head = nn.Conv2d(2 * levels[0], num_classes, kernel_size=1)

    def forward(self, features: list[Float[Tensor, "n _ _ _"]]) -> Float[Tensor, "n k h w"]:
        """Logits at the resolution of the first features."""
        merged = features[-1]
        steps = zip(self.doublings, self.blocks, features[-2::-1], strict=True)
        for double, block, beside in steps:
            merged = block(torch.cat([double(merged), beside], dim=1))
        return self.head(merged)
