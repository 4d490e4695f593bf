"""The files that tell what the model says about one image."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from tessella.atomic import replacing, write_bytes, write_text
from tessella.data.images import encode_png, write_mask
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.pictures import overlay_with_legend
from tessella.polygons import feature_collection
from tessella.predict.find import NamedImage
from tessella.predictor import Prediction

OUTPUTS = ("mask", "color", "overlay", "probabilities", "polygons")
"""What can be written about an image."""

_ENDINGS = {"probabilities": ".npz", "polygons": ".geojson"}


@dataclass(frozen=True)
class Wanted:
    """What is written about each image."""

    outputs: tuple[str, ...] = ("mask", "overlay")
    """Some of `OUTPUTS`."""

    opacity: float = 0.6
    """Of the colours in the overlay, 0..1."""

    def __post_init__(self) -> None:
        """Refuse what cannot be written.

        Raises:
            UsageError: an unknown output, none at all, or an opacity out of its range.
        """
        for output in self.outputs:
            if output not in OUTPUTS:
                raise UsageError(f"cannot save {output!r}; known: {', '.join(OUTPUTS)}.")
        if not self.outputs:
            raise UsageError(f"nothing to save; known: {', '.join(OUTPUTS)}.")
        if not 0 <= self.opacity <= 1:
            raise UsageError(f"opacity is {self.opacity}; expected 0..1.")


class Outcome(NamedTuple):
    """What became of one image."""

    image: NamedImage

    written: tuple[Path, ...] = ()
    """The files with its results, all of them whole."""

    error: str | None = None
    """Why there are none."""


def result_paths(stem: Path, wanted: Wanted) -> tuple[Path, ...]:
    """The files with the results of one image: `STEM_mask.png` and so on."""
    return tuple(path for _, path in _places(stem, wanted))


def _places(stem: Path, wanted: Wanted) -> Iterator[tuple[str, Path]]:
    for output in (output for output in OUTPUTS if output in wanted.outputs):
        yield output, stem.with_name(f"{stem.name}_{output}{_ENDINGS.get(output, '.png')}")


def write_results(
    stem: Path,
    prediction: Prediction,
    *,
    image: UInt8[np.ndarray, "h w 3"],
    labels: LabelMap,
    wanted: Wanted,
) -> tuple[Path, ...]:
    """Write the results of one image, each file whole or not at all.

    Args:
        stem: path of the results, without what follows the name.
        prediction: of the image; with probabilities where these are wanted.
        image: its pixels, for the overlay.
        labels: what the class indices mean.
        wanted: which files.

    Returns:
        `result_paths`.

    Raises:
        OSError: a file cannot be written.
    """
    classes = prediction.class_map
    for output, path in _places(stem, wanted):
        match output:
            case "mask":
                write_mask(path, classes, labels)
            case "color":
                write_bytes(path, encode_png(labels.colorize(classes)))
            case "overlay":
                picture = overlay_with_legend(image, classes, labels, opacity=wanted.opacity)
                write_bytes(path, encode_png(picture))
            case "probabilities":
                _write_probabilities(path, prediction)
            case "polygons":
                # on one line: indented, every number of every corner would take one of its own
                write_text(path, json.dumps(feature_collection(classes, labels)) + "\n")
    return result_paths(stem, wanted)


def _write_probabilities(path: Path, prediction: Prediction) -> None:
    assert prediction.probabilities is not None
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, probabilities=prediction.probabilities.astype(np.float16))
