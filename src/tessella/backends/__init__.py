"""The engines that compute class maps. Adding one is a file beside this and a line here."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tessella.backends.backend import Backend
from tessella.errors import UsageError
from tessella.model_card import ModelCard


class Opened(NamedTuple):
    """A model ready to compute, and what it is."""

    backend: Backend[Any]
    card: ModelCard


class Engine(NamedTuple):
    """One line of the table."""

    about: str

    endings: tuple[str, ...]
    """Of the files that it opens; none: folders with weights and a card."""

    needs: str
    """What has to be installed for it."""

    open: Callable[[Path, str, str | None], Opened]
    """(path, device, precision) -> the model, its libraries loaded only now."""


def _open_torch(path: Path, device: str, precision: str | None) -> Opened:
    from tessella.backends.torch import open_folder

    return Opened(*open_folder(path, device=device, precision=precision))


def _open_torch_export(path: Path, device: str, precision: str | None) -> Opened:
    from tessella.backends.torch_export import open_file

    return Opened(*open_file(path, device=device, precision=precision))


def _open_onnx(path: Path, device: str, precision: str | None) -> Opened:
    from tessella.backends.onnx import open_file

    return Opened(*open_file(path, device=device, precision=precision))


def _open_openvino(path: Path, device: str, precision: str | None) -> Opened:
    from tessella.backends.openvino import open_file

    return Opened(*open_file(path, device=device, precision=precision))


BACKENDS: Mapping[str, Engine] = {
    "torch": Engine("PyTorch, on a CPU or a GPU", (), "tessella[train]", _open_torch),
    "torch-export": Engine(
        "an exported PyTorch program", (".pt2",), "tessella[train]", _open_torch_export
    ),
    "onnx": Engine("ONNX Runtime", (".onnx",), "tessella", _open_onnx),
    "openvino": Engine("OpenVINO", (".openvino", ".onnx"), "tessella[openvino]", _open_openvino),
}


def engines_for(path: Path) -> list[str]:
    """The engines that can open a path, the usual one first: by its ending, torch for a folder.

    Raises:
        UsageError: it is a file that no engine opens.
    """
    found = [name for name, engine in BACKENDS.items() if path.name.endswith(engine.endings)]
    if found:
        return found
    if path.is_file():
        endings = ", ".join(dict.fromkeys(end for e in BACKENDS.values() for end in e.endings))
        raise UsageError(
            f"{path}: is no model; expected a run folder, a model folder or a file that ends in "
            f"one of {endings}."
        )
    return ["torch"]


def open_model(
    path: Path, *, device: str = "auto", precision: str | None = None, engine: str | None = None
) -> Opened:
    """The model at `path` behind an engine.

    Args:
        path: a run folder, a model folder or an exported file.
        device: auto, cpu, cuda or mps.
        precision: fp32, bf16 or fp16; None takes the model's own. A file exported has its own.
        engine: one of `engines_for(path)`; None takes the first.

    Raises:
        UsageError: there is no model, or its engine cannot compute it as asked.
        ValueError: its files are damaged.
        ModuleNotFoundError: the engine is not installed.
    """
    able = engines_for(path)
    if engine is not None and engine not in able:
        raise UsageError(f"{path}: {engine} cannot open it; these can: {', '.join(able)}.")
    chosen = BACKENDS[engine or able[0]]
    if chosen.endings and not path.is_file():
        raise UsageError(f"{path}: there is no such file.")
    return chosen.open(path, device, precision)
