"""A lock keeps other processes out, and ends with its own."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tessella.lock import locked

pytestmark = pytest.mark.processes

HOLDING = """
import sys, time
from pathlib import Path
from tessella.lock import locked
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


def test_a_folder_can_be_locked(tmp_path: Path) -> None:
    with locked(tmp_path) as outer, locked(tmp_path) as inner:
        assert (outer, inner) == (True, False)
    assert not list(tmp_path.iterdir())


def test_what_the_file_holds_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text")
    with locked(path) as is_mine:
        assert is_mine
    assert path.read_text() == "text"


def test_who_waits_has_it_as_soon_as_the_other_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = holder(path)
    assert first_line(process) == "True"
    threading.Timer(0.3, process.kill).start()
    with locked(path, seconds=60) as is_mine:
        assert is_mine
    process.wait()


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match="absent/lock"),
        locked(tmp_path / "absent/lock"),
    ):
        pass
