"""The report of a run: its files read, a few images predicted, one page written."""

import json
import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from tessella import build
from tessella.atomic import write_text
from tessella.data.dataset import Dataset
from tessella.data.spread import spread
from tessella.errors import UsageError
from tessella.evaluate import evaluate_model
from tessella.predictor import load
from tessella.progress import Track, silently
from tessella.report.page import Page, Panel, render
from tessella.run import Run, open_run
from tessella.train.history import read_history

logger = logging.getLogger(__name__)

_WORST, _BEST, _FIXED = 3, 2, 3


def report(
    path: Path, *, root: Path | None = None, split: str | None = None, track: Track = silently
) -> Path:
    """Write the report of the run at `path` and return its place.

    Args:
        path: a run folder with a finished epoch.
        root: where the data is, in place of the recipe's folder.
        split: which scores to show; None takes the test split's, else any that exist; without
            any, the validation split is scored now.
        track: shows progress.

    Raises:
        UsageError: there is no run or no model in it.
        ValueError: the split cannot be scored.
    """
    run = open_run(path)
    evaluation = _evaluation(run, root, split, track)
    shown = evaluation["protocol"]["split"]
    page = Page(
        title=run.recipe().name,
        labels=run.labels(),
        history=read_history(run.history_file),
        evaluation=evaluation,
        panels=list(_panels(run, evaluation, root, shown)),
        environment=run.environment(),
        recipe_text=run.recipe_file.read_text(encoding="utf-8"),
    )
    write_text(run.report_file, render(page))
    return run.report_file


def _evaluation(run: Run, root: Path | None, split: str | None, track: Track) -> dict[str, Any]:
    recipe = run.recipe()
    known = [recipe.data.test_split, recipe.data.val_split]
    files = {name: run.evaluation_folder / f"{name}.json" for name in ([split] if split else known)}
    for file in files.values():
        if file.is_file():
            content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return content
    chosen = split or recipe.data.val_split
    return evaluate_model(run.path, root=root, split=chosen, track=track).document()


def _panels(run: Run, evaluation: dict[str, Any], root: Path | None, split: str) -> Iterator[Panel]:
    try:
        dataset = build.open_dataset(run.recipe(), split, root=root)
    except (ValueError, OSError) as error:
        logger.warning("no pictures in the report: %s", error)
        return
    predictor = load(run.path)
    for index, reason, mean_iou in _chosen(evaluation["images"], dataset):
        sample = dataset[index]
        if sample.mask is None:
            continue
        predicted = predictor.predict(sample.image).class_map
        yield Panel(sample.name, reason, mean_iou, sample.image, sample.mask, predicted)


def _chosen(
    images: Sequence[dict[str, Any]], dataset: Dataset
) -> Iterator[tuple[int, Literal["worst", "best", "fixed"], float]]:
    """(index, reason, mean IoU) of the images to show, none twice."""
    scored = {image["name"]: image["mean_iou"] for image in images}
    if set(scored) != set(dataset.names):
        raise UsageError(
            "the data is not what was scored (other images); run `tessella evaluate` again."
        )
    by_score = sorted(
        (i for i, name in enumerate(dataset.names) if scored[name] is not None),
        key=lambda i: scored[dataset.names[i]],
    )
    wanted: list[tuple[int, Literal["worst", "best", "fixed"]]] = [
        *((index, "worst") for index in by_score[:_WORST]),
        *((index, "best") for index in reversed(by_score[-_BEST:])),
        *((index, "fixed") for index in spread(len(dataset), _FIXED)),
    ]
    seen: set[int] = set()
    for index, reason in wanted:
        if index not in seen:
            seen.add(index)
            score = scored[dataset.names[index]]
            yield index, reason, math.nan if score is None else score
