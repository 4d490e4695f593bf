"""Time a model behind every engine that opens it, side by side in one run."""

import datetime
import importlib.metadata
import logging
import os
import platform
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

from tessella.backends.arrays import cpu_threads
from tessella.benchmark.candidates import Candidate, candidates_of
from tessella.benchmark.image_size import ChosenSize, choose_size, text_of
from tessella.benchmark.lineup import PAUSE_SECONDS, Facts, Lineup, Runner
from tessella.benchmark.process import Worker
from tessella.benchmark.result import Benchmark
from tessella.benchmark.scene import ABOUT, drawn_image
from tessella.data.asked_size import refuse_size
from tessella.environment import processor_name
from tessella.errors import UsageError
from tessella.progress import Track, silently

Output = Literal["class map", "probabilities"]

_TIMED_SECONDS = 20.0
_FEWEST_ROUNDS = 5
_MOST_ROUNDS = 200

_log = logging.getLogger(__name__)


def benchmark(
    models: Sequence[Path],
    *,
    size: tuple[int, int] | None = None,
    batch: int = 1,
    num_rounds: int | None = None,
    threads: int | None = None,
    device: str = "auto",
    output: Output = "class map",
    track: Track = silently,
) -> Benchmark:
    """Latency, memory and file size of models behind every engine that opens them.

    Each candidate has a process of its own. All are warmed up first; then they take turns of one
    batch, in an order that changes each round, so that a busy machine hits all alike.

    Args:
        models: run folders (with what lies in their `export/`), model folders, exported files; the
            first is what the others are compared with.
        size: height and width of the images; None takes the only size that a file takes, or that
            of the model's data where it can be read.
        batch: images at once.
        num_rounds: None takes as many as fit into about 20 seconds, 5 to 200.
        threads: that an engine computes with on a CPU; None takes OMP_NUM_THREADS where that is
            set, else every core that this process may use.
        device: auto, cpu, cuda or mps.
        output: what is fetched into main memory; probabilities come with the class map.
        track: shows progress.

    Raises:
        UsageError: there is no such model, a number is out of range, or a file that was named
            cannot do what is asked.
        ValueError: a model's files are damaged, or every candidate failed.
    """
    _check(size=size, batch=batch, num_rounds=num_rounds, threads=threads)
    candidates = candidates_of(models)
    threads = threads or cpu_threads()
    with ExitStack() as stack:
        lineup = _opened(stack, candidates, device=device, threads=threads)
        chosen = _suit(lineup, size, output=output, models=models)
        _warm_up(lineup, {"size": chosen.size, "batch": batch, "output": output})
        rounds = num_rounds or _num_rounds(lineup.running)
        _go_round(lineup, rounds, batch=batch, track=track)
    return Benchmark(
        {
            **_conditions(lineup.running, chosen, output=output),
            "batch": batch,
            "rounds": rounds,
            "threads": threads,
        },
        rows=tuple(runner.row() for runner in lineup.running),
        left_out=tuple(lineup.left_out),
        failed=tuple(lineup.failed),
    )


def _check(
    *, size: tuple[int, int] | None, batch: int, num_rounds: int | None, threads: int | None
) -> None:
    if size is not None:
        refuse_size(size)
    for name, number in (("batch", batch), ("rounds", num_rounds), ("threads", threads)):
        if number is not None and number < 1:
            raise UsageError(f"--{name} {number}: give a whole number from 1 up.")


def _opened(
    stack: ExitStack, candidates: Sequence[Candidate], *, device: str, threads: int
) -> Lineup:
    """All processes, started together; each is gone when the stack is left, however it is."""
    _log.info("opening the model %d times, in a process each", len(candidates))
    workers = []
    for candidate in candidates:
        workers.append(Worker(candidate, device=device, threads=threads))
        stack.callback(workers[-1].end)
    lineup = Lineup()
    for worker in workers:
        lineup.admit(worker)
    lineup.check()
    return lineup


def _suit(
    lineup: Lineup, asked: tuple[int, int] | None, *, output: Output, models: Sequence[Path]
) -> ChosenSize:
    """Choose the size; an export that was found but cannot do what is asked is left out."""
    if output == "probabilities":
        lineup.leave_out(_why_no_probabilities)
    fixed = {
        runner.worker.candidate.path: runner.facts.size
        for runner in lineup.running
        if runner.worker.candidate.was_named and runner.facts.size
    }
    chosen = choose_size(asked, fixed=fixed, models=models)

    def why_not(facts: Facts) -> str | None:
        takes = facts.size or chosen.size
        if takes == chosen.size:
            return None
        return f"takes images of {text_of(takes)} only: --size {takes[0]}x{takes[1]} times it"

    lineup.leave_out(why_not)
    lineup.check()
    return chosen


def _why_no_probabilities(facts: Facts) -> str | None:
    if facts.has_probabilities:
        return None
    return "gives class maps only; leave out --probabilities, or export it with --add probabilities"


def _warm_up(lineup: Lineup, request: dict[str, Any]) -> None:
    pixels = drawn_image(request["size"]).tobytes()
    for runner in list(lineup.running):
        lineup.take_turn(runner, request, content=pixels)
    lineup.check()


def _num_rounds(running: Sequence[Runner]) -> int:
    seconds = sum(runner.turns[-1].seconds + PAUSE_SECONDS for runner in running)
    return max(_FEWEST_ROUNDS, min(_MOST_ROUNDS, int(_TIMED_SECONDS / seconds)))


def _go_round(lineup: Lineup, num_rounds: int, *, batch: int, track: Track) -> None:
    order = random.Random(0)

    def turns() -> Iterator[Runner]:
        for _ in range(num_rounds):
            yield from order.sample(lineup.running, len(lineup.running))

    total = num_rounds * len(lineup.running) * batch
    for runner in track(turns(), about="benchmark", total=total, size=lambda _: batch):
        lineup.take_turn(runner, {})
    lineup.check()


def _conditions(running: Sequence[Runner], chosen: ChosenSize, *, output: Output) -> dict[str, Any]:
    versions = {"tessella": importlib.metadata.version("tessella")}
    for runner in running:
        versions.update(runner.facts.versions)
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "size": list(chosen.size),
        "size_from": chosen.reason,
        "timed": f"image in main memory -> {output} in main memory, without decoding",
        "image": ABOUT,
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions,
    }
