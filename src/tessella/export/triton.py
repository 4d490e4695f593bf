"""A model repository for Triton Inference Server: an ONNX file, and what Triton must be told."""

import re
from pathlib import Path

from tessella.atomic import write_bytes, write_text
from tessella.errors import UsageError
from tessella.model_card import CLASSES, IMAGES, ModelCard

MODEL = "model.onnx"
_MOST_IMAGES = 8
_WAIT_MICROSECONDS = 5000


def place_in(repository: Path, name: str) -> Path:
    """Where the ONNX file of a model's first version lies in a repository.

    Raises:
        UsageError: the name would not do as a folder's and in an address.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise UsageError(
            f"model name {name!r}: give letters, digits, dots, dashes and underscores only."
        )
    return repository / name / "1" / MODEL


def write_repository(model: bytes, card: ModelCard, *, repository: Path) -> Path:
    """Write an exported ONNX file as version 1 of a model, with its configuration.

    Args:
        model: as `export` made it, with its card.
        card: of the file.
        repository: the folder that Triton is pointed to; other models in it stay.

    Returns:
        The model's folder.

    Raises:
        UsageError: the card's name does not do as a model's.
        ValueError: the card is not that of an exported file.
    """
    file = place_in(repository, card.name)
    write_bytes(file, model)
    folder = file.parents[1]
    write_text(folder / "config.pbtxt", configuration(card))
    write_text(folder / "labels.txt", "".join(f"{name}\n" for name in card.labels.names))
    return folder


def configuration(card: ModelCard) -> str:
    """The text of config.pbtxt.

    Raises:
        ValueError: the card is not that of an exported file.
    """
    exported = card.of_file()
    height, width = exported.size or (-1, -1)
    outputs = ",\n".join(
        f'  {{ name: "{name}" data_type: {_type(name)} dims: [ {_dims(name, card)} ]'
        f"{_label_file(name)} }}"
        for name in exported.outputs
    )
    return f"""# {card.labels.num_classes} classes, in labels.txt
# licence: {" ".join(card.licence.split())}
name: "{card.name}"
platform: "onnxruntime_onnx"
max_batch_size: {_MOST_IMAGES}
input [
  {{ name: "{IMAGES}" data_type: TYPE_UINT8 dims: [ {card.in_channels}, {height}, {width} ] }}
]
output [
{outputs}
]
# images of one size that arrive within this time are computed together
dynamic_batching {{ max_queue_delay_microseconds: {_WAIT_MICROSECONDS} }}
"""


def _type(output: str) -> str:
    return "TYPE_UINT8" if output == CLASSES else "TYPE_FP32"


def _dims(output: str, card: ModelCard) -> str:
    height, width = card.of_file().size or (-1, -1)
    classes = "" if output == CLASSES else f"{card.labels.num_classes}, "
    return f"{classes}{height}, {width}"


def _label_file(output: str) -> str:
    return "" if output == CLASSES else ' label_filename: "labels.txt"'
