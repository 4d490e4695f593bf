"""Layers that several networks of our own are made of: norms by name, and how to enlarge."""

import math
from typing import Literal, get_args

from torch import nn

from tessella.errors import UsageError
from tessella.suggestion import unknown_name

Norm = Literal["batch", "group", "instance", "none"]
"""How the values of a layer are normalised."""

Upsampling = Literal["transpose", "bilinear", "nearest"]
"""How a feature map is made twice as large."""

CHANNELS_PER_GROUP = 16
"""Wu and He's second setting for group norm; their table 3 finds it as good as 32 groups."""


def refuse_unknown_choice(what: str, value: object, known: object) -> None:
    """Do nothing when `value` is one of the values of the Literal `known`.

    Raises:
        UsageError: it is not; names what it was for, close values and all of them.
    """
    names = [str(name) for name in get_args(known)]
    if value not in names:
        raise UsageError(unknown_name(what, str(value), names))


def norm_layer(norm: Norm, channels: int) -> nn.Module:
    """A layer that normalises feature maps of so many channels; "none" passes them on.

    Source: Ioffe and Szegedy 2015, arXiv:1502.03167 (batch, over images and pixels); Ulyanov et
    al. 2016, arXiv:1607.08022 (instance, each channel of each image); Wu and He 2018,
    arXiv:1803.08494 (group, groups of channels of each image; here of 16 channels, or of the
    largest number that divides both 16 and the channels).
    """
    if norm == "batch":
        return nn.BatchNorm2d(channels)
    if norm == "group":
        return nn.GroupNorm(channels // math.gcd(channels, CHANNELS_PER_GROUP), channels)
    if norm == "instance":
        return nn.InstanceNorm2d(channels, affine=True)
    return nn.Identity()


def fewest_rows_at_the_bottom(norm: Norm) -> int:
    """How many rows and columns the smallest feature map needs.

    Norms that look at one image alone turn the only value of a 1x1 map into 0, or refuse it.
    """
    return 2 if norm in ("group", "instance") else 1


def enlarge(upsampling: Upsampling, channels_in: int, *, channels: int, norm: Norm) -> nn.Module:
    """Layers that double height and width and change the number of channels.

    "transpose" is the learnt 2x2 up-convolution of U-Net's figure 1; the others interpolate, then
    convolve 3x3.
    """
    if upsampling == "transpose":
        return nn.ConvTranspose2d(channels_in, channels, kernel_size=2, stride=2)
    if upsampling == "bilinear":
        resize = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
    else:
        resize = nn.Upsample(scale_factor=2, mode="nearest")
    return nn.Sequential(resize, Convolution(channels_in, channels, norm=norm, order="relu-norm"))


class Convolution(nn.Sequential):
    """A padded convolution with its ReLU and its norm, in either order."""

    def __init__(
        self,
        channels_in: int,
        channels: int,
        *,
        norm: Norm,
        order: Literal["norm-relu", "relu-norm"],
        kernel_size: int = 3,
    ) -> None:
        """Build it; without batch or other norm only convolution and ReLU act."""
        convolution = nn.Conv2d(channels_in, channels, kernel_size, padding=kernel_size // 2)
        relu, normalize = nn.ReLU(inplace=True), norm_layer(norm, channels)
        after = (relu, normalize) if order == "relu-norm" else (normalize, relu)
        super().__init__(convolution, *after)
