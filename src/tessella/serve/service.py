"""The models that are served, and how much of everything is in use."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, TypeVar

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from tessella.predictor import Predictor
from tessella.serve.answers import hex_color
from tessella.serve.batching import QueueFullError, Rules, Worker
from tessella.serve.budget import Budget, Ticket
from tessella.serve.confidence import confidences
from tessella.serve.limits import Limits
from tessella.serve.measures import Measures
from tessella.serve.refusal import RefusedError, echoed
from tessella.suggestion import did_you_mean

Phase = Literal["loading", "ready", "draining"]
Want = Literal["classes", "confidence", "probabilities"]
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Computed:
    """What a model said of one image."""

    class_map: UInt8[np.ndarray, "h w"]
    confidence: UInt8[np.ndarray, "h w"] | None = None
    mean_probability: Float64[np.ndarray, " k"] | None = None
    probabilities: Float32[np.ndarray, "k h w"] | None = None


@dataclass(frozen=True)
class ServedModel:
    """A model with its queue."""

    name: str
    predictor: Predictor
    worker: Worker[Want, Computed]

    def document(self) -> dict[str, Any]:
        """What `GET /models` says of it."""
        predictor, labels = self.predictor, self.predictor.labels
        backend, card = predictor.backend, predictor.card
        validation = card.validation if card is not None else {}
        return {
            "name": self.name,
            "classes": [
                {"index": index, "name": name, "color": hex_color(labels, index)}
                for index, name in enumerate(labels.names)
            ],
            "engine": backend.engine,
            "precision": backend.precision,
            "where": backend.where,
            "has_probabilities": backend.has_probabilities,
            "size": list(predictor.size) if predictor.size else None,
            "licence": card.licence if card is not None else None,
            "validation": {key: _plain(value) for key, value in validation.items()},
        }


class Service:
    """Everything that requests share. It belongs to one event loop, but for `drain`."""

    def __init__(self, limits: Limits) -> None:
        """No model yet: loading."""
        self.limits = limits
        self.phase: Phase = "loading"
        self.models: dict[str, ServedModel] = {}
        self.measures = Measures(self._queue_lengths)
        self.pixels = Budget(limits.held_pixels)
        self.num_in_flight = 0
        self.body_bytes = Budget(limits.held_bytes)
        self._pool = ThreadPoolExecutor(limits.threads, thread_name_prefix="tessella-images")

    def open(self, predictors: Mapping[str, Predictor]) -> None:
        """Serve these from now on; the first is the default.

        Args:
            predictors: name -> model, at least one.
        """
        self.models = {
            name: ServedModel(name, predictor, self._worker(name, predictor))
            for name, predictor in predictors.items()
        }
        if self.phase == "loading":
            self.phase = "ready"

    def drain(self) -> None:
        """Refuse new work; what was admitted is finished. May be called in a signal handler."""
        self.phase = "draining"

    def close(self) -> None:
        """End the threads."""
        for model in self.models.values():
            model.worker.close(timeout_seconds=self.limits.request_seconds)
        self._pool.shutdown(wait=False, cancel_futures=True)

    @contextmanager
    def admitted(self) -> Iterator[Ticket]:
        """One request for work, from its headers to its answer.

        Raises:
            RefusedError: the server is not ready, or has enough to do.
        """
        self.refuse_unless_ready()
        if self.num_in_flight >= self.limits.max_requests:
            raise RefusedError(
                "busy",
                f"{self.num_in_flight} requests are being worked on; try again.",
                retry_after=1,
            )
        self.num_in_flight += 1
        self.measures.in_flight.inc()
        ticket = Ticket(self.body_bytes)
        try:
            yield ticket
        finally:
            ticket.give_back()
            self.num_in_flight -= 1
            self.measures.in_flight.dec()

    def refuse_unless_ready(self) -> None:
        """Say what the server waits for.

        Raises:
            RefusedError: models are loading, or the server is shutting down.
        """
        if self.phase == "loading":
            raise RefusedError("loading", "the models are being loaded; wait.", retry_after=2)
        if self.phase == "draining":
            raise RefusedError(
                "shutting_down", "the server is shutting down; ask another.", retry_after=5
            )

    def model(self, name: str | None) -> ServedModel:
        """The model of that name; None: the first.

        Raises:
            RefusedError: there is none, or none yet.
        """
        if not self.models:
            self.refuse_unless_ready()
        if name is None:
            return next(iter(self.models.values()))
        if name in self.models:
            return self.models[name]
        clue = did_you_mean(name[:80], self.models) or ";"
        raise RefusedError(
            "unknown_model", f"no model is called {echoed(name)}{clue} GET /models lists them."
        )

    async def in_pool(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Do what would hold up the event loop; what has not begun ends with its caller."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: work(*arguments, **named))

    def submit(
        self, model: ServedModel, want: Want, images: UInt8[np.ndarray, "n h w 3"]
    ) -> asyncio.Future[list[Computed]]:
        """Queue images of one size; cancelling the future takes them out.

        Raises:
            RefusedError: the queue is full.
        """
        deadline = time.monotonic() + self.limits.request_seconds
        try:
            return asyncio.wrap_future(model.worker.submit(want, images, deadline=deadline))
        except QueueFullError as error:
            raise queue_full(model) from error

    def _worker(self, name: str, predictor: Predictor) -> Worker[Want, Computed]:
        def compute(want: Want, images: np.ndarray) -> Sequence[Computed]:
            return compute_with(predictor, want, images)

        def observe(size: int, seconds: float) -> None:
            self.measures.batch(name, size, seconds)

        rules = Rules(
            queue_length=self.limits.queue_length,
            max_batch=self.limits.max_batch,
            max_batch_pixels=predictor.tile**2,
            wait_seconds=self.limits.batch_wait_seconds,
        )
        return Worker(compute, rules, name=f"tessella-{name}", observe=observe)

    def _queue_lengths(self) -> dict[str, int]:
        return {name: model.worker.num_waiting for name, model in self.models.items()}


def queue_full(model: ServedModel) -> RefusedError:
    """The answer when too many wait for a model."""
    return RefusedError(
        "queue_full",
        f"{model.worker.num_waiting} requests wait for {model.name}; try again.",
        retry_after=1,
    )


def compute_with(
    predictor: Predictor, want: Want, images: UInt8[np.ndarray, "n h w 3"]
) -> list[Computed]:
    """What the model says of images of one size, computed together."""
    if want == "confidence":
        return [
            Computed(found.class_map, found.confidence, found.mean_probability)
            for found in confidences(predictor, images)
        ]
    if want == "probabilities":
        return [
            Computed(found.class_map, probabilities=found.probabilities)
            for found in predictor.predict_probabilities_of(images)
        ]
    maps = predictor.backend.fetch(predictor.class_maps(images))
    return [Computed(class_map) for class_map in maps]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
