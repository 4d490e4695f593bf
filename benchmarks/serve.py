"""The server beside bare inference, under 32 clients, and under hostile requests.

    python benchmarks/serve.py --model runs/demo --out benchmarks/results/serve.json

Starts `tessella serve` as a process of its own and asks it over loopback, in three parts:

1. Overhead. Bare inference of decoded images in this process, one by one and in batches, then the
   same images as JPEG through the server by as many clients as saturate it, in turns. Each round
   gives a ratio of wall times to the faster bare way; the median is printed. The clients' own work
   is on the server's side.
2. Waiting. N clients ask without a pause. None may get another answer than 200, and the 99th
   percentile of their times stands beside the least that queueing allows: each waits for one image
   of every client, so clients x seconds per image / batch gain, where the gain is how much faster
   an image is inside of a batch, both measured bare in the same run.
3. Abuse. Good and hostile requests in turn, each with the status that it must get. Memory of the
   server is read after the first twentieth and at the end.
"""

import argparse
import http.client
import io
import itertools
import json
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import cv2
import numpy as np
from PIL import Image

from result_file import write_result
from tessella.data.images import encode_jpeg, encode_png
from tessella.predictor import Predictor, load

TIMEOUT_SECONDS = 120
BATCH = 8


class Ask(NamedTuple):
    """One request and the status that it must get."""

    name: str
    method: str
    path: str
    body: bytes
    headers: dict[str, str]
    status: int


class Seen(NamedTuple):
    """What became of a request."""

    name: str
    expected: int
    status: int
    """0: no answer came."""

    seconds: float


class Server(NamedTuple):
    """A process that serves one model."""

    host: str
    port: int
    pid: int

    def resident_mib(self) -> float:
        """Memory of the process."""
        text = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return next(
            int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmRSS")
        )


