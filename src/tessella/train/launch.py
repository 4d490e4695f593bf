"""Several processes on this machine that train together, watched by the one that started them."""

import contextlib
import logging
import os
import pickle
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.multiprocessing import ProcessContext, get_context, start_processes
from torch.multiprocessing.spawn import ProcessException

from tessella.cores import usable_cores
from tessella.errors import UsageError
from tessella.stop import StoppedError, hearing
from tessella.train.engine import MEETING_PLACE
from tessella.train.ranks import ElsewhereError, is_lost_connection

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.2
_GRACE_SECONDS = 20.0

Tell = Callable[[Any], None]
"""Sends something to the process that watches."""

_KINDS: dict[str, type[Exception]] = {"usage": UsageError, "value": ValueError, "system": OSError}
_ECHOES = ("connection", "elsewhere")  # of what happened in another process


class _Failure(NamedTuple):
    """Why a process ended, as plain values."""

    kind: str
    message: str
    number: int = 0


class _Started(NamedTuple):
    """A process has all that it needs, and begins to work."""


class _Done(NamedTuple):
    """A process did all of its work."""


def run_in_processes(
    count: int, work: Callable[..., None], *arguments: Any, heard: Tell | None = None
) -> None:
    """Run `work(tell, *arguments)` in `count` new processes, each of which knows its rank.

    Signals that ask to leave are passed on to all. When one process ends otherwise than it should,
    the others are ended too.

    Args:
        count: of processes.
        work: a function of a module, which a new process can import.
        arguments: what can be pickled.
        heard: gets what the first process tells, in this process; what it raises has the others
            leave as a signal would, and is raised when they have.

    Raises:
        UsageError: what a process raised; so ValueError, OSError and StoppedError.
        ValueError: a process was killed.
        RuntimeError: a process failed by a fault of ours; its traceback is in the message.
    """
    mailbox = get_context("spawn").SimpleQueue()
    level = logging.getLogger("tessella").getEffectiveLevel()
    with tempfile.TemporaryDirectory() as folder:
        meeting_place = str(Path(folder) / "ranks")
        context = start_processes(
            _start,
            args=(count, meeting_place, level, mailbox, work, arguments),
            nprocs=count,
            join=False,
            start_method="spawn",
        )
        assert isinstance(context, ProcessContext)
        watch = _Watch(context, mailbox, heard)
        with hearing(watch.pass_on):
            watch.until_the_end()


class _Watch:
    """The process that started the others, while they work."""

    def __init__(
        self, context: ProcessContext, mailbox: "SimpleQueue[Any]", heard: Tell | None
    ) -> None:
        self._context, self._mailbox, self._heard = context, mailbox, heard
        self._failures: list[_Failure] = []
        self._started = self._done = 0
        self._passed_on: int | None = None
        self._objection: BaseException | None = None

    def until_the_end(self) -> None:
        killed, at, code = "", 0, 0
        try:
            while not self._context.join(timeout=_LOOK_SECONDS, grace_period=_GRACE_SECONDS):
                self._read()
        except ProcessException as error:
            killed = getattr(error, "signal_name", None) or ""
            at, code = error.error_index, getattr(error, "exit_code", 1)
        self._read()
        if self._objection is not None:
            raise self._objection
        echoes = [failure for failure in self._failures if failure.kind in _ECHOES]
        told = [failure for failure in self._failures if failure.kind not in _ECHOES]
        count = len(self._context.processes)
        if told:
            raise _as_error(told[0])
        if killed and self._passed_on is not None:
            name = signal.Signals(self._passed_on).name
            message = f"stopped by {name} before training began."
            raise StoppedError(message, number=self._passed_on)
        if killed:
            raise ValueError(
                f"process {at + 1} of {count} was ended by {killed} and the others with it; often "
                "the system ends what takes too much memory. What was saved is kept: "
                "tessella train --resume RUN goes on from there."
            )
        if self._done < count and self._passed_on == signal.SIGINT:  # a process left at once
            raise KeyboardInterrupt
        if echoes:
            raise _as_error(echoes[0])
        if self._done < count:
            raise ValueError(
                f"process {at + 1} of {count} ended with exit code {code} and said nothing. A "
                "script that trains needs `if __name__ == '__main__':` around what it does."
            )

    def pass_on(self, number: int, _frame: object = None) -> None:
        """Send a signal to all processes; those that do not listen yet are ended."""
        self._passed_on = number
        if self._started < len(self._context.processes):
            number = signal.SIGTERM  # a Ctrl-C would have them print where they were
        for process in self._context.processes:
            if process.is_alive() and process.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, number)

    def _read(self) -> None:
        while not self._mailbox.empty():
            message = pickle.loads(self._mailbox.get())  # noqa: S301  from our own process
            if isinstance(message, _Failure):
                self._failures.append(message)
            elif isinstance(message, _Started | _Done):
                self._started += isinstance(message, _Started)
                self._done += isinstance(message, _Done)
            elif self._heard is not None and self._objection is None:
                try:
                    self._heard(message)
                except BaseException as error:  # noqa: BLE001  raised when the others have left
                    self._objection = error
                    self.pass_on(signal.SIGTERM)


def _as_error(failure: _Failure) -> Exception:
    if failure.kind == "stopped":
        return StoppedError(failure.message, number=failure.number)
    return _KINDS.get(failure.kind, RuntimeError)(failure.message)


def _start(
    index: int,
    count: int,
    meeting_place: str,
    level: int,
    mailbox: "SimpleQueue[Any]",
    work: Callable[..., None],
    arguments: tuple[Any, ...],
) -> None:
    """What a new process does first."""
    if hasattr(os, "setpgid"):
        os.setpgid(
            0, 0
        )  # Ctrl-C of a terminal reaches the process that watches, which passes it on
    os.environ.update(
        RANK=str(index),
        LOCAL_RANK=str(index),
        WORLD_SIZE=str(count),
        LOCAL_WORLD_SIZE=str(count),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT="0",
    )
    os.environ[MEETING_PLACE] = meeting_place  # a file, so that no port is open for it
    if sys.platform == "linux":  # nobody else is to be reached
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        os.environ.setdefault("NCCL_SOCKET_IFNAME", "lo")
    torch.set_num_threads(max(1, usable_cores() // count))
    speaking = logging.StreamHandler(sys.stderr)
    speaking.setLevel(logging.NOTSET if index == 0 else logging.ERROR)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[speaking])
    logging.getLogger("tessella").setLevel(level)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)

    def tell(message: Any) -> None:
        mailbox.put(pickle.dumps(message))

    try:
        tell(_Started())
        work(tell, *arguments)
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        tell(_Done())
    except KeyboardInterrupt:
        os._exit(130)
    except Exception as error:  # noqa: BLE001  the process that watches raises it
        tell(_failure(error))
        sys.stderr.flush()
        os._exit(1)  # by torch's way out a traceback would be printed


def _failure(error: Exception) -> _Failure:
    if isinstance(error, StoppedError):
        return _Failure("stopped", str(error), error.number)
    if isinstance(error, UsageError):
        return _Failure("usage", str(error))
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return _Failure("system", f"{where}{error.strerror or error}")
    if isinstance(error, ElsewhereError):
        return _Failure("elsewhere", str(error))
    if isinstance(error, ValueError | ImportError):
        return _Failure("value", str(error))
    if is_lost_connection(error):
        return _Failure("connection", str(error))
    return _Failure("fault", "".join(traceback.format_exception(error)))
