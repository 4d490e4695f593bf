"""Which network is chosen, and what it starts from."""

from pathlib import Path

import pytest
import torch

from tessella.errors import UsageError
from tessella.models.build import build_segmenter
from tessella.plan.start import choose_start


def test_without_weights_a_small_encoder_learns_from_scratch_and_it_is_said() -> None:
    start = choose_start({}, num_classes=2, is_gpu=False)
    values = {key: choice.value for key, choice in start.choices.items()}
    assert values["model.name"] == "unet"
    assert values["model.encoder"] == "tu-resnet10t"
    assert values["model.encoder_weights"] == "none"
    assert not start.is_pretrained
    (remark,) = start.remarks
    assert remark.startswith("No pretrained weights can be had here, so training starts from")
    assert "neither in the cache" in remark
    assert start.segmenter.stride == 32


@pytest.fixture(scope="module")
def resnet18_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a ResNet-18, as somebody's own file."""
    path = tmp_path_factory.mktemp("weights") / "mine.pth"
    segmenter = build_segmenter(
        "unet", num_classes=2, encoder="resnet18", options={"decoder_channels": [8, 8, 8, 8, 8]}
    )
    torch.save(segmenter.network.get_submodule("encoder").state_dict(), path)
    return path


def test_the_encoder_of_a_file_is_found_by_trying(resnet18_file: Path) -> None:
    given = {"model.encoder_weights": str(resnet18_file)}
    start = choose_start(given, num_classes=2, is_gpu=False)
    assert start.choices["model.encoder"].value == "resnet18"
    assert "model.encoder_weights" not in start.choices  # the user's
    assert start.is_pretrained
    assert start.remarks == ()


def test_a_file_that_does_not_fit_the_users_encoder_is_refused(resnet18_file: Path) -> None:
    given = {"model.encoder_weights": str(resnet18_file), "model.encoder": "tu-resnet10t"}
    with pytest.raises(ValueError, match=r"mine.pth for encoder tu-resnet10t: tensors do not fit"):
        choose_start(given, num_classes=2, is_gpu=False)


def test_weights_that_the_user_asked_for_and_that_cannot_be_had_are_an_error() -> None:
    given = {"model.encoder_weights": "imagenet", "model.encoder": "resnet18"}
    with pytest.raises(ValueError, match="neither in the cache"):
        choose_start(given, num_classes=2, is_gpu=False)


def test_a_network_without_an_encoder_gets_none() -> None:
    given = {"model.name": "plain_unet", "model.options": {"depth": 2, "base_channels": 4}}
    start = choose_start(given, num_classes=2, is_gpu=False)
    assert start.choices == {}
    assert start.segmenter.stride == 4
    assert not start.is_pretrained


def test_an_encoder_of_the_users_stays_also_without_weights() -> None:
    start = choose_start({"model.encoder": "resnet18"}, num_classes=2, is_gpu=True)
    assert "model.encoder" not in start.choices
    assert start.choices["model.encoder_weights"].value == "none"


def test_a_word_that_is_no_weights_is_refused() -> None:
    with pytest.raises(UsageError, match="neither a file nor a published name"):
        choose_start({"model.encoder_weights": "imagenett"}, num_classes=2, is_gpu=False)
