"""When training pauses to save."""

import signal

import pytest

from tessella.stop import Stop
from tessella.train.part import Part, Pauses


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What time it is, in seconds; its last entry counts."""
    times = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: times[-1])
    return times


def test_a_pause_is_due_every_so_many_minutes(clock: list[float]) -> None:
    saved: list[Part] = []
    pauses = Pauses(Stop(), minutes=2, save=saved.append)
    clock.append(219.9)
    assert not pauses.are_due()
    clock.append(220.0)
    assert pauses.are_due()
    pauses.take(Part(3, {}))
    assert saved == [Part(3, {})]
    assert not pauses.are_due()
    clock.append(340.0)
    assert pauses.are_due()


@pytest.mark.usefixtures("clock")
def test_a_pause_is_due_when_somebody_asks() -> None:
    stop = Stop()
    pauses = Pauses(stop, minutes=2, save=lambda _: None)
    assert not pauses.are_due()
    stop.asked = signal.SIGTERM
    assert pauses.are_due()
