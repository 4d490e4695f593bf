"""Losses and their gradients, and scores from logits, against the usual libraries.

    OMP_NUM_THREADS=1 python benchmarks/losses.py --out benchmarks/results/losses.json

Each measurement is one forward and backward pass on float32 logits, in a process of its own: CPU
and wall time, and peak memory above what the process held with logits and mask in place. The
gradient of the logits, as large as they are, is part of it. Masks are patches of 16x16 pixels with
5 % ignored. Where the values differ, the sides mean different things by the same name: smp divides
the smoothed cross-entropy by all pixels, ignored ones too, and its focal loss is one of sigmoids.

The second table takes pixel accuracy and mean IoU from the same logits.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from result_file import versions, write_result
from tessella.losses import LOSSES
from tessella.metrics.class_map import class_map
from tessella.metrics.counter import PixelCounter
from tessella.metrics.scores import mean_iou, pixel_accuracy

IGNORE_INDEX = 255
FULL_SHAPE = (8, 32, 512, 512)

Side = Callable[[Tensor, Tensor], object]


class Pair(NamedTuple):
    """Two ways to the same end; each gives what to call with logits and mask."""

    ours: Callable[[int], Side]
    theirs: Callable[[int], Side]


def our_loss(name: str, **options: float) -> Callable[[int], Side]:
    return lambda _: partial(LOSSES[name], ignore_index=IGNORE_INDEX, **options)


def smp_loss(name: str, *arguments: str, **options: float) -> Callable[[int], Side]:
    def make(_: int) -> Side:
        # here, so that the other processes do not hold the library
        from segmentation_models_pytorch import losses

        loss = getattr(losses, name)(*arguments, **options)
        return lambda logits, mask: loss(logits, mask.long())

    return make


def torch_cross_entropy(_: int) -> Side:
    return lambda logits, mask: functional.cross_entropy(
        logits, mask.long(), ignore_index=IGNORE_INDEX
    )


LOSS_PAIRS: Mapping[str, Pair] = {
    "cross-entropy, torch": Pair(our_loss("cross_entropy"), torch_cross_entropy),
    "cross-entropy, smoothed, smp": Pair(
        our_loss("cross_entropy", label_smoothing=0.1),
        smp_loss("SoftCrossEntropyLoss", smooth_factor=0.1, ignore_index=IGNORE_INDEX),
    ),
    "focal, smp": Pair(
        our_loss("focal"), smp_loss("FocalLoss", "multiclass", ignore_index=IGNORE_INDEX)
    ),
    "Dice, smp": Pair(
        our_loss("dice"), smp_loss("DiceLoss", "multiclass", ignore_index=IGNORE_INDEX)
    ),
    "Jaccard, smp": Pair(
        our_loss("jaccard"), smp_loss("JaccardLoss", "multiclass", ignore_index=IGNORE_INDEX)
    ),
    "Tversky, smp": Pair(
        our_loss("tversky"),
        smp_loss("TverskyLoss", "multiclass", alpha=0.3, beta=0.7, ignore_index=IGNORE_INDEX),
    ),
    "Lovász-Softmax, smp": Pair(
        our_loss("lovasz_softmax"), smp_loss("LovaszLoss", "multiclass", ignore_index=IGNORE_INDEX)
    ),
}


def our_score(of_counts: Callable[[np.ndarray], float]) -> Callable[[int], Side]:
    def make(num_classes: int) -> Side:
        def score(logits: Tensor, mask: Tensor) -> float:
            counter = PixelCounter(num_classes, IGNORE_INDEX, "cpu")
            counter.add(class_map(logits), mask)
            return of_counts(counter.read())

        return score

    return make


def torchmetrics_score(name: str, num_classes: int) -> Side:
    from torchmetrics import classification

    metric = getattr(classification, name)(num_classes, ignore_index=IGNORE_INDEX)
    return lambda logits, mask: metric(logits, mask)


SCORE_PAIRS: Mapping[str, Pair] = {
    name: Pair(our_score(of_counts), partial(torchmetrics_score, name))
    for name, of_counts in (
        ("MulticlassConfusionMatrix", pixel_accuracy),
        ("MulticlassJaccardIndex", mean_iou),
    )
}

PAIRS = {**LOSS_PAIRS, **SCORE_PAIRS}


class Cost(NamedTuple):
    """One pass, in a process of its own."""

    cpu_ms: float
    wall_ms: float
    peak_mib: float
    """Above the process with its inputs."""

    value: float
    """What it computed; of a confusion matrix the share on the diagonal."""


def drawn_batch(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Normal logits, and a mask of patches with 5 % ignored."""
    generator = torch.Generator().manual_seed(0)
    num_images, num_classes, height, width = shape
    patches = torch.randint(
        num_classes, (num_images, -(-height // 16), -(-width // 16)), generator=generator
    ).to(torch.uint8)
    mask = patches.repeat_interleave(16, 1).repeat_interleave(16, 2)[:, :height, :width].clone()
    mask[torch.rand(mask.shape, generator=generator) < 0.05] = IGNORE_INDEX
    return torch.randn(shape, generator=generator), mask


def peak_mib() -> float:
    # not ru_maxrss: a child begins with its parent's
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def one_pass(side: Side, logits: Tensor, mask: Tensor) -> float:
    result = side(logits, mask)
    if not isinstance(result, Tensor):
        return float(result)  # type: ignore[arg-type]
    if result.requires_grad:
        result.backward()
    return float((result if result.ndim == 0 else result.trace() / result.sum()).detach())


def measure(name: str, side_name: str, shape: tuple[int, ...]) -> Cost:
    """What one side of a pair costs, in this process."""
    pair = PAIRS[name]
    side = (pair.ours if side_name == "ours" else pair.theirs)(shape[1])
    wants_gradient = name in LOSS_PAIRS
    # a small batch first: kernels are chosen and libraries finish loading here
    logits, mask = drawn_batch((1, shape[1], 32, 32))
    one_pass(side, logits.requires_grad_(wants_gradient), mask)
    logits, mask = drawn_batch(shape)
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # the peak starts from here
    before, cpu, wall = peak_mib(), time.process_time(), time.perf_counter()
    value = one_pass(side, logits.requires_grad_(wants_gradient), mask)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Cost(1e3 * cpu, 1e3 * wall, peak_mib() - before, value)


def measured(name: str, side: str, arguments: argparse.Namespace) -> Cost:
    """The least of several processes in each figure."""
    shape = [str(length) for length in arguments.shape]
    command = [sys.executable, __file__, "--measure", name, side, "--shape", *shape]
    costs = []
    for _ in range(arguments.repeats):
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        costs.append(Cost(*json.loads(done.stdout.splitlines()[-1])))
    return Cost(*(min(figures) for figures in zip(*costs, strict=True)))


def table(title: str, pairs: Mapping[str, Pair], arguments: argparse.Namespace) -> dict[str, Any]:
    """Print both sides of every pair and their ratios; the same figures for the result file."""
    print(f"\n{title}, {'x'.join(map(str, arguments.shape))}")
    print(f"{'':<32} {'CPU ms':>17} {'ratio':>6} {'peak MiB':>17} {'ratio':>6}   values")
    print(f"{'':<32} {'ours':>8} {'theirs':>8} {'':>6} {'ours':>8} {'theirs':>8}")
    figures: dict[str, Any] = {}
    sums = {"ours": [0.0, 0.0], "theirs": [0.0, 0.0]}
    for name in pairs:
        costs = {side: measured(name, side, arguments) for side in sums}
        for side, cost in costs.items():
            sums[side][0] += cost.cpu_ms
            sums[side][1] += cost.peak_mib
        ours, theirs = costs["ours"], costs["theirs"]
        line = _line(name, (ours.cpu_ms, ours.peak_mib), (theirs.cpu_ms, theirs.peak_mib))
        print(f"{line}   {ours.value:.4f} {theirs.value:.4f}", flush=True)
        figures[name] = {
            side: {key: round(value, 4) for key, value in cost._asdict().items()}
            for side, cost in costs.items()
        }
    print(_line("sum", (sums["ours"][0], sums["ours"][1]), (sums["theirs"][0], sums["theirs"][1])))
    for index, what in enumerate(("cpu", "peak")):
        figures[f"{what}_ratio_of_sums"] = _ratio(sums["ours"][index], sums["theirs"][index])
    return figures


def _ratio(ours: float, theirs: float) -> float:
    """How often ours fits into theirs; a peak below 1 MiB counts as 1."""
    return round(theirs / max(1.0, ours), 2)


def _line(name: str, ours: tuple[float, float], theirs: tuple[float, float]) -> str:
    return (
        f"{name:<32} {ours[0]:>8.0f} {theirs[0]:>8.0f} {_ratio(ours[0], theirs[0]):>5.1f}x "
        f"{ours[1]:>8.0f} {theirs[1]:>8.0f} {_ratio(ours[1], theirs[1]):>5.1f}x"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    parser.add_argument("--shape", type=int, nargs=4, default=FULL_SHAPE, metavar=tuple("NCHW"))
    parser.add_argument("--repeats", type=int, default=3, help="processes for each side")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        name, side = arguments.measure
        print(json.dumps(measure(name, side, tuple(arguments.shape))))
        return
    figures = {
        "shape": list(arguments.shape),
        "losses": table("Forward and backward", LOSS_PAIRS, arguments),
        "scores": table("Scores from logits (theirs: torchmetrics)", SCORE_PAIRS, arguments),
        "versions": versions(["segmentation-models-pytorch", "torchmetrics"]),
    }
    if arguments.out:
        shape = " ".join(map(str, arguments.shape))
        write_result(
            arguments.out,
            claim="Losses with their gradients, summed, take at most half the time and half the "
            "memory of those of torch and segmentation-models-pytorch; so do scores from logits "
            "beside torchmetrics.",
            figures=figures,
            command=f"OMP_NUM_THREADS=1 python benchmarks/losses.py --shape {shape} "
            f"--repeats {arguments.repeats}",
        )


if __name__ == "__main__":
    main()
