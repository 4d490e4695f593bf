"""A vision transformer as an encoder: any patch size, any image size, four depths."""

import pytest
import timm
import torch
from safetensors.torch import save_file

from tessella.errors import UsageError
from tessella.models.build import build_segmenter
from tessella.models.segmenter import Segmenter


def build(encoder: str = "tu-test_vit", *, in_channels: int = 3, **options) -> Segmenter:
    return build_segmenter(
        "vit", num_classes=4, in_channels=in_channels, encoder=encoder, options=options
    )


def test_a_dinov2_transformer_with_patches_of_14_pixels_takes_any_size():
    segmenter = build("tu-vit_small_patch14_dinov2", decoder_channels=8).eval()
    assert segmenter.stride == 14
    with torch.no_grad():
        assert segmenter(torch.zeros(1, 3, 15, 43, dtype=torch.uint8)).shape == (1, 4, 15, 43)


def test_features_of_four_evenly_spread_depths_are_side_by_side_at_the_patch_grid():
    encoder = build("tu-test_vit").network.encoder.eval()
    images = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        features = encoder(images)
        # test_vit has 6 blocks of 64 channels: their ends nearest to 1/4, 2/4, 3/4 and 4/4
        expected = encoder.model.forward_intermediates(
            images, indices=[0, 2, 3, 5], norm=True, intermediates_only=True
        )
    assert features.shape == (1, 4 * 64, 2, 3)
    torch.testing.assert_close(features, torch.cat(expected, dim=1), rtol=0, atol=0)


def test_logits_leave_the_network_at_four_times_the_patch_grid():
    network = build("tu-test_vit", decoder_channels=8).network.eval()
    with torch.no_grad():
        assert network(torch.rand(2, 3, 32, 48)).shape == (2, 4, 8, 12)


def test_the_decoder_is_as_wide_as_the_option_says():
    decoder = build(decoder_channels=24).network.decoder
    assert decoder.head.in_channels == 24
    assert decoder.mix[0].in_channels == 4 * 64


def test_any_number_of_input_channels_can_be_had():
    segmenter = build(in_channels=5, decoder_channels=8).eval()
    with torch.no_grad():
        assert segmenter(torch.zeros(1, 5, 17, 9)).shape == (1, 4, 17, 9)


def test_a_file_of_timm_fills_the_transformer_and_its_mean_is_used(tmp_path):
    torch.manual_seed(0)
    tensors = timm.create_model("test_vit").state_dict()
    path = tmp_path / "w.safetensors"
    save_file(tensors, path)
    segmenter = build_segmenter(
        "vit", num_classes=2, encoder="tu-test_vit", encoder_weights=str(path), options={}
    )
    loaded = segmenter.network.encoder.model.state_dict()
    assert [name for name in loaded if not torch.equal(loaded[name], tensors[name])] == []
    assert segmenter.mean.flatten().tolist() == [127.5] * 3


@pytest.mark.parametrize(
    ("encoder", "options", "message"),
    [
        (
            "resnet18",
            {},
            "needs a plain vision transformer, got encoder resnet18: it is not one of",
        ),
        ("tu-resnet18", {}, "got encoder tu-resnet18: .*Choose one that begins with tu-vit_"),
        ("tu-swin_tiny_patch4_window7_224", {}, "features are not all at one grid of square"),
        ("tu-vit_smal_patch14_dinov2", {}, "did you mean 'tu-vit_small_patch14_dinov2'"),
        ("tu-test_vit", {"decoder": 3}, "model vit: no option is called 'decoder'"),
        ("tu-test_vit", {"decoder_channels": "wide"}, "is 'wide', expected a whole number"),
        ("tu-test_vit", {"decoder_channels": 0}, "decoder_channels is 0; give a number from 1 up"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(encoder, options, message):
    with pytest.raises(UsageError, match=message):
        build(encoder, **options)
