"""What is said while a run is trained, in its log file too."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from logging.handlers import MemoryHandler

from tessella.run import Run


@contextmanager
def kept_log() -> Iterator[Callable[[Run], None]]:
    """Remember what is said, until the call of what this yields writes it into a run's log.

    A run is begun when nothing can be refused any more, but what was said before, such as
    the licence of weights, belongs into it.
    """
    memory = MemoryHandler(sys.maxsize, flushLevel=sys.maxsize, flushOnClose=False)
    ours = logging.getLogger("tessella")
    level = ours.level
    ours.addHandler(memory)
    if ours.getEffectiveLevel() > logging.INFO:
        ours.setLevel(logging.INFO)
    with ExitStack() as opened:

        def write_into(run: Run) -> None:
            handler = logging.FileHandler(run.log_file, encoding="utf-8")
            opened.callback(handler.close)
            opened.callback(ours.removeHandler, handler)
            handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
            memory.setTarget(handler)
            memory.flush()
            ours.removeHandler(memory)
            ours.addHandler(handler)

        try:
            yield write_into
        finally:
            ours.setLevel(level)
            ours.removeHandler(memory)
            memory.close()
