"""What a command shows while it works: messages and a progress bar, on stderr."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tessella.progress import Track


def progress() -> "Track":
    """The bar of the terminal; silent where there is none."""
    from tessella.terminal import progress_bar

    return progress_bar


@contextmanager
def messages() -> Iterator[None]:
    """Our own messages on stderr, other libraries' warnings only."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("tessella").setLevel(logging.INFO)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    yield
