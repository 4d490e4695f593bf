"""Class maps of image files: as palette PNG or polygons for programs, as pictures for people."""

import glob
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tessella.atomic import replacing, write_bytes, write_json, write_text
from tessella.data.images import IMAGE_SUFFIXES, encode_png, read_image, write_mask
from tessella.errors import UsageError
from tessella.pictures import overlay_with_legend
from tessella.polygons import feature_collection
from tessella.predictor import Predictor
from tessella.progress import Track, silently

logger = logging.getLogger(__name__)

OUTPUTS = ("mask", "color", "overlay", "probabilities", "polygons")
"""What can be written about an image."""


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
    """Predict files, folders (with their sub-folders) and globs, and write the results.

    Beside the pictures, `labels.json` says what the values in the masks mean.

    Args:
        predictor: gives class maps.
        inputs: image files, folders or patterns such as `photos/*.jpg`.
        out: folder for the results, made if need be; `NAME_mask.png` and so on.
        save: which of `OUTPUTS` to write.
        opacity: of the colours in the overlay, 0..1.
        track: shows progress.

    Raises:
        UsageError: an unknown output, or inputs that match no image.
        OSError: a result cannot be written.
    """
    for output in save:
        if output not in OUTPUTS:
            raise UsageError(f"cannot save {output!r}; known: {', '.join(OUTPUTS)}.")
    images = list(find_images(inputs))
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "labels.json", predictor.labels.as_indices().to_dict())
    written: list[Path] = []
    failed: list[str] = []
    for name, path in track(images, about="predict", total=len(images), size=lambda _: 1):
        try:
            image = read_image(path)
        except ValueError as error:
            failed.append(str(error))
            continue
        written += _write(predictor, image, out / name, save=save, opacity=opacity)
    return PredictionFiles(tuple(written), tuple(failed))


def _write(
    predictor: Predictor,
    image: np.ndarray,
    stem: Path,
    *,
    save: Sequence[str],
    opacity: float,
) -> Iterator[Path]:
    wants_all = "probabilities" in save
    prediction = predictor.predict_probabilities(image) if wants_all else predictor.predict(image)
    classes, labels = prediction.class_map, predictor.labels
    if "mask" in save:
        path = stem.with_name(f"{stem.name}_mask.png")
        write_mask(path, classes, labels)
        yield path
    if "color" in save:
        path = stem.with_name(f"{stem.name}_color.png")
        write_bytes(path, encode_png(labels.colorize(classes)))
        yield path
    if "overlay" in save:
        path = stem.with_name(f"{stem.name}_overlay.png")
        picture = overlay_with_legend(image, classes, labels, opacity=opacity)
        write_bytes(path, encode_png(picture))
        yield path
    if prediction.probabilities is not None:
        path = stem.with_name(f"{stem.name}_probabilities.npz")
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.savez_compressed(stream, probabilities=prediction.probabilities.astype(np.float16))
        yield path
    if "polygons" in save:
        path = stem.with_name(f"{stem.name}_polygons.geojson")
        # on one line: indented, every number of every corner would take one of its own
        write_text(path, json.dumps(feature_collection(classes, labels)) + "\n")
        yield path


def find_images(inputs: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """(name of its results, path) of every image that the inputs stand for, each once.

    Folders keep their inner structure in the name. Two images that would share a name keep their
    ending in it.

    Raises:
        UsageError: an input matches nothing.
    """
    found: dict[Path, str] = {}
    for given in inputs:
        matches = list(_matches(given))
        if not matches:
            raise UsageError(
                f"{given}: no image found ({', '.join(IMAGE_SUFFIXES)}); give files, folders or "
                "a pattern in quotes such as 'photos/*.jpg'."
            )
        for path, name in matches:
            found.setdefault(path, name)
    taken: dict[str, int] = {}
    for name in found.values():
        taken[name] = taken.get(name, 0) + 1
    used: set[str] = set()
    for path, name in found.items():
        unique = name if taken[name] == 1 else f"{name}_{path.suffix[1:]}"
        number = 2
        while unique in used:
            unique, number = f"{name}_{number}", number + 1
        used.add(unique)
        yield unique, path


def _matches(given: str) -> Iterator[tuple[Path, str]]:
    path = Path(given)
    if path.is_dir():
        for inner in sorted(path.rglob("*")):
            if inner.suffix.lower() in IMAGE_SUFFIXES and not inner.name.startswith("."):
                yield inner, inner.relative_to(path).with_suffix("").as_posix()
    elif path.is_file():
        yield path, path.stem
    else:
        for match in sorted(glob.glob(given, recursive=True)):
            if Path(match).suffix.lower() in IMAGE_SUFFIXES:
                yield Path(match), Path(match).stem
