"""The process: it listens, loads, and leaves in good order. Real processes, real signals."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import pytest

from tessella.errors import UsageError
from tessella.serve.server import check_names, serve, url_of

FileOf = Callable[..., bytes]
PNG_BODY = {"Content-Type": "image/png"}

# a model of NumPy alone that holds still until a file is there, served as `serve` would
SLOW = """
import os, socket, sys, time
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
        while not os.path.exists(sys.argv[1]):
            time.sleep(0.01)
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


class Slow(NamedTuple):
    """A server whose model holds still until `go`."""

    process: subprocess.Popen[str]
    url: str
    go: Path


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Slow]:
    go = tmp_path / "go"
    command = [sys.executable, "-c", SLOW, str(go)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield Slow(process, f"http://127.0.0.1:{int(process.stdout.readline())}", go)
    process.kill()
    process.communicate()


def in_flight(url: str) -> int:
    text = httpx.get(f"{url}/metrics", timeout=60).text
    line = next(row for row in text.splitlines() if row.startswith("tessella_requests_in_flight "))
    return int(float(line.split()[1]))


def wait_until_unready(url: str) -> None:
    until = time.monotonic() + 60
    while httpx.get(f"{url}/health/ready", timeout=60).status_code == 200:
        assert time.monotonic() < until


def ask_in_threads(url: str, contents: list[bytes]) -> tuple[list[threading.Thread], list[int]]:
    answers: list[int] = []

    def ask(content: bytes) -> None:
        try:
            answer = httpx.post(f"{url}/predict", content=content, headers=PNG_BODY, timeout=60)
            answers.append(answer.status_code)
        except httpx.TransportError:
            answers.append(0)

    threads = [threading.Thread(target=ask, args=(content,), daemon=True) for content in contents]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 60
    while in_flight(url) < len(contents) and time.monotonic() < until:
        time.sleep(0.01)
    return threads, answers


def test_a_signal_with_work_in_flight_loses_nothing(slow: Slow, file_of: FileOf) -> None:
    content = file_of(np.zeros((3, 3, 3), np.uint8))
    threads, statuses = ask_in_threads(slow.url, [content] * 6)
    slow.process.send_signal(signal.SIGTERM)
    wait_until_unready(slow.url)
    refused = httpx.post(f"{slow.url}/predict", content=content, headers=PNG_BODY, timeout=60)
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "shutting_down")
    assert int(refused.headers["retry-after"]) > 0
    assert httpx.get(f"{slow.url}/health/live", timeout=60).status_code == 200
    slow.go.touch()
    for thread in threads:
        thread.join(60)
    assert statuses == [200] * 6
    out, _ = slow.process.communicate(timeout=60)
    assert (slow.process.returncode, out) == (0, "left in good order\n")


def test_a_second_signal_leaves_at_once(slow: Slow, file_of: FileOf) -> None:
    threads, statuses = ask_in_threads(slow.url, [file_of(np.zeros((3, 3, 3), np.uint8))])
    slow.process.send_signal(signal.SIGINT)
    wait_until_unready(slow.url)
    slow.process.send_signal(signal.SIGTERM)
    assert slow.process.wait(60) == 128 + signal.SIGTERM
    threads[0].join(60)
    assert statuses == [0]


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_without_work_a_signal_ends_it_with_0(slow: Slow, sig: signal.Signals) -> None:
    slow.process.send_signal(sig)
    assert slow.process.wait(60) == 0


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
