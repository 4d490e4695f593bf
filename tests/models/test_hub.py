"""Files of the hub against a real client, a cache laid out by hand and a small server."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FETCH = f"""
import sys
from tessella.models.hub import fetch
print(fetch(sys.argv[1], sys.argv[2:], revision={COMMIT!r}, what="weights of net").read_text())
"""


class Hub(BaseHTTPRequestHandler):
    """Has one file, in one repository, at one commit."""

    def do_HEAD(self) -> None:
        known = self.path == f"/some/net/resolve/{COMMIT}/second.bin"
        self.send_response(200 if known else 404)
        self.send_header("X-Repo-Commit", COMMIT)
        if known:
            self.send_header("ETag", '"abc"')
            self.send_header("Content-Length", "8")
        else:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(b"from net")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`fetch` in a process of its own: the client reads its settings once, on import."""
    kept = {k: v for k, v in os.environ.items() if "proxy" not in k.lower() and "HF_" not in k}
    return subprocess.run(
        [sys.executable, "-c", FETCH, *arguments],
        env=kept | environment | {"HF_HUB_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def lay_out(home: Path, *, filename: str, text: str) -> None:
    folder = home / "hub" / "models--some--net" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (folder / filename).write_text(text)


# nothing listens on port 1: a request would fail at once
NOWHERE = "http://127.0.0.1:1"


def test_a_cached_file_is_taken_without_a_connection(tmp_path):
    lay_out(tmp_path, filename="first.bin", text="from cache")
    finished = run("some/net", "first.bin", HF_HOME=str(tmp_path), HF_ENDPOINT=NOWHERE)
    assert finished.stdout == "from cache\n"


def test_the_cache_is_asked_for_every_name_before_the_network(tmp_path, endpoint):
    lay_out(tmp_path, filename="third.bin", text="from cache")
    finished = run(
        "some/net", "second.bin", "third.bin", HF_HOME=str(tmp_path), HF_ENDPOINT=endpoint
    )
    assert finished.stdout == "from cache\n"


def test_an_absent_file_is_downloaded_by_the_first_name_that_exists(tmp_path, endpoint):
    finished = run(
        "some/net", "first.bin", "second.bin", HF_HOME=str(tmp_path), HF_ENDPOINT=endpoint
    )
    assert finished.stdout == "from net\n", finished.stderr


def test_names_that_the_repository_lacks_are_said(tmp_path, endpoint):
    finished = run("some/net", "a.bin", "b.bin", HF_HOME=str(tmp_path), HF_ENDPOINT=endpoint)
    assert f"nor downloadable from {endpoint} (it has no a.bin or b.bin)" in finished.stderr


def test_without_a_connection_the_error_comes_at_once_and_says_what_to_do(tmp_path):
    start = time.monotonic()
    finished = run("some/net", "first.bin", HF_HOME=str(tmp_path), HF_ENDPOINT=NOWHERE)
    # the client alone tries again for 24 s
    assert time.monotonic() - start < 15
    (line,) = [text for text in finished.stderr.splitlines() if text.startswith("ValueError")]
    cache = tmp_path / "hub" / "models--some--net"
    assert line.startswith(f"ValueError: weights of net: neither in the cache ({cache}) nor")
    assert f"Either run `hf download some/net --revision {COMMIT}` on a connected mach" in line
    assert "model.encoder_weights=FILE" in line
    assert "model.encoder_weights=none" in line


def test_in_offline_mode_the_same_error_comes_without_asking_the_network(tmp_path, endpoint):
    finished = run(
        "some/net", "second.bin", HF_HOME=str(tmp_path), HF_ENDPOINT=endpoint, HF_HUB_OFFLINE="1"
    )
    assert "ValueError: weights of net: neither in the cache" in finished.stderr
