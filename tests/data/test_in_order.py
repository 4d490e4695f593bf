"""Threads keep order, hold few items, and pass errors on."""

import threading
from collections.abc import Iterator

import pytest

from tessella.data.in_order import in_order


def test_results_come_in_the_order_of_the_items() -> None:
    assert list(in_order(lambda n: n * n, range(100), threads=3)) == [n * n for n in range(100)]


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    first = next(in_order(abs, items(), threads=2))
    assert first == 0
    assert len(taken) <= 8


def test_an_error_reaches_the_consumer() -> None:
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda n: 1 // n, [1, 0], threads=2))


def test_several_threads_work() -> None:
    barrier = threading.Barrier(2, timeout=20)  # passes only when two are inside at once
    list(in_order(lambda _: barrier.wait(), range(2), threads=2))
