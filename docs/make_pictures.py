"""Draws the README's picture from a finished demo: python docs/make_pictures.py runs/demo."""

import sys
from pathlib import Path

import numpy as np

from tessella import build
from tessella.atomic import write_bytes
from tessella.data.images import encode_png
from tessella.pictures import error_map, legend
from tessella.predictor import load
from tessella.run import open_run

HERE = Path(__file__).parent
SAMPLE = 7
ZOOM = 2


def prediction_picture(path: Path) -> np.ndarray:
    """Input, truth, prediction and error map of one held-out scene, side by side, with a legend."""
    run = open_run(path)
    recipe, labels = run.recipe(), run.labels()
    sample = build.open_dataset(recipe, recipe.data.test_split)[SAMPLE]
    assert sample.mask is not None
    predicted = load(path).predict(sample.image).class_map
    panels = [
        sample.image,
        labels.colorize(sample.mask),
        labels.colorize(predicted),
        error_map(sample.mask, predicted, ignore_index=labels.ignore_index),
    ]
    row = np.concatenate(panels, axis=1).repeat(ZOOM, axis=0).repeat(ZOOM, axis=1)
    return np.concatenate([row, legend(labels, range(labels.num_classes), width=row.shape[1])])


if __name__ == "__main__":
    write_bytes(
        HERE / "pictures" / "prediction.png", encode_png(prediction_picture(Path(sys.argv[1])))
    )
