"""Weights of torchvision's segmentation models: what they are, and whole or refused."""

import logging
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import mobilenet_v3_large, segmentation

from tessella.errors import UsageError
from tessella.models.build import build_segmenter
from tessella.models.segmenter import Segmenter
from tessella.models.torchvision_weights import VARIANTS, published_origin

LITE = "torchvision_lraspp"
DEEP = "torchvision_deeplabv3"
MOBILE = "mobilenet_v3_large"


def build(name: str, weights: object, **values) -> Segmenter:
    torch.manual_seed(9)
    return build_segmenter(
        name,
        **({"num_classes": 4, "options": {}} | values),
        encoder=MOBILE,
        encoder_weights=str(weights),
    )


@pytest.fixture(scope="module")
def coco() -> dict[str, Tensor]:
    """What torchvision's file of DeepLabv3 on COCO holds, with other numbers."""
    torch.manual_seed(0)
    return segmentation.deeplabv3_mobilenet_v3_large(
        weights=None, weights_backbone=None, aux_loss=True
    ).state_dict()


@pytest.fixture(scope="module")
def classifier() -> dict[str, Tensor]:
    """What torchvision's file of the classifier holds, with other numbers."""
    torch.manual_seed(1)
    return mobilenet_v3_large(weights=None).state_dict()


def save(folder: Path, tensors: dict[str, Tensor], name: str = "w.pth") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, folder / name)
    return folder / name


def different(segmenter: Segmenter, tensors: dict[str, Tensor], *, prefixes: dict[str, str]) -> set:
    """Names in the network whose numbers are not the file's; `prefixes` are theirs -> ours."""
    own = segmenter.network.state_dict()
    pairs = {
        ours + name.removeprefix(theirs): tensor
        for name, tensor in tensors.items()
        for theirs, ours in prefixes.items()
        if name.startswith(theirs)
    }
    return {n for n, t in own.items() if n not in pairs or not torch.equal(pairs[n], t)}


WHOLE = {"backbone.": "encoder.", "classifier.": "decoder.", "aux_classifier.": "auxiliary_head."}


def test_coco_weights_fill_all_but_the_last_layer(tmp_path, monkeypatch, coco, caplog):
    """S1-B13: the tutorial takes COCO's weights for ImageNet's."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    caplog.set_level(logging.INFO, logger="tessella")
    url = VARIANTS[DEEP][MOBILE].coco_voc.url
    save(tmp_path / "hub" / "checkpoints", coco, url.rpartition("/")[2])
    segmenter = build(DEEP, "coco_voc")
    assert different(segmenter, coco, prefixes=WHOLE) == {"decoder.4.weight", "decoder.4.bias"}
    assert segmenter.network.decoder[4].weight.shape == (4, 256, 1, 1)
    assert "COCO's images with the 20 classes of Pascal VOC" in caplog.text
    assert "licence not stated" in caplog.text
    assert "only the file has an auxiliary head; it is not loaded" in caplog.text


def test_coco_weights_fill_the_auxiliary_head_but_its_last_layer(tmp_path, coco):
    segmenter = build(DEEP, save(tmp_path, coco), options={"auxiliary": True})
    assert different(segmenter, coco, prefixes=WHOLE) == {
        f"{head}.4.{kind}" for head in ("decoder", "auxiliary_head") for kind in ("weight", "bias")
    }


def test_imagenet_weights_fill_the_encoder(tmp_path, monkeypatch, classifier):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    url = VARIANTS[LITE][MOBILE].imagenet.url
    save(tmp_path / "hub" / "checkpoints", classifier, url.rpartition("/")[2])
    segmenter = build(LITE, "imagenet")
    left = different(segmenter, classifier, prefixes={"features.": "encoder."})
    assert {name.partition(".")[0] for name in left} == {"decoder"}
    # torchvision's preset of these weights
    assert segmenter.mean.flatten().tolist() == pytest.approx([123.675, 116.28, 103.53])


def test_weights_that_are_nowhere_say_so(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    # nothing listens on port 1
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    message = (
        "weights 'imagenet' for torchvision_lraspp on mobilenet_v3_large: neither in the cache"
    )
    with pytest.raises(ValueError, match=message):
        build(LITE, "imagenet")


def test_a_model_of_ours_fills_all_but_the_last_layers_and_brings_its_mean(tmp_path):
    torch.manual_seed(3)
    ours = build_segmenter(LITE, num_classes=7, encoder=MOBILE, options={})
    ours.mean.fill_(51)
    save_file(ours.state_dict(), tmp_path / "model.safetensors")
    segmenter = build(LITE, tmp_path / "model.safetensors")
    heads = [f"{size}_classifier.{kind}" for size in ("low", "high") for kind in ("weight", "bias")]
    left = different(segmenter, ours.network.state_dict(), prefixes={"": ""})
    assert left == {f"decoder.{head}" for head in heads}
    assert segmenter.mean.flatten().tolist() == [51] * 3


def test_a_file_of_an_encoder_alone_fills_the_encoder(tmp_path, classifier):
    body = {
        n.replace("features.", "encoder.", 1): t for n, t in classifier.items() if "features" in n
    }
    segmenter = build(LITE, save(tmp_path, body))
    left = different(segmenter, body, prefixes={"encoder.": "encoder."})
    assert {name.partition(".")[0] for name in left} == {"decoder"}


def test_first_convolution_is_summed_for_grey_images(tmp_path, classifier):
    segmenter = build(LITE, save(tmp_path, classifier), in_channels=1)
    expected = classifier["features.0.0.weight"].sum(1, keepdim=True)
    torch.testing.assert_close(segmenter.network.encoder["0"][0].weight.detach(), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", r"do not fit: 1 missing \(encoder.0.0.weight\)"),
        ("unexpected", r"1 not the encoder's \(encoder.99\)"),
        ("shape", r"1 of another shape \(encoder.0.0.weight\)"),
    ],
)
def test_one_wrong_tensor_is_refused_by_name(tmp_path, coco, change, message):
    tensors = dict(coco)
    if change == "missing":
        del tensors["backbone.0.0.weight"]
    elif change == "unexpected":
        tensors["backbone.99"] = torch.ones(1)
    else:
        tensors["backbone.0.0.weight"] = torch.ones(16, 4, 3, 3)
    with pytest.raises(ValueError, match=message):
        build(DEEP, save(tmp_path, tensors))


def test_weights_of_another_model_are_refused(tmp_path, coco):
    with pytest.raises(ValueError, match="for LiteNetwork: tensors do not fit: .* missing"):
        build(LITE, save(tmp_path, coco))


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("imagnet", "'imagnet' for torchvision_lraspp on .*did you mean 'imagenet'"),
        ("no/such.pth", "expected a path, or one of none, imagenet, coco_voc"),
    ],
)
def test_unknown_weights_are_refused_naming_the_known(weights, message):
    with pytest.raises(UsageError, match=message):
        build(LITE, weights)


@pytest.mark.parametrize("model", VARIANTS)
@pytest.mark.parametrize("weights", ["imagenet", "coco_voc"])
def test_every_published_file_has_an_origin_and_a_checksum_in_its_name(model, weights):
    origins = [published_origin(model, encoder=e, encoder_weights=weights) for e in VARIANTS[model]]
    assert all(o is not None and o.licence == "not stated" for o in origins)
    pattern = r"https://download\.pytorch\.org/models/\w+-[0-9a-f]{8}\.pth"
    assert all(o is not None and re.fullmatch(pattern, o.source) for o in origins)


def test_random_weights_have_no_origin():
    assert published_origin(LITE, encoder=MOBILE, encoder_weights="none") is None
