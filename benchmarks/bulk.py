"""Bulk prediction: what the manifest, the threads, a long list and Ray cost or gain.

    python benchmarks/bulk.py --model runs/demo --out benchmarks/results/bulk.json

1. A list of a million lines is looked through: seconds, and memory.
2. Lines are added to a manifest: with the disk waited for once a second, and at each line.
3. The same drawn streets are predicted in turns: one after another without threads, by `predict`,
   and as a shard with a manifest. Each round gives ratios of wall times to the first; their medians
   are printed.
4. Ray predicts such a list, and one four times as long: the difference is its pace, and what is
   left is its start.
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from result_file import write_result
from tessella.atomic import write_bytes
from tessella.data.images import encode_jpeg, opencv_in_one_thread
from tessella.data.synthetic.scenes import draw_scene
from tessella.predict import predict
from tessella.predict.bulk import predict_shard
from tessella.predict.find import Images, NamedImage
from tessella.predict.manifest import Job, open_manifest
from tessella.predict.plain_engine import PlainEngine, compute, read_named, write_outcome
from tessella.predict.ray_engine import open_ray_engine
from tessella.predict.shard import Shard
from tessella.predict.write import Outcome, Wanted
from tessella.predictor import Predictor, load

LINES = 1_000_000
RAY_TIMES = 4


def resident_mib() -> float:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def long_list(folder: Path) -> dict[str, float]:
    """What a list costs whose images are never opened."""
    file = folder / "long.txt"
    with file.open("w") as stream:
        for number in range(LINES):
            stream.write(f"photos/2026/{number % 1000:03d}/camera-{number:09d}.jpg\n")
    before, started = resident_mib(), time.perf_counter()
    images = Images([str(file)])
    seconds = time.perf_counter() - started
    assert len(images) == LINES
    return {"lines": LINES, "seconds": round(seconds, 1), "mib": round(resident_mib() - before)}


def manifest_lines(folder: Path) -> dict[str, float]:
    """Microseconds for a line of a manifest, and for one that the disk is waited for at once."""
    many, few = 100_000, 300
    job = Job(1, many, "list", "model", ("mask",), None, 2048)
    outcome = [
        Outcome(NamedImage(i, f"2026/{i:09d}", f"/in/2026/{i:09d}.jpg")) for i in range(many)
    ]
    with open_manifest(folder / "lines", job, Shard()) as manifest:
        started = time.perf_counter()
        for one in outcome:
            manifest.add(one)
        as_it_is = time.perf_counter() - started
    with (folder / "synced").open("wb") as stream:
        started = time.perf_counter()
        for _ in range(few):
            stream.write(b"x" * 90 + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        synced = time.perf_counter() - started
    return {
        "microseconds": round(1e6 * as_it_is / many, 1),
        "microseconds_if_synced_each": round(1e6 * synced / few, 1),
    }


def draw_streets(folder: Path, count: int) -> Path:
    """Drawn streets of CamVid's size as JPEG, and a list of them."""
    rng = np.random.default_rng(0)
    for number in range(count):
        image, _ = draw_scene(rng, height=360, width=480)
        write_bytes(folder / "images" / f"{number:04d}.jpg", encode_jpeg(image, quality=90))
    file = folder / "list.txt"
    file.write_text("".join(f"images/{number:04d}.jpg\n" for number in range(count)))
    return file


def one_by_one(predictor: Predictor, file: Path, out: Path, wanted: Wanted) -> None:
    """No threads and no manifest."""
    with opencv_in_one_thread():
        for image in Images([str(file)]):
            read = read_named(image)
            prediction = compute(predictor, read, wanted)
            write_outcome(read, prediction, labels=predictor.labels, out=out, wanted=wanted)


def in_turns(
    candidates: Mapping[str, Callable[[Path], object]], folder: Path, *, rounds: int
) -> dict[str, list[float]]:
    """Seconds of each candidate in each round, each time into a new folder."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds):
        for name, work in candidates.items():
            started = time.perf_counter()
            work(folder / f"{name}-{number}")
            seconds[name].append(time.perf_counter() - started)
            print(f"round {number}: {name} {seconds[name][-1]:.2f} s", flush=True)
    return seconds


def paces(
    predictor: Predictor, model: Path, folder: Path, *, images: int, rounds: int, wanted: Wanted
) -> dict[str, Any]:
    """Images a second of each way in this process."""
    file = draw_streets(folder / "in", images)
    engine, inputs = PlainEngine(predictor), [str(file)]
    one_by_one(predictor, file, folder / "warm", wanted)
    seconds = in_turns(
        {
            "one by one": lambda out: one_by_one(predictor, file, out, wanted),
            "predict": lambda out: predict(predictor, inputs, out=out, save=wanted.outputs),
            "shard": lambda out: predict_shard(
                engine, model, inputs, out=out, wanted=wanted, shard=Shard()
            ),
        },
        folder / "out",
        rounds=rounds,
    )
    found: dict[str, Any] = {}
    for name, own in seconds.items():
        ratios = [base / mine for base, mine in zip(seconds["one by one"], own, strict=True)]
        found[name] = {
            "images_per_second": round(images / statistics.median(own), 2),
            "times_as_fast": round(statistics.median(ratios), 3),
        }
    return found


def ray_pace(model: Path, folder: Path, *, images: int, tile: int) -> dict[str, float]:
    """Images a second of Ray once it runs, and what its start takes."""
    engine = open_ray_engine(model, device="auto", tile=tile, workers=None)
    seconds = []
    for count in (images, RAY_TIMES * images):
        file = draw_streets(folder / f"in-{count}", count)
        started = time.perf_counter()
        out = folder / f"out-{count}"
        predict_shard(engine, model, [str(file)], out=out, wanted=Wanted(("mask",)), shard=Shard())
        seconds.append(time.perf_counter() - started)
        print(f"ray: {count} images in {seconds[-1]:.1f} s", flush=True)
    pace = (RAY_TIMES - 1) * images / (seconds[1] - seconds[0])
    return {
        "images_per_second_once_it_runs": round(pace, 2),
        "seconds_to_start": round(seconds[0] - images / pace, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, required=True, help="run, folder or exported file")
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, help="write the figures here as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        figures: dict[str, Any] = {"list": long_list(folder), "manifest": manifest_lines(folder)}
        print(figures, flush=True)
        predictor = load(arguments.model)
        for save in ("mask", "mask,overlay"):
            figures[save] = paces(
                predictor,
                arguments.model,
                folder / save,
                images=arguments.images,
                rounds=arguments.rounds,
                wanted=Wanted(tuple(save.split(","))),
            )
            print(save, figures[save], flush=True)
        figures["mask, ray"] = ray_pace(
            arguments.model, folder / "ray", images=arguments.images, tile=predictor.tile
        )
        print(figures["mask, ray"], flush=True)
    figures |= {"images": arguments.images, "rounds": arguments.rounds, "size": [360, 480]}
    if arguments.out:
        write_result(
            arguments.out,
            claim="A shard with its manifest is predicted as fast as files without one, a line of "
            "a list takes 34 bytes of memory at most, and Ray costs its start.",
            figures=figures,
            command=f"python benchmarks/bulk.py --model {arguments.model} --images "
            f"{arguments.images} --rounds {arguments.rounds}",
        )


if __name__ == "__main__":
    main()
