"""What the server counts, for Prometheus; every label has few values, whatever clients send."""

import math
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tessella.serve.refusal import STATUS

CONTENT_TYPE = CONTENT_TYPE_LATEST
OTHER = "other"
"""The route of requests that match none."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, math.inf)
_SIZES = (1, 2, 4, 8, 16, 32, 64, math.inf)


class _QueueLengths(Collector):
    """Read when asked: a length is of now."""

    def __init__(self, lengths: Callable[[], Mapping[str, int]]) -> None:
        self._lengths = lengths

    def collect(self) -> list[GaugeMetricFamily]:
        found = GaugeMetricFamily(
            "tessella_queue_length", "Requests that wait for a model.", labels=["model"]
        )
        for model, length in self._lengths().items():
            found.add_metric([model], length)
        return [found]


class Measures:
    """Counters and histograms in a registry of their own."""

    def __init__(self, queue_lengths: Callable[[], Mapping[str, int]]) -> None:
        """Nothing counted yet.

        Args:
            queue_lengths: model -> requests that wait for it, read whenever metrics are.
        """
        registry = CollectorRegistry()
        self._registry = registry
        registry.register(_QueueLengths(queue_lengths))
        self._requests = Counter(
            "tessella_requests",
            "Requests answered, by route and status.",
            ["route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "tessella_request_seconds",
            "From a request's headers to the end of its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._refused = Counter(
            "tessella_refused", "Requests refused, by reason.", ["reason"], registry=registry
        )
        self._batches = Histogram(
            "tessella_batch_size",
            "Images computed together.",
            ["model"],
            buckets=_SIZES,
            registry=registry,
        )
        self._inference = Histogram(
            "tessella_inference_seconds",
            "Time to compute a batch.",
            ["model"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "tessella_requests_in_flight", "Predictions being worked on.", registry=registry
        )
        for code in STATUS:
            self._refused.labels(code)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count an answer; `route` is a template such as /models/{name}/predict."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refused(self, code: str) -> None:
        """Count a refusal; `code` is one of `STATUS`."""
        self._refused.labels(code).inc()

    def batch(self, model: str, size: int, seconds: float) -> None:
        """Count images that were computed together."""
        self._batches.labels(model).observe(size)
        self._inference.labels(model).observe(seconds)

    def text(self) -> bytes:
        """All of it in the format that Prometheus reads."""
        return generate_latest(self._registry)
