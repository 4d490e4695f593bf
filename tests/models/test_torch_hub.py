"""Files by address: a cache laid out by hand, and a small server."""

import hashlib
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tessella.models.torch_hub import fetch_url

CONTENT = b"numbers"
NAME = f"net-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"


class Server(BaseHTTPRequestHandler):
    """Gives the same content under two names, of which one promises other content."""

    def do_HEAD(self) -> None:
        known = self.path in (f"/{NAME}", "/net-00000000.pth")
        self.send_response(200 if known else 404)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(CONTENT)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no proxy."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "hub" / "checkpoints"


# nothing listens on port 1: a request would fail at once
NOWHERE = "http://127.0.0.1:1"


def test_a_cached_file_is_taken_without_a_connection(cache):
    cache.mkdir(parents=True)
    (cache / NAME).write_bytes(b"mine")
    assert fetch_url(f"{NOWHERE}/{NAME}", what="weights").read_bytes() == b"mine"


def test_an_absent_file_is_downloaded_into_the_cache(cache, address):
    path = fetch_url(f"{address}/{NAME}", what="weights")
    assert path == cache / NAME
    assert path.read_bytes() == CONTENT


def test_a_download_of_other_content_than_its_name_says_is_refused_and_not_kept(cache, address):
    with pytest.raises(ValueError, match="invalid hash value"):
        fetch_url(f"{address}/net-00000000.pth", what="weights")
    assert list(cache.iterdir()) == []


def test_a_file_that_the_server_lacks_is_said(address):
    with pytest.raises(ValueError, match=r"nor downloadable from .*none.pth \(HTTP Error 404"):
        fetch_url(f"{address}/none.pth", what="weights")


def test_without_a_connection_the_error_comes_at_once_and_says_what_to_do(cache):
    start = time.monotonic()
    with pytest.raises(ValueError, match="model.encoder_weights=none") as raised:
        fetch_url(f"{NOWHERE}/{NAME}", what="weights 'imagenet' for net")
    assert time.monotonic() - start < 5
    assert str(raised.value).startswith(
        f"weights 'imagenet' for net: neither in the cache ({cache / NAME}) nor downloadable"
    )
