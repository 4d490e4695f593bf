"""What a command shows while it works: messages and a progress bar, on stderr."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tessella.rank import this_rank

if TYPE_CHECKING:
    from tessella.progress import Track


def progress() -> "Track":
    """The bar of the terminal; silent where there is none, and in all processes but the first."""
    if not this_rank().is_first:
        from tessella.progress import silently

        return silently
    from tessella.terminal import progress_bar

    return progress_bar


@contextmanager
def messages() -> Iterator[None]:
    """Our own messages on stderr, other libraries' warnings only.

    Of several processes that torchrun or Slurm started the first speaks for all, but for errors.
    """
    speaking = logging.StreamHandler(sys.stderr)
    speaking.setLevel(logging.NOTSET if this_rank().is_first else logging.ERROR)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", handlers=[speaking])
    logging.getLogger("tessella").setLevel(logging.INFO)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    yield
