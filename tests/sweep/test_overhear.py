"""Signals that somebody else handles are noted too."""

import os
import signal
import threading

import pytest

from tessella.stop import listening
from tessella.sweep.overhear import overhearing

pytestmark = pytest.mark.processes


def test_a_signal_that_ended_nothing_is_known_afterwards() -> None:
    with overhearing() as heard:
        with listening() as stop:
            os.kill(os.getpid(), signal.SIGTERM)
        assert stop.asked is signal.SIGTERM
        assert heard() is signal.SIGTERM
        assert heard() is signal.SIGTERM


def test_other_signals_and_none_are_nothing() -> None:
    before = signal.signal(signal.SIGUSR2, lambda *_: None)
    try:
        with overhearing() as heard:
            assert heard() is None
            os.kill(os.getpid(), signal.SIGUSR2)
            assert heard() is None
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_whoever_was_woken_before_is_again() -> None:
    before = signal.set_wakeup_fd(-1)
    try:
        with overhearing():
            pass
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.set_wakeup_fd(before)


def test_another_thread_hears_nothing_and_fails_nothing() -> None:
    found = []

    def work() -> None:
        with overhearing() as heard:
            found.append(heard())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [None]
