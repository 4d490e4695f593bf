"""torchvision's segmentation models: the same numbers as theirs, heads of the right geometry."""

import socket

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import segmentation

from tessella.errors import UsageError
from tessella.models.build import build_segmenter
from tessella.models.foreign_names import names_within_network
from tessella.models.segmenter import Segmenter

MOBILE = {
    "torchvision_deeplabv3": segmentation.deeplabv3_mobilenet_v3_large,
    "torchvision_lraspp": segmentation.lraspp_mobilenet_v3_large,
}


def build(name: str, encoder: str = "mobilenet_v3_large", **values) -> Segmenter:
    options = values.pop("options", {})
    return build_segmenter(name, **({"num_classes": 5} | values), encoder=encoder, options=options)


def random_images(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("name", MOBILE)
def test_logits_are_those_of_torchvisions_own_model(name):
    torch.manual_seed(0)
    theirs = MOBILE[name](weights=None, weights_backbone=None, num_classes=5).eval()
    segmenter = build(name).eval()
    segmenter.network.load_state_dict(names_within_network(theirs.state_dict()))
    images = random_images(2, 3, 48, 64)
    normalized = (images - segmenter.mean) / segmenter.std
    with torch.no_grad():
        # float32: ours normalises by one multiply-add
        torch.testing.assert_close(
            segmenter(images), theirs(normalized)["out"], rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize(
    ("name", "encoder", "channels"),
    [
        ("torchvision_fcn", "resnet50", [512, 256]),
        ("torchvision_deeplabv3", "mobilenet_v3_large", [256, 10]),
    ],
)
def test_both_heads_end_in_1x1_convolutions_without_padding(name, encoder, channels):
    """The tutorials' heads shrink or shift the map: S2-B06, S3-B11; S1-B14 leaves 21 classes."""
    segmenter = build(name, encoder, options={"auxiliary": True})
    heads = [segmenter.get_submodule(prefix[:-1]) for prefix in segmenter.head_prefixes]
    found = [(h.in_channels, h.out_channels, h.kernel_size, h.padding, h.stride) for h in heads]
    assert found == [(c, 5, (1, 1), (0, 0), (1, 1)) for c in channels]


def test_the_auxiliary_head_is_absent_unless_asked_for():
    segmenter = build("torchvision_deeplabv3")
    assert not segmenter.has_auxiliary
    assert not [name for name, _ in segmenter.named_parameters() if "auxiliary" in name]


def test_forward_does_not_compute_the_auxiliary_head():
    segmenter = build("torchvision_deeplabv3", options={"auxiliary": True}).eval()
    calls: list[str] = []
    segmenter.network.auxiliary_head.register_forward_hook(lambda *_: calls.append("auxiliary"))
    images = random_images(1, 3, 33, 40)
    with torch.no_grad():
        segmenter(images)
        assert calls == []
        outputs = segmenter.outputs(images)
    assert calls == ["auxiliary"]
    assert outputs.auxiliary is not None
    assert outputs.auxiliary.shape == (1, 5, 33, 40)


@pytest.mark.parametrize(
    ("name", "encoder", "place"),
    [
        ("torchvision_fcn", "resnet50", "encoder.conv1"),
        ("torchvision_lraspp", "mobilenet_v3_large", "encoder.0.0"),
    ],
)
@pytest.mark.parametrize("in_channels", [1, 3, 5])
def test_the_first_convolution_keeps_its_geometry_for_any_channels(
    name, encoder, place, in_channels
):
    """S3-B11: the tutorial's new first convolution pads 2 for 3, and adds a bias."""
    segmenter = build(name, encoder, in_channels=in_channels)
    first = segmenter.network.get_submodule(place)
    kernel = 7 if encoder == "resnet50" else 3
    assert isinstance(first, nn.Conv2d)
    assert first.weight.shape[1:] == (in_channels, kernel, kernel)
    assert (first.stride, first.padding, first.bias) == ((2, 2), (kernel // 2,) * 2, None)


@pytest.mark.parametrize(
    ("name", "encoder", "values", "message"),
    [
        ("torchvision_fcn", "resnet18", {}, "fcn: no encoder is called 'resnet18'; did you mean"),
        ("torchvision_fcn", "mobilenet_v3_large", {}, "Known: resnet101, resnet50"),
        ("torchvision_lraspp", None, {}, "needs an encoder; set one, e.g. mobilenet_v3_large"),
        (
            "torchvision_lraspp",
            "mobilenet_v3_large",
            {"options": {"auxiliary": True}},
            "model torchvision_lraspp has no auxiliary head; remove the option",
        ),
        (
            "torchvision_fcn",
            "resnet50",
            {"options": {"auxiliary": "yes"}},
            "auxiliary is 'yes', expected true or false; correct it",
        ),
        (
            "torchvision_fcn",
            "resnet50",
            {"options": {"aux_loss": True}},
            "model torchvision_fcn: no option is called 'aux_loss'",
        ),
    ],
)
def test_what_cannot_be_is_refused(name, encoder, values, message):
    with pytest.raises(UsageError, match=message):
        build(name, encoder, **values)


def test_random_weights_never_ask_the_network(monkeypatch):
    """torchvision downloads the encoder's where only `weights` is None."""

    def refuse(*_: object) -> None:
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert build("torchvision_lraspp").num_classes == 5
