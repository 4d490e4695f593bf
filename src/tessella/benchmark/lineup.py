"""The candidates that run, turn by turn, and those that do not, with the reason."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tessella.benchmark.candidates import FAST
from tessella.benchmark.process import Worker
from tessella.benchmark.result import Absent, Row
from tessella.errors import UsageError

PAUSE_SECONDS = 0.05
"""Before each turn. ONNX Runtime's threads spin for 16 to 35 ms in wait of more work before they
sleep (measured on two cores, version 1.31); those of torch and OpenVINO for under 1 ms here."""


class Facts(NamedTuple):
    """What an engine says of a model that it has opened."""

    precision: str
    where: str
    size: tuple[int, int] | None
    """The only height and width that it takes; None: any."""

    has_probabilities: bool
    versions: Mapping[str, str]
    """Of the libraries that it has loaded."""


class Turn(NamedTuple):
    """What one batch took."""

    seconds: float
    peak_bytes: int | None
    """Of its process so far, as in `Row`."""

    gpu_peak_bytes: int | None


@dataclass
class Runner:
    """A candidate that has opened its model."""

    worker: Worker
    facts: Facts
    turns: list[Turn] = field(default_factory=list)
    """The first one is the warm-up's last pass; the rounds follow."""

    def row(self) -> Row:
        """Its figures, without the warm-up."""
        candidate, last = self.worker.candidate, self.turns[-1]
        return Row(
            model=candidate.path,
            engine=candidate.engine,
            precision=self.facts.precision,
            where=self.facts.where,
            seconds=tuple(turn.seconds for turn in self.turns[1:]),
            peak_bytes=last.peak_bytes,
            gpu_peak_bytes=last.gpu_peak_bytes,
            file_bytes=candidate.file_bytes,
        )


class Lineup:
    """Those that run, in their order, and those that were let go."""

    def __init__(self) -> None:
        """Nobody yet."""
        self.running: list[Runner] = []
        self.left_out: list[Absent] = []
        self.failed: list[Absent] = []

    def admit(self, worker: Worker) -> None:
        """Wait until a worker has opened its model, and take it in if it could."""
        answer = worker.answer()
        if "opened" not in answer:
            self._let_go(worker, answer)
            return
        facts = _facts(answer["opened"])
        if worker.candidate.precision == FAST and facts.precision == "fp32":
            self._let_go(worker, {"left_out": "this device does not compute bf16 fast"})
        else:
            self.running.append(Runner(worker, facts))

    def take_turn(
        self, runner: Runner, request: Mapping[str, Any], *, content: bytes = b""
    ) -> None:
        """Let one compute while the others rest; let it go if it cannot."""
        time.sleep(PAUSE_SECONDS)
        runner.worker.ask(request, content)
        answer = runner.worker.answer()
        if "seconds" in answer:
            runner.turns.append(Turn(**answer))
        else:
            self.running.remove(runner)
            self._let_go(runner.worker, answer)

    def leave_out(self, why_not: Callable[[Facts], str | None]) -> None:
        """Let those go for which there is a reason.

        Raises:
            UsageError: there is one for a file that a person named.
        """
        for runner in list(self.running):
            reason = why_not(runner.facts)
            if reason is None:
                continue
            if runner.worker.candidate.was_named:
                raise UsageError(f"{runner.worker.candidate.path}: {reason}.")
            self.running.remove(runner)
            self._let_go(runner.worker, {"left_out": reason})

    def check(self) -> None:
        """Say what was wrong where nobody is left.

        Raises:
            UsageError: nothing here can do what was asked.
            ValueError: something failed that should have worked.
        """
        if self.running:
            return
        absent = self.failed or self.left_out
        told = "; ".join(f"{one.model} by {one.engine}: {one.reason}" for one in absent)
        raise ValueError(told) if self.failed else UsageError(told)

    def _let_go(self, worker: Worker, answer: Mapping[str, str]) -> None:
        worker.end()
        candidate = worker.candidate
        precision = "bf16" if candidate.precision == FAST else candidate.precision
        kind, absent = ("failed", self.failed)
        if "left_out" in answer:
            kind, absent = ("left_out", self.left_out)
        absent.append(Absent(candidate.path, candidate.engine, precision, answer[kind]))


def _facts(told: Mapping[str, Any]) -> Facts:
    size = told["size"]  # JSON knows no tuples
    facts = Facts(**told)
    return facts if size is None else facts._replace(size=(int(size[0]), int(size[1])))
