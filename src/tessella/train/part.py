"""Where training stands within an epoch, and when it pauses there to save."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tessella.stop import Stop


@dataclass(frozen=True)
class Part:
    """The beginning of an epoch, up to the end of a step."""

    steps: int
    """Steps of the optimiser that are done."""

    tally: dict[str, Any]
    """Loss and counts over them; a `Tally`'s content."""

    rate: float = 0.0
    """Learning rate at the epoch's first step."""

    seconds: float = 0.0
    """That the epoch has taken."""


class Pauses:
    """When training saves between two steps: every so often, and when it is asked to leave."""

    def __init__(self, stop: Stop, *, minutes: float, save: Callable[[Part], None]) -> None:
        """Begin to wait.

        Args:
            stop: whether training was asked to leave.
            minutes: between two saves.
            save: keeps the state and the part of the epoch that is done; raises to leave.
        """
        self._stop, self._save = stop, save
        self._seconds = 60 * minutes
        self._saved = time.monotonic()
        self.end: Part | None = None
        """The whole pass, when it is over."""

    def are_due(self) -> bool:
        """Whether to save now."""
        return self._stop.asked is not None or time.monotonic() - self._saved >= self._seconds

    def take(self, part: Part) -> None:
        """Save."""
        self._save(part)
        self._saved = time.monotonic()
