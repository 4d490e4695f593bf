"""The Open Inference Protocol, version 2: requests and answers as bytes, without any routes.

Source: https://github.com/open-inference/open-inference-protocol, specification/protocol, and its
binary tensor data extension (JSON first, then the raw tensors one after another).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Shaped, UInt8

from tessella import __version__
from tessella.model_card import CLASSES, IMAGES, PROBABILITIES
from tessella.predictor import Predictor
from tessella.serve.limits import Limits
from tessella.serve.refusal import RefusedError, echoed

VERSION = "1"
"""Of every model: a server holds one of each."""

EXTENSIONS = ("binary_tensor_data", "model_repository")

_DATATYPES: Mapping[str, tuple[str, str]] = {
    CLASSES: ("UINT8", "u1"),
    PROBABILITIES: ("FP32", "<f4"),
}
# these would change what is meant; other parameters are hints, which a server may pass over
_NOT_HERE = ("sequence_id", "classification", "shared_memory_region")


class WantedOutput(NamedTuple):
    """A tensor to send back."""

    name: str
    is_binary: bool


class InferRequest(NamedTuple):
    """What a client asked for."""

    id: str | None
    images: UInt8[np.ndarray, "n h w 3"]
    outputs: tuple[WantedOutput, ...]

    @property
    def wants_probabilities(self) -> bool:
        """Whether class maps are not enough."""
        return any(output.name == PROBABILITIES for output in self.outputs)


class InferAnswer(NamedTuple):
    """A response body."""

    content: bytes
    header_length: int | None
    """Bytes of JSON before binary tensors; None: it is JSON and nothing else."""


def server_metadata() -> dict[str, Any]:
    """What `GET /v2` says."""
    return {"name": "tessella", "version": __version__, "extensions": list(EXTENSIONS)}


def model_metadata(name: str, predictor: Predictor) -> dict[str, Any]:
    """What `GET /v2/models/NAME` says."""
    num_classes = predictor.labels.num_classes
    shapes = {CLASSES: [-1, -1, -1], PROBABILITIES: [-1, num_classes, -1, -1]}
    return {
        "name": name,
        "versions": [VERSION],
        "platform": f"tessella_{predictor.backend.engine}",
        "inputs": [{"name": IMAGES, "datatype": "UINT8", "shape": [-1, 3, -1, -1]}],
        "outputs": [
            {"name": output, "datatype": _DATATYPES[output][0], "shape": shapes[output]}
            for output in outputs_of(predictor)
        ],
    }


def outputs_of(predictor: Predictor) -> tuple[str, ...]:
    """The tensors that a model gives."""
    return (CLASSES, PROBABILITIES) if predictor.backend.has_probabilities else (CLASSES,)


def parse_request(
    body: bytes, *, header_length: int | None, outputs: Sequence[str], limits: Limits
) -> InferRequest:
    """Read an inference request.

    Args:
        body: JSON, with binary tensors after it where `header_length` says so.
        header_length: bytes of JSON, from the header Inference-Header-Content-Length.
        outputs: those that the model gives; all are sent where the request names none.
        limits: for the number of pixels.

    Raises:
        RefusedError: it is no such request, or asks for what there is not.
    """
    if header_length is not None and header_length > len(body):
        raise _bad(
            f"Inference-Header-Content-Length is {header_length}, but the body has {len(body)} "
            "bytes; give the length of the JSON part."
        )
    content = _mapping(_json(body[:header_length]), "the request")
    raw = memoryview(body)[header_length:] if header_length is not None else memoryview(b"")
    parameters = _parameters(content, "the request")
    request_id = content.get("id")
    if request_id is not None and not isinstance(request_id, str):
        raise _bad("id is no text; give a string or leave it out.")
    return InferRequest(
        id=request_id,
        images=_images(content.get("inputs"), raw, limits),
        outputs=_wanted(
            content.get("outputs"),
            outputs,
            is_binary=_flag(parameters, "binary_data_output", default=False),
        ),
    )


def format_answer(
    request: InferRequest, model: str, tensors: Mapping[str, Shaped[np.ndarray, "n *shape"]]
) -> InferAnswer:
    """Write the answer.

    Args:
        request: says which tensors, and how.
        model: its name.
        tensors: each that was asked for.
    """
    described: list[dict[str, Any]] = []
    raw: list[bytes] = []
    for output in request.outputs:
        tensor = tensors[output.name]
        datatype, form = _DATATYPES[output.name]
        entry: dict[str, Any] = {
            "name": output.name,
            "datatype": datatype,
            "shape": list(tensor.shape),
        }
        if output.is_binary:
            raw.append(np.ascontiguousarray(tensor, form).tobytes())
            entry["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            entry["data"] = tensor.ravel().tolist()
        described.append(entry)
    head: dict[str, Any] = {"model_name": model, "model_version": VERSION, "outputs": described}
    if request.id is not None:
        head["id"] = request.id
    text = json.dumps(head, separators=(",", ":"), allow_nan=False).encode()
    return InferAnswer(b"".join([text, *raw]), len(text) if raw else None)


def check_answer_size(request: InferRequest, num_classes: int, limits: Limits) -> None:
    """Refuse a request whose answer would fill the memory.

    Raises:
        RefusedError: probabilities take too many bytes, or too many numbers would be text.
    """
    num_images, height, width = request.images.shape[:3]
    pixels = num_images * height * width
    if request.wants_probabilities and 4 * num_classes * pixels > limits.max_probability_bytes:
        raise RefusedError(
            "too_large_answer",
            f"probabilities of {num_classes} classes for {pixels} pixels take "
            f"{4 * num_classes * pixels / 1e6:.0f} MB; at most "
            f"{limits.max_probability_bytes / 1e6:.0f} are sent; ask for classes alone, or send "
            "smaller images.",
        )
    counts = {CLASSES: pixels, PROBABILITIES: num_classes * pixels}
    as_text = sum(counts[output.name] for output in request.outputs if not output.is_binary)
    if as_text > limits.max_json_values:
        raise RefusedError(
            "too_large_answer",
            f"the answer would hold {as_text} numbers as JSON; at most {limits.max_json_values} "
            "are sent; ask for binary data (binary_data_output).",
        )


def _images(inputs: object, raw: memoryview, limits: Limits) -> np.ndarray:
    listed = inputs if isinstance(inputs, list) else []
    if len(listed) != 1:
        raise _bad(f"inputs holds {len(listed)} tensors; expected one, {IMAGES!r}.")
    tensor = _mapping(listed[0], "the input")
    if tensor.get("name") != IMAGES:
        raise _bad(f"input {echoed(str(tensor.get('name')))}: the model takes {IMAGES!r} alone.")
    if tensor.get("datatype") != "UINT8":
        raise _bad(
            f"{IMAGES}: datatype is {echoed(str(tensor.get('datatype')))}; expected UINT8, pixels "
            "0..255 as RGB."
        )
    shape = _shape(tensor.get("shape"), limits)
    size = _parameters(tensor, IMAGES).get("binary_data_size")
    if size is not None:
        if "data" in tensor:
            raise _bad(f"{IMAGES}: has both data and binary_data_size; give one.")
        planes = _from_bytes(raw, size, shape)
    else:
        if raw:
            raise _bad(f"{IMAGES}: has no binary_data_size, but bytes follow the JSON part.")
        planes = _from_json(tensor.get("data"), shape)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def _shape(shape: object, limits: Limits) -> tuple[int, int, int, int]:
    sides = shape if isinstance(shape, list) else []
    whole = all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in sides)
    if len(sides) != 4 or not whole or sides[1] != 3:
        raise _bad(f"{IMAGES}: shape is {echoed(str(shape))}; expected [n, 3, height, width].")
    count, channels, height, width = sides
    if count * height * width > limits.max_pixels:
        raise RefusedError(
            "too_many_pixels",
            f"{IMAGES}: has {count * height * width} pixels in all; at most {limits.max_pixels} "
            "are taken; send fewer or smaller images.",
        )
    return count, channels, height, width


def _from_bytes(raw: memoryview, size: object, shape: tuple[int, ...]) -> np.ndarray:
    expected = int(np.prod(shape, dtype=np.int64))
    if size != expected or isinstance(size, bool) or len(raw) != expected:
        raise _bad(
            f"{IMAGES}: binary_data_size is {echoed(str(size))} and {len(raw)} bytes follow the "
            f"JSON part; shape {list(shape)} takes {expected}. Make them agree."
        )
    return np.frombuffer(raw, np.uint8).reshape(shape)


def _from_json(data: object, shape: tuple[int, ...]) -> np.ndarray:
    if not isinstance(data, list):
        raise _bad(f"{IMAGES}: has no data; give a list of numbers 0..255, or binary data.")
    try:
        values = np.array(data)
    except (ValueError, OverflowError) as error:
        raise _bad(
            f"{IMAGES}: data is ragged; give {list(shape)} numbers, flat or nested."
        ) from error
    if values.dtype.kind not in "iu":
        raise _bad(f"{IMAGES}: data holds other than whole numbers; expected 0..255.")
    if values.shape != shape and values.shape != (int(np.prod(shape, dtype=np.int64)),):
        raise _bad(
            f"{IMAGES}: data has shape {list(values.shape)}, but shape says {list(shape)}; make "
            "them agree."
        )
    if values.min() < 0 or values.max() > 255:
        raise _bad(f"{IMAGES}: data runs from {values.min()} to {values.max()}; expected 0..255.")
    return values.astype(np.uint8).reshape(shape)


def _wanted(outputs: object, known: Sequence[str], *, is_binary: bool) -> tuple[WantedOutput, ...]:
    if outputs is None or outputs == []:
        return tuple(WantedOutput(name, is_binary) for name in known)
    if not isinstance(outputs, list):
        raise _bad("outputs is no list; name the tensors to send, or leave it out.")
    found: list[WantedOutput] = []
    for entry in outputs:
        output = _mapping(entry, "an output")
        name = output.get("name")
        if not isinstance(name, str) or name not in known:
            raise _bad(f"output {echoed(str(name))}: the model gives {', '.join(known)}.")
        if any(other.name == name for other in found):
            raise _bad(f"output {name}: is asked for twice; name it once.")
        parameters = _parameters(output, name)
        found.append(WantedOutput(name, _flag(parameters, "binary_data", default=is_binary)))
    return tuple(found)


def _json(text: bytes) -> object:
    def refuse(name: str) -> None:
        raise ValueError(f"{name} is no JSON")

    constant: Callable[[str], None] = refuse
    try:
        return json.loads(text, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        raise _bad("the body is no JSON; see the Open Inference Protocol.") from error


def _mapping(content: object, what: str) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        raise _bad(f"{what} is no JSON object; see the Open Inference Protocol.")
    return content


def _parameters(content: Mapping[str, Any], what: str) -> Mapping[str, Any]:
    parameters = _mapping(content.get("parameters", {}), f"parameters of {what}")
    for name in _NOT_HERE:
        if name in parameters:
            raise _bad(f"{what}: this server has no {name}; leave it out.")
    return parameters


def _flag(parameters: Mapping[str, Any], name: str, *, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise _bad(f"{name} is {echoed(str(value))}; expected true or false.")
    return value


def _bad(message: str) -> RefusedError:
    return RefusedError("bad_tensor", message)
