"""What the benchmarks share: timing in turns, and the file that records a result."""

import argparse
import datetime
import importlib.metadata
import os
import platform
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tessella.atomic import write_json

_PACKAGES = ("tessella", "numpy", "torch", "opencv-python-headless", "torchmetrics")


class Timing(NamedTuple):
    """The best of several runs, in milliseconds."""

    cpu_ms: float
    """Time of all threads of this process."""

    wall_ms: float


def best_times(
    candidates: Mapping[str, Callable[[], object]], *, repeats: int
) -> dict[str, Timing]:
    """Each candidate's least CPU and wall time; they take turns, so a busy machine hurts all."""
    for run in candidates.values():
        run()
    best = dict.fromkeys(candidates, Timing(float("inf"), float("inf")))
    for _ in range(repeats):
        for name, run in candidates.items():
            cpu, wall = time.process_time(), time.perf_counter()
            run()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            before = best[name]
            best[name] = Timing(min(before.cpu_ms, 1e3 * cpu), min(before.wall_ms, 1e3 * wall))
    return best


def print_table(title: str, times: Mapping[str, Timing], *, ours: str) -> dict[str, Any]:
    """Print CPU and wall time of every candidate and how many of `ours` fit into it.

    Returns:
        The same figures, rounded, for the result file.
    """
    print(f"\n{title}")
    print(f"{'':<48} {'CPU ms':>9} {'wall ms':>9} {'CPU ratio':>10}")
    figures: dict[str, Any] = {}
    for name, timing in times.items():
        ratio = timing.cpu_ms / times[ours].cpu_ms
        print(f"{name:<48} {timing.cpu_ms:>9.2f} {timing.wall_ms:>9.2f} {ratio:>9.1f}x")
        figures[name] = {
            "cpu_ms": round(timing.cpu_ms, 3),
            "wall_ms": round(timing.wall_ms, 3),
            "cpu_ratio_to_ours": round(ratio, 2),
        }
    return figures


def parse_out(description: str | None) -> argparse.Namespace:
    """The one option of the small benchmarks: `--out FILE.json`."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    return parser.parse_args()


def write_result(path: Path, *, claim: str, figures: Mapping[str, Any], command: str) -> None:
    """Record figures with all that is needed to repeat them and nothing that names the machine.

    Args:
        path: the JSON file.
        claim: one sentence that the figures support or refute.
        figures: plain values for JSON; keys carry their unit.
        command: how to run it again, from the repository's root.
    """
    write_json(
        path,
        {
            "claim": claim,
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "command": command,
            "hardware": hardware(),
            "versions": versions(),
            "commit": commit(),
            "figures": dict(figures),
        },
    )


def hardware() -> dict[str, Any]:
    """Processor, cores, how busy they were, threads allowed, and the GPU if torch sees one."""
    found: dict[str, Any] = {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "load_average_5_minutes": round(os.getloadavg()[1], 1),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS"),
    }
    try:
        import torch
    except ImportError:
        return found
    found["torch_threads"] = torch.get_num_threads()
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name(0)
    return found


def versions(packages: Sequence[str] = _PACKAGES) -> dict[str, str]:
    """Python's version and those of the packages that are installed."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> dict[str, Any] | None:
    """The commit of the source tree and whether files differed from it; None outside of git."""
    # --no-optional-locks: looking must not touch the index of someone who is at work
    git = ["git", "--no-optional-locks"]
    done = [
        subprocess.run(
            [*git, *arguments],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=False,
        )
        for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain"])
    ]
    if any(process.returncode for process in done):
        return None
    return {"id": done[0].stdout.strip(), "modified": bool(done[1].stdout.strip())}


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    found = {key.strip(): value.strip() for key, value in facts.items()}
    family, model = found.get("cpu family"), found.get("model")
    name = found.get("model name", platform.machine())
    return f"{name} (family {family}, model {model})" if family and model else name
