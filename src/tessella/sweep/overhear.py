"""Signals that a training heard too late to stop for, and the sweep around it must not miss."""

import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Iterator

from tessella.stop import ASKING

Heard = Callable[[], signal.Signals | None]
"""The last signal of `ASKING` that came; None: none has."""


@contextlib.contextmanager
def overhearing() -> Iterator[Heard]:
    """Note the signals of `ASKING` that somebody handles while the block runs.

    Nothing changes for who handles them. A training that is asked to leave while it keeps its last
    epoch ends as any other; so does one that is pruned. Outside of the main thread nothing is
    noted, since Python hears no signals there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    ear, mouth = socket.socketpair()
    with ear, mouth:
        ear.setblocking(False)
        mouth.setblocking(False)
        numbers = bytearray()
        before = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
        try:
            yield lambda: _last(ear, numbers)
        finally:
            signal.set_wakeup_fd(before)


def _last(ear: socket.socket, numbers: bytearray) -> signal.Signals | None:
    with contextlib.suppress(BlockingIOError):
        numbers += ear.recv(4096)
    asked = [number for number in numbers if number in tuple(map(int, ASKING))]
    return signal.Signals(asked[-1]) if asked else None
