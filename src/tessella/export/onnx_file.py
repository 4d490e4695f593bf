"""A traced model as an ONNX file that holds its card."""

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from onnx import helper, load_model_from_string

from tessella.backends import Opened, onnx
from tessella.export import int8_onnx
from tessella.export.calibration import Images
from tessella.export.int8_search import Attempt
from tessella.model_card import CARD_KEY, IMAGES, ModelCard

OPSET = 20


def convert(program: torch.export.ExportedProgram, *, outputs: tuple[str, ...]) -> bytes:
    """The program as ONNX, without a card.

    Args:
        program: traced, with one input.
        outputs: names for its outputs, in order.

    Raises:
        ValueError: an operation has no counterpart in ONNX, or the file would exceed 2 GB.
    """
    # what the exporter says of versions and steps concerns nobody who exports a model
    for name in ("torch.onnx", "onnxscript"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        converted = torch.onnx.export(
            program,
            input_names=[IMAGES],
            output_names=list(outputs),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    except torch.onnx.errors.OnnxExporterError as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ValueError(f"ONNX cannot express this network: {reason}") from error
    if converted is None:
        raise ValueError("torch.onnx gave no program; nothing was exported.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        converted.save(file, external_data=False)
        return _tidied(file.read_bytes())


def with_card(model: bytes, card: ModelCard) -> bytes:
    """The same file with the card, and in words what whoever opens it elsewhere wants to know."""
    proto = load_model_from_string(model)
    properties = {
        CARD_KEY: card.to_json(),
        "labels": ", ".join(card.labels.names),
        "palette": " ".join("#{:02x}{:02x}{:02x}".format(*color) for color in card.labels.colors),
        "licence": card.licence,
        "input": "images: uint8 (n, c, h, w), RGB as in the image file, 0..255",
    }
    helper.set_model_props(proto, properties)
    proto.producer_name = "tessella"
    proto.doc_string = f"{card.name}: the class of each pixel"
    return proto.SerializeToString()


def open_bytes(content: bytes, *, where: str) -> Opened:
    """The file behind ONNX Runtime."""
    return Opened(*onnx.open_bytes(content, where=where))


def int8_attempts(content: bytes, images: Images) -> Sequence[Attempt[bytes]]:
    """The ways to quantise the file, the preferred first."""
    return int8_onnx.attempts(content, images)


def _tidied(model: bytes) -> bytes:
    """Axes called by what they are, as the tracer numbers them, and no notes of the exporter."""
    proto = load_model_from_string(model)
    names = {0: "batch", -2: "height", -1: "width"}
    for value in (*proto.graph.input, *proto.graph.output):
        axes = value.type.tensor_type.shape.dim
        for place, name in names.items():
            if not axes[place].HasField("dim_value"):
                axes[place].dim_param = name
    for part in (*proto.graph.node, *proto.graph.value_info, *proto.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del proto.graph.metadata_props[:]
    return proto.SerializeToString()
