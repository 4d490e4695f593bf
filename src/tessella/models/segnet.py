"""SegNet: the decoder puts every value back where max pooling found it."""

from jaxtyping import Float
from torch import Tensor, nn

from tessella.models.layers import (
    Convolution,
    Norm,
    refuse_unknown_choice,
)
from tessella.models.segmenter import (
    Segmenter,
)
from tessella.models.two_paths import refuse_wrong_shape, two_path_segmenter

VGG16 = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))
"""Each stage's channels, as multiples of the first stage's, and its number of convolutions."""


def segnet(
    *,
    num_classes: int,
    in_channels: int = 3,
    depth: int = 5,
    base_channels: int = 64,
    norm: Norm = "batch",
) -> Segmenter:
    """SegNet with random weights; its stride is 2**depth.

    Args:
        num_classes: channels of the logits.
        in_channels: channels of the images.
        depth: how many stages of VGG16 the encoder has, 1..5; each halves the resolution.
        base_channels: channels of the first stage, at least 1; 64 in the paper.
        norm: what follows every 3x3 convolution, before its ReLU.

    Raises:
        UsageError: depth or base_channels is out of its range, or the norm is unknown.

    Source: Badrinarayanan et al. 2017, arXiv:1511.00561, section 3: thirteen convolutions of VGG16,
    thirteen of the decoder that mirrors them, and a trainable classifier of every pixel.
    """
    refuse_unknown_choice("segnet's norm", norm, Norm)
    refuse_wrong_shape("segnet", depth=depth, most=len(VGG16), base_channels=base_channels)
    stages = [(base_channels * factor, count) for factor, count in VGG16[:depth]]
    encoder = Encoder(in_channels, stages, norm=norm)
    decoder = Decoder(stages, num_classes, norm=norm)
    return two_path_segmenter(
        *(encoder, decoder),
        num_classes=num_classes,
        in_channels=in_channels,
        depth=depth,
        norm=norm,
    )


class Stage(nn.Sequential):
    """Convolutions at one resolution, each with its norm and ReLU."""

    def __init__(self, channels: list[int], *, norm: Norm) -> None:
        """Build one convolution from each number of channels to the next."""
        pairs = zip(channels[:-1], channels[1:], strict=True)
        super().__init__(*(Convolution(i, o, norm=norm, order="norm-relu") for i, o in pairs))


class Encoder(nn.Module):
    """The convolutions of VGG16: features at the lowest resolution, and where they came from."""

    def __init__(self, in_channels: int, stages: list[tuple[int, int]], *, norm: Norm) -> None:
        """Build the stages, each of (channels, number of convolutions)."""
        super().__init__()
        inputs = [in_channels, *(channels for channels, _ in stages)]
        self.stages = nn.ModuleList(
            Stage([before] + [channels] * count, norm=norm)
            for before, (channels, count) in zip(inputs, stages, strict=False)
        )
        self.halve = nn.MaxPool2d(2, return_indices=True)

    def forward(
        self, images: Float[Tensor, "n c h w"]
    ) -> tuple[Float[Tensor, "n _ _ _"], list[Tensor]]:
        """The last features, and of each stage the places of its maxima (int64, in its plane)."""
        places = []
        for stage in self.stages:
            images, place = self.halve(stage(images))
            places.append(place)
        return images, places


class Decoder(nn.Module):
    """The encoder in reverse: values go back to their places, the rest is 0, then convolve."""

    def __init__(self, stages: list[tuple[int, int]], num_classes: int, *, norm: Norm) -> None:
        """Build a stage for each of the encoder's (channels, number of convolutions)."""
        super().__init__()
        self.unpool = nn.MaxUnpool2d(2)
        outputs = [stages[0][0], *(channels for channels, _ in stages[:-1])]
        self.stages = nn.ModuleList(
            Stage([channels] * count + [after], norm=norm)
            for (channels, count), after in reversed(list(zip(stages, outputs, strict=True)))
        )
        self.head = nn.Conv2d(stages[0][0], num_classes, kernel_size=1)

    def forward(
        self, encoded: tuple[Float[Tensor, "n _ _ _"], list[Tensor]]
    ) -> Float[Tensor, "n k h w"]:
        """Logits at twice the resolution of the first features; takes what the encoder gives."""
        features, places = encoded
        for stage, place in zip(self.stages, reversed(places), strict=True):
            features = stage(self.unpool(features, place))
        return self.head(features)
