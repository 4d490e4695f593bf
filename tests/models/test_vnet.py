"""V-Net in two dimensions against its description."""

import pytest
import torch
from torch import nn

from tessella.errors import UsageError
from tessella.models.vnet import ResidualBlock, vnet2d


def wide_convolutions(module: nn.Module) -> list[list[tuple[int, int]]]:
    """Channels in and out of the 5x5 convolutions of each block, in order."""
    return [
        [
            (layer.in_channels, layer.out_channels)
            for layer in block.modules()
            if isinstance(layer, nn.Conv2d) and layer.kernel_size == (5, 5)
        ]
        for block in module.blocks
    ]


def test_left_side_has_the_channels_and_the_convolutions_of_figure_2():
    # Milletari et al. 2016, figure 2: 1, 2, 3, 3 and 3 convolutions of 16 to 256 channels
    assert wide_convolutions(vnet2d(num_classes=2).network.encoder) == [
        [(3, 16)],
        [(32, 32)] * 2,
        [(64, 64)] * 3,
        [(128, 128)] * 3,
        [(256, 256)] * 3,
    ]


def test_right_side_has_the_channels_and_the_convolutions_of_figure_2():
    decoder = vnet2d(num_classes=2).network.decoder
    assert wide_convolutions(decoder) == [
        [(256, 256)] * 3,
        [(128, 128)] * 3,
        [(64, 64)] * 2,
        [(32, 32)],
    ]
    assert (decoder.head.in_channels, decoder.head.kernel_size) == (32, (1, 1))


def test_resolution_changes_by_convolutions_of_two_pixels():
    network = vnet2d(num_classes=2, depth=2).network
    down = [layer[0] for layer in network.encoder.halvings]
    up = [layer[0] for layer in network.decoder.doublings]
    assert [(type(c).__name__, c.kernel_size, c.stride) for c in [*down, *up]] == [
        ("Conv2d", (2, 2), (2, 2)),
        ("Conv2d", (2, 2), (2, 2)),
        ("ConvTranspose2d", (2, 2), (2, 2)),
        ("ConvTranspose2d", (2, 2), (2, 2)),
    ]
    assert not [layer for layer in network.modules() if isinstance(layer, nn.MaxPool2d | nn.ReLU)]


def test_a_block_adds_its_input_to_the_last_convolution_before_the_activation():
    block = ResidualBlock(1, 1, num_convolutions=2, norm="none")
    with torch.no_grad():
        for convolution in block.convolutions:
            convolution[0].weight.zero_()
            convolution[0].bias.fill_(1)
        values = block(torch.tensor([2.0, -5.0]).view(1, 1, 1, 2)).flatten().tolist()
    # paper: 1 + 2 = 3; 1 - 5 = -4, times PReLU's initial 0.25
    assert values == [3.0, -1.0]


def test_the_first_block_adapts_other_numbers_of_channels_before_it_adds():
    shortcut = vnet2d(num_classes=2, in_channels=5).network.encoder.blocks[0].shortcut
    assert (shortcut.in_channels, shortcut.out_channels, shortcut.kernel_size) == (5, 16, (1, 1))


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_stride_is_two_to_the_depth_and_any_size_goes_in(depth):
    segmenter = vnet2d(num_classes=2, depth=depth, base_channels=1).eval()
    assert segmenter.stride == 2**depth
    assert segmenter(torch.zeros(1, 3, 5, 70, dtype=torch.uint8)).shape == (1, 2, 5, 70)


@pytest.mark.parametrize("norm", ["batch", "group", "instance", "none"])
def test_every_norm_takes_an_image_of_one_pixel(norm):
    segmenter = vnet2d(num_classes=2, depth=2, base_channels=4, norm=norm).eval()
    assert segmenter(torch.zeros(1, 3, 1, 1)).isfinite().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 7}, "vnet2d: depth is 7; give a whole number in 1..6"),
        ({"base_channels": 0}, "vnet2d: base_channels is 0; give a whole number from 1 up"),
        ({"norm": "batsh"}, "no vnet2d's norm is called 'batsh'; did you mean 'batch'"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        vnet2d(num_classes=2, **options)
