"""CamVid in a fixed time: the planned recipe against three in the style of the tutorials.

Each is trained by `tessella train ... --budget TIME` in a process of its own, one after the other
and once a seed, then scored on the validation split at each frame's own size. The encoder weights
belong to the planned recipe alone: no others were at hand, so it is run without them too.

    python benchmarks/camvid_budget.py --data CAMVID --weights MOBILENET_V2.pth --out FILE
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from result_file import write_result

ON_CAMVID = ("data.name=camvid", "data.options={}", "train.validate_every=5")
ARMS: Mapping[str, Sequence[str]] = {
    "planned, MobileNetV2 weights": ("--weights", "WEIGHTS"),
    "planned, from scratch": ("model.encoder_weights=none",),
    "U-Net ResNet-34, 224, cross-entropy": (
        *("voc2007-unet-resnet34", *ON_CAMVID, "model.encoder_weights=none"),
        "train.batch_size=8",
    ),
    "U-Net MobileNetV3, 256x512, Dice": (
        *("cityscapes-unet-mobilenetv3", *ON_CAMVID, "model.encoder_weights=none"),
        *("loss={name: dice}", "train.batch_size=8"),
    ),
    # whole frames would take half an hour an epoch
    "DeepLabV3 ResNet-50, 192, cross-entropy": (
        *("camseq-deeplabv3-resnet50", *ON_CAMVID, "model.encoder_weights=none"),
        *("augment.crop=[192, 192]", "train.batch_size=4"),
    ),
}
"""Name -> words of `tessella train` beside data, budget, seed and place."""


def tessella(*words: str) -> str:
    command = [sys.executable, "-m", "tessella", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}\n{done.stderr}")
    return done.stdout


def trained(words: Sequence[str], *, data: Path, minutes: float, run: Path) -> dict[str, Any]:
    """Score and time of one training."""
    started = time.perf_counter()
    given = ("--data", str(data), "--budget", f"{minutes * 60:.0f}s", "--out", str(run))
    tessella("train", *words, *given)
    seconds = time.perf_counter() - started
    scored = json.loads(tessella("evaluate", str(run), "--split", "val", "--json"))
    epochs = len((run / "history.csv").read_text(encoding="utf-8").splitlines()) - 1
    return {
        "mean_iou": scored["scores"]["mean_iou"],
        "pixel_accuracy": scored["scores"]["pixel_accuracy"],
        "epochs": epochs,
        "minutes_with_planning": seconds / 60,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True, help="of MobileNetV2")
    parser.add_argument("--minutes", type=float, default=10.0, help="for each training")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--only", nargs="*", type=int, help="numbers of the arms, from 0")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    names = [name for place, name in enumerate(ARMS) if place in (arguments.only or range(9))]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for seed in range(arguments.seeds):
        for name in names:
            words = [str(arguments.weights) if word == "WEIGHTS" else word for word in ARMS[name]]
            with tempfile.TemporaryDirectory() as folder:
                result = trained(
                    [*words, f"train.seed={seed}"],
                    data=arguments.data,
                    minutes=arguments.minutes,
                    run=Path(folder) / "run",
                )
            found[name].append(result)
            print(f"{name:<50} seed {seed}  mean IoU {result['mean_iou']:.3f}", flush=True)
            print(f"{'':<50} {result}", flush=True)
            if arguments.out:  # after each: hours of work are not lost to the last one
                save(arguments.out, found, arguments)


def save(out: Path, found: Mapping[str, list[dict[str, Any]]], given: argparse.Namespace) -> None:
    done = {name: rows for name, rows in found.items() if rows}
    write_result(
        out,
        claim="At the same time on the same cores, the planned recipe scores higher on CamVid's "
        "validation split than recipes in the style of the tutorials.",
        figures={
            "minutes": given.minutes,
            "split": "val, 101 frames, the best of the validated epochs",
            "resolution": "480x360, each frame's own size",
            "averaging": "one confusion matrix over the split, mean over 11 classes, void ignored",
            "seeds": list(range(given.seeds)),
            "mean_iou": {name: mean(r["mean_iou"] for r in rows) for name, rows in done.items()},
            "runs": done,
        },
        command=(
            "python benchmarks/camvid_budget.py --data CAMVID --weights MOBILENET_V2.pth "
            f"--minutes {given.minutes:g} --seeds {given.seeds}"
        ),
    )


if __name__ == "__main__":
    main()
