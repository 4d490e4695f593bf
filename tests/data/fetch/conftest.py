"""A web server on this machine whose answers, and faults, a test chooses."""

import contextlib
import email.utils
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

Answer = Callable[[BaseHTTPRequestHandler], None]


class WebServer:
    """Each path has a list of answers, one a request; the last one is given again and again."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.released = threading.Event()
        self._answers: dict[str, list[Answer]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append((self.path, dict(self.headers.items())))
                answers = outer._answers[self.path]
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                # the client hung up, as it should
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._httpd.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._httpd.server_address[1]}"
        threading.Thread(target=self._httpd.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.released.set()
        self._httpd.shutdown()
        self._httpd.server_close()

    def offer(self, path: str, *answers: Answer) -> str:
        """Set the answers of a path; its address."""
        self._answers[path] = list(answers)
        return self.url + path

    def ranges(self, path: str) -> list[str | None]:
        """What range each request for a path asked for."""
        return [headers.get("Range") for asked, headers in self.requests if asked == path]

    @staticmethod
    def file(
        body: bytes, *, version: str | None = None, cut: int | None = None, weak: bool = False
    ) -> Answer:
        """A file with ranges, as good servers send it; after `cut` bytes the connection breaks."""
        etag = version or hashlib.sha256(body).hexdigest()[:8]
        etag = f'W/"{etag}"' if weak else f'"{etag}"'

        def answer(handler: BaseHTTPRequestHandler) -> None:
            asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
            same = handler.headers.get("If-Range", etag) == etag
            start = int(asked[1]) if asked and same else 0
            if start and start >= len(body):
                handler.send_response(416)
                handler.send_header("Content-Range", f"bytes */{len(body)}")
                handler.end_headers()
                return
            handler.send_response(206 if start else 200)
            if start:
                handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            handler.send_header("ETag", etag)
            handler.send_header("Content-Length", str(len(body) - start))
            handler.end_headers()
            handler.wfile.write(body[start:][:cut])

        return answer

    @staticmethod
    def dated(body: bytes, *, day: int, cut: int | None = None) -> Answer:
        """A file whose version is told by its date alone."""
        date = email.utils.formatdate(day * 86_400, usegmt=True)

        def answer(handler: BaseHTTPRequestHandler) -> None:
            asked = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range", ""))
            same = handler.headers.get("If-Range", date) == date
            start = int(asked[1]) if asked and same else 0
            handler.send_response(206 if start else 200)
            if start:
                handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            handler.send_header("Last-Modified", date)
            handler.send_header("Content-Length", str(len(body) - start))
            handler.end_headers()
            handler.wfile.write(body[start:][:cut])

        return answer

    @staticmethod
    def without_ranges(body: bytes, *, cut: int | None = None, length: int | None = None) -> Answer:
        """The whole file whatever is asked; `length` is what its header says."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body) if length is None else length))
            handler.end_headers()
            handler.wfile.write(body[:cut])

        return answer

    @staticmethod
    def without_length(body: bytes) -> Answer:
        """The end of the connection is the end of the file."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            handler.wfile.write(body)

        return answer

    @staticmethod
    def range_of(body: bytes, *, start: int) -> Answer:
        """A range that begins where it likes."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            handler.send_header("Content-Length", str(len(body) - start))
            handler.end_headers()
            handler.wfile.write(body[start:])

        return answer

    @staticmethod
    def chunked(*chunks: bytes, ends: bool) -> Answer:
        """In chunks, the last of which may never come."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.protocol_version = "HTTP/1.1"
            handler.send_response(200)
            handler.send_header("Transfer-Encoding", "chunked")
            handler.send_header("Connection", "close")
            handler.end_headers()
            for chunk in chunks:
                handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            if ends:
                handler.wfile.write(b"0\r\n\r\n")

        return answer

    @staticmethod
    def endless() -> Answer:
        """Zeros until the client hangs up."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            while True:
                handler.wfile.write(bytes(65536))

        return answer

    def silent(self, body: bytes, *, after: int) -> Answer:
        """Some bytes, then nothing, and the connection stays open."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body[:after])
            handler.wfile.flush()
            self.released.wait(10)

        return answer

    @staticmethod
    def status(code: int) -> Answer:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(code)
            handler.end_headers()

        return answer

    @staticmethod
    def redirect(address: str) -> Answer:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(302)
            handler.send_header("Location", address)
            handler.end_headers()

        return answer


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """A server of one test's own."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = WebServer()
    yield server
    server.close()
