"""Keep what other libraries say off the terminal: it goes to our own log, as debug."""

import contextlib
import io
import logging
from collections.abc import Iterator, Sequence


class _Divert(logging.Filter):
    """Passes each message on to another log, and lets none through."""

    def __init__(self, to: logging.Logger) -> None:
        super().__init__()
        self._to = to

    def filter(self, record: logging.LogRecord) -> bool:
        self._to.debug("%s", record.getMessage())
        return False


@contextlib.contextmanager
def diverted(sources: Sequence[logging.Logger], *, to: logging.Logger) -> Iterator[None]:
    """Within it, what is printed and what the sources themselves log becomes debug of `to`.

    Args:
        sources: of other libraries; the root logger where a library has none of its own.
        to: one of ours.
    """
    divert, printed = _Divert(to), io.StringIO()
    root, silent = logging.getLogger(), logging.NullHandler()
    # logging.warning() would set up a handler for good where the root has none
    root.addHandler(silent)
    for source in sources:
        source.addFilter(divert)
    try:
        with contextlib.redirect_stdout(printed):
            yield
    finally:
        for source in sources:
            source.removeFilter(divert)
        root.removeHandler(silent)
        for line in filter(str.strip, printed.getvalue().splitlines()):
            to.debug("%s", line)
