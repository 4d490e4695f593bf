"""A traced model as a PyTorch program file that holds its card."""

import io
import zipfile

import torch

from tessella.backends import Opened, torch_export
from tessella.model_card import ModelCard


def convert(
    program: torch.export.ExportedProgram,
    *,
    outputs: tuple[str, ...],  # noqa: ARG001 - a program's outputs have an order and no names
) -> bytes:
    """The program as `torch.export.load` reads it, without a card."""
    # the tracer takes memory layouts for promises: with its guards a program refuses sizes that it
    # computes rightly, as the comparison at three sizes shows
    program._guards_code = []
    stream = io.BytesIO()
    torch.export.save(program, stream)
    return stream.getvalue()


def with_card(content: bytes, card: ModelCard) -> bytes:
    """The same file with the card beside the program."""
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a") as archive:
        folder = archive.namelist()[0].partition("/")[0]
        place = zipfile.ZipInfo(f"{folder}/extra/{torch_export.CARD_FILE}", (2020, 1, 1, 0, 0, 0))
        archive.writestr(place, card.to_json())
    return stream.getvalue()


def open_bytes(content: bytes, *, where: str) -> Opened:
    """The file behind torch."""
    return Opened(*torch_export.open_bytes(content, where=where))
