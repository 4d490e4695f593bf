"""Slow, rude and broken clients on a real connection."""

import json
import re
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest

ImageOf = Callable[..., np.ndarray]
FileOf = Callable[..., bytes]
HEAD = "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n"


def read_all(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    parts: list[bytes] = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def status_and_body(answer: bytes) -> tuple[int, Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def test_headers_that_come_too_slowly_end_the_connection(make_live: Any) -> None:
    live = make_live(head_seconds=0.3)
    with live.connect() as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        answer = read_all(connection)
    status, body = status_and_body(answer)
    assert status == 408
    assert "headers did not arrive within 0.3 seconds" in body["error"]["message"]
    assert b"Content-Security-Policy: default-src 'none'" in answer


def test_headers_one_byte_at_a_time_gain_no_time(make_live: Any) -> None:
    live = make_live(head_seconds=0.4)
    began = time.monotonic()
    with live.connect() as connection:
        connection.settimeout(0.02)
        answer = b""
        for letter in ("GET / HTTP/1.1\r\nX: " + "y" * 1000).encode():
            connection.sendall(bytes([letter]))
            try:
                answer = connection.recv(65536)
                break
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - began < 10


def test_a_connection_that_says_nothing_is_closed(make_live: Any) -> None:
    with make_live(head_seconds=0.2).connect() as connection:
        assert read_all(connection) == b""


def test_a_body_that_comes_too_slowly_is_refused(make_live: Any) -> None:
    live = make_live(body_seconds=0.3)
    with live.connect() as connection:
        connection.sendall(f"{HEAD}Content-Length: 1000\r\n\r\n".encode() + b"\x89PNG")
        status, body = status_and_body(read_all(connection))
    assert (status, body["error"]["code"]) == (408, "slow_body")


def test_a_stated_length_over_the_limit_is_refused_without_the_body(make_live: Any) -> None:
    live = make_live(max_bytes=1000)
    with live.connect() as connection:
        connection.sendall(f"{HEAD}Content-Length: 99999999999\r\n\r\n".encode())
        status, _ = status_and_body(read_all(connection))
    assert status == 413


def test_a_client_that_waits_for_a_sign_to_go_on_gets_the_refusal_instead(make_live: Any) -> None:
    live = make_live(max_bytes=1000)
    with live.connect() as connection:
        connection.sendall(f"{HEAD}Content-Length: 5000\r\nExpect: 100-continue\r\n\r\n".encode())
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_client_in_the_middle_of_a_large_body_still_reads_why_it_was_refused(
    make_live: Any, is_chunked: bool
) -> None:
    live = make_live(max_bytes=100_000)
    content = bytes(8_000_000)
    parts = (content[at : at + 65536] for at in range(0, len(content), 65536))
    answer = httpx.post(
        f"{live.url}/predict",
        content=parts if is_chunked else content,
        headers={"Content-Type": "image/png"},
        timeout=20,
    )
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_many_bytes"


@pytest.mark.parametrize(
    "request_text",
    [
        b"NOT HTTP AT ALL\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n"
        b"Content-Length: 6\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 2_000_000 + b"\r\n\r\n",
    ],
    ids=["garbage", "no host", "two hosts", "bytes", "negative", "two lengths", "huge header"],
)
def test_what_is_no_http_has_an_answer_too(make_live: Any, request_text: bytes) -> None:
    with make_live().connect() as connection:
        connection.sendall(request_text)
        status, body = status_and_body(read_all(connection))
    assert status in (400, 421)
    assert body["error"]["status"] == status


def test_a_body_in_broken_chunks_ends_the_connection_and_nothing_else(
    make_live: Any, image_of: ImageOf, file_of: FileOf
) -> None:
    live = make_live()
    with live.connect() as connection:
        connection.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode() + b"5\r\nhello")
        connection.sendall(b"XX this is no chunk")
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    content = file_of(image_of(3, 3))
    good = httpx.post(f"{live.url}/predict", content=content, headers={"Content-Type": "image/png"})
    assert good.status_code == 200


def test_a_client_that_leaves_in_the_middle_holds_no_place(make_live: Any) -> None:
    live = make_live()
    for _ in range(5):
        with live.connect() as connection:
            connection.sendall(f"{HEAD}Content-Length: 1000\r\n\r\n".encode() + bytes(10))
    until = time.monotonic() + 20
    while live.service.num_in_flight and time.monotonic() < until:
        time.sleep(0.01)
    assert live.service.num_in_flight == 0


def test_a_client_that_leaves_while_it_waits_is_not_computed(
    make_live: Any, image_of: ImageOf, file_of: FileOf
) -> None:
    live = make_live(max_batch=1)
    live.backend.go.clear()
    content = file_of(image_of(3, 3))
    head = f"{HEAD}Content-Length: {len(content)}\r\n\r\n".encode()
    with live.connect() as first, live.connect() as second:
        first.sendall(head + content)
        assert live.backend.began.wait(20)
        second.sendall(head + content)
        worker = live.service.model(None).worker
        until = time.monotonic() + 20
        while not worker.num_waiting and time.monotonic() < until:
            time.sleep(0.005)
        second.close()
        while worker.num_waiting and time.monotonic() < until:
            time.sleep(0.005)
        assert worker.num_waiting == 0
        live.backend.go.set()
        assert first.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert len(live.backend.shapes) == 1


def test_two_requests_sent_at_once_are_answered_in_order(make_live: Any) -> None:
    with make_live().connect() as connection:
        ask = "GET /health/{} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n"
        both = ask.format("live", "") + ask.format("ready", "Connection: close\r\n")
        connection.sendall(both.encode())
        answer = read_all(connection)
    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert answer.index(b'"live"') < answer.index(b'"ready"')


ASK = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def is_dropped(connection: socket.socket) -> bool:
    """Whether the server hangs up without a word."""
    try:
        connection.sendall(ASK)
        return connection.recv(65536) == b""
    except ConnectionError:
        return True


def test_more_connections_than_allowed_are_closed(make_live: Any) -> None:
    live = make_live(max_connections=2)
    with live.connect() as first, live.connect() as second:
        for connection in (first, second):
            connection.sendall(ASK)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        with live.connect() as third:
            assert is_dropped(third)
        assert not is_dropped(first)


def test_a_client_that_never_reads_its_answer_is_dropped(make_live: Any) -> None:
    live = make_live(stall_seconds=0.2)
    side = 800  # probabilities of three classes: 7.7 MB, more than a socket holds
    tensor = {"name": "images", "datatype": "UINT8", "shape": [1, 3, side, side]}
    tensor["parameters"] = {"binary_data_size": 3 * side * side}
    text = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    head = (
        "POST /v2/models/tiny/infer HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Inference-Header-Content-Length: {len(text)}\r\n"
        f"Content-Length: {len(text) + 3 * side * side}\r\nConnection: close\r\n\r\n"
    )
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", live.port))
        connection.sendall(head.encode() + text + bytes(3 * side * side))
        assert live.backend.began.wait(20)
        until = time.monotonic() + 20
        while live.server.server_state.connections and time.monotonic() < until:
            time.sleep(0.01)
        assert not live.server.server_state.connections
        answer, _, body = read_all(connection).partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", answer)
    assert length is not None
    assert len(body) < int(length[1])
