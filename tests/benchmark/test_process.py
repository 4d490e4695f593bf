"""One candidate's process: what it answers, and how its end is told."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tessella.benchmark.candidates import Candidate
from tessella.benchmark.process import Worker
from tessella.benchmark.scene import drawn_image

pytestmark = pytest.mark.processes

Start = Callable[[Path], Worker]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the process of a file behind ONNX Runtime; ends it after the test."""
    workers = []

    def start_one(path: Path) -> Worker:
        workers.append(Worker(Candidate(path, "onnx", None, True), device="cpu", threads=1))
        return workers[-1]

    yield start_one
    for worker in workers:
        worker.end()


@pytest.fixture
def file(brightest_file: Callable[..., Path], tmp_path: Path) -> Path:
    return brightest_file(tmp_path / "a.onnx")


def process_of(worker: Worker, children: Callable[[], dict[int, str]]) -> int:
    path = str(worker.candidate.path)
    found: list[int] = []
    for _ in range(100):  # its arguments can be read once its program has begun
        found = [pid for pid, arguments in children().items() if path in arguments]
        if found:
            break
        time.sleep(0.05)
    (pid,) = found
    return pid


def test_a_process_opens_its_model_and_computes_a_batch_for_each_request(
    start: Start, file: Path
) -> None:
    worker = start(file)
    opened = worker.answer()["opened"]
    assert (opened["precision"], opened["where"]) == ("fp32", "cpu, 1 thread")
    assert (opened["size"], opened["has_probabilities"]) == (None, False)
    assert set(opened["versions"]) == {"onnxruntime"}
    request = {"size": [9, 13], "batch": 2, "output": "class map"}
    worker.ask(request, drawn_image((9, 13)).tobytes())
    warm_up = worker.answer()
    worker.ask({})
    turn = worker.answer()
    assert 0 < warm_up["seconds"] < 60
    assert 0 < turn["seconds"] < 60
    assert turn["gpu_peak_bytes"] is None


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (signal.SIGKILL, "its process was ended by SIGKILL, as the system does where memory runs"),
        (signal.SIGSEGV, "its process was ended by SIGSEGV"),
    ],
)
def test_a_process_ended_by_a_signal_is_told_by_its_name(
    number: signal.Signals,
    message: str,
    start: Start,
    file: Path,
    children_now: Callable[[], dict[int, str]],
) -> None:
    worker = start(file)
    assert "opened" in worker.answer()
    os.kill(process_of(worker, children_now), number)
    worker.ask({})
    assert worker.answer()["failed"].startswith(message)


def test_a_process_that_ends_by_itself_is_told_with_its_last_words(
    start: Start, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what a library does that gives up; the process finds it as it finds modules where we do
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "onnxruntime.py").write_text(
        "import os, sys\nsys.stderr.write('first\\nno room\\n\\n')\nsys.stderr.flush()\nos._exit(3)"
    )
    monkeypatch.syspath_prepend(tmp_path / "modules")
    told = start(file).answer()
    assert told == {"failed": "its process ended with exit code 3; it said: no room"}


def test_a_damaged_file_is_a_failure_with_the_engines_reason(start: Start, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"not a model")
    told = start(damaged).answer()["failed"]
    assert told.startswith(f"{damaged}: cannot be read as ONNX (")


def test_end_ends_a_process_that_still_opens_its_model(
    start: Start, file: Path, children_now: Callable[[], dict[int, str]]
) -> None:
    worker = start(file)
    pid = process_of(worker, children_now)
    worker.end()
    assert pid not in children_now()
