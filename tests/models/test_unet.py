"""The plain U-Net against its description, block by block."""

import pytest
import torch
from torch import nn

from tessella.errors import UsageError
from tessella.models.unet import plain_unet


def convolutions(module: nn.Module) -> list[tuple[int, int, int]]:
    """Channels in, channels out and kernel size of all convolutions, in order."""
    return [
        (layer.in_channels, layer.out_channels, layer.kernel_size[0])
        for layer in module.modules()
        if isinstance(layer, nn.Conv2d)
    ]


def test_encoder_blocks_double_the_channels_and_one_convolution_ends_the_path():
    encoder = plain_unet(num_classes=14, depth=3).network.encoder
    assert [convolutions(block) for block in encoder.blocks] == [
        [(3, 64, 3), (64, 64, 3)],
        [(64, 128, 3), (128, 128, 3)],
        [(128, 256, 3), (256, 256, 3)],
    ]
    assert convolutions(encoder.bottom) == [(256, 512, 3)]


def test_decoder_blocks_halve_the_channels_twice_around_the_concatenation():
    decoder = plain_unet(num_classes=14, depth=3).network.decoder
    assert convolutions(decoder.first) == [(512, 512, 3)]
    assert [convolutions(up) for up in decoder.ups] == [
        [(512, 256, 3)],
        [(256, 128, 3)],
        [(128, 64, 3)],
    ]
    assert [convolutions(merge) for merge in decoder.merges] == [
        [(512, 256, 3), (256, 256, 3)],
        [(256, 128, 3), (128, 128, 3)],
        [(128, 64, 3), (64, 64, 3)],
    ]
    assert convolutions(decoder.head) == [(64, 14, 1)]


def test_every_3x3_convolution_is_followed_by_relu_then_batch_norm():
    layers = [
        type(layer).__name__
        for layer in plain_unet(num_classes=2, depth=1).network.modules()
        if isinstance(layer, nn.Conv2d | nn.ReLU | nn.BatchNorm2d)
    ]
    # 2 in the one encoder block, the bottom, the decoder's first, 1 up, 2 in the merge; the head
    assert layers == ["Conv2d", "ReLU", "BatchNorm2d"] * 7 + ["Conv2d"]


def test_encoder_hands_over_features_before_each_halving():
    encoder = plain_unet(num_classes=2, depth=3, base_channels=4).network.encoder
    shapes = [tuple(feature.shape) for feature in encoder(torch.zeros(2, 3, 32, 48))]
    assert shapes == [(2, 4, 32, 48), (2, 8, 16, 24), (2, 16, 8, 12), (2, 32, 4, 6)]


def count_by_hand(*, depth: int, base: int, channels: int, classes: int) -> int:
    """Weights 9io, biases o, and batch norm's scale and shift 2o, block by block."""

    def conv(i: int, o: int) -> int:
        return 9 * i * o + 3 * o

    total = conv(channels, base) + conv(base, base)
    for level in range(1, depth):
        wide = base * 2**level
        total += conv(wide // 2, wide) + conv(wide, wide)
    bottom = base * 2**depth
    total += conv(bottom // 2, bottom) + conv(bottom, bottom)
    for level in range(depth, 0, -1):
        wide = base * 2**level
        total += 2 * conv(wide, wide // 2) + conv(wide // 2, wide // 2)
    return total + base * classes + classes


def test_smallest_net_has_the_parameters_counted_on_paper():
    segmenter = plain_unet(num_classes=3, in_channels=1, depth=1, base_channels=2)
    # paper: 24 + 42 down, 84 + 156 bottom, 78 up, 78 + 42 merge, 6 + 3 head
    assert sum(p.numel() for p in segmenter.parameters()) == 513


@pytest.mark.parametrize(
    ("depth", "base", "channels", "classes"), [(4, 64, 3, 14), (1, 1, 4, 2), (6, 2, 1, 5)]
)
def test_parameter_count_follows_the_formula(depth, base, channels, classes):
    segmenter = plain_unet(
        num_classes=classes, in_channels=channels, depth=depth, base_channels=base
    )
    expected = count_by_hand(depth=depth, base=base, channels=channels, classes=classes)
    assert sum(p.numel() for p in segmenter.parameters()) == expected


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_stride_is_two_to_the_depth_and_any_size_goes_in(depth):
    segmenter = plain_unet(num_classes=2, depth=depth, base_channels=1).eval()
    assert segmenter.stride == 2**depth
    assert segmenter(torch.zeros(1, 3, 5, 70, dtype=torch.uint8)).shape == (1, 2, 5, 70)


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    encoder = plain_unet(num_classes=2, depth=1, base_channels=8, dropout=0.5).network.encoder
    images = torch.randn(2, 3, 16, 16)
    zeros_in_training = (encoder(images)[-1] == 0).float().mean().item()
    encoder.eval()
    zeros_in_evaluation = (encoder(images)[-1] == 0).float().mean().item()
    # batch norm comes last, so its outputs are exactly 0 only where dropped; 2048 values
    assert zeros_in_training == pytest.approx(0.5, abs=0.05)
    assert zeros_in_evaluation == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 0}, "depth is 0; give a whole number in 1..6"),
        ({"depth": 7}, "depth is 7; give a whole number in 1..6"),
        ({"base_channels": 0}, "base_channels is 0; give a whole number from 1 up"),
        ({"dropout": 1.0}, r"dropout is 1.0; give a number in \[0, 1\)"),
        ({"dropout": -0.1}, r"dropout is -0.1; give a number in \[0, 1\)"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        plain_unet(num_classes=2, **options)


def test_defaults_are_batch_norm_and_interpolation_by_the_nearest_pixel():
    defaults = plain_unet(num_classes=2, depth=1, base_channels=2).state_dict()
    said = plain_unet(
        num_classes=2, depth=1, base_channels=2, norm="batch", upsampling="nearest"
    ).state_dict()
    assert {n: t.shape for n, t in defaults.items()} == {n: t.shape for n, t in said.items()}
    assert "network.decoder.ups.0.1.2.running_mean" in defaults


def test_transposed_convolutions_halve_the_channels_as_in_figure_1():
    decoder = plain_unet(num_classes=2, depth=3, upsampling="transpose").network.decoder
    assert [(up.in_channels, up.out_channels, up.kernel_size, up.stride) for up in decoder.ups] == [
        (512, 256, (2, 2), (2, 2)),
        (256, 128, (2, 2), (2, 2)),
        (128, 64, (2, 2), (2, 2)),
    ]


@pytest.mark.parametrize("norm", ["batch", "group", "instance", "none"])
@pytest.mark.parametrize("upsampling", ["transpose", "bilinear", "nearest"])
def test_every_norm_and_upsampling_takes_an_image_of_one_pixel(norm, upsampling):
    segmenter = plain_unet(
        num_classes=2, depth=2, base_channels=4, norm=norm, upsampling=upsampling
    ).eval()
    logits = segmenter(torch.zeros(1, 3, 1, 1))
    assert logits.shape == (1, 2, 1, 1)
    assert logits.isfinite().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "batsh"}, "no plain_unet's norm is called 'batsh'; did you mean 'batch'"),
        ({"upsampling": "cubic"}, "no plain_unet's upsampling is called 'cubic'.*transpose"),
    ],
)
def test_unknown_norms_and_upsamplings_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        plain_unet(num_classes=2, **options)
