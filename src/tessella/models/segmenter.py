"""The contract of every model: pixels as they are in the file in, logits at the same size out."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, cast

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

IMAGENET_MEAN = (0.485, 0.456, 0.406)
"""Mean of ImageNet's RGB pixels, in 0..1 units; what nearly all published encoders were fed."""

IMAGENET_STD = (0.229, 0.224, 0.225)
"""Standard deviation of ImageNet's RGB pixels, in 0..1 units."""


class Outputs(NamedTuple):
    """What a model gives in training."""

    logits: Tensor
    """Scores before softmax (n, k, h, w), the same as `forward` returns."""

    auxiliary: Tensor | None
    """Those of the auxiliary head, of the same shape; None where the model has none."""


class _WithAuxiliary(Protocol):
    def with_auxiliary(self, images: Tensor) -> object: ...


class Segmenter(nn.Module):
    """A network together with the way its input is prepared and its output is brought back.

    Normalising, padding and resizing happen here and nowhere else, so training, evaluation and
    an exported file cannot differ in them. Mean and standard deviation are buffers: they are
    saved with the weights.

    A network with an auxiliary head has, beside `forward`, a method `with_auxiliary(images)` that
    returns (logits, auxiliary logits). Only `outputs` calls it.
    """

    mean: Tensor
    std: Tensor

    frozen_by_choice: frozenset[str]
    """Names of the parameters that `freeze` made untrainable and `unfreeze` makes trainable."""

    def __init__(
        self,
        network: nn.Module,
        *,
        num_classes: int,
        in_channels: int,
        stride: int,
        mean: Sequence[float],
        std: Sequence[float],
        min_size: int | None = None,
        head_layers: Sequence[str] = (),
    ) -> None:
        """Wrap a network.

        Args:
            network: maps normalised float images (n, c, h, w), h and w multiples of `stride`, to
                logits (n, k, h', w') of the same or a smaller size.
            num_classes: k, at least 1.
            in_channels: c, at least 1.
            stride: what height and width are padded to a multiple of, in pixels.
            mean: per channel, in 0..1 units as published.
            std: per channel, in 0..1 units, above 0.
            min_size: fewest pixels a side that the network can take, a multiple of `stride`;
                smaller images are padded up to it. `stride` when None.
            head_layers: names, within `network`, of the last layers: those that give one channel
                per class, the auxiliary head's too.

        Raises:
            ValueError: a number is out of its range, or mean or std has not `in_channels` values.
            AttributeError: the network has no layer of such a name.
        """
        super().__init__()
        for name, value in (("mean", mean), ("std", std)):
            if len(value) != in_channels:
                raise ValueError(
                    f"segmenter: {name} has {len(value)} values for {in_channels} input channels; "
                    "give one per channel."
                )
        if min(num_classes, in_channels, stride) < 1 or min(std) <= 0:
            raise ValueError(
                f"segmenter: num_classes {num_classes}, in_channels {in_channels}, stride {stride} "
                f"must be at least 1 and std {tuple(std)} above 0; correct the one that is not."
            )
        self.network = network
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.stride = stride
        self.min_size = stride if min_size is None else min_size
        if self.min_size < stride or self.min_size % stride:
            raise ValueError(
                f"segmenter: min_size {min_size} is not a multiple of stride {stride}; round it up."
            )
        for layer in head_layers:
            network.get_submodule(layer)
        self.head_prefixes = tuple(f"network.{layer}." for layer in head_layers)
        self.frozen_by_choice = frozenset()
        # float32 once, from float64: 0.485 * 255 rounded twice is not the published mean any more
        for name, value in (("mean", mean), ("std", std)):
            in_file_units = torch.tensor(value, dtype=torch.float64).mul(255).float()
            self.register_buffer(name, in_file_units.view(1, -1, 1, 1))

    @property
    def has_auxiliary(self) -> bool:
        """Whether `outputs` has logits of an auxiliary head."""
        return callable(getattr(self.network, "with_auxiliary", None))

    @property
    def encoder_prefix(self) -> str | None:
        """What the names of the encoder's parameters begin with; None without an encoder."""
        children = dict(self.network.named_children())
        return "network.encoder." if "encoder" in children else None

    def forward(
        self, images: UInt8[Tensor, "n c h w"] | Float[Tensor, "n c h w"]
    ) -> Float[Tensor, "n k h w"]:
        """Logits for every pixel; an auxiliary head is not computed.

        Args:
            images: 0..255 whatever the dtype (floats in 0..1 are not recognised, they are nearly
                black images); any height and width from 1 up. Channels-last stays channels-last.

        Returns:
            Scores before softmax at the images' own size; bfloat16 or float16 under autocast.

        Raises:
            ValueError: the images have another number of channels, or the network's output is not
                one tensor with `num_classes` channels.
        """
        padded = self._prepare(images)
        return self._bring_back(self.network(padded), images, padded)

    def outputs(self, images: UInt8[Tensor, "n c h w"] | Float[Tensor, "n c h w"]) -> Outputs:
        """Logits for every pixel and those of the auxiliary head, for training.

        Args:
            images: as for `forward`.

        Returns:
            The logits that `forward` gives; the auxiliary ones are None without such a head.

        Raises:
            ValueError: as for `forward`, of either head.
        """
        if not self.has_auxiliary:
            return Outputs(self(images), None)
        padded = self._prepare(images)
        both = cast(_WithAuxiliary, self.network).with_auxiliary(padded)
        if not isinstance(both, tuple) or len(both) != 2:
            got = f"{len(both)} values" if isinstance(both, tuple) else type(both).__name__
            raise ValueError(
                f"segmenter: {type(self.network).__name__}.with_auxiliary returned {got}, expected "
                "a pair; make it return (logits, auxiliary logits)."
            )
        logits, auxiliary = both
        return Outputs(
            self._bring_back(logits, images, padded, by=".with_auxiliary, first,"),
            self._bring_back(auxiliary, images, padded, by=".with_auxiliary, second,"),
        )

    def _prepare(self, images: Tensor) -> Tensor:
        if images.ndim != 4 or images.shape[1] != self.in_channels:
            raise ValueError(
                f"segmenter: images have shape {tuple(images.shape)}, expected "
                f"(n, {self.in_channels}, h, w); convert the images, or build the model with "
                "in_channels to match."
            )
        return self._pad(self._normalize(images))

    def _bring_back(
        self, logits: object, images: Tensor, padded: Tensor, *, by: str = ""
    ) -> Tensor:
        """What a method of the network made of padded images, at the size of the images."""
        if (
            not isinstance(logits, Tensor)
            or logits.ndim != 4
            or logits.shape[1] != self.num_classes
        ):
            got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
            raise ValueError(
                f"segmenter: {type(self.network).__name__}{by} returned {got}, expected one tensor "
                f"(n, {self.num_classes}, h, w); make it return the logits of all classes."
            )
        if logits.shape[-2:] != padded.shape[-2:]:
            size = [padded.shape[-2], padded.shape[-1]]
            logits = functional.interpolate(logits, size, mode="bilinear", align_corners=False)
        height, width = images.shape[-2:]
        return logits[..., :height, :width]

    def _normalize(self, images: Tensor) -> Tensor:
        # multiply-add in one pass: subtract-then-divide takes twice as long on channels-last
        scale = self.std.reciprocal()
        return torch.addcmul(-self.mean * scale, images.to(scale.dtype), scale)

    def _pad(self, images: Tensor) -> Tensor:
        bottom, right = (self._missing(size) for size in images.shape[-2:])
        # a traced size is a symbol: asking whether it is 0 would fix the size for good
        if not torch.compiler.is_compiling() and not bottom and not right:
            return images
        amounts = cast(list[int], [0, right, 0, bottom])
        return functional.pad(images, amounts, mode="replicate")

    def _missing(self, size: int | torch.SymInt) -> int | torch.SymInt:
        padded = (size + self.stride - 1) // self.stride * self.stride
        if self.min_size > self.stride:
            # max() would compare, and so fix a traced size for good
            padded = torch.sym_max(padded, self.min_size)
        return padded - size


def values_for_channels(values: Sequence[float], in_channels: int) -> tuple[float, ...]:
    """Published per-channel values, or their average for every channel when the counts differ."""
    if len(values) == in_channels:
        return tuple(values)
    return (sum(values) / len(values),) * in_channels
