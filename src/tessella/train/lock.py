"""One training at a time writes into a run folder."""

import contextlib
import functools
import importlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tessella.errors import UsageError

# Windows has no such module
_fcntl: Any = importlib.import_module("fcntl") if importlib.util.find_spec("fcntl") else None


_held: set[int] = set()
"""Descriptors of the folders that are locked."""


@functools.cache
def _let_go_in_children() -> None:
    """Data workers are forked and may outlive us for seconds: what they share stays locked."""

    def let_go() -> None:
        while _held:
            os.close(_held.pop())

    os.register_at_fork(after_in_child=let_go)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other trainings out of the folder while the block runs, or until the process ends.

    Where the file system knows no locks, nothing is kept out.

    Raises:
        UsageError: another training is in it.
    """
    if _fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    _let_go_in_children()
    _held.add(descriptor)
    try:
        try:
            _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"{folder}: another process is training in it; wait until it has ended, or end it."
            ) from error
        except OSError:  # some network file systems
            pass
        yield
    finally:
        _held.discard(descriptor)
        os.close(descriptor)
