"""The kinds of files that a model is exported to. Adding one is a file beside this and a line."""

import importlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import torch

from tessella.backends import Opened
from tessella.errors import UsageError
from tessella.export.calibration import Images
from tessella.export.int8_search import Attempt
from tessella.model_card import ModelCard
from tessella.suggestion import unknown_name


class Format(Protocol):
    """What the module of a format offers."""

    def convert(self, program: torch.export.ExportedProgram, *, outputs: tuple[str, ...]) -> bytes:
        """The program as a file without a card."""
        ...

    def with_card(self, content: bytes, card: ModelCard) -> bytes:
        """The same with a card."""
        ...

    def open_bytes(self, content: bytes, *, where: str) -> Opened:
        """The file behind its engine, on the CPU."""
        ...

    def int8_attempts(self, content: bytes, images: Images) -> Sequence[Attempt[bytes]]:
        """The ways to quantise a file without a card, the preferred first.

        Only where the table says that the format has int8.
        """
        ...


class FormatEntry(NamedTuple):
    """One line of the table."""

    about: str
    ending: str
    module: str
    """Loaded when it is asked for: each needs a library of its own."""

    is_repository: bool = False
    """Whether it is a folder for Triton, with the file in it."""

    has_int8: bool = True


FORMATS: Mapping[str, FormatEntry] = {
    "onnx": FormatEntry("for ONNX Runtime and most others", ".onnx", "onnx_file"),
    "openvino": FormatEntry(
        "for OpenVINO: model.xml and model.bin in one archive",
        ".openvino",
        "openvino_file",
    ),
    "torch": FormatEntry(
        "a PyTorch program, for torch.export.load", ".pt2", "torch_file", has_int8=False
    ),
    "triton": FormatEntry(
        "a model repository for Triton Inference Server",
        "-triton",
        "onnx_file",
        is_repository=True,
    ),
}


def find_format(name: str) -> Format:
    """The module of a format.

    Raises:
        UsageError: unknown format.
        ModuleNotFoundError: its library is not installed.
    """
    if name not in FORMATS:
        raise UsageError(unknown_name("format", name, FORMATS))
    return importlib.import_module(f"tessella.export.{FORMATS[name].module}")  # type: ignore[return-value]
