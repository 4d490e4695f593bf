"""Norms and enlargements by name."""

import pytest
import torch
from torch import nn

from tessella.errors import UsageError
from tessella.models.layers import (
    Convolution,
    Norm,
    enlarge,
    fewest_rows_at_the_bottom,
    norm_layer,
    refuse_unknown_choice,
)


def random_features(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.mark.parametrize(
    ("norm", "axes"),
    # over images and pixels; over pixels of one channel; over pixels of 16 channels
    [("batch", (0, 2, 3)), ("instance", (2, 3))],
)
def test_norms_give_mean_zero_and_variance_one_over_their_axes(norm, axes):
    layer = norm_layer(norm, 4).double().train()
    normalized = layer(random_features(3, 4, 5, 7) * 3 + 2)
    expected = torch.zeros((), dtype=torch.float64)
    torch.testing.assert_close(normalized.mean(axes), expected.expand_as(normalized.mean(axes)))
    # each norm adds 1e-5 to the variance of about 9
    variance = normalized.var(axes, correction=0)
    torch.testing.assert_close(variance, torch.ones_like(variance), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("channels", "groups"),
    # gcd with 16 gives the channels of a group: 16, 16, 8, 4, 1
    [(64, 4), (16, 1), (24, 3), (4, 1), (5, 5)],
)
def test_group_norm_has_groups_of_sixteen_channels_or_what_divides(channels, groups):
    assert norm_layer("group", channels).num_groups == groups


def test_group_norm_looks_at_one_image_alone():
    layer, features = norm_layer("group", 8).double(), random_features(2, 8, 3, 3)
    torch.testing.assert_close(layer(features)[1:], layer(features[1:]))


def test_no_norm_passes_features_on():
    features = random_features(1, 3, 2, 2)
    assert norm_layer("none", 3)(features) is features


@pytest.mark.parametrize(("norm", "rows"), [("batch", 1), ("none", 1), ("group", 2)])
def test_norms_of_one_image_need_more_than_one_value(norm, rows):
    assert fewest_rows_at_the_bottom(norm) == rows


@pytest.mark.parametrize("upsampling", ["transpose", "bilinear", "nearest"])
def test_enlarging_doubles_the_size_and_changes_the_channels(upsampling):
    layer = enlarge(upsampling, 6, channels=4, norm="batch").double()
    assert layer(random_features(2, 6, 3, 5)).shape == (2, 4, 6, 10)


def test_transposed_convolution_writes_each_value_to_its_own_square():
    layer = enlarge("transpose", 1, channels=1, norm="batch")
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0]]).view(1, 1, 2, 2))
        layer.bias.zero_()
        enlarged = layer(torch.tensor([[[[1.0, 10.0]]]]))
    assert enlarged.tolist() == [[[[1, 2, 10, 20], [3, 4, 30, 40]]]]


@pytest.mark.parametrize(
    ("order", "layers"),
    [
        ("norm-relu", ["Conv2d", "BatchNorm2d", "ReLU"]),
        ("relu-norm", ["Conv2d", "ReLU", "BatchNo"]),
    ],
)
def test_convolution_has_its_layers_in_the_order_asked_for(order, layers):
    found = [type(layer).__name__ for layer in Convolution(2, 3, norm="batch", order=order)]
    assert [name[:7] for name in found] == [name[:7] for name in layers]


def test_convolution_keeps_height_and_width_at_any_odd_kernel():
    layer = Convolution(2, 3, norm="none", order="norm-relu", kernel_size=5).double()
    assert isinstance(layer, nn.Sequential)
    assert layer(random_features(1, 2, 4, 7)).shape == (1, 3, 4, 7)


@pytest.mark.parametrize("value", ["btch", None, 3])
def test_an_unknown_choice_is_refused_naming_all(value):
    with pytest.raises(UsageError, match=f"no net's norm is called '{value}'.*Known: batch, group"):
        refuse_unknown_choice("net's norm", value, Norm)
