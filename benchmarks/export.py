"""How fast a model is as an exported file, beside the same model run by torch as most scripts do.

Each side lives in a process of its own; they take turns, one image each. The model is exported
here, in fp32 and int8, and both are scored beside the run: speed without a score says nothing.
Beside them stands what the machine can do at all: how fast it multiplies large matrices, and how
long the network's products would take at that pace.

    python benchmarks/export.py --model RUN [--data ROOT] --out FILE
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from result_file import versions, write_result

EAGER = "torch eager fp32"
SIDES: Mapping[str, tuple[str, str | None]] = {
    EAGER: ("", None),
    "torch fp32, channels-last (a run's predictor)": ("run", "fp32"),
    "torch bf16, channels-last (a run's predictor)": ("run", "bf16"),
    "ONNX Runtime fp32": ("float.onnx", None),
    "ONNX Runtime int8": ("int8.onnx", None),
    "OpenVINO fp32": ("float.openvino", None),
    "OpenVINO bf16, of the fp32 file": ("float.openvino", "bf16"),
    "OpenVINO int8": ("int8.openvino", None),
}
"""Name -> (file, precision); uint8 image to class map in main memory, each of them."""

PACKAGES = ("tessella", "torch", "onnxruntime", "openvino", "nncf", "numpy")


def eager(run: Path) -> Callable[[np.ndarray], object]:
    """The network as a script calls it: NCHW, float32, nothing set but evaluation mode."""
    import torch

    from tessella.model_folder import read_model

    segmenter = read_model(run).segmenter.eval()

    def compute(image: np.ndarray) -> object:
        with torch.inference_mode():
            batch = torch.from_numpy(image).permute(2, 0, 1)[None].contiguous()
            return segmenter(batch).argmax(1).to(torch.uint8).numpy()

    return compute


def opened(run: Path, files: Path, side: str) -> Callable[[np.ndarray], object]:
    from tessella.predictor import load

    file, precision = SIDES[side]
    if not file:
        return eager(run)
    predictor = load(run if file == "run" else files / file, device="cpu", precision=precision)
    return lambda image: predictor.predict(image).class_map


def work(pipe: Connection, run: Path, files: Path, side: str) -> None:
    compute = opened(run, files, side)
    image: np.ndarray = pipe.recv()
    for _ in range(3):
        compute(image)
    pipe.send("ready")
    while pipe.recv():
        started = time.perf_counter()
        compute(image)
        pipe.send(time.perf_counter() - started)


def in_turns(run: Path, files: Path, image: np.ndarray, *, rounds: int) -> dict[str, list[float]]:
    """Seconds of each side in each round."""
    spawn = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    for side in SIDES:
        ours, theirs = spawn.Pipe()
        spawn.Process(target=work, args=(theirs, run, files, side), daemon=True).start()
        ours.send(image)
        ours.recv()
        pipes[side] = ours
    found: dict[str, list[float]] = {side: [] for side in SIDES}
    order = np.random.default_rng(0)
    for _ in range(rounds):
        for side in order.permutation(list(SIDES)):
            time.sleep(0.3)  # until the threads of the one before no longer wait for more work
            pipes[side].send(True)
            found[side].append(pipes[side].recv())
    for pipe in pipes.values():
        pipe.send(False)
    return found


def products(pipe: Connection, run: Path, size: tuple[int, int]) -> None:
    """Send what the machine's matrix products allow, by precision."""
    import torch

    from tessella.model_folder import read_model
    from tessella.models.summary import summarize

    flops = summarize(read_model(run).segmenter.eval(), size=size).flops
    found: dict[str, Any] = {"network_gflop": round(flops / 1e9, 1)}
    side = 2048
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        one = torch.randn(side, side).to(dtype)
        seconds = []
        for _ in range(20):
            started = time.perf_counter()
            one @ one
            seconds.append(time.perf_counter() - started)
        pace = 2 * side**3 / median(seconds)
        found[name] = {
            "gflop_per_s": round(pace / 1e9),
            "network_at_that_pace_ms": round(1e3 * flops / pace, 1),
        }
    pipe.send(found)


def of_machine(run: Path, size: tuple[int, int]) -> dict[str, Any]:
    """The same from a process of its own."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=products, args=(theirs, run, size))
    process.start()
    found: dict[str, Any] = ours.recv()
    process.join()
    return found


def exported(run: Path, files: Path, *, data: Path | None, max_drop: float) -> dict[str, Any]:
    """The model in every form, and what each scores on the validation split."""
    from tessella.export.export import export

    scores: dict[str, Any] = {}
    kept_scores = files / "scores.json"
    if kept_scores.is_file():
        return dict(json.loads(kept_scores.read_text(encoding="utf-8")))
    for form, drop, name in (
        *(("onnx", None, "float.onnx"), ("onnx", max_drop, "int8.onnx")),
        *(("openvino", None, "float.openvino"), ("openvino", max_drop, "int8.openvino")),
    ):
        made = export(run, to=form, out=files / name, root=data, images=0, int8_max_drop=drop)
        found = made.document()
        kept = found.get("int8", found)
        scores[name] = {
            "mean_iou": kept["mean_iou"],
            "per_class": kept["per_class"],
            "agreement_fp32": found["agreement"],
            "megabytes": round(made.num_bytes / 1e6, 1),
            "way": kept.get("way"),
        }
    kept_scores.write_text(json.dumps(scores), encoding="utf-8")
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="a run")
    parser.add_argument("--data", type=Path, help="where its data is now")
    parser.add_argument("--files", type=Path, help="keep the exported files here, or take them")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--max-drop", type=float, default=1.0)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    image = np.random.default_rng(0).integers(0, 256, (360, 480, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        files = arguments.files or Path(folder)
        files.mkdir(parents=True, exist_ok=True)
        scores = exported(arguments.model, files, data=arguments.data, max_drop=arguments.max_drop)
        machine = of_machine(arguments.model, image.shape[:2])
        times = in_turns(arguments.model, files, image, rounds=arguments.rounds)
    figures = {
        side: {
            "median_ms": round(1e3 * median(seconds), 1),
            "p95_ms": round(1e3 * float(np.percentile(seconds, 95)), 1),
            "times_faster_than_eager": round(
                median(a / b for a, b in zip(times[EAGER], seconds, strict=True)), 2
            ),
        }
        for side, seconds in times.items()
    }
    for side, row in figures.items():
        print(f"{side:<48} {row['median_ms']:>8.1f} ms {row['times_faster_than_eager']:>6.2f}x")
    print(f"the machine's matrix products: {json.dumps(machine)}")
    print(json.dumps(scores, indent=1))
    if arguments.out:
        write_result(
            arguments.out,
            claim="At 480x360 an exported file is at least 3 times faster than eager torch in fp32 "
            "and at least 9 times in int8, at the mean IoU shown.",
            figures={
                "speed": figures,
                "machine": machine,
                "scores": scores,
                "versions": versions(PACKAGES),
            },
            command="python benchmarks/export.py --model RUN --data CAMVID",
        )


if __name__ == "__main__":
    main()
