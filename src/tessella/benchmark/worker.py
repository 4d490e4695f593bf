"""The process of one candidate: it opens the model, then computes whenever it is told to.

Its standard input brings requests, a line of JSON each, the first one followed by the pixels of the
image; what was its standard output takes a line of JSON for each. It ends when its input does, so
that nothing is left behind, however its parent ends.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from tessella.backends import BACKENDS, open_model
from tessella.benchmark.peak import gpu_peak_bytes, peak_bytes
from tessella.errors import UsageError
from tessella.predictor import Predictor

_LIBRARIES = ("torch", "onnxruntime", "openvino")
_MOST_WARM_UPS = 5
_WARM_UP_SECONDS = 2.0


def main() -> None:
    """Do what the order in the first argument says, then what standard input says."""
    order = json.loads(sys.argv[1])
    answers = _own_stdout()
    try:
        predictor = _open(order)
        _say(answers, {"opened": _facts(predictor)})
        _compute_as_told(predictor, sys.stdin.buffer, answers)
    except Exception as error:  # whatever an engine raises ends this process alone
        _say(answers, _told(error, order["engine"]))


def _own_stdout() -> IO[bytes]:
    """Standard output for ourselves; what libraries print goes to standard error."""
    kept = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return kept


def _say(answers: IO[bytes], answer: Mapping[str, Any]) -> None:
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.flush()


def _open(order: Mapping[str, Any]) -> Predictor:
    backend, card = open_model(
        Path(order["path"]),
        device=order["device"],
        precision=order["precision"],
        engine=order["engine"],
    )
    return Predictor(backend, card.labels, card=card)


def _facts(predictor: Predictor) -> dict[str, Any]:
    backend = predictor.backend
    loaded = {name: sys.modules[name] for name in _LIBRARIES if name in sys.modules}
    return {
        "precision": backend.precision,
        "where": backend.where,
        "size": backend.size,
        "has_probabilities": backend.has_probabilities,
        "versions": {name: str(library.__version__) for name, library in loaded.items()},
    }


def _compute_as_told(predictor: Predictor, requests: IO[bytes], answers: IO[bytes]) -> None:
    first = requests.readline()
    if not first:
        return
    compute = _work(predictor, json.loads(first), requests)
    _say(answers, _warmed_up(compute))
    while requests.readline():
        _say(answers, _timed(compute))


def _work(
    predictor: Predictor, request: Mapping[str, Any], requests: IO[bytes]
) -> Callable[[], object]:
    """From images in main memory to the answer in main memory."""
    height, width = request["size"]
    pixels = np.frombuffer(requests.read(height * width * 3), np.uint8)
    # red, green and blue take turns where a model has other channels
    channels = np.arange(predictor.backend.in_channels) % 3
    image = pixels.reshape(1, height, width, 3)[..., channels]
    images = np.repeat(image, request["batch"], axis=0)
    if request["output"] == "probabilities":
        return lambda: predictor.predict_probabilities_of(images)
    return lambda: predictor.backend.fetch(predictor.class_maps(images))


def _warmed_up(compute: Callable[[], object]) -> dict[str, Any]:
    """The last of two to five passes: kernels are chosen, memory is taken."""
    started = time.perf_counter()
    answer = _timed(compute)
    for _ in range(_MOST_WARM_UPS - 1):
        answer = _timed(compute)
        if time.perf_counter() - started > _WARM_UP_SECONDS:
            break
    return answer


def _timed(compute: Callable[[], object]) -> dict[str, Any]:
    started = time.perf_counter()
    result = compute()
    seconds = time.perf_counter() - started
    del result  # only now: giving memory back is not what is timed
    return {
        "seconds": seconds,
        "peak_bytes": peak_bytes(),
        "gpu_peak_bytes": gpu_peak_bytes(),
    }


def _told(error: Exception, engine: str) -> dict[str, str]:
    """Why there is nothing to time: the engine cannot do what is asked, or it failed."""
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("tessella"):
        needs = BACKENDS[engine].needs
        return {"left_out": f"{error.name} is not installed: pip install '{needs}'"}
    if isinstance(error, UsageError):
        return {"left_out": str(error)}
    lines = [line for line in str(error).splitlines() if line.strip()]
    text = lines[0].strip() if lines else ""
    if isinstance(error, ValueError) and text:
        return {"failed": text}
    return {"failed": f"{type(error).__name__}: {text}".removesuffix(": ")}
