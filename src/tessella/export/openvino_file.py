"""A traced model as a file for OpenVINO that holds its card."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from tessella.backends import Opened
from tessella.backends import openvino as backend
from tessella.export import int8_openvino, onnx_file
from tessella.export.calibration import Images
from tessella.export.int8_search import Attempt
from tessella.model_card import ModelCard


def convert(program: torch.export.ExportedProgram, *, outputs: tuple[str, ...]) -> bytes:
    """The program as one file of network and numbers, in float32, without a card.

    Raises:
        ValueError: an operation has no counterpart.
    """
    # by way of ONNX: OpenVINO's own reader of PyTorch programs knows fewer operations
    model = onnx_file.convert(program, outputs=outputs)
    return packed_model(backend.openvino.Core().read_model(model, b""))


def with_card(content: bytes, card: ModelCard) -> bytes:
    """The same file with the card and, for other programs, labels and licence in words."""
    model = backend.openvino.Core().read_model(*backend.unpacked(content, where="exported file"))
    model.set_rt_info(card.to_json(), ["tessella", "card"])
    model.set_rt_info(", ".join(card.labels.names), ["model_info", "labels"])
    model.set_rt_info(card.licence, ["model_info", "licence"])
    return packed_model(model)


def open_bytes(content: bytes, *, where: str) -> Opened:
    """The file behind OpenVINO."""
    return Opened(*backend.open_bytes(content, where=where))


def int8_attempts(content: bytes, images: Images) -> Sequence[Attempt[bytes]]:
    """The ways to quantise the file, the preferred first."""
    ways = int8_openvino.attempts(*backend.unpacked(content, where="exported file"), images)
    return [Attempt(way.name, lambda way=way: backend.packed(*way.make())) for way in ways]


def packed_model(model: backend.openvino.Model) -> bytes:
    """A model in memory as one file."""
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "model.xml"
        # weights as they are: rounded to half precision they would not pass the comparison
        backend.openvino.save_model(model, network, compress_to_fp16=False)
        return backend.packed(network.read_bytes(), network.with_suffix(".bin").read_bytes())
