"""Work on many items in a few threads, results in order, memory flat."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from tessella.data.images import opencv_in_one_thread

T = TypeVar("T")
R = TypeVar("R")

MAX_THREADS = 16
"""Beyond this many the interpreter's lock, not the decoders, sets the pace."""


def in_order(
    function: Callable[[T], R], items: Iterable[T], *, threads: int | None = None
) -> Iterator[R]:
    """`map(function, items)` in threads: decoding an image releases the interpreter's lock.

    At most a few items a thread are in flight, so results do not pile up before a slow consumer.

    Args:
        function: must be safe to call from several threads.
        items: consumed as needed.
        threads: how many; None takes one a core, up to `MAX_THREADS`.

    Raises:
        Exception: whatever `function` raises for an item, when its turn comes.
    """
    threads = threads or min(os.cpu_count() or 1, MAX_THREADS)
    waiting: deque[Future[R]] = deque()
    with opencv_in_one_thread(), ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= 4 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
