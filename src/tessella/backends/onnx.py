"""Class maps from an ONNX file, by ONNX Runtime."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from jaxtyping import UInt8
from onnxruntime.capi import onnxruntime_pybind11_state as _state  # type: ignore[missing-module-attribute]

from tessella.backends.arrays import (
    ArrayBackend,
    card_in,
    check_precision,
    cpu_in_words,
    cpu_threads,
)
from tessella.backends.int8_sums import EXACT_SUMS, sums_overflow
from tessella.errors import UsageError
from tessella.model_card import CARD_KEY, IMAGES, ModelCard

_PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

# onnxruntime names no common ancestor of its errors but Exception
_ERRORS = (
    *(_state.Fail, _state.InvalidArgument, _state.InvalidGraph, _state.InvalidProtobuf),
    *(_state.NoSuchFile, _state.NotImplemented, _state.RuntimeException, _state.EPFail),
)


class OnnxBackend(ArrayBackend):
    """A session of ONNX Runtime; several threads may share it."""

    engine = "onnx"

    def __init__(
        self, session: onnxruntime.InferenceSession, card: ModelCard, *, where: str
    ) -> None:
        """Wrap a session.

        Raises:
            ValueError: the card is not that of an exported file.
        """
        super().__init__(card, where=where)
        self._session = session
        # a graph with probabilities does not compute them where only class maps are asked for
        self._options = onnxruntime.RunOptions()
        self._options.only_execute_path_to_fetches = True

    def run(
        self, images: UInt8[np.ndarray, "n c h w"], outputs: Sequence[str]
    ) -> Mapping[str, np.ndarray]:
        """The named outputs.

        Raises:
            ValueError: the engine refuses the images, by their size say.
        """
        try:
            found: Sequence[Any] = self._session.run(list(outputs), {IMAGES: images}, self._options)
        except _ERRORS as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"images of shape {images.shape}: ONNX Runtime says {reason}"
            ) from error
        return dict(zip(outputs, found, strict=True))


def open_file(path: Path, *, device: str, precision: str | None) -> tuple[OnnxBackend, ModelCard]:
    """An exported ONNX file.

    Args:
        path: the file.
        device: auto, cpu or cuda.
        precision: None, or the file's own.

    Raises:
        UsageError: it cannot be computed as asked.
        ValueError: it is damaged, or was not exported by Tessella.
    """
    return open_bytes(path.read_bytes(), where=str(path), device=device, precision=precision)


def open_bytes(
    model: bytes, *, where: str, device: str = "cpu", precision: str | None = None
) -> tuple[OnnxBackend, ModelCard]:
    """The same of a file's content; `where` names it in messages."""
    provider = _provider(device)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; what they say reaches the user through the exception
    options.intra_op_num_threads = cpu_threads()
    if sums_overflow():
        options.add_session_config_entry(EXACT_SUMS, "1")
    try:
        session = onnxruntime.InferenceSession(model, options, providers=[provider])
    except _ERRORS as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{where}: cannot be read as ONNX ({reason}); export it again.") from error
    card = card_in(session.get_modelmeta().custom_metadata_map.get(CARD_KEY), where=where)
    check_precision(card, precision, where=where)
    kind = "cuda" if provider == _PROVIDERS["cuda"] else "cpu"
    place = "cuda" if kind == "cuda" else cpu_in_words()
    backend = OnnxBackend(session, card, where=place)
    backend.is_on_cpu = kind == "cpu"
    return backend, card


def _provider(device: str) -> str:
    there = onnxruntime.get_available_providers()
    if device == "auto":
        device = "cuda" if _PROVIDERS["cuda"] in there else "cpu"
    if _PROVIDERS.get(device) not in there:
        raise UsageError(
            f"device {device!r}: this ONNX Runtime computes on {', '.join(_names(there))}; choose "
            "one of these, or install onnxruntime-gpu for cuda."
        )
    return _PROVIDERS[device]


def _names(providers: Sequence[str]) -> list[str]:
    return [name for name, provider in _PROVIDERS.items() if provider in providers]
