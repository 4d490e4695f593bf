"""Starting from another model's weights: everything, or what differs is said or refused."""

from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import torch
from safetensors.torch import save_file
from torch import Tensor
from torchvision.models import segmentation

from tessella.errors import UsageError
from tessella.models.build import build_segmenter
from tessella.models.segmenter import Segmenter
from tessella.models.start_weights import load_start_weights


def small(*, num_classes: int = 3, seed: int = 0, depth: int = 2) -> Segmenter:
    torch.manual_seed(seed)
    options = {"depth": depth, "base_channels": 4}
    return build_segmenter("plain_unet", num_classes=num_classes, options=options)


def copy_of(segmenter: Segmenter) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in segmenter.state_dict().items()}


def equal_names(left: dict[str, Tensor], right: dict[str, Tensor]) -> set[str]:
    return {n for n, t in left.items() if n in right and torch.equal(t, right[n])}


HEAD = ("network.decoder.head.weight", "network.decoder.head.bias")


@pytest.mark.parametrize("place", ["model.safetensors", "", "..", "w.pth"])
def test_the_same_model_is_taken_whole_from_file_model_folder_or_run(tmp_path, place):
    other = small(seed=1)
    other.mean.fill_(7)
    folder = tmp_path / "model"
    folder.mkdir()
    save_file(other.state_dict(), folder / "model.safetensors")
    torch.save(other.state_dict(), folder / "w.pth")
    segmenter = small()
    report = load_start_weights(segmenter, folder / place, allow_partial=False)
    assert equal_names(segmenter.state_dict(), other.state_dict()) == set(other.state_dict())
    assert set(report.matched) == set(other.state_dict())
    # 12 convolutions with bias and norm (7 tensors each), the head's 2, mean and std
    assert report.text().splitlines() == [f"weights from {report.path}: 88 tensors taken"]


def test_a_head_of_other_classes_is_new_and_said_plainly(tmp_path):
    other = small(num_classes=5, seed=1)
    save_file(other.state_dict(), tmp_path / "w.safetensors")
    segmenter = small()
    before = copy_of(segmenter)
    report = load_start_weights(segmenter, tmp_path / "w.safetensors", allow_partial=False)
    assert set(report.new_head) == set(HEAD)
    assert equal_names(segmenter.state_dict(), before) >= set(HEAD)
    assert "2 not taken, the class head is new: the file has other classes" in report.text()
    after = equal_names(segmenter.state_dict(), other.state_dict())
    assert after == set(other.state_dict()) - set(HEAD)


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "_orig_mod."])
def test_wrapped_and_bare_networks_go_in(tmp_path, prefix):
    other = small(seed=1).network.state_dict()
    torch.save({prefix + name: tensor for name, tensor in other.items()}, tmp_path / "w.pth")
    segmenter = small()
    report = load_start_weights(segmenter, tmp_path / "w.pth", allow_partial=False)
    assert len(report.matched) == len(other)
    assert equal_names(segmenter.network.state_dict(), other) == set(other)


def test_a_file_of_smps_own_model_goes_in(tmp_path):
    torch.manual_seed(1)
    theirs = smp.FPN("resnet18", encoder_weights=None, classes=3).state_dict()
    torch.save(theirs, tmp_path / "w.pth")
    segmenter = build_segmenter("fpn", num_classes=3, encoder="resnet18", options={})
    load_start_weights(segmenter, tmp_path / "w.pth", allow_partial=False)
    assert equal_names(segmenter.network.state_dict(), theirs) == set(theirs)


def test_a_file_of_torchvisions_own_model_goes_in_without_its_auxiliary_head(tmp_path):
    torch.manual_seed(1)
    theirs = segmentation.deeplabv3_mobilenet_v3_large(
        weights=None, weights_backbone=None, aux_loss=True, num_classes=21
    ).state_dict()
    torch.save(theirs, tmp_path / "w.pth")
    segmenter = build_segmenter(
        "torchvision_deeplabv3", num_classes=3, encoder="mobilenet_v3_large", options={}
    )
    report = load_start_weights(segmenter, tmp_path / "w.pth", allow_partial=False)
    assert set(report.new_head) == {"network.decoder.4.weight", "network.decoder.4.bias"}
    assert len(report.auxiliary) == len([name for name in theirs if name.startswith("aux_")])
    assert "the auxiliary head: only one of the two has one" in report.text()
    assert torch.equal(segmenter.network.encoder["0"][0].weight, theirs["backbone.0.0.weight"])


