"""Class maps from an exported PyTorch program, on a CPU or a GPU.

A program file can hold pickles and calls of any function, and torch would run them while loading.
So the archive is looked through before torch sees it: plain numbers, tensor operations and a card
are all that it may hold.
"""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.export.passes import move_to_device_pass

from tessella.backends.arrays import card_in, check_precision
from tessella.backends.torch import TorchBackend, resolve_device
from tessella.model_card import CLASSES, LOGITS, PROBABILITIES, ModelCard

CARD_FILE = "card.json"

_PARTS = re.compile(
    r"(archive_format|archive_version|byteorder|version|\.data/\w+|models/model\.json"
    r"|data/weights/(weight_\d+|model_weights_config\.json)"
    r"|data/constants/(tensor_\d+|model_constants_config\.json)"
    r"|data/sample_inputs/model\.pt|extra/card\.json)"
)
_TARGETS = re.compile(r"torch\.ops\.aten\.\w+\.\w+|_operator\.\w+|torch\.sym_(max|min)|math\.\w+")
_FORMULA = re.compile(
    r"(Integer|Symbol|Add|Mul|Max|Min|Mod|PythonMod|FloorDiv|CeilDiv|Rational|Pow)(?=\()"
    r"|'[su]\d+'|\d+(\.\d+)?|(True|False|positive|integer|nonnegative)\b|[-+*/(),=\s]"
)


class TorchExportBackend(TorchBackend):
    """A program that maps images to class maps by itself."""

    engine = "torch-export"

    def __init__(self, program: torch.nn.Module, card: ModelCard, *, device: torch.device) -> None:
        """Wrap a program that was loaded.

        Args:
            program: gives the outputs that the card lists, in order.
            card: of the file, with what it computes.
            device: where the program is.

        Raises:
            ValueError: the card is not that of an exported file.
        """
        exported = card.of_file()
        self._program = program
        self._exported = exported
        self._take_device(device)
        self.precision = exported.precision
        self.in_channels = card.in_channels
        self.size = exported.size
        self.has_probabilities = exported.scores is not None

    def logits(self, images: UInt8[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        """Scores before softmax.

        Raises:
            ValueError: the file was exported without them.
        """
        return self._output(images, LOGITS)

    def class_maps(self, images: UInt8[Tensor, "n c h w"]) -> UInt8[Tensor, "n h w"]:
        """The class index of each pixel, on the device."""
        return self._output(images, CLASSES)

    def probabilities(
        self, images: UInt8[Tensor, "n c h w"]
    ) -> tuple[UInt8[Tensor, "n h w"], Float[Tensor, "n k h w"]]:
        """Class maps and the probability of every class.

        Raises:
            ValueError: the file gives class maps only.
        """
        name = self._exported.needed_scores()
        found = self._run(images)
        scores = found[name]
        return found[CLASSES], scores if name == PROBABILITIES else scores.softmax(1)

    def _output(self, images: Tensor, name: str) -> Tensor:
        if name not in self._exported.outputs:
            raise ValueError(f"this file gives {', '.join(self._exported.outputs)}, but no {name}.")
        return self._run(images)[name]

    def _run(self, images: Tensor) -> dict[str, Tensor]:
        with torch.inference_mode():
            found = self._program(images.to(self.device, non_blocking=True).contiguous())
        return dict(zip(self._exported.outputs, found, strict=True))


def open_file(
    path: Path, *, device: str, precision: str | None
) -> tuple[TorchExportBackend, ModelCard]:
    """An exported PyTorch program.

    Args:
        path: the file.
        device: auto, cpu, cuda or mps.
        precision: None, or the file's own.

    Raises:
        UsageError: it cannot be computed as asked.
        ValueError: it is damaged, was not exported by Tessella, or holds what could run code.
    """
    return open_bytes(path.read_bytes(), where=str(path), device=device, precision=precision)


def open_bytes(
    content: bytes, *, where: str, device: str = "cpu", precision: str | None = None
) -> tuple[TorchExportBackend, ModelCard]:
    """The same of a file's content; `where` names it in messages."""
    card = card_in(_vetted_card(content, where), where=where)
    check_precision(card, precision, where=where)
    place = resolve_device(device)
    try:
        program = torch.export.load(io.BytesIO(content))
    except (RuntimeError, ValueError, KeyError, AssertionError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{where}: torch cannot load it ({reason}); export it again.") from error
    if place.type != "cpu":
        program = move_to_device_pass(program, place)
    # its guards are a text that would be run; what they guard against, the comparison has shown
    module = program.module(check_guards=False)
    return TorchExportBackend(module, card, device=place), card


def _vetted_card(content: bytes, where: str) -> str | None:
    """The card's text, after a look at every part of the archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = archive.namelist()
            parts = {name.partition("/")[2]: name for name in names}
            strange = [part for part in parts if not _PARTS.fullmatch(part)]
            if strange or len(parts) != len(names):
                raise _unsafe(where, f"a part called {strange[0]!r}" if strange else "parts twice")
            read = {part: archive.read(name) for part, name in parts.items() if _is_text(part)}
        for part in ("data/weights/model_weights_config.json", _CONSTANTS):
            if any(_values(json.loads(read.get(part, b"{}")), "use_pickle")):
                raise _unsafe(where, "pickled tensors")
        _check_program(json.loads(read["models/model.json"]), where)
        _check_examples(read.get("data/sample_inputs/model.pt", b""), where)
    except (zipfile.BadZipFile, KeyError, EOFError, UnicodeDecodeError, json.JSONDecodeError) as e:
        raise ValueError(
            f"{where}: is no exported PyTorch program ({e}); expected a file that `tessella export "
            "--to torch` wrote."
        ) from e
    card = read.get(f"extra/{CARD_FILE}")
    return card.decode() if card is not None else None


_CONSTANTS = "data/constants/model_constants_config.json"


def _is_text(part: str) -> bool:
    return part.endswith((".json", ".pt"))


def _check_program(program: Any, where: str) -> None:
    for target in _values(program, "target"):
        if isinstance(target, str) and not _TARGETS.fullmatch(target):
            raise _unsafe(where, f"a call of {target!r}")
    for text in _values(program, "expr_str"):
        # torch hands these to an interpreter of formulas, which is one of Python
        if _FORMULA.sub("", str(text)):
            raise _unsafe(where, f"a formula {str(text)[:60]!r}")


def _check_examples(pickled: bytes, where: str) -> None:
    """Torch falls back to loading anything where this fails."""
    if pickled:
        try:
            torch.load(io.BytesIO(pickled), weights_only=True)
        except (RuntimeError, UnpicklingError, EOFError) as error:
            raise _unsafe(where, "pickled objects") from error


def _values(tree: Any, key: str) -> Iterator[Any]:
    """Every value under `key`, however deep."""
    waiting: list[Any] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            if key in node:
                yield node[key]
            waiting += node.values()
        elif isinstance(node, Sequence) and not isinstance(node, str):
            waiting += node


def _unsafe(where: str, what: str) -> ValueError:
    return ValueError(
        f"{where}: holds {what}, which could run code; expected a file that `tessella export --to "
        "torch` wrote. It was not loaded."
    )
