"""Files of weights: what is read, and what each broken one is said to be."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tessella.models.state_file import read_tensors

TENSORS = {"a.weight": torch.arange(600.0).view(2, 300), "a.bias": torch.ones(2)}


class Custom:
    """Something that only running code could bring back."""


def write(path: Path, content: object) -> Path:
    if path.suffix == ".safetensors":
        save_file(content, path)
    else:
        torch.save(content, path)
    return path


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "w.pt", "w.bin"])
def test_named_tensors_come_back_as_they_were_saved(tmp_path, name):
    tensors = read_tensors(write(tmp_path / name, TENSORS))
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[key], TENSORS[key]) for key in TENSORS)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
@pytest.mark.parametrize("kept", [0, 20, 200])
def test_a_file_cut_short_is_refused_with_its_size(tmp_path, name, kept):
    path = write(tmp_path / name, TENSORS)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match=rf"{name} \({kept} bytes\) cannot be read as weights: .+"):
        read_tensors(path)


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth"])
def test_a_file_of_something_else_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ValueError, match="or of another kind; copy or download it again"):
        read_tensors(path)


def test_a_pickled_object_is_refused_because_loading_it_could_run_code(tmp_path):
    path = write(tmp_path / "w.pth", {"model": Custom()})
    with pytest.raises(ValueError, match=r"holds Python objects.*Save model.state_dict\(\)"):
        read_tensors(path)


def test_a_checkpoint_with_more_than_tensors_is_refused_naming_what_it_holds(tmp_path):
    path = write(tmp_path / "w.pth", {"state_dict": TENSORS, "epoch": 3})
    with pytest.raises(ValueError, match=r"got \['state_dict', 'epoch'\]; save model.state_dict"):
        read_tensors(path)


def test_a_single_tensor_is_refused(tmp_path):
    path = write(tmp_path / "w.pt", torch.ones(2))
    with pytest.raises(ValueError, match="expected a state dict .*, got Tensor"):
        read_tensors(path)


@pytest.mark.parametrize(("name", "got"), [("w.npz", ".npz"), ("weights", "no suffix")])
def test_other_file_names_are_refused(tmp_path, name, got):
    with pytest.raises(ValueError, match=f"named .safetensors, .pth, .pt, .bin, got {got}"):
        read_tensors(tmp_path / name)
