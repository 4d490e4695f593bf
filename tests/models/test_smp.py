"""Architectures on encoders: what fits, what is refused, and at which sizes."""

import pytest
import torch

from tessella.errors import UsageError
from tessella.models import MODELS
from tessella.models.build import build_segmenter
from tessella.models.segmenter import Segmenter
from tessella.models.smp import ARCHITECTURES, architecture_options


def build(name: str, encoder: str, *, in_channels: int = 3, **options) -> Segmenter:
    return build_segmenter(
        name,
        num_classes=2,
        in_channels=in_channels,
        encoder=encoder,
        options=options,
        accept_noncommercial=encoder.startswith("mit_"),
    )


def test_the_table_of_models_lists_every_architecture():
    ours = {name for name, entry in MODELS.items() if entry.builder.endswith(":smp_segmenter")}
    assert set(ARCHITECTURES) == ours


@pytest.mark.parametrize(
    ("name", "encoder", "stride", "min_size"),
    [
        ("fpn", "resnet18", 32, 32),
        ("deeplabv3plus", "resnet18", 16, 16),
        ("pspnet", "resnet18", 8, 8),
        # three times halved features need 8 rows of them
        ("pan", "resnet18", 16, 128),
        # half of 16-pixel patches: an even number of patches a side
        ("dpt", "tu-test_vit", 32, 32),
        # its attention is reduced 8 times at a quarter of the resolution
        ("pspnet", "mit_b0", 32, 32),
        # trained at 224x224 only, but able to take any size
        ("fpn", "tu-swin_tiny_patch4_window7_224", 32, 32),
    ],
)
def test_stride_and_smallest_size_suit_architecture_and_encoder(name, encoder, stride, min_size):
    segmenter = build(name, encoder)
    assert (segmenter.stride, segmenter.min_size) == (stride, min_size)


@pytest.mark.parametrize("encoder", ["mobilenet_v2", "mit_b0", "tu-convnext_atto"])
def test_any_number_of_input_channels_can_be_had(encoder):
    segmenter = build("fpn", encoder, in_channels=5).eval()
    with torch.no_grad():
        logits = segmenter(torch.zeros(1, 5, 33, 40, dtype=torch.uint8))
    assert logits.shape == (1, 2, 33, 40)
    assert segmenter.mean.flatten().tolist() == pytest.approx([255 * 1.347 / 3] * 5)


def test_parameters_that_no_output_depends_on_are_frozen():
    network = build("pspnet", "resnet18").network
    frozen = {name.split(".")[1] for name, p in network.named_parameters() if not p.requires_grad}
    # pspnet stops at an eighth of the resolution, which is layer 2
    assert frozen == {"layer3", "layer4"}


def test_options_reach_the_architecture():
    network = build("unet", "resnet18", encoder_depth=3, decoder_channels=[24, 16, 8]).network
    assert network.segmentation_head[0].in_channels == 8
    assert len(network.decoder.blocks) == 3


def test_smaller_logits_are_brought_to_the_size_of_the_image():
    segmenter = build("fpn", "resnet18", upsampling=1).eval()
    with torch.no_grad():
        assert segmenter(torch.zeros(1, 3, 33, 40)).shape == (1, 2, 33, 40)


def test_options_exclude_what_is_given_otherwise_and_what_breaks_the_contract():
    assert architecture_options("linknet") == ["encoder_depth", "decoder_use_norm"]


@pytest.mark.parametrize(
    ("name", "encoder", "options", "message"),
    [
        (
            "unet",
            "resnet18",
            {"decoder_chanels": [1]},
            "model unet: no option is called 'decoder_chanels'; did you mean 'decoder_channels'",
        ),
        ("unet", "resnet18", {"activation": "sigmoid"}, "no option is called 'activation'"),
        ("unet", "resnet18", {"aux_params": {}}, "no option is called 'aux_params'"),
        (
            "unet",
            "resnet18",
            {"decoder_channels": [64, 32]},
            r"cannot be built on encoder resnet18 with options .*Model depth is 5, but you provide "
            r"`decoder_channels` for 2 blocks\. Choose another",
        ),
        (
            "deeplabv3",
            "xception",
            {},
            "built on encoder xception .*does not support dilated mode",
        ),
        (
            "unet",
            "tu-test_vit",
            {},
            "cannot be built on encoder tu-test_vit .*downsampling pattern",
        ),
        ("fpn", "tu-test_maxvit", {}, "does not take images of any size: .*window"),
        (
            "dpt",
            "tu-vit_small_patch14_dinov2",
            {},
            "not take images of any size.*patch size of 8, 16",
        ),
    ],
)
def test_wrong_options_and_combinations_are_refused_with_the_reason(
    name, encoder, options, message
):
    with pytest.raises(UsageError, match=message):
        build(name, encoder, **options)
