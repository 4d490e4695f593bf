"""Images that wait are computed together; none is lost, and none waits for a stranger's mistake."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any

import numpy as np
import pytest

from tessella.serve.batching import DeadlineError, QueueFullError, Rules, Worker

RULES = Rules(queue_length=8, max_batch=4, max_batch_pixels=1000, wait_seconds=0.0)
NEVER = time.monotonic() + 1e6


class Adder:
    """Sums the pixels of each image; `go` lets it work, `began` says that it does."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.began = threading.Event()
        self.batches: list[tuple[str, tuple[int, ...]]] = []

    def compute(self, kind: str, images: np.ndarray) -> Sequence[int]:
        self.batches.append((kind, images.shape))
        self.began.set()
        assert self.go.wait(20)
        if (images == 13).any():
            raise RuntimeError("unlucky")
        return [int(image.sum()) for image in images]


Start = Callable[..., tuple[Worker[str, int], Adder]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts workers that hold still until `go`."""
    running: list[tuple[Worker[str, int], Adder]] = []

    def make(rules: Rules = RULES) -> tuple[Worker[str, int], Adder]:
        adder = Adder()
        observed: list[tuple[int, float]] = []
        worker = Worker[str, int](
            adder.compute, rules, name="adder", observe=lambda *seen: observed.append(seen)
        )
        adder.observed = observed  # type: ignore[attr-defined]
        running.append((worker, adder))
        return worker, adder

    yield make
    for worker, adder in running:
        adder.go.set()
        worker.close(timeout_seconds=20)


def image(value: int, size: tuple[int, int] = (2, 3)) -> np.ndarray:
    return np.full((1, *size, 3), value, np.uint8)


def busy(worker: Worker[str, int], adder: Adder) -> "Future[list[int]]":
    """Keep the worker at its first job, so that what follows has to wait."""
    first = worker.submit("sum", image(1), deadline=NEVER)
    assert adder.began.wait(20)
    return first


def test_images_of_one_size_that_wait_are_computed_together(start: Start) -> None:
    worker, adder = start()
    first = busy(worker, adder)
    others = [worker.submit("sum", image(value), deadline=NEVER) for value in (2, 3, 4)]
    adder.go.set()
    assert [future.result(20) for future in (first, *others)] == [[18], [36], [54], [72]]
    assert adder.batches == [("sum", (1, 2, 3, 3)), ("sum", (3, 2, 3, 3))]
    assert [size for size, _ in adder.observed] == [1, 3]  # type: ignore[attr-defined]


def test_other_sizes_and_wishes_have_batches_of_their_own_in_the_order_of_the_oldest(
    start: Start,
) -> None:
    worker, adder = start()
    busy(worker, adder)
    jobs: list[tuple[str, np.ndarray]] = [
        ("sum", image(1, (2, 3))),
        ("sum", image(1, (4, 1))),
        ("sums", image(1, (2, 3))),
        ("sum", image(1, (2, 3))),
        ("sum", image(1, (4, 1))),
    ]
    futures = [worker.submit(kind, images, deadline=NEVER) for kind, images in jobs]
    adder.go.set()
    assert [future.result(20) for future in futures] == [[18], [12], [18], [18], [12]]
    assert adder.batches[1:] == [
        ("sum", (2, 2, 3, 3)),
        ("sum", (2, 4, 1, 3)),
        ("sums", (1, 2, 3, 3)),
    ]


@pytest.mark.parametrize(
    ("rules", "sizes"),
    [
        (RULES._replace(max_batch=2), [2, 2, 1]),
        (RULES._replace(max_batch_pixels=18), [3, 2]),
        (RULES._replace(max_batch_pixels=5), [1, 1, 1, 1, 1]),
    ],
)
def test_a_batch_is_bounded_by_images_and_by_pixels(
    start: Start, rules: Rules, sizes: list[int]
) -> None:
    worker, adder = start(rules)
    busy(worker, adder)
    futures = [worker.submit("sum", image(1), deadline=NEVER) for _ in range(5)]
    adder.go.set()
    assert [future.result(20) for future in futures] == [[18]] * 5
    assert [shape[0] for _, shape in adder.batches[1:]] == sizes


def test_several_images_of_one_request_stay_together_and_are_cut_by_the_bound(
    start: Start,
) -> None:
    worker, adder = start(RULES._replace(max_batch=3))
    adder.go.set()
    images = np.concatenate([image(value) for value in range(1, 6)])
    assert worker.submit("sum", images, deadline=NEVER).result(20) == [18, 36, 54, 72, 90]
    assert [shape[0] for _, shape in adder.batches] == [3, 2]


def test_a_full_queue_refuses_and_what_is_computed_does_not_count(start: Start) -> None:
    worker, adder = start(RULES._replace(queue_length=2))
    busy(worker, adder)
    waiting = [worker.submit("sum", image(1), deadline=NEVER) for _ in range(2)]
    with pytest.raises(QueueFullError):
        worker.submit("sum", image(1), deadline=NEVER)
    with pytest.raises(QueueFullError):
        worker.refuse_if_full()
    assert worker.num_waiting == 2
    adder.go.set()
    assert [future.result(20) for future in waiting] == [[18], [18]]


def test_a_cancelled_job_leaves_its_place_at_once_and_is_not_computed(start: Start) -> None:
    worker, adder = start(RULES._replace(queue_length=1))
    busy(worker, adder)
    given_up = worker.submit("sum", image(2), deadline=NEVER)
    assert given_up.cancel()
    assert worker.num_waiting == 0
    kept = worker.submit("sum", image(3), deadline=NEVER)
    adder.go.set()
    assert kept.result(20) == [54]
    assert len(adder.batches) == 2
    with pytest.raises(CancelledError):
        given_up.result(20)


def test_a_job_whose_deadline_has_passed_is_not_computed(start: Start) -> None:
    worker, adder = start()
    busy(worker, adder)
    late = worker.submit("sum", image(2), deadline=time.monotonic())
    fresh = worker.submit("sum", image(3), deadline=NEVER)
    adder.go.set()
    assert fresh.result(20) == [54]
    with pytest.raises(DeadlineError):
        late.result(20)
    assert adder.batches[1:] == [("sum", (1, 2, 3, 3))]


def test_a_bad_image_fails_alone(start: Start) -> None:
    worker, adder = start()
    busy(worker, adder)
    good, bad, fine = (worker.submit("sum", image(value), deadline=NEVER) for value in (2, 13, 3))
    adder.go.set()
    assert (good.result(20), fine.result(20)) == ([36], [54])
    with pytest.raises(RuntimeError, match="unlucky"):
        bad.result(20)
    assert worker.submit("sum", image(1), deadline=NEVER).result(20) == [18]  # and the thread lives


def test_a_batch_waits_for_one_that_is_on_its_way(start: Start) -> None:
    worker, adder = start(RULES._replace(wait_seconds=20))
    adder.go.set()
    with worker.expecting_one():
        first = worker.submit("sum", image(1), deadline=NEVER)
        second = worker.submit("sum", image(2), deadline=NEVER)
    assert (first.result(20), second.result(20)) == ([18], [36])
    assert adder.batches == [("sum", (2, 2, 3, 3))]


def test_a_full_batch_waits_for_nobody(start: Start) -> None:
    worker, adder = start(RULES._replace(wait_seconds=1e6, max_batch=2))
    adder.go.set()
    with worker.expecting_one():
        futures = [worker.submit("sum", image(1), deadline=NEVER) for _ in range(2)]
        assert [future.result(20) for future in futures] == [[18], [18]]


def test_where_nobody_is_on_the_way_an_image_does_not_wait(start: Start) -> None:
    worker, adder = start(RULES._replace(wait_seconds=1e6))
    adder.go.set()
    assert worker.submit("sum", image(1), deadline=NEVER).result(20) == [18]


def test_the_wait_has_an_end(start: Start) -> None:
    worker, adder = start(RULES._replace(wait_seconds=0.01))
    adder.go.set()
    with worker.expecting_one():
        assert worker.submit("sum", image(1), deadline=NEVER).result(20) == [18]


def test_closing_finishes_what_is_queued_and_takes_no_more(start: Start) -> None:
    worker, adder = start()
    busy(worker, adder)
    waiting = [worker.submit("sum", image(value), deadline=NEVER) for value in (2, 3)]
    adder.go.set()
    worker.close(timeout_seconds=20)
    assert [future.result(0) for future in waiting] == [[36], [54]]
    with pytest.raises(QueueFullError):
        worker.submit("sum", image(1), deadline=NEVER)


def test_many_threads_get_each_their_own_result(start: Start) -> None:
    worker, adder = start(RULES._replace(queue_length=200))
    adder.go.set()
    found: dict[int, Any] = {}

    def ask(value: int) -> None:
        size = (2, 3) if value % 2 else (3, 2)
        found[value] = worker.submit("sum", image(value, size), deadline=NEVER).result(20)

    threads = [threading.Thread(target=ask, args=(value,)) for value in range(20, 84)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == {value: [18 * value] for value in range(20, 84)}
