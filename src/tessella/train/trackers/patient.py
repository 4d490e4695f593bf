"""Trackers never disturb training: what one does not take now, it is offered again later."""

import contextlib
import logging
import re
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from tessella.recipe import Recipe
from tessella.run import Run
from tessella.stop import StoppedError
from tessella.train.history import EpochRow
from tessella.train.trackers import Status, Tracker, open_tracker

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 1800.0


@contextlib.contextmanager
def open_trackers(
    run: Run, recipe: Recipe, *, rows: Iterable[EpochRow] = ()
) -> Iterator[Callable[[EpochRow], None]]:
    """Record the run in the places that its recipe names, while the block runs.

    A tracker that fails is told once, and tried again from time to time; nothing that it does ends
    the training. How the block ends is how the run ended.

    Args:
        run: with its environment.json.
        recipe: names the trackers.
        rows: the epochs that are done already; a tracker is given those that it lacks.

    Yields:
        What to call with each epoch's figures.
    """
    done = list(rows)
    names = dict.fromkeys(recipe.train.trackers)
    trackers = [PatientTracker(name, partial(open_tracker, name, run, recipe)) for name in names]

    def add(*added: EpochRow) -> None:
        for tracker in trackers:
            tracker.add(added)

    status: Status = "failed"
    try:
        add(*done)
        yield add
        status = "finished"
    except (StoppedError, KeyboardInterrupt):
        status = "stopped"
        raise
    finally:
        for tracker in trackers:
            tracker.finish(status=status)


class PatientTracker:
    """Rows on their way to a tracker."""

    def __init__(self, name: str, open_it: Callable[[], Tracker]) -> None:
        """Begin with nothing.

        Args:
            name: for messages.
            open_it: is called until it succeeds once.
        """
        self._name, self._open = name, open_it
        self._tracker: Tracker | None = None
        self._waiting: list[EpochRow] = []
        self._pause = _FIRST_PAUSE_SECONDS
        self._not_before = -float("inf")
        self._told = False

    def add(self, rows: Iterable[EpochRow]) -> None:
        """Send these, and what is still to be sent, unless that has failed a moment ago."""
        self._waiting += rows
        if time.monotonic() >= self._not_before:
            self._try(self._send)

    def finish(self, *, status: Status) -> None:
        """Try once more, and let go; what could not be sent is told."""
        if self._try(self._send) and (tracker := self._tracker):
            self._try(partial(tracker.finish, status=status))
        if self._waiting:
            logger.warning(
                "%s: has no record of epochs %d to %d; history.csv has them.",
                self._name,
                self._waiting[0].epoch,
                self._waiting[-1].epoch,
            )

    def _send(self) -> None:
        tracker = self._tracker = self._tracker or self._open()
        while self._waiting:
            if self._waiting[0].epoch > tracker.last_epoch:
                tracker.add(self._waiting[0])
            del self._waiting[0]

    def _try(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except Exception as error:  # whatever a library or its server does: training goes on
            self._not_before = time.monotonic() + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
            if not self._told:
                logger.warning(
                    "%s does not record this run: %s Training goes on; it is tried again now and "
                    "then.",
                    self._name,
                    _reason(error),
                )
            self._told = True
            return False
        if self._told:
            logger.info("%s records this run again", self._name)
        self._told = False
        return True


def _reason(error: Exception) -> str:
    """In one short line that ends in a point, without the password of an address."""
    text = re.sub(r"(?<=//)[^/@\s]+@", "", str(error) or type(error).__name__)
    shortened = textwrap.shorten(text, 300, placeholder=" ...")
    return shortened if shortened.endswith(".") else f"{shortened}."