def changed(tensors: dict[str, Tensor], *, change: str) -> dict[str, Tensor]:
    if change == "missing":
        del tensors["network.encoder.bottom.0.weight"]
    elif change == "unknown":
        tensors["network.encoder.top"] = torch.ones(1)
    else:
        tensors["network.encoder.bottom.0.weight"] = torch.ones(2, 2, 3, 3)
    return tensors


# the file's mean and std are left out: 86 tensors of the model's 88 could fit
CHANGES = [
    ("missing", r"85 of 88 tensors fit, but 1 missing \(network.encoder.bottom.0.weight\)"),
    ("unknown", r"86 of 88 tensors fit, but 1 not the model's \(network.encoder.top\)"),
    ("shape", r"85 of 88 tensors fit, but 1 of another shape \(network.encoder.bottom.0.weight\)"),
]


@pytest.mark.parametrize(("change", "message"), CHANGES)
def test_anything_else_that_differs_is_refused_and_nothing_is_loaded(tmp_path, change, message):
    tensors = changed(dict(small(seed=1).state_dict()), change=change)
    del tensors["mean"], tensors["std"]
    torch.save(tensors, tmp_path / "w.pth")
    segmenter = small()
    before = copy_of(segmenter)
    with pytest.raises(ValueError, match=message):
        load_start_weights(segmenter, tmp_path / "w.pth", allow_partial=False)
    assert equal_names(segmenter.state_dict(), before) == set(before)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("missing", "1 not in the file, left as they were (network.encoder.bottom.0.weight)"),
        ("unknown", "1 of the file not used, the model has no such tensor (network.encoder.top)"),
        ("shape", "1 not taken, of another shape (network.encoder.bottom.0.weight)"),
    ],
)
def test_a_partial_start_that_is_allowed_says_what_was_left(tmp_path, change, line):
    tensors = changed(dict(small(seed=1).state_dict()), change=change)
    torch.save(tensors, tmp_path / "w.pth")
    segmenter = small()
    report = load_start_weights(segmenter, tmp_path / "w.pth", allow_partial=True)
    assert f"  {line}" in report.text().splitlines()
    name = "network.encoder.blocks.0.0.0.weight"
    assert torch.equal(segmenter.state_dict()[name], tensors[name])


def test_counters_of_batches_may_be_absent_as_in_older_files(tmp_path):
    tensors = {n: t for n, t in small().state_dict().items() if "num_batches" not in n}
    torch.save(tensors, tmp_path / "w.pth")
    report = load_start_weights(small(), tmp_path / "w.pth", allow_partial=False)
    assert report.missing == ()


@pytest.mark.parametrize("allow_partial", [True, False])
def test_a_file_that_fits_nowhere_is_always_refused(tmp_path, allow_partial):
    torch.save({"a": torch.ones(1), "b": torch.ones(2)}, tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"none of its 2 tensors .*network.a.* fits the model"):
        load_start_weights(small(), tmp_path / "w.pth", allow_partial=allow_partial)


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    tensors = copy_of(small())
    tensors[HEAD[1]][0] = torch.nan
    torch.save(tensors, tmp_path / "w.pth")
    with pytest.raises(
        ValueError, match=r"1 tensors hold numbers that are not finite \(.*head.bia"
    ):
        load_start_weights(small(), tmp_path / "w.pth", allow_partial=True)


@pytest.mark.parametrize(("name", "what"), [("none", "does not exist"), ("", "holds no model")])
def test_a_place_without_weights_is_refused(tmp_path: Path, name, what):
    with pytest.raises(UsageError, match=f"start weights .*: {what}; give a run folder, a model"):
        load_start_weights(small(), tmp_path / name, allow_partial=False)
