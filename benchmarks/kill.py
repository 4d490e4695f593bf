"""Kill training at random moments, resume it, and compare with a run that nobody killed.

Half of the kills come after a random time, half in the moment when a file is being written. After
each the run's folder must be readable and have lost no epoch; in the end every number of the state
must be that of the undisturbed run: weights, optimiser, schedule, average, random state, history.

    python benchmarks/kill.py --kills 100 --out benchmarks/results/kill.json
"""

import argparse
import logging
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from result_file import write_result
from tessella.atomic import leftovers
from tessella.recipe import Recipe, read_recipe
from tessella.run import Run
from tessella.train import resume, train
from tessella.train.history import read_history

RECIPE = """
name: kill
data: {name: synthetic, options: {count: 48, height: 48, width: 64}}
model: {name: plain_unet, options: {depth: 2, base_channels: 8, dropout: 0.2}}
augment: {crop: [32, 32]}
train: {epochs: 6, batch_size: 4, precision: fp32, device: cpu, workers: 0, ema_decay: 0.9,
        save_minutes: 0.001}
"""
LONGEST_SECONDS = 1.5
MOMENTS = ("while a file was written", "at another moment")


def killed(found: Counter[str]) -> int:
    """How often."""
    return sum(found[name] for name in MOMENTS)


def in_a_child(work: Callable[[], object]) -> int:
    """Start work in a process of its own, which has what is imported here; give its id."""
    pid = os.fork()
    if pid:
        return pid
    try:
        logging.disable()
        work()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def ended(pid: int) -> int | None:
    """The exit code of a child that has ended, negative for a signal; None while it runs."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def being_written(run: Run) -> set[Path]:
    folders = (run.path, run.last_checkpoint.parent, run.model_folder)
    return {path for folder in folders for path in leftovers(folder)}


def kill_once(pid: int, run: Run, *, seconds: float, while_writing: bool) -> str | None:
    """Kill the child after so many seconds, or at the next write then; None if it ended before."""
    due = time.perf_counter() + seconds
    old = being_written(run)  # what an earlier kill left, until resuming clears it away
    while (code := ended(pid)) is None:
        if time.perf_counter() >= due and (not while_writing or being_written(run) - old):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return MOMENTS[0] if being_written(run) - old else MOMENTS[1]
        time.sleep(0.0005)
    if code:
        raise SystemExit(f"training ended with {code}; run it by hand to see why")
    return None


def epochs_kept(run: Run) -> int:
    """Finished epochs in the newest state; reading it raises where a folder became unreadable."""
    read_history(run.history_file)
    if not run.recipe_file.exists():
        return 0
    run.recipe()
    if not run.last_checkpoint.exists():
        return 0
    return len(torch.load(run.last_checkpoint, weights_only=True)["rows"])


def differences(left: Any, right: Any, *, where: str = "") -> list[str]:
    """The places where two states are not the same to the last bit."""
    if isinstance(left, dict) and left.keys() == right.keys():
        pairs = [(left[key], right[key], f"{where}.{key}") for key in left]
    elif isinstance(left, list) and len(left) == len(right):
        pairs = [(*pair, f"{where}[{n}]") for n, pair in enumerate(zip(left, right, strict=True))]
    elif isinstance(left, torch.Tensor):
        return [] if torch.equal(left, right) else [where]
    else:
        same = left == right or (left != left and right != right)
        return [] if same else [where]
    return [found for one, other, at in pairs for found in differences(one, other, where=at)]


def state_of(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, weights_only=True)
    state["rows"] = [row[:-2] for row in state["rows"]]  # without how long things took
    return state


def undisturbed(recipe: Recipe, folder: Path) -> tuple[Run, float]:
    """The run to compare with, and the seconds that it took."""
    started = time.perf_counter()
    pid = in_a_child(lambda: train(recipe, out=folder))
    while (code := ended(pid)) is None:
        time.sleep(0.01)
    if code:
        raise SystemExit(f"training ended with {code}; run it by hand to see why")
    return Run(folder), time.perf_counter() - started


def one_run(seed: int, folder: Path, *, kills: int, rng: random.Random) -> Counter[str]:
    """Train one run through at most so many kills, and compare it."""
    recipe = read_recipe(RECIPE, where="kill", overrides=[f"train.seed={seed}"])
    whole, _ = undisturbed(recipe, folder / "whole")
    run, found = Run(folder / "run"), Counter[str]()
    kept = 0
    while True:
        begun = run.recipe_file.exists()
        pid = in_a_child(
            lambda begun=begun: resume(run.path) if begun else train(recipe, out=run.path)
        )
        if killed(found) < kills:
            seconds = rng.uniform(0, LONGEST_SECONDS)
            when = kill_once(pid, run, seconds=seconds, while_writing=rng.random() < 0.5)
        else:
            when = kill_once(pid, run, seconds=float("inf"), while_writing=False)
        if when is None:
            break
        found[when] += 1
        now = epochs_kept(run)
        found["lost epochs"] += max(0, kept - now)
        kept = now
    different = [
        place
        for name in ("last_checkpoint", "best_checkpoint")
        for place in differences(state_of(getattr(whole, name)), state_of(getattr(run, name)))
    ]
    found["numbers that differ"] += len(different)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rng, total, runs = random.Random(arguments.seed), Counter[str](), 0
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        while (left := arguments.kills - killed(total)) > 0:
            total += one_run(runs, Path(folder) / str(runs), kills=left, rng=rng)
            runs += 1
            print(f"{runs} runs, {dict(total)}", flush=True)
    figures = {
        "kills": killed(total),
        **{name: total[name] for name in MOMENTS},
        "runs": runs,
        "lost_epochs": total["lost epochs"],
        "unreadable_run_folders": 0,  # reading one raises
        "numbers_that_differ": total["numbers that differ"],
        "minutes": round((time.perf_counter() - started) / 60, 1),
    }
    print(figures)
    if arguments.out:
        write_result(
            arguments.out,
            claim="100 kills at random moments lose no epoch and leave no unreadable run folder, "
            "and the states at the end are those of undisturbed runs, to the last bit.",
            figures=figures,
            command=f"python benchmarks/kill.py --kills {arguments.kills} --seed {arguments.seed}",
        )


if __name__ == "__main__":
    main()
