"""Counts of a summary, worked out by hand on a network of two convolutions."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tessella.models.build import build_segmenter
from tessella.models.segmenter import IMAGENET_MEAN, IMAGENET_STD, Segmenter
from tessella.models.summary import summarize


def wrapped(network: nn.Module, *, num_classes: int, stride: int = 1) -> Segmenter:
    return Segmenter(
        network,
        num_classes=num_classes,
        in_channels=3,
        stride=stride,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )


def two_convolutions() -> Segmenter:
    layers = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 1))
    return wrapped(layers, num_classes=2)


def test_parameters_and_operations_are_those_counted_on_paper():
    summary = summarize(two_convolutions(), size=(5, 6), batch_size=2)
    # 3 * 4 * 9 + 4, and 4 * 2 + 2
    assert summary.num_parameters == 112 + 10
    # two for each weight at each of 60 pixels; biases are not counted
    assert summary.flops == 2 * 60 * (108 + 8)


def test_kept_for_training_is_what_each_layer_needs_once():
    summary = summarize(two_convolutions(), size=(5, 6), batch_size=2)
    # the normalised images (3 channels) for the first convolution's weights; ReLU's result
    # (4 channels) for ReLU itself and the second convolution: 7 channels of 60 floats
    assert summary.training_activation_bytes == 7 * 60 * 4


def test_peak_of_inference_is_the_most_that_lives_at_once():
    summary = summarize(two_convolutions(), size=(50, 60), batch_size=2)
    pixels = 2 * 50 * 60
    # while ReLU computes: images (3 bytes) and normalised images (3 floats) are still held, the
    # first convolution's result and ReLU's own (4 floats each)
    expected = pixels * (3 + 4 * (3 + 4 + 4))
    # besides, a few numbers a channel for normalising
    assert summary.inference_peak_bytes == pytest.approx(expected, abs=100)


def test_frozen_parameters_are_not_counted_as_trainable():
    segmenter = two_convolutions()
    segmenter.network[0].requires_grad_(False)
    summary = summarize(segmenter, size=(5, 6))
    assert (summary.num_parameters, summary.num_trainable) == (122, 10)


def test_rows_give_each_module_with_its_level_type_shape_and_parameters():
    rows = summarize(two_convolutions(), size=(5, 6), batch_size=2).rows
    assert [(r.name, r.level, r.type, r.shapes, r.num_parameters) for r in rows] == [
        ("", 0, "Segmenter", ((2, 2, 5, 6),), 122),
        ("network", 1, "Sequential", ((2, 2, 5, 6),), 122),
        ("network.0", 2, "Conv2d", ((2, 4, 5, 6),), 112),
        ("network.1", 2, "ReLU", ((2, 4, 5, 6),), 0),
        ("network.2", 2, "Conv2d", ((2, 2, 5, 6),), 10),
    ]


def test_images_are_padded_as_for_the_network():
    padded = wrapped(nn.Conv2d(3, 2, 1), num_classes=2, stride=8)
    # 9x8 is padded to 16x8
    assert summarize(padded, size=(9, 8)).flops == 2 * 16 * 8 * 6


class Attention(nn.Module):
    """One head of attention over all pixels."""

    def forward(self, images: Tensor) -> Tensor:
        tokens = images.flatten(2).transpose(1, 2).unsqueeze(1)
        mixed = functional.scaled_dot_product_attention(tokens, tokens, tokens)
        return mixed.squeeze(1).transpose(1, 2).view_as(images)


def test_attention_counts_two_matrix_products():
    summary = summarize(wrapped(Attention(), num_classes=3), size=(4, 5), batch_size=2)
    # scores and mixture: 20 x 20 tokens of 3 numbers each, twice, for 2 images
    assert summary.flops == 2 * 2 * (2 * 20 * 20 * 3)


@pytest.mark.parametrize("name", ["torchvision_lraspp", "torchvision_deeplabv3"])
def test_operations_agree_with_what_torchvision_publishes(name):
    segmenter = build_segmenter(name, num_classes=21, encoder="mobilenet_v3_large", options={})
    # torchvision's own record, in units of 1e9 multiply-adds at 520x520 (33 * 16 = 528 here)
    published = {"torchvision_lraspp": 2.086, "torchvision_deeplabv3": 10.452}[name]
    flops = summarize(segmenter, size=(520, 520)).flops
    assert flops / 2e9 == pytest.approx(published, rel=0.04)


def test_the_auxiliary_head_is_kept_for_training_only():
    def summary(*, auxiliary: bool):
        torch.manual_seed(0)
        segmenter = build_segmenter(
            "torchvision_deeplabv3",
            num_classes=2,
            encoder="mobilenet_v3_large",
            options={"auxiliary": auxiliary},
        )
        return summarize(segmenter, size=(32, 32))

    without, with_head = summary(auxiliary=False), summary(auxiliary=True)
    assert with_head.training_activation_bytes > without.training_activation_bytes
    assert with_head.flops == without.flops


def test_the_model_is_left_as_it_was():
    segmenter = build_segmenter("unet", num_classes=2, encoder="resnet18", options={}).train()
    segmenter.network.encoder.eval()
    before = {name: tensor.clone() for name, tensor in segmenter.state_dict().items()}
    summarize(segmenter, size=(32, 32))
    assert segmenter.network.decoder.training
    assert not segmenter.network.encoder.training
    assert all(torch.equal(before[n], t) for n, t in segmenter.state_dict().items())
    assert all(not module._forward_hooks for module in segmenter.modules())


def test_text_has_a_line_for_each_outer_module_and_the_totals():
    text = summarize(two_convolutions(), size=(5, 6), batch_size=2).text(most_levels=1)
    assert text.splitlines() == [
        "segmenter  Segmenter   2x2x5x6           122",
        "  network  Sequential  2x2x5x6           122",
        "",
        "parameters          122 (122 trainable)",
        "for images          2x3x5x6 in float32",
        "forward pass        0.00 GFLOPs (a multiply-add is two)",
        "kept for training   0.0 MiB",
        "peak of inference   0.0 MiB",
    ]


@pytest.mark.parametrize(("size", "batch_size"), [((0, 5), 1), ((5, 5), 0)])
def test_sizes_below_one_are_refused(size, batch_size):
    with pytest.raises(ValueError, match="give whole numbers from 1 up"):
        summarize(two_convolutions(), size=size, batch_size=batch_size)
