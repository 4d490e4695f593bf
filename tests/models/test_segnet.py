"""SegNet against its description."""

import pytest
import torch
from torch import nn

from tessella.errors import UsageError
from tessella.models.segnet import Decoder, segnet


def convolutions(module: nn.Module) -> list[tuple[int, int, int]]:
    """Channels in, channels out and kernel size of all convolutions, in order."""
    return [
        (layer.in_channels, layer.out_channels, layer.kernel_size[0])
        for layer in module.modules()
        if isinstance(layer, nn.Conv2d)
    ]


def test_encoder_has_the_thirteen_convolutions_of_vgg16():
    # Simonyan and Zisserman 2015, arXiv:1409.1556, table 1, configuration D
    widths = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
    expected = [(i, o, 3) for i, o in zip(widths[:-1], widths[1:], strict=True)]
    assert convolutions(segnet(num_classes=11).network.encoder) == expected


def test_decoder_mirrors_the_encoder_and_a_classifier_of_pixels_ends_it():
    widths = [512, 512, 512, 512, 512, 512, 256, 256, 256, 128, 128, 64, 64, 64]
    expected = [(i, o, 3) for i, o in zip(widths[:-1], widths[1:], strict=True)] + [(64, 11, 1)]
    assert convolutions(segnet(num_classes=11).network.decoder) == expected


def test_every_convolution_but_the_classifier_is_followed_by_norm_then_relu():
    layers = [
        type(layer).__name__
        for layer in segnet(num_classes=2, base_channels=1).network.modules()
        if isinstance(layer, nn.Conv2d | nn.ReLU | nn.BatchNorm2d)
    ]
    assert layers == ["Conv2d", "BatchNorm2d", "ReLU"] * 26 + ["Conv2d"]


def test_decoder_puts_values_where_the_maxima_were_and_zero_elsewhere():
    decoder = Decoder([(1, 1)], 1, norm="none")
    images = torch.tensor([[[[1.0, 5.0, 2.0, 2.5], [3.0, 4.0, 9.0, 0.0]]]])
    pooled, places = nn.MaxPool2d(2, return_indices=True)(images)
    assert decoder.unpool(pooled, places).tolist() == [[[[0, 5, 0, 0], [0, 0, 9, 0]]]]


@pytest.mark.parametrize("depth", [1, 3, 5])
def test_stride_is_two_to_the_depth_and_any_size_goes_in(depth):
    segmenter = segnet(num_classes=2, depth=depth, base_channels=1).eval()
    assert segmenter.stride == 2**depth
    assert segmenter(torch.zeros(1, 3, 5, 70, dtype=torch.uint8)).shape == (1, 2, 5, 70)


@pytest.mark.parametrize("norm", ["batch", "group", "instance", "none"])
def test_every_norm_takes_an_image_of_one_pixel(norm):
    segmenter = segnet(num_classes=2, depth=2, base_channels=4, norm=norm).eval()
    assert segmenter(torch.zeros(1, 3, 1, 1)).isfinite().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 6}, "segnet: depth is 6; give a whole number in 1..5"),
        ({"base_channels": 0}, "segnet: base_channels is 0; give a whole number from 1 up"),
        ({"norm": "batsh"}, "no segnet's norm is called 'batsh'; did you mean 'batch'"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        segnet(num_classes=2, **options)
