"""A lock that ends with the process that holds it, however that ends."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def locked(path: Path, *, seconds: float = 0.0) -> Iterator[bool]:
    """Hold the lock at `path` while the block runs; yields whether it could be had.

    It is SQLite's: the one of the standard library that is the same on every system, that a killed
    process gives back, and that the processes which read data for training do not inherit.

    Args:
        path: of a file that holds nothing else; made if need be.
        seconds: to wait for whoever holds it.

    Raises:
        OSError: the file cannot be made or locked.
    """
    try:
        connection = sqlite3.connect(path, timeout=seconds, isolation_level=None)
    except sqlite3.Error as error:
        raise OSError(f"{path}: cannot be locked: {error}.") from error
    try:
        yield _begin(connection, path)
    finally:
        connection.close()


def _begin(connection: sqlite3.Connection, path: Path) -> bool:
    try:
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return False
        raise OSError(f"{path}: cannot be locked: {error}.") from error
    return True
