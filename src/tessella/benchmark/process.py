"""A candidate's process as its parent sees it: requests, answers, and how it ended."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from tessella.benchmark.candidates import Candidate

# modules are found where the parent finds them; -P: and not in the folder that it was started in
_PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1])['modules']; "
    "from tessella.benchmark.worker import main; main()"
)
_SECONDS_TO_END = 10.0


class Worker:
    """One process, from its start to its end."""

    def __init__(self, candidate: Candidate, *, device: str, threads: int) -> None:
        """Start it; it opens the model at once.

        Args:
            candidate: what it is to compute.
            device: auto, cpu, cuda or mps.
            threads: how many it may compute with.
        """
        self.candidate = candidate
        order = {
            "modules": sys.path,
            "path": str(candidate.path),
            "engine": candidate.engine,
            "precision": candidate.precision,
            "device": device,
        }
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - `end` closes it
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM, json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env=_environment(threads),
            start_new_session=True,  # Ctrl-C is for the parent, which then ends its children
        )

    def ask(self, request: Mapping[str, Any], content: bytes = b"") -> None:
        """Send a request; that nobody is there to read it is for `answer` to tell."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps(request).encode() + b"\n" + content)
            self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for the next answer: {"failed": how it ended} where none comes any more."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            return {"failed": self._how_it_ended()}
        found: dict[str, Any] = json.loads(line)
        return found

    def end(self) -> None:
        """End the process, whatever it does, and wait until it is gone."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._complaints):
            assert stream is not None
            with contextlib.suppress(OSError):  # what was not read by then is of no use
                stream.close()

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            return "its process says nothing any more"
        last = self._last_complaint()
        said = f"; it said: {last}" if last else ""
        if code >= 0:
            return f"its process ended with exit code {code}{said}"
        if -code == getattr(signal, "SIGKILL", None):
            return (
                "its process was ended by SIGKILL, as the system does where memory runs out; try "
                "a smaller --size or --batch"
            )
        return f"its process was ended by {_signal_name(-code)}{said}"

    def _last_complaint(self) -> str:
        self._complaints.seek(0)
        lines = self._complaints.read().decode("utf-8", "replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _environment(threads: int) -> dict[str, str]:
    """Threads that wait must sleep, not spin.

    Where other processes have the cores as well, torch's threads spin for one that cannot run: 320
    ms of processor time for what takes 12 otherwise (measured with two threads on two busy cores).
    """
    return {
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "KMP_BLOCKTIME": "0",
    }
