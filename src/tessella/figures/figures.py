"""The figures of a model, drawn and written into a folder."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tessella.atomic import write_bytes
from tessella.data.dataset import Dataset
from tessella.data.images import encode_png
from tessella.errors import UsageError
from tessella.figures.choice import choose
from tessella.figures.drawings import curves_drawing, histogram_drawing
from tessella.figures.epochs import epoch_pictures, event_files
from tessella.figures.samples import (
    Compared,
    compared,
    comparison,
    image_grid,
    panel,
    probability_grid,
)
from tessella.labels import LabelMap
from tessella.pictures import legend
from tessella.predictor import Predictor, load
from tessella.progress import Track, silently
from tessella.recipe import Recipe
from tessella.recipe_parts import DataRecipe
from tessella.run import Run
from tessella.source import data_of, source_of
from tessella.stats.measure import measure
from tessella.suggestion import unknown_name
from tessella.tiles import DEFAULT_TILE
from tessella.train.history import read_history

FIGURES: Mapping[str, str] = {
    "classes": "the classes with their colours",
    "curves": "loss, mean IoU and accuracy of each epoch",
    "histogram": "how many pixels of the split each class has",
    "images": "the chosen images",
    "comparison": "images, predictions and ground truths in three rows",
    "panel": "for each image: input, truth, prediction and errors",
    "probabilities": "for each image: a map of each class's probability",
    "epochs": "fixed samples of both splits after each epoch",
}
"""What can be drawn, and what it shows."""

BY_DEFAULT = tuple(name for name in FIGURES if name != "epochs")
"""Drawn unless told otherwise: all but the many pictures of the epochs."""

_OF_SAMPLES = {"images", "comparison", "panel", "probabilities"}
_OF_DATA = _OF_SAMPLES | {"histogram"}
_LEGEND_WIDTH = 640
_LONGEST_STEM = 160  # bytes of a sample's name in a file name


@dataclass
class FigureFiles:
    """What `draw_figures` did."""

    folder: Path
    written: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """One message for each figure that this model cannot have."""

    def add_picture(self, name: str, picture: np.ndarray) -> None:
        """Write a PNG."""
        self.add(f"{name}.png", encode_png(picture))

    def add(self, name: str, content: bytes) -> None:
        """Write a file."""
        write_bytes(self.folder / name, content)
        self.written.append(self.folder / name)


def draw_figures(
    path: Path,
    *,
    out: Path | None = None,
    only: Sequence[str] | None = None,
    recipe: Recipe | None = None,
    root: Path | None = None,
    split: str | None = None,
    indices: Sequence[int] = (),
    names: Sequence[str] = (),
    device: str = "auto",
    tile: int = DEFAULT_TILE,
    track: Track = silently,
) -> FigureFiles:
    """Draw the figures of the model at `path`.

    Args:
        path: a run or a model folder.
        out: folder to write into, made if need be; None takes `figures` in the run, or here.
        only: which of `FIGURES`; None takes `BY_DEFAULT`, less what the model cannot have.
        recipe: says which data and how to read it; None takes the run's own.
        root: where the data is, in place of the recipe's folder.
        split: which split; None takes the recipe's validation split.
        indices: samples to show, counted from 0; by default four spread over the split.
        names: samples to show, in place of indices.
        device: auto, cpu, cuda or mps.
        tile: see `Predictor`.
        track: shows progress.

    Raises:
        UsageError: there is no model, figure or sample of that name, or what was asked for by
            `only` cannot be drawn of this model.
        ValueError: the data cannot be used.
    """
    wanted = _wanted(only)
    run = Run(path) if Run(path).recipe_file.is_file() else None
    opened = None if run else load(path, device=device, tile=tile)
    labels = opened.labels if opened else Run(path).labels()
    files = FigureFiles(out or (Path() if run is None else run.path) / "figures")
    for name, problem in _lacking(wanted, run, path).items():
        _leave_out(problem, files, was_asked_for=only is not None)
        wanted.discard(name)
    # all is opened before anything is written: a wrong split or index leaves nothing half done
    source: _Source | None = None
    predictor: Predictor | None = None
    chosen: list[int] = []
    if wanted & _OF_DATA:
        data = recipe.data if recipe else data_of(path, opened.card if opened else None)
        source = _open(data, split, root=root, labels=labels)
    if source and wanted & _OF_SAMPLES:
        chosen = choose(source.dataset, split=source.split, indices=indices, names=names)
        predictor = opened or load(path, device=device, tile=tile)
    if "classes" in wanted:
        files.add_picture("classes", legend(labels, range(labels.num_classes), width=_LEGEND_WIDTH))
    if run and "curves" in wanted:
        history = read_history(run.history_file)
        drawing = curves_drawing(history, title=f"Training of {run.recipe().name}")
        files.add("curves.svg", drawing.encode())
    if run and "epochs" in wanted:
        _draw_epochs(run, files, track)
    if source and "histogram" in wanted:
        problem = _draw_histogram(source, files, track)
        _leave_out(problem, files, was_asked_for=only is not None)
    if source and predictor:
        _draw_samples(predictor, source, chosen, wanted=wanted, files=files, track=track)
    return files


class _Source(NamedTuple):
    """The data that figures are drawn of."""

    dataset: Dataset
    split: str
    title: str


def _wanted(only: Sequence[str] | None) -> set[str]:
    for name in only or ():
        if name not in FIGURES:
            raise UsageError(f"figures: {unknown_name('figure', name, FIGURES)}")
    if only is not None and not only:
        raise UsageError(f"figures: none is named; name some of {', '.join(FIGURES)}.")
    return set(BY_DEFAULT if only is None else only)


def _lacking(wanted: set[str], run: Run | None, path: Path) -> dict[str, str]:
    """What a model cannot have although it is wanted, and why."""
    problems = {
        "curves": f"{path}: has no epoch in history.csv, so there are no curves; give a run that "
        "finished an epoch.",
        "epochs": f"{path}: has no events in tensorboard/, so there are no pictures of its epochs; "
        "give a run folder as training left it.",
    }
    if run and curves_drawing(read_history(run.history_file), title=""):
        del problems["curves"]
    if run and event_files(run.tensorboard_folder):
        del problems["epochs"]
    return {name: problem for name, problem in problems.items() if name in wanted}


def _leave_out(problem: str, files: FigureFiles, *, was_asked_for: bool) -> None:
    if problem and was_asked_for:
        raise UsageError(problem)
    if problem:
        files.left_out.append(problem)


def _open(data: DataRecipe, split: str | None, *, root: Path | None, labels: LabelMap) -> _Source:
    split = split or data.val_split
    dataset = source_of(data, root=root).open(split)
    if dataset.labels.names != labels.names:
        raise ValueError(
            f"figures: the model knows the classes {', '.join(labels.names)}, but the data has "
            f"{', '.join(dataset.labels.names)}; give both the same classes in the same order."
        )
    return _Source(dataset, split, f"{data.name}, {split}")


def _draw_epochs(run: Run, files: FigureFiles, track: Track) -> None:
    events = event_files(run.tensorboard_folder)
    total = sum(file.stat().st_size for file in events)
    pictures = epoch_pictures(events)
    for picture in track(pictures, about="epochs", total=total, size=lambda p: len(p.png)):
        files.add(f"epochs/{_file_stem(picture.tag)}-epoch-{picture.epoch:04d}.png", picture.png)


def _draw_histogram(source: _Source, files: FigureFiles, track: Track) -> str:
    """What keeps it from being drawn; empty when nothing does."""
    statistics = measure({source.split: source.dataset}, track=track)
    if not statistics.splits[source.split].labelled_pixels:
        return (
            f"figures: split {source.split!r} has no labelled pixel, so there is no histogram; "
            "choose one with masks."
        )
    title = f"Pixels by class: {source.title}, {len(source.dataset)} images"
    files.add("histogram.svg", histogram_drawing(statistics, title=title).encode())
    return ""


def _draw_samples(
    predictor: Predictor,
    source: _Source,
    chosen: Sequence[int],
    *,
    wanted: set[str],
    files: FigureFiles,
    track: Track,
) -> None:
    labels = predictor.labels
    shown: list[Compared] = []
    stems = _file_stems([source.dataset.names[index] for index in chosen], chosen)
    pairs = zip(chosen, stems, strict=True)
    for index, stem in track(pairs, about="figures", total=len(chosen), size=lambda _: 1):
        sample = source.dataset[index]
        wants_all = "probabilities" in wanted
        predict = predictor.predict_probabilities if wants_all else predictor.predict
        prediction = predict(sample.image)
        class_map, probabilities = prediction.class_map, prediction.probabilities
        shown.append(compared(sample, class_map, labels))
        if probabilities is not None:
            picture = probability_grid(sample, class_map, probabilities, labels)
            files.add_picture(f"probabilities-{stem}", picture)
        if "panel" in wanted:
            files.add_picture(f"panel-{stem}", panel(sample, class_map, labels))
    if "images" in wanted:
        files.add_picture("images", image_grid(shown, title=source.title))
    if "comparison" in wanted:
        files.add_picture("comparison", comparison(shown, labels))


def _file_stems(names: Sequence[str], indices: Sequence[int]) -> list[str]:
    """A name for the files of each sample; those that would share one get their index."""
    stems = [_file_stem(name) for name in names]
    times = Counter(stem.lower() for stem in stems)  # some file systems do not tell A from a
    return [
        f"{stem}-{index}" if times[stem.lower()] > 1 else stem
        for stem, index in zip(stems, indices, strict=True)
    ]


def _file_stem(name: str) -> str:
    """The name in letters, digits, "_", "." and "-", short enough for any file system."""
    plain = re.sub(r"[^\w.-]+", "-", name)
    return plain.encode()[:_LONGEST_STEM].decode(errors="ignore")
