"""Reading a file of named tensors without running any code that it may hold."""

import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
"""File names that hold weights: safetensors, or what torch.save writes."""

# what torch's reader raises on damaged files: it depends on where the damage is
_DAMAGED = (
    RuntimeError,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    pickle.UnpicklingError,
    SafetensorError,
)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors in a file of weights, by name, on the CPU.

    Raises:
        ValueError: the file is of another kind, is damaged, or holds anything but named tensors.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"{path}: expected a file of weights named {', '.join(SUFFIXES)}, got "
            f"{path.suffix or 'no suffix'}; save the state dict as safetensors."
        )
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except _DAMAGED as error:
        raise ValueError(_explain(path, error)) from error
    if not isinstance(content, dict) or not all(isinstance(v, Tensor) for v in content.values()):
        found = list(content)[:5] if isinstance(content, dict) else type(content).__name__
        raise ValueError(
            f"{path}: expected a state dict (names and tensors only), got {found}; "
            "save model.state_dict() alone."
        )
    return content


def _explain(path: Path, error: Exception) -> str:
    if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
        return (
            f"{path}: holds Python objects, and loading those could run code; expected tensors "
            "only. Save model.state_dict(), best as safetensors."
        )
    size = f"{path.stat().st_size} bytes" if path.is_file() else "not a file"
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    return (
        f"{path} ({size}) cannot be read as weights: {reason}. It is damaged or cut short, or of "
        "another kind; copy or download it again."
    )
