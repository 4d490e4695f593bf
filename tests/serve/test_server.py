"""The process: it listens, loads, and leaves in good order. Real processes, real signals."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tessella.errors import UsageError
from tessella.serve.server import check_names, serve, url_of

FileOf = Callable[..., bytes]
PNG_BODY = {"Content-Type": "image/png"}

# a model of NumPy alone whose batches take a while, served as `serve` would
SLOW = """
import socket, sys, time
import numpy as np
from tessella.labels import LabelMap
from tessella.predictor import Predictor
from tessella.serve.limits import Limits
from tessella.serve.security import Access
from tessella.serve.server import Server
from tessella.serve.service import Service

class Slow:
    engine, where, precision, is_on_cpu, in_channels = "slow", "cpu", "fp32", True, 3
    has_probabilities, size = False, None
    def place(self, images): return images.transpose(0, 3, 1, 2)
    def class_maps(self, images):
        time.sleep(float(sys.argv[1]))
        return images.argmax(1).astype(np.uint8)
    def fetch(self, array): return array

service = Service(Limits(max_batch=1, threads=2))
listener = socket.create_server(("127.0.0.1", 0))

def opened():
    service.open({"slow": Predictor(Slow(), LabelMap.from_names(["a", "b", "c"]))})
    print(listener.getsockname()[1], flush=True)

Server(service, Access(), when_started=opened).run(sockets=[listener])
service.close()
print("left in good order", flush=True)
"""


@pytest.fixture
def slow() -> Iterator[Callable[[float], tuple[subprocess.Popen[str], str]]]:
    """Starts a server whose batches take so many seconds; gives the process and its URL."""
    running: list[subprocess.Popen[str]] = []

    def start(seconds: float) -> tuple[subprocess.Popen[str], str]:
        process = subprocess.Popen(
            [sys.executable, "-c", SLOW, str(seconds)], stdout=subprocess.PIPE, text=True
        )
        running.append(process)
        assert process.stdout is not None
        return process, f"http://127.0.0.1:{int(process.stdout.readline())}"

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def in_flight(url: str) -> int:
    text = httpx.get(f"{url}/metrics", timeout=60).text
    line = next(row for row in text.splitlines() if row.startswith("tessella_requests_in_flight "))
    return int(float(line.split()[1]))


def ask_in_threads(url: str, contents: list[bytes]) -> tuple[list[threading.Thread], list[Any]]:
    answers: list[Any] = []

    def ask(content: bytes) -> None:
        answers.append(httpx.post(f"{url}/predict", content=content, headers=PNG_BODY, timeout=60))

    threads = [threading.Thread(target=ask, args=(content,), daemon=True) for content in contents]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 60
    while in_flight(url) < len(contents) and time.monotonic() < until:
        time.sleep(0.01)
    return threads, answers


def test_a_signal_with_work_in_flight_loses_nothing(slow: Any, file_of: FileOf) -> None:
    process, url = slow(0.4)
    content = file_of(np.zeros((3, 3, 3), np.uint8))
    threads, answers = ask_in_threads(url, [content] * 6)
    process.send_signal(signal.SIGTERM)
    ready = httpx.get(f"{url}/health/ready", timeout=60)
    assert ready.status_code == 503
    refused = httpx.post(f"{url}/predict", content=content, headers=PNG_BODY, timeout=60)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")
    assert int(refused.headers["retry-after"]) > 0
    assert httpx.get(f"{url}/health/live", timeout=60).status_code == 200
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers] == [200] * 6
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "left in good order\n")


def test_a_second_signal_leaves_at_once(slow: Any, file_of: FileOf) -> None:
    process, url = slow(100)
    ask_in_threads(url, [file_of(np.zeros((3, 3, 3), np.uint8))])
    process.send_signal(signal.SIGINT)
    until = time.monotonic() + 60
    while httpx.get(f"{url}/health/ready", timeout=60).status_code == 200:
        assert time.monotonic() < until
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_without_work_a_signal_ends_it_with_0(slow: Any, sig: signal.Signals) -> None:
    process, _ = slow(0)
    process.send_signal(sig)
    assert process.wait(60) == 0


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            UsageError, match=f"port {port} on 127.0.0.1 cannot be opened: .*--port"
        ):
            serve({"x": tmp_path}, port=port)


def test_a_port_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"port is 70000; expected 0\.\.65535"):
        serve({"x": tmp_path}, port=70000)


def test_a_model_that_cannot_be_loaded_ends_the_server_with_its_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.onnx: there is no such file"):
        serve({"x": tmp_path / "gone.onnx"}, port=0)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "-x", ".", "x" * 65, "a?b", "%2e"])
def test_a_name_must_fit_into_a_url(name: str) -> None:
    with pytest.raises(UsageError, match="give one as NAME=PATH"):
        check_names([name])


def test_names_of_letters_digits_and_signs_are_taken() -> None:
    check_names(["unet", "U-Net_2.1", "7"])


def test_a_server_without_a_model_is_none() -> None:
    with pytest.raises(UsageError, match="no model given"):
        check_names([])


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:80"), ("::1", "http://[::1]:80")]
)
def test_a_url_has_brackets_around_ipv6(host: str, url: str) -> None:
    assert url_of(host, 80) == url
