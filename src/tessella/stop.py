"""Signals that ask long work to keep what it has and leave."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import TypeVar

T = TypeVar("T")

ASKING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name)
)
"""Ctrl-C, the system's way to end a process, and what Slurm can send ahead of its time limit."""

_STDERR = 2


class StoppedError(Exception):
    """A signal asked the work to leave, and what was done is kept."""

    def __init__(self, message: str, *, number: int) -> None:
        """Say what is kept and how to go on.

        Args:
            message: one line.
            number: of the signal.
        """
        super().__init__(message)
        self.number = number


class Stop:
    """Whether work was asked to leave."""

    def __init__(self, *, speaks: bool = True) -> None:
        """Nobody has asked.

        Args:
            speaks: say so when somebody does.
        """
        self.asked: signal.Signals | None = None
        self._speaks = speaks

    def until(self, items: Iterable[T]) -> Iterator[T]:
        """The items, up to the moment when somebody asks; `asked` tells whether that came."""
        for item in items:
            if self.asked is not None:
                return
            yield item

    def hear(self, number: int, _frame: FrameType | None) -> None:
        """Take note of a signal.

        Raises:
            KeyboardInterrupt: it is a second Ctrl-C, which leaves at once.
        """
        if self.asked is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = signal.Signals(number)
        if not self._speaks:
            return
        # not by logging: the signal may have come while a line was being written
        again = "; Ctrl-C again leaves at once" if number == signal.SIGINT else ""
        os.write(_STDERR, f"\n{self.asked.name}: saving{again}\n".encode())


@contextlib.contextmanager
def listening(*, speaks: bool = True) -> Iterator[Stop]:
    """Note the signals of `ASKING` while the block runs, instead of dying by them.

    Args:
        speaks: say so when one comes.
    """
    stop = Stop(speaks=speaks)
    with hearing(stop.hear):
        yield stop


@contextlib.contextmanager
def hearing(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have `handler` take the signals of `ASKING` while the block runs.

    What was ignored before (Ctrl-C, in the background of a shell) stays so. Python hears signals in
    its main thread alone: in any other nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in ASKING}
    # None: somebody else than Python hears it, and could not be given it back
    heard = [number for number, old in before.items() if old not in (signal.SIG_IGN, None)]
    try:
        for number in heard:
            signal.signal(number, handler)
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])
