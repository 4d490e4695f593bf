"""One model's queue and the thread that computes it, images of one size together."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from jaxtyping import UInt8

from tessella.serve.pace import Pace

logger = logging.getLogger(__name__)

Kind = TypeVar("Kind", bound=Hashable)
Result = TypeVar("Result")

Compute = Callable[[Kind, np.ndarray], Sequence[Result]]
"""(what is wanted, images uint8 (n, h, w, 3)) -> one result an image."""


class QueueFullError(Exception):
    """As many wait as may."""


class DeadlineError(Exception):
    """It was too late to begin."""


class Rules(NamedTuple):
    """How jobs are put together."""

    queue_length: int
    """Jobs that may wait; those being computed do not count."""

    max_batch: int
    """Images computed together."""

    max_batch_pixels: int
    """Pixels computed together, so that a batch costs no more memory than one large image."""

    wait_seconds: float
    """How long a batch waits for more of its kind, where more are on their way."""


@dataclass(eq=False)
class _Job(Generic[Kind, Result]):
    kind: Kind
    images: UInt8[np.ndarray, "n h w 3"]
    deadline: float
    """By `time.monotonic`."""

    future: "Future[list[Result]]" = field(default_factory=Future)

    @property
    def like(self) -> tuple[Kind, tuple[int, ...]]:
        """Jobs for which this is equal can be computed together."""
        return self.kind, self.images.shape[1:]


class Worker(Generic[Kind, Result]):
    """A bounded queue with one thread behind it.

    The oldest job leads each batch, and jobs of its kind and size join it in their order: none is
    overtaken for ever. A batch is as large as pays (`Pace`). A cancelled job leaves the queue at
    once; one whose deadline has passed is not computed. A batch that fails is tried job by job, so
    that a bad one fails alone.
    """

    def __init__(
        self,
        compute: Compute[Kind, Result],
        rules: Rules,
        *,
        name: str,
        observe: Callable[[int, float], None],
    ) -> None:
        """Start the thread.

        Args:
            compute: called in the thread, by nobody else.
            rules: how jobs are put together.
            name: of the thread.
            observe: told the images and the seconds of each computation.
        """
        self._compute = compute
        self._rules = rules
        self._observe = observe
        self._jobs: deque[_Job[Kind, Result]] = deque()
        self._changed = threading.Condition()
        self._pace = Pace()
        self._coming = 0
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    @property
    def num_waiting(self) -> int:
        """Jobs in the queue, without those being computed."""
        return len(self._jobs)

    @contextmanager
    def expecting_one(self) -> Iterator[None]:
        """A job is on its way: a batch may wait for it a little."""
        with self._changed:
            self._coming += 1
        try:
            yield
        finally:
            with self._changed:
                self._coming -= 1
                self._changed.notify()

    def refuse_if_full(self) -> None:
        """Say early what `submit` would say.

        Raises:
            QueueFullError: as many wait as may.
        """
        if len(self._jobs) >= self._rules.queue_length:
            raise QueueFullError

    def submit(
        self, kind: Kind, images: UInt8[np.ndarray, "n h w 3"], *, deadline: float
    ) -> "Future[list[Result]]":
        """Queue images; the future gives one result for each, and may be cancelled.

        Args:
            kind: what is wanted of them.
            images: n >= 1 of one size.
            deadline: by `time.monotonic`; later than that it is not begun.

        Raises:
            QueueFullError: as many wait as may.
        """
        job = _Job[Kind, Result](kind, images, deadline)
        with self._changed:
            if self._is_closed:
                raise QueueFullError
            self.refuse_if_full()
            self._jobs.append(job)
            self._changed.notify()
        job.future.add_done_callback(lambda _: self._forget(job))
        return job.future

    def close(self, *, timeout_seconds: float) -> None:
        """Finish what is queued, and end the thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(timeout_seconds)

    def _forget(self, job: _Job[Kind, Result]) -> None:
        """Take a cancelled job out, so that neither its place nor its pixels stay taken."""
        with self._changed:
            if job in self._jobs:
                self._jobs.remove(job)

    def _work(self) -> None:
        while batch := self._next_batch():
            now = time.monotonic()
            live: list[_Job[Kind, Result]] = []
            for job in batch:
                if not job.future.set_running_or_notify_cancel():
                    continue
                if job.deadline <= now:
                    job.future.set_exception(DeadlineError())
                else:
                    live.append(job)
            if live:
                self._answer(live)

    def _next_batch(self) -> list[_Job[Kind, Result]]:
        """The jobs to compute next; none when the worker is closed and the queue is empty."""
        with self._changed:
            while True:
                if not self._jobs:
                    if self._is_closed:
                        return []
                    self._changed.wait()
                    continue
                self._wait_for_more()
                if batch := self._like_the_first():
                    for job in batch:
                        self._jobs.remove(job)
                    return batch

    def _wait_for_more(self) -> None:
        until = time.monotonic() + self._rules.wait_seconds
        while self._jobs and self._coming and not self._is_closed:
            room = self._room(self._jobs[0])
            if sum(len(job.images) for job in self._like_the_first()) >= room:
                return
            left = until - time.monotonic()
            if left <= 0:
                return
            self._changed.wait(left)

    def _like_the_first(self) -> list[_Job[Kind, Result]]:
        if not self._jobs:
            return []
        first, count = self._jobs[0], 0
        room = self._room(first)
        found: list[_Job[Kind, Result]] = []
        for job in self._jobs:
            if job.like != first.like:
                continue
            if found and count + len(job.images) > room:
                break
            found.append(job)
            count += len(job.images)
        return found

    def _room(self, job: _Job[Kind, Result]) -> int:
        """Images of this size that are computed together."""
        height, width = job.images.shape[1:3]
        pixels = height * width
        allowed = min(self._rules.max_batch, self._rules.max_batch_pixels // max(1, pixels))
        return self._pace.most(job.kind, pixels, allowed=max(1, allowed))

    def _answer(self, jobs: Sequence[_Job[Kind, Result]]) -> None:
        try:
            images = (
                jobs[0].images if len(jobs) == 1 else np.concatenate([job.images for job in jobs])
            )
            results = self._computed(jobs[0].kind, images, room=self._room(jobs[0]))
        except Exception as error:  # the thread must outlive whatever an engine throws
            if len(jobs) > 1:
                logger.warning("a batch of %d failed (%s); each is tried alone", len(jobs), error)
                for job in jobs:
                    self._answer([job])
            else:
                jobs[0].future.set_exception(error)
            return
        at = 0
        for job in jobs:
            job.future.set_result(results[at : at + len(job.images)])
            at += len(job.images)

    def _computed(self, kind: Kind, images: np.ndarray, *, room: int) -> list[Result]:
        results: list[Result] = []
        for start in range(0, len(images), room):
            part = images[start : start + room]
            began = time.perf_counter()
            results.extend(self._compute(kind, part))
            seconds = time.perf_counter() - began
            pixels = images.shape[1] * images.shape[2]
            self._pace.record(kind, pixels, size=len(part), seconds=seconds)
            self._observe(len(part), seconds)
        return results
