"""The lock of a trial, between processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tessella.sweep.lock import locked

pytestmark = pytest.mark.processes

HOLDING = """
import sys, time
from pathlib import Path
from tessella.sweep.lock import locked
with locked(Path(sys.argv[1])) as is_mine:
    print(is_mine, flush=True)
    time.sleep(600)
"""


def holder(path: Path) -> subprocess.Popen[str]:
    """A process that says whether it has the lock, and keeps it."""
    words = [sys.executable, "-c", HOLDING, str(path)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_what_another_process_holds_cannot_be_had_until_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = holder(path)
    try:
        assert first_line(process) == "True"
        with locked(path) as is_mine:
            assert not is_mine
    finally:
        process.kill()
        process.wait()
    with locked(path) as is_mine:
        assert is_mine


def test_it_is_given_back_at_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    for _ in range(2):
        with locked(path) as is_mine:
            assert is_mine
    process = holder(path)
    assert first_line(process) == "True"
    process.kill()
    process.wait()


def test_a_forked_child_does_not_keep_what_its_killed_parent_held(tmp_path: Path) -> None:
    """The processes that read data outlive a killed training by seconds."""
    path = tmp_path / "lock"
    code = HOLDING.replace("print(is_mine, flush=True)", r"os.write(1, b'%d\n' % os.fork())")
    words = [sys.executable, "-W", "ignore", "-c", f"import os{code}", str(path)]
    parent = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    child = max(int(first_line(parent)), int(first_line(parent)))
    parent.kill()
    parent.wait()
    try:
        with locked(path) as is_mine:
            assert is_mine
    finally:
        os.kill(child, signal.SIGKILL)


def test_two_locks_in_one_process_exclude_each_other(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"), locked(tmp_path / "lock") as is_mine:
        assert not is_mine


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="absent/lock: cannot be locked"),
        locked(tmp_path / "absent/lock"),
    ):
        pass
