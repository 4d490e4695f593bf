"""A model that needs no engine, the application around it, and a real server on a free port."""

import asyncio
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from PIL import Image

from tessella.backends.arrays import ArrayScorer
from tessella.labels import LabelMap
from tessella.predictor import Predictor
from tessella.serve.app import create_app
from tessella.serve.limits import Limits
from tessella.serve.security import Access, hosts_for
from tessella.serve.server import Server
from tessella.serve.service import Service

LABELS = LabelMap.from_names(
    ["red", "green", "blue"], colors=[(200, 10, 20), (30, 180, 40), (50, 60, 220)]
)


class Brightest:
    """The class of a pixel is its brightest channel, and its probability that channel's share."""

    engine = "brightest"
    where = "cpu, 1 thread"
    precision = "fp32"
    is_on_cpu = True
    in_channels = 3

    def __init__(
        self, *, has_probabilities: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        self.has_probabilities = has_probabilities
        self.size = size
        self.seconds = 0.0
        self.go = threading.Event()
        self.go.set()
        self.began = threading.Event()
        self.shapes: list[tuple[int, ...]] = []
        self.fails_on: int | None = None

    def place(self, images: np.ndarray) -> np.ndarray:
        return images.transpose(0, 3, 1, 2)

    def class_maps(self, images: np.ndarray) -> np.ndarray:
        self._work(images)
        return images.argmax(1).astype(np.uint8)

    def probabilities(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self._work(images)
        raised = images.astype(np.float32) + 1
        return images.argmax(1).astype(np.uint8), raised / raised.sum(1, keepdims=True)

    def empty(self, shape: Sequence[int]) -> np.ndarray:
        return np.empty(tuple(shape), np.uint8)

    def fetch(self, array: np.ndarray) -> np.ndarray:
        return array

    def scorer(self, num_classes: int, ignore_index: int) -> ArrayScorer:
        return ArrayScorer(num_classes, ignore_index)

    def _work(self, images: np.ndarray) -> None:
        self.shapes.append(images.shape)
        self.began.set()
        self.go.wait(20)
        time.sleep(self.seconds)
        if self.fails_on is not None and (images == self.fails_on).any():
            raise RuntimeError("/secret/place: the engine broke")


def random_image(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def encoded(image: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, kind, **options)
    return stream.getvalue()


def decoded(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)))


class House(NamedTuple):
    """An application with what stands behind it."""

    app: Any
    service: Service
    backend: Brightest

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request, without a network."""

        async def request() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1"
            ) as client:
                return await client.request(method, path, **options)

        return asyncio.run(request())

    def post_png(self, image: np.ndarray, path: str = "/predict", **options: Any) -> httpx.Response:
        headers = {"Content-Type": "image/png", **options.pop("headers", {})}
        return self.ask("POST", path, content=encoded(image), headers=headers, **options)


MakeHouse = Callable[..., House]


@pytest.fixture
def make_house() -> Iterator[MakeHouse]:
    """Makes an application: `make_house(backend=..., access=..., max_bytes=...)`."""
    services: list[Service] = []

    def make(
        backend: Brightest | None = None, access: Access | None = None, **limits: Any
    ) -> House:
        backend = backend or Brightest()
        service = Service(Limits(**{"threads": 2, **limits}))
        service.open({"tiny": Predictor(backend, LABELS), "other": Predictor(backend, LABELS)})
        services.append(service)
        access = access or Access(hosts=hosts_for("127.0.0.1"))
        return House(create_app(service, access), service, backend)

    yield make
    for service in services:
        service.close()


@pytest.fixture
def house(make_house: MakeHouse) -> House:
    return make_house()


class Live(NamedTuple):
    """A server that listens."""

    url: str
    port: int
    service: Service
    backend: Brightest
    server: Server

    def connect(self) -> socket.socket:
        """A raw connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


MakeLive = Callable[..., Live]


@pytest.fixture
def make_live() -> Iterator[MakeLive]:
    """Starts servers in threads: `make_live(backend=..., max_bytes=...)`."""
    running: list[tuple[Service, threading.Thread, Brightest]] = []

    def make(backend: Brightest | None = None, access: Access | None = None, **limits: Any) -> Live:
        backend = backend or Brightest()
        service = Service(Limits(**{"threads": 2, **limits}))
        is_ready = threading.Event()

        def open_models() -> None:
            service.open({"tiny": Predictor(backend, LABELS)})
            is_ready.set()

        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        port = listener.getsockname()[1]
        access = access or Access(hosts=hosts_for("127.0.0.1"))
        server = Server(service, access, when_started=open_models)
        thread = threading.Thread(target=lambda: server.run(sockets=[listener]), daemon=True)
        thread.start()
        assert is_ready.wait(20)
        running.append((service, thread, backend))
        return Live(f"http://127.0.0.1:{port}", port, service, backend, server)

    yield make
    for service, thread, backend in running:
        backend.go.set()
        service.drain()
        thread.join(20)
        service.close()


@pytest.fixture
def brightest() -> type[Brightest]:
    """The model's class."""
    return Brightest


@pytest.fixture
def labels() -> LabelMap:
    """Its classes: red, green, blue."""
    return LABELS


@pytest.fixture
def image_of() -> Callable[..., np.ndarray]:
    """`image_of(height, width, seed=0)`: an image of noise."""
    return random_image


@pytest.fixture
def file_of() -> Callable[..., bytes]:
    """`file_of(image, "JPEG", quality=90)`: the bytes of its file; PNG unless told."""
    return encoded


@pytest.fixture
def pixels_of() -> Callable[[bytes], np.ndarray]:
    """The pixels of a file, read by Pillow alone."""
    return decoded
