"""The recipe `camvid` from ImageNet weights: best validation mean IoU and the time it took.

Trains into RUN, or takes the finished run there, scores the validation split at 480x360 and writes
both into the result file.

    python benchmarks/camvid.py --data CAMVID --weights WEIGHTS --run runs/camvid --out FILE
"""

import argparse
from pathlib import Path

from result_file import write_result
from tessella.evaluate import evaluate_model
from tessella.recipe import read_recipe
from tessella.recipes import find_recipe
from tessella.run import Run
from tessella.train import train
from tessella.train.history import read_history


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--run", type=Path, default=Path("runs/camvid"))
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    text, where = find_recipe("camvid")
    if not arguments.run.exists():
        overrides = [f"data.root={arguments.data}", f"model.encoder_weights={arguments.weights}"]
        train(read_recipe(text, where=where, overrides=overrides), out=arguments.run)
    run = Run(arguments.run)
    rows = read_history(run.history_file)
    evaluation = evaluate_model(run.path, split="val").document()
    choice = run.recipe().train
    seconds = sum(row["seconds"] for row in rows)
    print(
        f"validation mean IoU {evaluation['scores']['mean_iou']:.4f} after {seconds / 60:.1f} min"
    )
    write_result(
        arguments.out,
        claim="The recipe camvid reaches a validation mean IoU of 0.55 in 30 minutes on 2 cores.",
        figures={
            "mean_iou": evaluation["scores"]["mean_iou"],
            "trivial_mean_iou": evaluation["trivial"]["mean_iou"],
            "pixel_accuracy": evaluation["scores"]["pixel_accuracy"],
            "iou_per_class": {row["name"]: row["iou"] for row in evaluation["per_class"]},
            "split": "val, 101 frames; the best of the epochs validated on it",
            "resolution": "480x360, each frame's own size",
            "averaging": evaluation["protocol"]["averaging"],
            "ignored": evaluation["protocol"]["ignored"],
            "seeds": [choice.seed],
            "epochs": len(rows),
            "training_minutes": seconds / 60,
            "encoder_weights": "MobileNetV2, ImageNet, Apache-2.0",
            "precision": evaluation["protocol"]["precision"],
        },
        command=(
            "tessella train camvid --data CAMVID model.encoder_weights=MOBILENET_V2.pth; "
            "python benchmarks/camvid.py --data CAMVID --weights MOBILENET_V2.pth --out FILE"
        ),
    )


if __name__ == "__main__":
    main()
