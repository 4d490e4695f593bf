"""Signals are noted instead of died by, while something listens."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from tessella.stop import ASKING, Stop, StoppedError, listening

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("number", ASKING)
def test_a_signal_ends_the_items_after_the_one_in_hand(number: signal.Signals) -> None:
    before = [signal.getsignal(one) for one in ASKING]
    taken = []
    signal.signal(number, signal.SIG_DFL)  # in the background of a shell Ctrl-C is ignored
    try:
        with listening() as stop:
            for item in stop.until(range(9)):
                taken.append(item)
                if item == 2:
                    os.kill(os.getpid(), number)
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        for one, handler in zip(ASKING, before, strict=True):
            signal.signal(one, handler)
    assert taken == [0, 1, 2]
    assert stop.asked is number


def test_without_a_signal_all_items_come() -> None:
    with listening() as stop:
        assert list(stop.until("abc")) == ["a", "b", "c"]
    assert stop.asked is None


def test_a_second_ctrl_c_leaves_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    stop = Stop()
    stop.hear(signal.SIGTERM, None)
    stop.hear(signal.SIGTERM, None)
    assert capfd.readouterr().err.startswith("\nSIGTERM: saving\n")
    with pytest.raises(KeyboardInterrupt):
        stop.hear(signal.SIGINT, None)


def test_the_first_ctrl_c_says_what_a_second_does(capfd: pytest.CaptureFixture[str]) -> None:
    Stop().hear(signal.SIGINT, None)
    assert capfd.readouterr().err == "\nSIGINT: saving; Ctrl-C again leaves at once\n"


def test_what_was_ignored_stays_ignored() -> None:
    code = """
import os, signal
from tessella.stop import listening
signal.signal(signal.SIGINT, signal.SIG_IGN)
with listening() as stop:
    os.kill(os.getpid(), signal.SIGINT)
    print(stop.asked)
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "None\n"


def test_in_another_thread_nothing_is_changed() -> None:
    before = [signal.getsignal(one) for one in ASKING]
    seen = []

    def work() -> None:
        with listening() as stop:
            seen.append(([signal.getsignal(one) for one in ASKING], list(stop.until("ab"))))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(before, ["a", "b"])]


def test_the_error_keeps_the_number_for_the_exit_code() -> None:
    assert StoppedError("saved", number=signal.SIGTERM).number == 15
