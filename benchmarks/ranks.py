"""Train the demo in one process on one core or two, and in two processes, in turns.

All compute the same number of images a step; what is compared are images a second of training,
data loading included, over all epochs but the first.

    python benchmarks/ranks.py --out benchmarks/results/ranks.json
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from result_file import write_result
from tessella.run import Run
from tessella.train.history import read_history

# of a batch of 4 two processes have 2 images each; every candidate is compared with the first
CANDIDATES = {
    "one process, one core": (1, ["train.devices=1", "train.batch_size=4"]),
    # what who has two cores would do otherwise
    "one process, two cores": (2, ["train.devices=1", "train.batch_size=4"]),
    "two processes, two cores": (2, ["train.devices=2", "train.batch_size=2"]),
}

CLAIM = "Two processes on two cores train the demo at least 1.5 times as fast as one on one."


def images_per_second(folder: Path, *, cores: int, words: list[str], epochs: int) -> float:
    """The median over the epochs of a demo that is trained by a command of its own."""
    cores_to_use = set(sorted(os.sched_getaffinity(0))[:cores])
    subprocess.run(
        [
            *(sys.executable, "-m", "tessella", "train", "demo", "--out", str(folder)),
            *(f"train.epochs={epochs}", f"train.validate_every={epochs}", *words),
        ],
        check=True,
        capture_output=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores_to_use),  # noqa: PLW1509
    )
    rows = read_history(Run(folder).history_file)[1:]
    return statistics.median(row["images_per_second"] for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    found: dict[str, list[float]] = {name: [] for name in CANDIDATES}
    for number in range(arguments.rounds):
        for name, (cores, words) in CANDIDATES.items():
            with tempfile.TemporaryDirectory() as folder:
                pace = images_per_second(
                    Path(folder) / "run", cores=cores, words=words, epochs=arguments.epochs
                )
            found[name].append(pace)
            print(f"round {number + 1}: {name:<26} {pace:6.1f} images/s", flush=True)
    medians = [statistics.median(paces) for paces in found.values()]
    ratios = {name: round(pace / medians[0], 3) for name, pace in zip(found, medians, strict=True)}
    for name, ratio in ratios.items():
        print(f"{name:<26} {ratio:.2f}x")
    if arguments.out is None:
        return
    write_result(
        arguments.out,
        claim=CLAIM,
        command=f"python benchmarks/ranks.py --epochs {arguments.epochs} "
        f"--rounds {arguments.rounds}",
        figures={"images_per_second": found, "ratios_of_medians": ratios},
    )


if __name__ == "__main__":
    main()
