"""Depths of parameters, against the blocks that the papers count."""

from functools import cache

import pytest
import torch
from torch import Tensor, nn

from tessella.models.build import build_segmenter
from tessella.models.depth import depth_of_parameters
from tessella.models.segmenter import IMAGENET_MEAN, IMAGENET_STD, Segmenter


@cache
def depths(name: str, encoder: str | None) -> dict[str, int]:
    return depth_of_parameters(
        build_segmenter(
            name,
            num_classes=2,
            encoder=encoder,
            options={},
            accept_noncommercial=encoder == "mit_b0",
        )
    )


ENDS = [
    # 2 + 2 + 2 + 2 basic blocks
    ("unet", "resnet18", "conv1.weight", 0),
    ("unet", "resnet18", "bn1.bias", 0),
    ("unet", "resnet18", "layer1.0.conv1.weight", 1),
    ("unet", "resnet18", "layer2.0.downsample.0.weight", 3),
    ("unet", "resnet18", "layer4.1.bn2.weight", 8),
    # stages that the model does not reach count all the same
    ("pspnet", "resnet18", "layer4.1.bn2.weight", 8),
    ("fpn", "tu-resnet18", "model.layer4.1.bn2.weight", 8),
    # a first convolution, 17 inverted bottlenecks, a last convolution
    ("unet", "mobilenet_v2", "features.0.0.weight", 0),
    ("unet", "mobilenet_v2", "features.17.conv.0.0.weight", 17),
    ("unet", "mobilenet_v2", "features.18.1.bias", 18),
    # blocks are in stages of one row each
    ("fpn", "tu-mobilenetv3_small_100", "model.blocks.0.0.conv_dw.weight", 1),
    # 13 convolutions, each with its norm
    ("unet", "vgg16_bn", "features.0.weight", 0),
    ("unet", "vgg16_bn", "features.1.weight", 0),
    ("unet", "vgg16_bn", "features.3.weight", 1),
    ("unet", "vgg16_bn", "features.41.weight", 12),
    # patches and tokens, then one depth a block
    ("dpt", "tu-test_vit", "model.pos_embed", 0),
    ("dpt", "tu-test_vit", "model.cls_token", 0),
    ("dpt", "tu-test_vit", "model.patch_embed.proj.weight", 0),
    ("vit", "tu-test_vit", "model.blocks.0.attn.qkv.weight", 1),
    ("vit", "tu-test_vit", "model.blocks.5.mlp.fc1.bias", 6),
    ("vit", "tu-test_vit", "model.norm.weight", 6),
    # patch embeddings are defined first and computed in between: 1 + 2 + 1 + 2 ...
    ("segformer", "mit_b0", "patch_embed1.proj.weight", 0),
    ("segformer", "mit_b0", "block1.1.norm1.weight", 2),
    ("segformer", "mit_b0", "patch_embed2.proj.weight", 3),
    ("segformer", "mit_b0", "block4.1.norm2.weight", 11),
    ("torchvision_lraspp", "mobilenet_v3_large", "0.0.weight", 0),
    ("torchvision_lraspp", "mobilenet_v3_large", "16.1.weight", 16),
    ("plain_unet", None, "blocks.2.1.0.weight", 2),
    ("plain_unet", None, "bottom.0.weight", 4),
    ("segnet", None, "stages.4.2.0.bias", 4),
]


@pytest.mark.parametrize(("name", "encoder", "parameter", "depth"), ENDS)
def test_parameters_lie_as_deep_as_the_block_that_they_are_in(name, encoder, parameter, depth):
    assert depths(name, encoder)[f"network.encoder.{parameter}"] == depth


@pytest.mark.parametrize(
    ("name", "encoder", "deepest"),
    [
        ("unet", "resnet18", 9),
        ("vit", "tu-test_vit", 7),
        ("unet", "mobilenet_v2", 19),
        ("plain_unet", None, 5),
    ],
)
def test_decoder_and_head_lie_one_deeper_than_the_encoders_last_block(name, encoder, deepest):
    found = depths(name, encoder)
    outside = {d for parameter, d in found.items() if not parameter.startswith("network.encoder.")}
    assert outside == {deepest}
    assert max(d for n, d in found.items() if n.startswith("network.encoder.")) == deepest - 1


class Backwards(nn.Module):
    """Computes its layers in the reverse order of their definition; one is idle."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Conv2d(3, 3, 1)
        self.middle = nn.Conv2d(3, 3, 1)
        self.idle = nn.Conv2d(3, 3, 1)
        self.first = nn.Conv2d(3, 3, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.middle(self.first(images)))


def wrapped(network: nn.Module) -> Segmenter:
    return Segmenter(
        network, num_classes=3, in_channels=3, stride=1, mean=IMAGENET_MEAN, std=IMAGENET_STD
    )


def test_layers_count_in_the_order_in_which_they_compute():
    network = nn.Sequential()
    network.add_module("encoder", Backwards())
    found = depth_of_parameters(wrapped(network))
    order = {name.split(".")[2]: depth for name, depth in found.items()}
    assert order == {"first": 0, "middle": 1, "idle": 2, "last": 3}


def test_without_an_encoder_every_depth_is_zero():
    assert depth_of_parameters(wrapped(nn.Sequential(nn.Conv2d(3, 3, 1)))) == {
        "network.0.weight": 0,
        "network.0.bias": 0,
    }


def test_the_model_is_left_as_it_was():
    segmenter = build_segmenter("unet", num_classes=2, encoder="resnet18", options={}).train()
    segmenter.network.encoder.eval()
    before = {name: tensor.clone() for name, tensor in segmenter.state_dict().items()}
    depth_of_parameters(segmenter)
    assert segmenter.network.decoder.training
    assert not segmenter.network.encoder.training
    assert all(torch.equal(before[n], t) for n, t in segmenter.state_dict().items())
    assert not segmenter.network.encoder.layer1[0]._forward_pre_hooks
