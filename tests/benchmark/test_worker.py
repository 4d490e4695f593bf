"""What a candidate's process does with its input, output and errors."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.processes

PROGRAM = "from tessella.benchmark.worker import main; main()"
ABSENT = """
import sys
class Absent:
    def find_spec(self, name, *others):
        if name.partition(".")[0] == {name!r}:
            raise ModuleNotFoundError("absent", name=name)
sys.meta_path.insert(0, Absent())
"""


def work(
    order: dict[str, object], *, requests: bytes = b"", first: str = ""
) -> tuple[list[dict[str, object]], str]:
    """Everything that a worker answers to an order and requests, and its standard error."""
    asked = {"device": "cpu", "precision": None, "engine": "onnx", **order}
    done = subprocess.run(
        [sys.executable, "-c", first + PROGRAM, json.dumps(asked)],
        input=requests,
        capture_output=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr.decode()


@pytest.fixture
def file(brightest_file: Callable[..., Path], tmp_path: Path) -> str:
    return str(brightest_file(tmp_path / "a.onnx"))


def test_a_worker_ends_when_its_input_does(file: str) -> None:
    answers, complaints = work({"path": file})
    assert [list(answer) for answer in answers] == [["opened"]]
    assert complaints == ""


def test_a_worker_for_an_exported_file_needs_no_torch(file: str) -> None:
    answers, _ = work({"path": file}, first=ABSENT.format(name="torch"))
    assert "opened" in answers[0]


def test_a_library_that_is_not_installed_is_told_with_what_to_install(file: str) -> None:
    answers, _ = work({"path": file, "engine": "openvino"}, first=ABSENT.format(name="openvino"))
    assert answers == [{"left_out": "openvino is not installed: pip install 'tessella[openvino]'"}]


def test_a_device_that_an_engine_lacks_leaves_it_out(file: str) -> None:
    answers, _ = work({"path": file, "device": "mps"})
    assert list(answers[0]) == ["left_out"]
    assert str(answers[0]["left_out"]).startswith("device 'mps': this ONNX Runtime computes on ")


def test_what_a_library_prints_does_not_mix_with_answers(file: str) -> None:
    noisy = "import os, threading; threading.Timer(0, lambda: None)\n"
    noisy += "import onnxruntime; real = onnxruntime.InferenceSession\n"
    noisy += "def session(*words, **more):\n    print('hello', flush=True)\n"
    noisy += "    os.write(1, b'there\\n'); return real(*words, **more)\n"
    noisy += "onnxruntime.InferenceSession = session\n"
    answers, complaints = work({"path": file}, first=noisy)
    assert "opened" in answers[0]
    assert set(complaints.split()) == {"hello", "there"}


def test_an_error_while_computing_is_told_in_one_line(
    brightest_file: Callable[..., Path], tmp_path: Path
) -> None:
    file = str(brightest_file(tmp_path / "a.onnx"))
    request = json.dumps({"size": [4, 5], "batch": 1, "output": "probabilities"}).encode()
    pixels = np.zeros(4 * 5 * 3, np.uint8).tobytes()
    answers, _ = work({"path": file}, requests=request + b"\n" + pixels)
    assert answers[1] == {
        "failed": "this file gives class maps only; export it with --add probabilities to get them."
    }


def test_an_error_that_is_no_ones_words_has_its_kind(file: str) -> None:
    answers, _ = work({"path": file}, first="import onnxruntime; del onnxruntime.SessionOptions\n")
    assert str(answers[0]["failed"]).startswith("AttributeError: ")


def test_a_batch_of_a_hundred_thousand_huge_images_is_told_as_no_memory(file: str) -> None:
    request = json.dumps({"size": [999, 999], "batch": 10**9, "output": "class map"}).encode()
    pixels = np.zeros(999 * 999 * 3, np.uint8).tobytes()
    answers, _ = work({"path": file}, requests=request + b"\n" + pixels)
    assert "MemoryError: Unable to allocate" in str(answers[1]["failed"])
