"""Class maps by OpenVINO: from its own exported file, or from an ONNX file.

An exported file is a zip archive of what OpenVINO calls its intermediate representation, model.xml
and model.bin: unpacked, any program with OpenVINO reads it.
"""

import io
import sys
import threading
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from tessella.backends.arrays import ArrayBackend, card_in, cpu_in_words, cpu_threads
from tessella.errors import UsageError
from tessella.model_card import CARD_KEY, IMAGES, ModelCard

# importing openvino would report to a server that it was imported
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402

NETWORK = "model.xml"
NUMBERS = "model.bin"

_HINTS = {"fp32": "f32", "int8": "f32", "bf16": "bf16"}


class OpenVinoBackend(ArrayBackend):
    """A compiled model; several threads may share it, each with a request of its own."""

    engine = "openvino"

    def __init__(
        self, core: openvino.Core, model: openvino.Model, card: ModelCard, *, precision: str
    ) -> None:
        """Compile a model as it is asked for.

        Args:
            core: of the engine.
            model: with outputs of the names that the card lists.
            card: of the file.
            precision: fp32, int8 or bf16.

        Raises:
            ValueError: the card is not that of an exported file.
        """
        super().__init__(card, where=cpu_in_words())
        self._core, self._model = core, model
        self.precision = precision
        self._compiled: dict[tuple[str, ...], openvino.CompiledModel] = {}
        self._lock = threading.Lock()
        self._own = threading.local()

    def run(
        self, images: UInt8[np.ndarray, "n c h w"], outputs: Sequence[str]
    ) -> Mapping[str, np.ndarray]:
        """The named outputs.

        Raises:
            ValueError: the engine refuses the images, by their size say.
        """
        wanted = tuple(outputs)
        request = self._request(wanted)
        try:
            found = request.infer({IMAGES: images})
        except RuntimeError as error:
            raise ValueError(
                f"images of shape {images.shape}: OpenVINO says {_reason(error)}"
            ) from error
        # copies: a request overwrites its results when it is used again
        return {name: np.array(found[name]) for name in wanted}

    def _request(self, outputs: tuple[str, ...]) -> openvino.InferRequest:
        requests: dict[tuple[str, ...], openvino.InferRequest]
        requests = self._own.__dict__.setdefault("requests", {})
        if outputs not in requests:
            requests[outputs] = self._compile(outputs).create_infer_request()
        return requests[outputs]

    def _compile(self, outputs: tuple[str, ...]) -> openvino.CompiledModel:
        """A model that computes these outputs and nothing that only others need."""
        with self._lock:
            if outputs not in self._compiled:
                results = {
                    name: result
                    for result in self._model.get_results()
                    for name in result.get_output_tensor(0).get_names()
                }
                wanted = [results[name] for name in outputs]
                parameters = self._model.get_parameters()
                part = openvino.Model(wanted, parameters, "part")  # type: ignore[no-matching-overload]
                hints = {
                    "INFERENCE_PRECISION_HINT": _HINTS[self.precision],
                    "INFERENCE_NUM_THREADS": cpu_threads(),
                }
                self._compiled[outputs] = self._core.compile_model(part, "CPU", hints)
            return self._compiled[outputs]


def open_file(
    path: Path, *, device: str, precision: str | None
) -> tuple[OpenVinoBackend, ModelCard]:
    """An exported OpenVINO or ONNX file.

    Args:
        path: the file.
        device: auto or cpu.
        precision: None, the file's own, or bf16 for a file in fp32.

    Raises:
        UsageError: it cannot be computed as asked.
        ValueError: it is damaged, or was not exported by Tessella.
    """
    return open_bytes(path.read_bytes(), where=str(path), device=device, precision=precision)


def open_bytes(
    content: bytes, *, where: str, device: str = "cpu", precision: str | None = None
) -> tuple[OpenVinoBackend, ModelCard]:
    """The same of a file's content; `where` names it in messages."""
    if device not in ("auto", "cpu"):
        raise UsageError(f"device {device!r}: OpenVINO computes on the cpu here; choose that.")
    core = openvino.Core()
    is_archive = zipfile.is_zipfile(io.BytesIO(content))
    network, numbers = unpacked(content, where=where) if is_archive else (content, b"")
    try:
        model = core.read_model(network, numbers)
    except RuntimeError as error:
        raise ValueError(f"{where}: OpenVINO cannot read it ({_reason(error)}).") from error
    card = card_in(_card_text(model), where=where)
    own = card.of_file().precision
    chosen = precision or own
    if chosen != own and (own, chosen) != ("fp32", "bf16"):
        also = " or bf16" if own == "fp32" else ""
        raise UsageError(f"{where}: computes in {own}{also}, not {chosen}; export it anew.")
    return OpenVinoBackend(core, model, card, precision=chosen), card


def packed(network: bytes, numbers: bytes) -> bytes:
    """One file of the two that make a model."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in ((NETWORK, network), (NUMBERS, numbers)):
            # a fixed date: the same model gives the same file
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content)
    return stream.getvalue()


def unpacked(content: bytes, *, where: str) -> tuple[bytes, bytes]:
    """The two files that make a model.

    Raises:
        ValueError: they are not there, or damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            stored = {info.filename: info for info in archive.infolist()}
            if any(info.compress_type != zipfile.ZIP_STORED for info in stored.values()):
                raise ValueError(f"{where}: is a compressed archive; expected what export wrote.")
            return archive.read(NETWORK), archive.read(NUMBERS)
    except (KeyError, zipfile.BadZipFile, EOFError) as error:
        raise ValueError(
            f"{where}: is no archive of {NETWORK} and {NUMBERS} ({error}); export it again."
        ) from error


def _card_text(model: openvino.Model) -> str | None:
    for place in (["tessella", "card"], ["framework", CARD_KEY]):
        if model.has_rt_info(place):
            return str(model.get_rt_info(place).value)
    return None


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in reversed(lines) if not line.startswith("Exception")), "nothing")
