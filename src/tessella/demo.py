"""The whole path on drawn scenes: train, score, predict, report."""

from dataclasses import dataclass
from pathlib import Path

from tessella import build
from tessella.atomic import write_bytes
from tessella.data.images import encode_png
from tessella.evaluate import Evaluation, evaluate_model
from tessella.predict import predict
from tessella.predictor import load
from tessella.progress import Track, silently
from tessella.recipe import read_recipe
from tessella.recipes import find_recipe
from tessella.report.report import report
from tessella.run import Run
from tessella.train import train

_NUM_PICTURES = 6


@dataclass(frozen=True)
class Demo:
    """What the demo made."""

    run: Run
    evaluation: Evaluation
    pictures: Path
    """Folder with input images and what the model says about them."""

    report: Path


def demo(out: Path, *, track: Track = silently) -> Demo:
    """Train the recipe `demo` into `out`, score it on held-out scenes, predict and report.

    Raises:
        UsageError: `out` is not empty.
        OSError: it cannot be written.
    """
    text, where = find_recipe("demo")
    recipe = read_recipe(text, where=where)
    run = train(recipe, out=out, track=track)
    evaluation = evaluate_model(out, track=track)
    images, pictures = out / "pictures" / "images", out / "pictures"
    scenes = build.open_dataset(recipe, recipe.data.test_split)
    for index in range(min(_NUM_PICTURES, len(scenes))):
        write_bytes(images / f"{scenes[index].name}.png", encode_png(scenes[index].image))
    predict(load(out), [str(images)], out=pictures, track=track)
    return Demo(run, evaluation, pictures, report(out, track=track))
