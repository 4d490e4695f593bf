"""Pretrained encoder weights: whole or refused, from a file or the hub's cache."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from tessella.errors import UsageError
from tessella.models.build import build_segmenter
from tessella.models.weights import EncoderWeights, find_encoder_weights, load_encoder_weights

MOBILENET = "mobilenet_v2-imagenet1k-tfqat-6941b53f.pth"


def encoder_module(name: str, *, in_channels: int = 3) -> nn.Module:
    return smp.encoders.get_encoder(name, in_channels=in_channels, weights=None)


def load(module: nn.Module, path: Path, *, encoder: str, in_channels: int = 3) -> None:
    source = find_encoder_weights(encoder, str(path), accept_noncommercial=False)
    assert isinstance(source, EncoderWeights)
    load_encoder_weights(module, source, encoder=encoder, in_channels=in_channels)


def assert_same(left: dict[str, Tensor], right: dict[str, Tensor]) -> None:
    assert left.keys() == right.keys()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


@pytest.fixture(scope="module")
def mobilenet(real_data: Path) -> Path:
    path = real_data / "weights" / MOBILENET
    if not path.is_file():
        pytest.skip(f"{MOBILENET} is not among the real data")
    return path


def test_real_imagenet_weights_fill_every_tensor_of_the_encoder(mobilenet, caplog):
    caplog.set_level(logging.INFO, logger="tessella")
    segmenter = build_segmenter(
        "unet", num_classes=4, encoder="mobilenet_v2", encoder_weights=str(mobilenet), options={}
    )
    expected = torch.load(mobilenet, weights_only=True)
    del expected["classifier.1.weight"], expected["classifier.1.bias"]
    assert_same(segmenter.network.encoder.state_dict(), expected)
    # its source says: 314 tensors, 2 of them the classifier's
    assert f"encoder mobilenet_v2: loaded 312 tensors from {mobilenet}" in caplog.text


def test_a_real_file_cut_short_is_refused(mobilenet, tmp_path):
    path = tmp_path / "short.pth"
    path.write_bytes(mobilenet.read_bytes()[:1_000_000])
    with pytest.raises(ValueError, match=r"short.pth \(1000000 bytes\) cannot be read as weights"):
        load(encoder_module("mobilenet_v2"), path, encoder="mobilenet_v2")


def changed(tensors: dict[str, Tensor], *, change: str) -> dict[str, Tensor]:
    if change == "missing":
        del tensors["features.4.conv.0.0.weight"]
    elif change == "unexpected":
        tensors["features.99.weight"] = torch.ones(1)
    else:
        tensors["features.4.conv.0.0.weight"] = torch.ones(7, 24, 1, 1)
    return tensors


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", r"do not fit: 1 missing \(features.4.conv.0.0.weight\)\. Give the file"),
        ("unexpected", r"do not fit: 1 not the encoder's \(features.99.weight\)\. Give"),
        ("shape", r"do not fit: 1 of another shape \(features.4.conv.0.0.weight\)\. Give"),
    ],
)
def test_one_wrong_tensor_is_refused_by_name(tmp_path, change, message):
    path = tmp_path / "w.safetensors"
    save_file(changed(encoder_module("mobilenet_v2").state_dict(), change=change), path)
    with pytest.raises(ValueError, match=message):
        load(encoder_module("mobilenet_v2"), path, encoder="mobilenet_v2")


def test_weights_of_another_encoder_are_refused_counting_both_sides(tmp_path):
    path = tmp_path / "w.safetensors"
    save_file(encoder_module("mobilenet_v2").state_dict(), path)
    # torchvision's resnet18 has 122 tensors; 20 counters of batch norm may be absent, 2 are fc's
    message = r"100 missing \(conv1.weight, bn1.weight, bn1.bias, \.\.\.\); 312 not the encoder's"
    with pytest.raises(ValueError, match=message):
        load(encoder_module("resnet18"), path, encoder="resnet18")


def test_the_classifier_in_a_resnet_file_is_left_out(tmp_path):
    tensors = encoder_module("resnet18").state_dict()
    path = tmp_path / "w.pth"
    torch.save(tensors | {"fc.weight": torch.ones(1000, 512), "fc.bias": torch.ones(1000)}, path)
    module = encoder_module("resnet18")
    load(module, path, encoder="resnet18")
    assert_same(module.state_dict(), tensors)


@pytest.mark.parametrize("prefix", ["encoder.", "network.encoder."])
@pytest.mark.parametrize("encoder", ["resnet18", "tu-test_resnet"])
def test_the_encoder_of_a_segmentation_model_is_picked_by_its_prefix(tmp_path, prefix, encoder):
    tensors = encoder_module(encoder).state_dict()
    path = tmp_path / "w.safetensors"
    saved = {prefix + name: tensor for name, tensor in tensors.items()}
    save_file(saved | {prefix.replace("en", "de") + "x": torch.ones(1)}, path)
    module = encoder_module(encoder)
    load(module, path, encoder=encoder)
    assert_same(module.state_dict(), tensors)


@pytest.mark.parametrize("encoder", ["resnet18", "tu-test_resnet"])
@pytest.mark.parametrize(
    ("in_channels", "source", "factor"),
    # 4 channels: red, green, blue, red again, scaled so that equal channels sum to the same
    [(4, [0, 1, 2, 0], 3 / 4), (2, [0, 1], 3 / 2), (6, [0, 1, 2, 0, 1, 2], 3 / 6)],
)
def test_first_convolution_is_repeated_over_other_channel_counts(
    tmp_path, encoder, in_channels, source, factor
):
    module, path, name = first_convolution(tmp_path, encoder, in_channels)
    published = timm_or_smp(encoder)[name.removeprefix("model.")]
    torch.testing.assert_close(module.state_dict()[name], published[:, source] * factor)


@pytest.mark.parametrize("encoder", ["resnet18", "tu-test_resnet"])
def test_first_convolution_is_summed_for_grey_images(tmp_path, encoder):
    module, path, name = first_convolution(tmp_path, encoder, 1)
    published = timm_or_smp(encoder)[name.removeprefix("model.")]
    torch.testing.assert_close(module.state_dict()[name], published.sum(1, keepdim=True))


def timm_or_smp(encoder: str) -> dict[str, Tensor]:
    """The same random "published" weights every time."""
    torch.manual_seed(5)
    if encoder.startswith("tu-"):
        return timm.create_model(encoder.removeprefix("tu-")).state_dict()
    return encoder_module(encoder).state_dict()


def first_convolution(folder: Path, encoder: str, in_channels: int) -> tuple[nn.Module, Path, str]:
    path = folder / "w.safetensors"
    save_file(timm_or_smp(encoder), path)
    module = encoder_module(encoder, in_channels=in_channels)
    load(module, path, encoder=encoder, in_channels=in_channels)
    return module, path, next(iter(module.state_dict()))


def test_a_timm_file_gives_the_features_of_its_classifier(tmp_path):
    torch.manual_seed(0)
    classifier = timm.create_model("test_resnet").eval()
    path = tmp_path / "w.safetensors"
    save_file(classifier.state_dict(), path)
    module = encoder_module("tu-test_resnet").eval()
    load(module, path, encoder="tu-test_resnet")
    images = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(module(images)[-1], classifier.forward_features(images))


def test_a_timm_file_without_its_classifier_is_whole(tmp_path):
    tensors = timm.create_model("test_resnet").state_dict()
    path = tmp_path / "w.safetensors"
    save_file({k: v for k, v in tensors.items() if not k.startswith("fc.")}, path)
    module = encoder_module("tu-test_resnet")
    load(module, path, encoder="tu-test_resnet")
    assert torch.equal(module.state_dict()["model.conv1.0.weight"], tensors["conv1.0.weight"])


def test_a_timm_file_with_one_tensor_missing_is_refused_by_name(tmp_path):
    tensors = timm.create_model("test_resnet").state_dict()
    del tensors["layer2.0.conv1.weight"]
    path = tmp_path / "w.safetensors"
    save_file(tensors, path)
    with pytest.raises(ValueError, match=r"do not fit: 1 missing \(layer2.0.conv1.weight\)"):
        load(encoder_module("tu-test_resnet"), path, encoder="tu-test_resnet")


def test_a_vision_transformers_file_fills_the_encoder_of_dpt(tmp_path):
    torch.manual_seed(0)
    tensors = timm.create_model("test_vit").state_dict()
    path = tmp_path / "w.safetensors"
    save_file(tensors, path)
    segmenter = build_segmenter(
        "dpt", num_classes=2, encoder="tu-test_vit", encoder_weights=str(path), options={}
    )
    encoder = segmenter.network.encoder.model.state_dict()
    body = [name for name in tensors if not name.startswith("head.")]
    assert [name for name in body if not torch.equal(encoder[name], tensors[name])] == []


@pytest.mark.parametrize(("in_channels", "mean"), [(3, [25.5, 51.0, 76.5]), (2, [51.0, 51.0])])
def test_mean_and_std_come_from_the_config_beside_the_file(tmp_path, in_channels, mean):
    path = tmp_path / "model.safetensors"
    save_file(encoder_module("mobilenet_v2").state_dict(), path)
    config = {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.5], "input_space": "RGB"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    segmenter = build_segmenter(
        "unet",
        num_classes=2,
        in_channels=in_channels,
        encoder="mobilenet_v2",
        encoder_weights=str(path),
        options={},
    )
    assert segmenter.mean.flatten().tolist() == pytest.approx(mean)
    assert segmenter.std.flatten().tolist() == [127.5] * in_channels


@pytest.mark.parametrize(
    ("encoder", "mean"),
    # timm's test_vit was trained with mean 0.5; nothing is known about the other file
    [("tu-test_vit", (0.5, 0.5, 0.5)), ("resnet18", (0.485, 0.456, 0.406))],
)
def test_mean_without_a_config_is_timms_or_imagenets(tmp_path, encoder, mean):
    path = tmp_path / "w.safetensors"
    path.touch()
    found = find_encoder_weights(encoder, str(path), accept_noncommercial=False)
    assert found is not None
    assert found.mean == mean


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"input_space": "BGR"}', "expect BGR images"),
        ('{"input_range": [0, 255]}', r"images in \[0, 255\], but images here are RGB"),
        ("{", "config.json: expected a JSON object with mean and std"),
    ],
)
def test_a_config_that_we_cannot_follow_is_refused(tmp_path, content, message):
    path = tmp_path / "w.safetensors"
    path.touch()
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ValueError, match=message):
        find_encoder_weights("resnet18", str(path), accept_noncommercial=False)


def test_random_weights_are_no_file():
    assert find_encoder_weights("resnet18", "none", accept_noncommercial=False) is None


@pytest.mark.parametrize(
    ("encoder", "weights", "message"),
    [
        ("resnet18", "imagnet", "did you mean 'imagenet'"),
        ("resnet18", "no/such.pth", "neither a file nor a published name"),
        ("resnext101_32x16d", "imagenet", "one of none, instagram, ssl, swsl"),
        ("tu-test_vit", "imagenett", "one of none, imagenet"),
    ],
)
def test_unknown_weights_are_refused_naming_the_known(encoder, weights, message):
    with pytest.raises(UsageError, match=message):
        find_encoder_weights(encoder, weights, accept_noncommercial=False)


def test_published_weights_without_commercial_use_are_refused():
    with pytest.raises(UsageError, match="licence cc-by-nc-4.0, no commercial use.*accept_noncomm"):
        find_encoder_weights("tu-convnextv2_atto.fcmae", "imagenet", accept_noncommercial=False)


OFFLINE = """
import json, sys, torch
from safetensors.torch import load_file
from tessella.models.build import build_segmenter