@contextmanager
def running(model: Path) -> Iterator[Server]:
    """`tessella serve` with its defaults on a free port."""
    command = [sys.executable, "-m", "tessella", "serve", f"model={model}", "--port", "0"]
    process = subprocess.Popen([*command, "--batch", str(BATCH)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            raise RuntimeError(f"the server did not start: {line!r}")
        address = urlsplit(found[0])
        assert address.hostname is not None
        assert address.port is not None
        yield Server(address.hostname, address.port, process.pid)
    finally:
        process.terminate()
        code = process.wait(TIMEOUT_SECONDS)
        print(f"the server ended with {code}")


def photo(seed: int, height: int, width: int) -> np.ndarray:
    """A soft picture with the detail of a photograph."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


def post(name: str, body: bytes, kind: str, **changes: Any) -> Ask:
    """A request for a prediction."""
    ask = Ask(name, "POST", "/predict", body, {"Content-Type": kind}, 200)
    headers = {**ask.headers, **changes.pop("headers", {})}
    return ask._replace(headers=headers, **changes)


def asked(connection: http.client.HTTPConnection, ask: Ask) -> Seen:
    """Send a request and read its whole answer."""
    began = time.perf_counter()
    try:
        connection.request(ask.method, ask.path, ask.body or None, ask.headers)
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        connection.close()
        status = 0
    return Seen(ask.name, ask.status, status, time.perf_counter() - began)


def asked_by_clients(server: Server, asks: Sequence[Ask], *, clients: int) -> list[Seen]:
    """Each client takes the next request as soon as its last is answered."""
    queue = iter(asks)
    lock = threading.Lock()
    seen: list[Seen] = []

    def client() -> None:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=TIMEOUT_SECONDS)
        while True:
            with lock:
                ask = next(queue, None)
            if ask is None:
                connection.close()
                return
            result = asked(connection, ask)
            with lock:
                seen.append(result)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def lost(seen: Sequence[Seen]) -> dict[str, int]:
    """Answers that were not as they must be: "name: expected -> got" and how many."""
    wrong = Counter(
        f"{one.name}: {one.expected} -> {one.status or 'no answer'}"
        for one in seen
        if one.status != one.expected
    )
    return dict(sorted(wrong.items()))


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure_overhead(
    server: Server, predictor: Predictor, images: Sequence[np.ndarray], *, rounds: int
) -> dict[str, Any]:
    """Part 1: wall time an image, bare and served, in turns."""
    asks = [post("jpeg", encode_jpeg(image, quality=85), "image/jpeg") for image in images]
    batches = [np.stack(images[at : at + BATCH]) for at in range(0, len(images), BATCH)]

    def alone() -> None:
        for image in images:
            predictor.predict(image)

    def in_batches() -> None:
        for batch in batches:
            predictor.backend.fetch(predictor.class_maps(batch))

    def served() -> None:
        seen = asked_by_clients(server, asks, clients=2 * BATCH)
        if wrong := lost(seen):
            raise RuntimeError(f"not all were answered: {wrong}")

    ways = {"alone": alone, "in_batches": in_batches, "served": served}
    for way in ways.values():
        way()
    times = {name: [0.0] * rounds for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            times[name][number] = seconds_of(way)
    # the server puts images together, so the faster bare way is the one to beat
    fastest = min(("alone", "in_batches"), key=lambda name: statistics.median(times[name]))
    ratios = [of / bare for of, bare in zip(times["served"], times[fastest], strict=True)]
    return {
        **{
            f"{name}_ms_per_image": _ms(statistics.median(taken) / len(images))
            for name, taken in times.items()
        },
        "bare": fastest,
        "ratio_median": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


def batch_gain(predictor: Predictor, image: np.ndarray, *, rounds: int) -> tuple[float, float]:
    """(seconds for an image alone, how many times faster it is inside of a batch)."""
    batch = np.repeat(image[None], BATCH, axis=0)
    single: list[float] = []
    together: list[float] = []
    predictor.backend.fetch(predictor.class_maps(batch))
    for _ in range(rounds):
        single.append(seconds_of(lambda: predictor.predict(image)))
        together.append(
            seconds_of(lambda: predictor.backend.fetch(predictor.class_maps(batch))) / BATCH
        )
    return statistics.median(single), statistics.median(single) / statistics.median(together)


def measure_waiting(
    server: Server, predictor: Predictor, image: np.ndarray, *, clients: int, each: int
) -> dict[str, Any]:
    """Part 2: many clients without a pause."""
    ask = post("jpeg", encode_jpeg(image, quality=85), "image/jpeg")
    single, gain = batch_gain(predictor, image, rounds=9)
    seen = asked_by_clients(server, [ask] * (clients * each), clients=clients)
    times = sorted(one.seconds for one in seen)
    p99 = times[min(len(times) - 1, int(0.99 * len(times)))]
    least = clients * single / max(1.0, gain)
    return {
        "clients": clients,
        "requests": len(seen),
        "not_as_expected": lost(seen),
        "single_ms": _ms(single),
        "batch_gain": round(gain, 2),
        "queueing_minimum_ms": _ms(least),
        "median_ms": _ms(statistics.median(times)),
        "p99_ms": _ms(p99),
        "p99_to_minimum": round(p99 / least, 2),
    }


def mixed_asks(image: np.ndarray) -> list[Ask]:
    """One of each kind, good and hostile."""
    png, jpeg = encode_png(image), encode_jpeg(image, quality=85)
    bomb = png[:16] + (100_000).to_bytes(4, "big") * 2 + png[24:]
    stream = io.BytesIO()
    frames = [Image.fromarray(image[:16, :16]), Image.fromarray(image[16:32, :16])]
    frames[0].save(stream, "PNG", save_all=True, append_images=frames[1:])
    form = b"--x\r\nContent-Disposition: form-data; name=%s; filename=a\r\n\r\n%s\r\n--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    small = np.ascontiguousarray(image[:64, :64].transpose(2, 0, 1)[None])
    head = {
        "name": "images",
        "shape": [1, 3, 64, 64],
        "datatype": "UINT8",
        "parameters": {"binary_data_size": small.nbytes},
    }
    text = json.dumps({"inputs": [head], "outputs": [{"name": "classes"}]}).encode()
    v2 = {"Inference-Header-Content-Length": str(len(text))}
    infer = "/v2/models/model/infer"
    return [
        post("png", png, "image/png"),
        post("jpeg to json", jpeg, "image/jpeg", headers={"Accept": "application/json"}),
        post("form", form % (b"image", jpeg), kind),
        post("overlay", jpeg, "image/jpeg", path="/predict?picture=overlay&opacity=0.5"),
        post("polyglot", jpeg + b"PK\x03\x04<script>alert(1)</script>" * 50, "image/jpeg"),
        post("tensor", text + small.tobytes(), "application/octet-stream", path=infer, headers=v2),
        post("truncated", jpeg[: len(jpeg) // 2], "image/jpeg", status=422),
        post("damaged", png[:2000] + bytes(50) + png[2050:], "image/png", status=422),
        post("empty", b"", "image/png", status=422),
        post("bomb", bomb, "image/png", status=413),
        post("animated", stream.getvalue(), "image/png", status=422),
        post("no image", b"%PDF-1.7" + bytes(500), "image/png", status=415),
        post("contradicting type", png, "image/jpeg", status=415),
        post("text", b"hello", "text/plain", status=415),
        post("bad form", form % (b"imag", jpeg), kind, status=422),
        post("bad query", jpeg, "image/jpeg", path="/predict?opacity=7", status=422),
        post("unknown model", jpeg, "image/jpeg", path="/models/none/predict", status=404),
        post("no answer of that kind", jpeg, "image/jpeg", headers={"Accept": "a/b"}, status=406),
        post("too many bytes", bytes(26_000_000), "image/png", status=413),
        post("bad tensor", b'{"inputs": [{}]}', "application/json", path=infer, status=400),
        post("deep json", b"[" * 100_000, "application/json", path=infer, status=400),
        Ask("wrong method", "DELETE", "/predict", b"", {}, 405),
        Ask("wrong path", "GET", "/page/..%2f..%2fserver.py", b"", {}, 404),
        Ask("other host", "GET", "/models", b"", {"Host": "evil.example"}, 421),
    ]


def leave_in_the_middle(server: Server) -> None:
    """Begin a request and hang up."""
    with socket.create_connection((server.host, server.port), timeout=TIMEOUT_SECONDS) as client:
        client.sendall(
            b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/png\r\n"
            b"Content-Length: 100000\r\n\r\n\x89PNG\r\n\x1a\n"
        )


def measure_abuse(
    server: Server, image: np.ndarray, *, requests: int, clients: int
) -> dict[str, Any]:
    """Part 3: good and hostile requests in turn."""
    asks = list(itertools.islice(itertools.cycle(mixed_asks(image)), requests))
    first = len(asks) // 20
    seen = asked_by_clients(server, asks[:first], clients=clients)
    at_start = server.resident_mib()
    for _ in range(50):
        leave_in_the_middle(server)
    seen += asked_by_clients(server, asks[first:], clients=clients)
    at_end = server.resident_mib()
    statuses = Counter(str(one.status) for one in seen)
    return {
        "requests": len(seen),
        "clients": clients,
        "not_as_expected": lost(seen),
        "statuses": dict(sorted(statuses.items())),
        "resident_mib_at_start": round(at_start, 1),
        "resident_mib_at_end": round(at_end, 1),
    }


def _ms(seconds: float) -> float:
    return round(1e3 * seconds, 2)


def show(title: str, figures: dict[str, Any]) -> None:
    print(f"\n{title}")
    for name, value in figures.items():
        print(f"{name:<28} {value}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="run, folder or exported file")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    parser.add_argument("--size", type=int, nargs=2, default=(360, 480), metavar=("H", "W"))
    parser.add_argument("--images", type=int, default=32, help="in each round of the overhead")
    parser.add_argument("--rounds", type=int, default=7, help="pairs of rounds of the overhead")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--each", type=int, default=10, help="requests of each client")
    parser.add_argument("--requests", type=int, default=10_000, help="good and hostile ones")
    arguments = parser.parse_args()
    height, width = arguments.size
    images = [photo(seed, height, width) for seed in range(arguments.images)]
    predictor = load(arguments.model)
    figures: dict[str, Any] = {"size": [height, width], "engine": predictor.backend.engine}
    with running(arguments.model) as server:
        figures["overhead"] = measure_overhead(server, predictor, images, rounds=arguments.rounds)
        show("Overhead over bare inference", figures["overhead"])
        figures["waiting"] = measure_waiting(
            server, predictor, images[0], clients=arguments.clients, each=arguments.each
        )
        show("Clients without a pause", figures["waiting"])
        figures["abuse"] = measure_abuse(server, images[0], requests=arguments.requests, clients=16)
        show("Good and hostile requests in turn", figures["abuse"])
    if arguments.out:
        write_result(
            arguments.out,
            claim="Served at saturation an image takes at most 1.15 times its bare inference; of "
            "32 clients none is lost and 99 of 100 answers come within 3 times the queueing "
            "minimum; hostile requests get their status and take no memory for good.",
            figures=figures,
            command=f"python benchmarks/serve.py --model {arguments.model} "
            f"--requests {arguments.requests} --clients {arguments.clients}",
        )


if __name__ == "__main__":
    main()
