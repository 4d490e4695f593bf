"""From names and plain values to models, and every wrong name or value."""

import importlib
import sys

import pytest
import torch
from torch import nn

from tessella.errors import UsageError
from tessella.models.build import build_segmenter, weights_origin

HERE = "a_users_networks"


@pytest.fixture(autouse=True)
def users_module(tmp_path, monkeypatch):
    """A module of the user's own, importable as any other."""
    (tmp_path / f"{HERE}.py").write_text(
        "from torch import nn\n"
        "def thin(*, num_classes, in_channels, kernel_size=1):\n"
        "    return nn.Conv2d(in_channels, num_classes, kernel_size, padding='same')\n"
        "def text(*, num_classes, in_channels):\n"
        "    return 'a network'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


def test_plain_unet_takes_its_options():
    segmenter = build_segmenter(
        "plain_unet", num_classes=7, in_channels=2, options={"depth": 2, "base_channels": 3}
    )
    assert segmenter.stride == 4
    assert segmenter(torch.zeros(2, 2, 9, 6, dtype=torch.uint8)).shape == (2, 7, 9, 6)


def test_a_users_own_function_gets_the_sizes_and_the_options():
    segmenter = build_segmenter(
        f"{HERE}:thin", num_classes=4, in_channels=2, options={"kernel_size": 3}
    )
    assert isinstance(segmenter.network, nn.Conv2d)
    assert segmenter.network.weight.shape == (4, 2, 3, 3)
    assert segmenter.stride == 32
    assert segmenter(torch.zeros(1, 2, 5, 6)).shape == (1, 4, 5, 6)


def test_a_users_own_function_is_not_given_the_stride():
    assert build_segmenter(f"{HERE}:thin", num_classes=4, options={"stride": 8}).stride == 8


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("unett", {"encoder": "resnet18"}, "no model is called 'unett'; did you mean 'unet'"),
        ("unet", {}, "model unet needs an encoder; set one, e.g. resnet34"),
        ("vit", {}, "model vit needs an encoder; set one, e.g. tu-vit_small_patch14_dinov2"),
        ("plain_unet", {"encoder": "resnet18"}, "model plain_unet has no encoder to choose, got"),
        ("plain_unet", {"encoder_weights": "imagenet"}, "with weights imagenet; remove both"),
        ("plain_unet", {"options": {"dept": 3}}, "plain_unet: no option is called 'dept'; did you"),
        ("plain_unet", {"options": {"depth": "4"}}, "depth is '4', expected a whole number; corr"),
        ("plain_unet", {"options": {"depth": True}}, "depth is True, expected a whole number"),
        ("plain_unet", {"options": {"base_channels": 1.5}}, "is 1.5, expected a whole number"),
        ("plain_unet", {"options": {"dropout": "no"}}, "dropout is 'no', expected a number; corr"),
        ("plain_unet", {"options": {"num_classes": 3}}, "no option is called 'num_classes'"),
        ("plain_unet", {"num_classes": 0}, "model plain_unet: num_classes is 0; give a whole"),
        ("unet", {"in_channels": 0}, "model unet: in_channels is 0; give a whole number from 1"),
        ("no.such:thing", {}, "model no.such:thing: No module named 'no'; give package.module:f"),
        (f"{HERE}:thick", {}, "has no attribute 'thick'; give package.module:function"),
        (f"{HERE}:thin", {"options": {"kernel": 3}}, "unexpected keyword argument 'kernel'"),
        (f"{HERE}:thin", {"options": {"stride": 0}}, "stride is 0; give a whole number from 1"),
        (f"{HERE}:thin", {"encoder": "resnet18"}, "has no encoder to choose"),
        (f"{HERE}:text", {}, "returned a str, expected a torch.nn.Module"),
    ],
)
def test_wrong_names_and_values_are_refused(name, values, message):
    with pytest.raises(UsageError, match=message):
        build_segmenter(name, **({"num_classes": 2, "options": {}} | values))


def test_layers_that_a_user_calls_head_and_encoder_are_known_as_such(tmp_path):
    (tmp_path / f"{HERE}.py").write_text(
        "from torch import nn\n"
        "def named(*, num_classes, in_channels):\n"
        "    net = nn.Sequential()\n"
        "    net.add_module('encoder', nn.Conv2d(in_channels, 4, 1))\n"
        "    net.add_module('head', nn.Conv2d(4, num_classes, 1))\n"
        "    return net\n"
    )
    importlib.invalidate_caches()
    sys.modules.pop(HERE, None)
    segmenter = build_segmenter(f"{HERE}:named", num_classes=4, options={})
    assert segmenter.encoder_prefix == "network.encoder."
    assert segmenter.head_prefixes == ("network.head.",)


@pytest.mark.parametrize(
    ("name", "encoder", "weights", "licence"),
    [
        ("unet", "resnet34", "imagenet", "not stated"),
        ("unet", "tu-resnet18.a1_in1k", "imagenet", "apache-2.0"),
        ("unet", "mit_b0", "imagenet", "the NVIDIA Source Code License"),
        ("unet", "tu-convnextv2_atto.fcmae", "imagenet", "cc-by-nc-4.0"),
        ("vit", "tu-vit_small_patch14_dinov2", "imagenet", "apache-2.0"),
        ("torchvision_fcn", "resnet50", "coco_voc", "not stated"),
        ("unet", "resnet34", "my/own.pth", "not stated"),
    ],
)
def test_the_licence_of_weights_is_known_before_they_are_fetched(name, encoder, weights, licence):
    origin = weights_origin(name, encoder=encoder, encoder_weights=weights)
    assert origin is not None
    assert (origin.name, origin.licence) == (weights, licence)
    assert origin.source.startswith("https://") or origin.source == weights


@pytest.mark.parametrize(("encoder", "weights"), [(None, "none"), ("resnet18", "none")])
def test_random_weights_have_no_origin(encoder, weights):
    assert weights_origin("unet", encoder=encoder, encoder_weights=weights) is None


def test_the_origin_of_an_unknown_models_weights_is_refused():
    with pytest.raises(UsageError, match="no model is called 'unett'; did you mean 'unet'"):
        weights_origin("unett", encoder="resnet18", encoder_weights="imagenet")
