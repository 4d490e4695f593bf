"""`tessella serve`: load models, listen, and leave in good order."""

import asyncio
import logging
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import uvicorn

from tessella.errors import UsageError
from tessella.predictor import Predictor, load
from tessella.serve.app import create_app
from tessella.serve.connection import connection_class
from tessella.serve.limits import Limits
from tessella.serve.security import Access
from tessella.serve.service import Service
from tessella.tiles import DEFAULT_TILE

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _silently(url: str) -> None:  # noqa: ARG001
    pass


def serve(
    models: Mapping[str, Path],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    device: str = "auto",
    tile: int = DEFAULT_TILE,
    limits: Limits | None = None,
    access: Access | None = None,
    announce: Callable[[str], None] = _silently,
) -> None:
    """Serve models over HTTP until SIGTERM or SIGINT, then finish what was accepted.

    Args:
        models: name -> run folder, model folder or exported file; the first is the default.
        host: the address to listen on.
        port: 0 takes any free one.
        device: auto, cpu, cuda or mps.
        tile: see `Predictor`.
        limits: what requests may take.
        access: who may ask.
        announce: told the URL once all models are ready.

    Raises:
        UsageError: a name or a number is not as expected, there is no model at a path, or the port
            cannot be opened.
        ValueError: a model's files are damaged.
    """
    check_names(list(models))
    if not 0 <= port <= 65535:
        raise UsageError(f"port is {port}; expected 0..65535; 0 takes any free one.")
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of what clients send
    service = Service(limits or Limits())
    listener = _listener(host, port)

    def load_all() -> None:
        predictors = {
            name: _ready_predictor(path, device=device, tile=tile) for name, path in models.items()
        }
        server.loop.call_soon_threadsafe(opened, predictors)

    def opened(predictors: Mapping[str, Predictor]) -> None:
        service.open(predictors)
        if service.phase == "ready":
            announce(url_of(host, listener.getsockname()[1]))

    server = Server(service, access or Access(), when_started=load_all)
    try:
        server.run(sockets=[listener])
    finally:
        service.close()
    if server.failure is not None:
        raise server.failure


def check_names(names: Sequence[str]) -> None:
    """Refuse names that cannot stand in a URL.

    Raises:
        UsageError: there is none, or one has other characters than letters, digits, `.`, `_`, `-`.
    """
    if not names:
        raise UsageError("no model given; name a run folder, a model folder or an exported file.")
    for name in names:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"model name {name!r}: expected up to 64 letters, digits, '.', '_' and '-', a "
                "letter or digit first; give one as NAME=PATH."
            )


def url_of(host: str, port: int) -> str:
    """Where a browser finds a server."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn, which on a signal refuses new work, finishes the old and ends with exit code 0."""

    def __init__(
        self, service: Service, access: Access, *, when_started: Callable[[], None]
    ) -> None:
        """Prepare; `run` serves.

        Args:
            service: the models, and what requests share.
            access: who may ask.
            when_started: called in a thread of its own once the server listens; what it raises
                ends the server and stands in `failure`.
        """
        limits = service.limits
        config = uvicorn.Config(
            create_app(service, access),
            http=connection_class(limits),
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="error",  # or anyone who speaks no HTTP could fill the log
            access_log=False,
            server_header=False,
            proxy_headers=False,
            # uvicorn waits for connections to be closed, a client that does not read its answer too
            timeout_graceful_shutdown=int(limits.request_seconds + limits.body_seconds) + 1,
        )
        super().__init__(config)
        self.service = service
        self.failure: Exception | None = None
        self._when_started = when_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then load: health can be asked from the first moment."""
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        # a daemon: loading cannot be cut short, and must not hold up the end
        threading.Thread(target=self._load, name="tessella-loading", daemon=True).start()

    async def on_tick(self, counter: int) -> bool:
        """Whether to stop listening: only once nothing is left to do, so that probes are told."""
        is_done = self.service.phase == "draining" and not self.service.num_in_flight
        return await super().on_tick(counter) or is_done

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Begin to leave; a second signal leaves at once."""
        if self.service.phase == "draining":
            os._exit(128 + sig)  # not sys.exit: that would wait for the threads at work
        self.service.drain()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does, but a signal that was obeyed is not raised again: the exit code is 0."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {sig: signal.signal(sig, self.handle_exit) for sig in _SIGNALS}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)

    def _load(self) -> None:
        try:
            self._when_started()
        except Exception as error:  # whatever it is, the main thread raises it
            if self.service.phase == "draining":
                return  # nobody waits for the models any more
            self.failure = error
            self.should_exit = True


def _ready_predictor(path: Path, *, device: str, tile: int) -> Predictor:
    """The model at a path, tried once: what fails fails now, and the first request is not slow."""
    predictor = load(path, device=device, tile=tile)
    if predictor.backend.in_channels != 3:
        raise UsageError(
            f"{path}: takes images of {predictor.backend.in_channels} channels; the server reads "
            "RGB, 3 of them; serve another model."
        )
    predictor.predict(np.zeros((*(predictor.size or (64, 64)), 3), np.uint8))
    return predictor


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise UsageError(
            f"port {port} on {host} cannot be opened: {error.strerror or error}; choose another by "
            "--port (0: any free one), or another --host."
        ) from error
