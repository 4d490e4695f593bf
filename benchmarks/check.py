"""Checking a data set against reading it: one look at every file should cost little more.

    OMP_NUM_THREADS=1 python benchmarks/check.py --count 10000 --out benchmarks/results/check.json

Draws N pairs of 480x360 (JPEG and palette-free PNG with 12 classes), then times a bare loop that
reads and decodes them in threads against `check_path` on the same folder. Peak memory is measured
in a process of its own, at N pairs and at half of them.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from result_file import write_result
from tessella.check import check_path
from tessella.data.images import encode_jpeg, encode_png, read_image, read_mask_values
from tessella.data.in_order import in_order

HEIGHT, WIDTH, NUM_CLASSES = 360, 480, 12


def drawn_pair(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A soft picture with the detail of a photograph, and a mask of ellipses on four bands."""
    mask = np.repeat(np.arange(4, dtype=np.uint8), HEIGHT // 4)[:, None].repeat(WIDTH, axis=1)
    for _ in range(25):
        center = (int(rng.integers(WIDTH)), int(rng.integers(HEIGHT)))
        axes = (int(rng.integers(4, 60)), int(rng.integers(4, 60)))
        color = int(rng.integers(NUM_CLASSES))
        cv2.ellipse(mask, center, axes, int(rng.integers(180)), 0, 360, color, -1)
    small = rng.integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
    image = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.asarray(image), mask


def draw(root: Path, count: int) -> None:
    """`images/` and `masks/` with `count` pairs, each of its own."""
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for number in range(count):
        image, mask = drawn_pair(np.random.default_rng(number))
        (root / "images" / f"{number:06}.jpg").write_bytes(encode_jpeg(image, quality=85))
        (root / "masks" / f"{number:06}.png").write_bytes(encode_png(mask))


def bare_loop(root: Path) -> None:
    """Read and decode every pair in threads, and throw the pixels away."""

    def look(image: Path) -> None:
        read_image(image)
        mask = root / "masks" / f"{image.stem}.png"
        read_mask_values(mask, wants_indices=True)

    for _ in in_order(look, sorted((root / "images").iterdir())):
        pass


def checked(root: Path) -> None:
    assert check_path(root).num_masks


def seconds(run: Callable[[Path], None], root: Path) -> tuple[float, float]:
    """Wall and CPU seconds of one run."""
    wall, cpu = time.perf_counter(), time.process_time()
    run(root)
    return time.perf_counter() - wall, time.process_time() - cpu


def _own_peak_mib() -> float:
    # not ru_maxrss: a child begins with its parent's
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def peak_mib(root: Path, *, what: str) -> float:
    """Peak memory of a process that does nothing else."""
    command = [sys.executable, __file__, "--measure", what, "--root", str(root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    parser.add_argument("--count", type=int, default=10_000, help="pairs that are drawn")
    parser.add_argument("--measure", choices=["bare", "check"], help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        (checked if arguments.measure == "check" else bare_loop)(arguments.root)
        print(_own_peak_mib())
        return
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(Path(folder), arguments.count)
    for name, value in figures.items():
        print(f"{name:<36} {value:>10}")
    if arguments.out:
        write_result(
            arguments.out,
            claim="A check takes at most 1.3 times the time of reading every file, and its "
            "memory does not grow with the pictures.",
            figures=figures,
            command=f"OMP_NUM_THREADS=1 python benchmarks/check.py --count {arguments.count}",
        )


def measured(folder: Path, count: int) -> dict[str, float]:
    """All figures: `count` pairs for the times, half of them and all for the memory."""
    whole, half = folder / "whole", folder / "half"
    draw(whole, count)
    draw(half, count // 2)
    bare_loop(whole)  # so that both read from memory rather than from the disk
    rounds = [(seconds(bare_loop, whole), seconds(checked, whole)) for _ in range(3)]
    bare, ours = (min(times) for times in zip(*rounds, strict=True))
    return {
        "num_pairs": count,
        "bare_loop_seconds": round(bare[0], 3),
        "check_seconds": round(ours[0], 3),
        "wall_ratio": round(ours[0] / bare[0], 3),
        "cpu_ratio": round(ours[1] / bare[1], 3),
        "check_pairs_per_second": round(count / ours[0], 1),
        "bare_peak_mib": round(peak_mib(whole, what="bare"), 1),
        "check_peak_mib": round(peak_mib(whole, what="check"), 1),
        "check_peak_mib_at_half": round(peak_mib(half, what="check"), 1),
    }


if __name__ == "__main__":
    main()