def build(encoder):
    return build_segmenter(
        "fpn", num_classes=2, encoder=encoder, encoder_weights="imagenet", options={}
    )

found = build("mobilenet_v2")
expected = load_file(sys.argv[1])
state = found.network.encoder.state_dict()
same = all(torch.equal(state[name], tensor) for name, tensor in expected.items())
try:
    build("resnet18")
except ValueError as error:
    message = str(error)
print(json.dumps([same, len(expected), found.mean.flatten().tolist(), message]))
"""


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list]:
    """`imagenet` with a hub cache that holds one encoder, in a process without the network."""
    home = tmp_path_factory.mktemp("home")
    place = smp.encoders.encoders["mobilenet_v2"]["pretrained_settings"]["imagenet"]
    repository = home / "hub" / f"models--{place['repo_id'].replace('/', '--')}"
    snapshot = repository / "snapshots" / place["revision"]
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(place["revision"])
    weights = snapshot / "model.safetensors"
    save_file(encoder_module("mobilenet_v2").state_dict(), weights)
    (snapshot / "config.json").write_text(json.dumps({"mean": [0.2] * 3, "std": [0.4] * 3}))
    finished = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", OFFLINE, str(weights)],
        env=os.environ | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return home, json.loads(finished.stdout)


def test_imagenet_weights_come_from_the_hubs_cache_without_the_network(offline):
    _, (same, num_tensors, mean, _) = offline
    assert same
    assert num_tensors == 312
    assert mean == pytest.approx([51.0] * 3)


def test_imagenet_weights_that_are_nowhere_say_what_to_do(offline):
    home, (*_, message) = offline
    folder = home / "hub" / "models--smp-hub--resnet18.imagenet"
    assert message.startswith(
        f"encoder weights 'imagenet' for resnet18: neither in the cache ({folder}) nor downloadable"
    )
    assert "`hf download smp-hub/resnet18.imagenet --revision" in message
    assert "model.encoder_weights=none" in message
