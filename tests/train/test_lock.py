"""A run folder is one training's at a time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tessella.errors import UsageError
from tessella.train.lock import locked

pytestmark = pytest.mark.processes

HOLDING = """
import os, sys, time
from pathlib import Path
from tessella.train.lock import locked
with locked(Path(sys.argv[1])):
    child = os.fork()  # as data workers are
    if not child:
        time.sleep(60)
        os._exit(0)
    print(child, flush=True)
    sys.stdin.read()
"""


def test_a_second_training_is_kept_out_until_the_first_has_ended_however_it_did(
    tmp_path: Path,
) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", HOLDING, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert first.stdout is not None
    child = int(first.stdout.readline())
    with pytest.raises(UsageError, match="another process is training in it"), locked(tmp_path):
        pass
    first.kill()
    first.wait()
    try:
        os.kill(child, 0)  # it lives on
        with locked(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
    with locked(tmp_path):  # it was given back
        pass
