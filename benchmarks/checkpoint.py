"""How much of an epoch's time goes into keeping its state, on real images and on the demo's.

Measured is all that `keep_epoch` does: the state with fsync, the model folder of a best epoch, the
history. The epochs that improve the score write most; all are counted.

    python benchmarks/checkpoint.py --camvid ROOT --out benchmarks/results/checkpoint.json
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from result_file import write_result
from tessella.recipe import read_recipe
from tessella.recipes import find_recipe
from tessella.train import loop, train

DEMO = ("demo", ["train.epochs=4", "train.validate_every=1"])
# the crops of half an image keep an epoch on two cores at a minute
CAMVID = ("camvid", ["train.epochs=3", "train.validate_every=1", "model.encoder_weights=none"])

CLAIM = "Keeping the state takes less than 3 % of an epoch."


def timed(work: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    """The same, noting how long each call takes."""

    def call(*arguments: Any) -> Any:
        started = time.perf_counter()
        result = work(*arguments)
        spent.append(time.perf_counter() - started)
        return result

    return call


def shares(name: str, words: list[str]) -> list[dict[str, float]]:
    """Of every epoch: its seconds, those of keeping, and the share."""
    text, where = find_recipe(name)
    spent: list[float] = []
    epochs: list[float] = []
    before = loop.keep_epoch
    loop.keep_epoch = timed(before, spent)
    try:
        with tempfile.TemporaryDirectory() as folder:
            train(
                read_recipe(text, where=where, overrides=words),
                out=Path(folder) / "run",
                after_epoch=lambda row: epochs.append(row.seconds),
            )
    finally:
        loop.keep_epoch = before
    return [
        {"epoch_seconds": epoch, "keeping_seconds": kept, "share": kept / (epoch + kept)}
        for epoch, kept in zip(epochs, spent, strict=True)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    parser.add_argument("--camvid", type=Path, help="folder of CamVid; the demo alone without it")
    arguments = parser.parse_args()
    candidates = {"demo": DEMO[1]}
    if arguments.camvid:
        candidates["camvid"] = [f"data.root={arguments.camvid}", *CAMVID[1]]
    figures = {}
    for name, words in candidates.items():
        figures[name] = shares(name, words)
        for number, epoch in enumerate(figures[name]):
            print(
                f"{name}, epoch {number + 1}: {epoch['epoch_seconds']:.1f} s, kept in "
                f"{1e3 * epoch['keeping_seconds']:.0f} ms ({100 * epoch['share']:.2f} %)",
                flush=True,
            )
        median = statistics.median(epoch["share"] for epoch in figures[name])
        print(f"{name}: {100 * median:.2f} % of an epoch (median)")
    if arguments.out is None:
        return
    write_result(
        arguments.out,
        claim=CLAIM,
        command="python benchmarks/checkpoint.py --camvid ROOT",
        figures=figures,
    )


if __name__ == "__main__":
    main()
