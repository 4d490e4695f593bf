"""Locks between processes; each ends with the process that holds it, however that ends."""

import contextlib
import functools
import importlib
import importlib.util
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Windows has no such module: there two processes do not notice each other
_fcntl: Any = importlib.import_module("fcntl") if importlib.util.find_spec("fcntl") else None

_LOOK_SECONDS = 0.05  # between two tries

_held: set[int] = set()
"""Descriptors of what is locked."""


@contextlib.contextmanager
def locked(place: Path, *, seconds: float = 0.0) -> Iterator[bool]:
    """Hold the lock on `place` while the block runs; yields whether it could be had.

    Where the file system knows no locks, all can have it. NFS has them on files alone.

    Args:
        place: a folder, or a file, which is made if need be and may hold anything.
        seconds: to wait for whoever holds it.

    Raises:
        OSError: it cannot be opened or made.
    """
    if _fcntl is None:
        yield True
        return
    flags = os.O_RDONLY if place.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(place, flags, 0o666)
    _let_go_in_children()
    _held.add(descriptor)
    try:
        yield _has(descriptor, until=time.monotonic() + seconds)
    finally:
        if descriptor in _held:  # it is not in a child
            _held.remove(descriptor)
            os.close(descriptor)


def _has(descriptor: int, *, until: float) -> bool:
    while True:
        try:
            _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(_LOOK_SECONDS)
        except OSError:  # a file system without locks
            return True
        else:
            return True


@functools.cache
def _let_go_in_children() -> None:
    """Data workers are forked and may outlive us for seconds: what they share stays locked."""

    def let_go() -> None:
        while _held:
            os.close(_held.pop())

    os.register_at_fork(after_in_child=let_go)
