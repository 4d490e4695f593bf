"""Predicting a few files: all of them, each time, into one folder."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tessella.atomic import write_json
from tessella.predict.find import Images
from tessella.predict.plain_engine import PlainEngine
from tessella.predict.write import Wanted
from tessella.predictor import Predictor
from tessella.progress import Track, silently


@dataclass(frozen=True)
class PredictionFiles:
    """What `predict` did."""

    written: tuple[Path, ...]
    failed: tuple[str, ...]
    """One message for each image that could not be read; the others were still predicted."""


def predict(
    predictor: Predictor,
    inputs: Sequence[str],
    *,
    out: Path,
    save: Sequence[str] = ("mask", "overlay"),
    opacity: float = 0.6,
    track: Track = silently,
) -> PredictionFiles:
    """Predict files, folders (with their sub-folders), globs and lists, and write the results.

    Beside the pictures, `labels.json` says what the values in the masks mean.

    Args:
        predictor: gives class maps.
        inputs: image files, folders, patterns such as `photos/*.jpg`, or lists of images.
        out: folder for the results, made if need be; `NAME_mask.png` and so on.
        save: which of `OUTPUTS` to write.
        opacity: of the colours in the overlay, 0..1.
        track: shows progress.

    Raises:
        UsageError: an unknown output, or inputs that match no image.
        OSError: a result cannot be written.
    """
    wanted = Wanted(tuple(save), opacity)
    images = Images(inputs)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "labels.json", predictor.labels.as_indices().to_dict())
    outcomes = PlainEngine(predictor).predict(images, out=out, wanted=wanted)
    written: list[Path] = []
    failed: list[str] = []
    for outcome in track(outcomes, about="predict", total=len(images), size=lambda _: 1):
        written += outcome.written
        if outcome.error is not None:
            failed.append(outcome.error)
    return PredictionFiles(tuple(written), tuple(failed))
