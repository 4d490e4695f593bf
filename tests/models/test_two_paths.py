"""The frame of networks that contract and expand."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tessella.errors import UsageError
from tessella.models.layers import Norm
from tessella.models.two_paths import refuse_wrong_shape, two_path_segmenter


class Halve(nn.Module):
    def forward(self, images: Tensor) -> tuple[Tensor, int]:
        return images[..., ::2, ::2], 7


class Double(nn.Module):
    """Takes all that the encoder gives."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Conv2d(3, 2, 1)

    def forward(self, encoded: tuple[Tensor, int]) -> Tensor:
        features, seven = encoded
        assert seven == 7
        return self.head(features).repeat_interleave(2, -1).repeat_interleave(2, -2)


@pytest.mark.parametrize(("norm", "fewest"), [("batch", 8), ("none", 8), ("instance", 16)])
def test_stride_and_smallest_side_follow_from_depth_and_norm(norm: Norm, fewest: int) -> None:
    segmenter = two_path_segmenter(
        *(Halve(), Double()), num_classes=2, in_channels=3, depth=3, norm=norm
    )
    assert (segmenter.stride, segmenter.min_size) == (8, fewest)
    assert segmenter(torch.zeros(1, 3, 5, 9)).shape == (1, 2, 5, 9)
    assert segmenter.encoder_prefix == "network.encoder."
    assert segmenter.head_prefixes == ("network.decoder.head.",)


@pytest.mark.parametrize(
    ("depth", "base_channels", "message"),
    [
        (0, 8, r"^x: depth is 0; give a whole number in 1\.\.5\.$"),
        (6, 8, r"^x: depth is 6; give a whole number in 1\.\.5\.$"),
        (3, 0, r"^x: base_channels is 0; give a whole number from 1 up\.$"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(depth: Any, base_channels: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        refuse_wrong_shape("x", depth=depth, most=5, base_channels=base_channels)
