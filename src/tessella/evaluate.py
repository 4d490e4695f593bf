"""Score a predictor on a split: one confusion matrix over all pixels at their own size."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from tessella.atomic import write_json
from tessella.data.by_size import num_images_in, read_by_size
from tessella.data.dataset import Dataset
from tessella.environment import split_hash
from tessella.labels import LabelMap
from tessella.metrics.scores import per_class, summary, trivial_counts
from tessella.predictor import Predictor, load
from tessella.progress import Track, silently
from tessella.recipe import Recipe
from tessella.recipe_parts import DataRecipe
from tessella.run import Run
from tessella.source import data_of, source_of
from tessella.team import ALONE, Team, share_of
from tessella.tiles import DEFAULT_TILE


@dataclass(frozen=True)
class Evaluation:
    """A predictor's scores on one split, with how they came about."""

    counts: Int64[np.ndarray, "k k"]
    """Pixels by class in the mask (row) and in the prediction (column)."""

    labels: LabelMap
    images: tuple[tuple[str, float], ...]
    """Each image's name and its own mean IoU; NaN where nothing is labelled."""

    protocol: dict[str, Any]

    @property
    def scores(self) -> dict[str, float]:
        """Every score of the split, by name."""
        return summary(self.counts)

    @property
    def trivial(self) -> dict[str, float]:
        """The same scores for always answering the commonest class."""
        return summary(trivial_counts(self.counts))

    def document(self) -> dict[str, Any]:
        """All of it as plain values for JSON; what is undefined is null."""
        return {
            "protocol": self.protocol,
            "scores": _without_nan(self.scores),
            "trivial": _without_nan(self.trivial),
            "per_class": [_without_nan(row) for row in per_class(self.counts, self.labels.names)],
            "confusion": self.counts.tolist(),
            "images": [_without_nan({"name": n, "mean_iou": iou}) for n, iou in self.images],
        }

    def write(self, path: Path) -> None:
        """Write the document, whole or not at all."""
        write_json(path, self.document())


def evaluate(
    predictor: Predictor,
    dataset: Dataset,
    *,
    split: str,
    batch_size: int = 4,
    team: Team = ALONE,
    track: Track = silently,
) -> Evaluation:
    """Scores of `predictor` over all samples of `dataset`.

    Args:
        predictor: gives class maps.
        dataset: every sample has a mask.
        split: its name, for the protocol.
        batch_size: images of one size computed together.
        team: processes that share the samples; each is counted once, and all have the result.
        track: shows progress.

    Raises:
        ValueError: the data set is empty, has other classes, or a sample cannot be read.
    """
    if not len(dataset):
        raise ValueError(f"split {split!r} is empty; there is nothing to score.")
    _check_classes(predictor.labels, dataset.labels)
    backend, labels = predictor.backend, predictor.labels
    scorer = backend.scorer(labels.num_classes, labels.ignore_index)
    share = share_of(team, len(dataset))
    batches = read_by_size(dataset, share, batch_size=batch_size, reads_ahead=not backend.is_on_cpu)
    names: list[str] = []
    for batch in track(batches, about="evaluate", total=len(share), size=num_images_in):
        scorer.add(predictor.class_maps(batch.images), batch.masks)
        names.extend(batch.names)
    counts, per_image = scorer.read()
    found = team.gather((counts, list(zip(names, per_image, strict=True))))
    counts = np.sum([counts for counts, _ in found], axis=0)
    return Evaluation(
        counts=counts,
        labels=labels,
        images=tuple(image for _, images in found for image in images),
        protocol={
            "split": split,
            "num_images": len(dataset),
            "split_sha256": split_hash(dataset.names),
            "resolution": "each image's own size",
            "averaging": "one confusion matrix over the split; classes absent from it are left out",
            "ignored": "pixels without a label (255) count nowhere",
            "labelled_pixels": int(counts.sum()),
            **predictor.protocol(),
        },
    )


def _check_classes(trained: LabelMap, data: LabelMap) -> None:
    if trained.names != data.names:
        raise ValueError(
            f"the model knows the classes {', '.join(trained.names)}, but the data has "
            f"{', '.join(data.names)}; give both the same classes in the same order."
        )


def _without_nan(values: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in values.items()
    }


def evaluate_model(
    path: Path,
    *,
    recipe: Recipe | None = None,
    root: Path | None = None,
    split: str | None = None,
    device: str = "auto",
    tile: int = DEFAULT_TILE,
    team: Team = ALONE,
    track: Track = silently,
) -> Evaluation:
    """Scores of the model at `path`; for a run folder they are also kept in its `evaluation/`.

    Args:
        path: a run, a model folder or an exported file.
        recipe: says which data and how to read it; None takes the run's own, or what the model
            says of the data that it learnt from.
        root: where the data is, in place of the recipe's folder.
        split: which split; None takes the recipe's test split.
        device: auto, cpu, cuda or mps.
        tile: see `Predictor`.
        team: processes that share the images; the first one writes.
        track: shows progress.

    Raises:
        UsageError: there is no model, or nothing says which data to read.
        ValueError: the data cannot be used.
    """
    predictor = load(path, device=device, tile=tile)
    run = Run(path) if Run(path).recipe_file.is_file() else None
    data = recipe.data if recipe else data_of(path, predictor.card)
    chosen = split or data.test_split
    dataset = _open(data, chosen, root, was_asked_for=split is not None)
    result = evaluate(predictor, dataset, split=chosen, team=team, track=track)
    if run is not None and team.index == 0:
        result.write(run.evaluation_folder / f"{chosen}.json")
    return result


def _open(data: DataRecipe, split: str, root: Path | None, *, was_asked_for: bool) -> Dataset:
    try:
        return source_of(data, root=root).open(split)
    except ValueError as error:
        if was_asked_for or data.val_split == split:
            raise
        raise type(error)(
            f"{error} This is the recipe's test split; --split {data.val_split} scores another."
        ) from error
