"""Run a tutorial's measures and the right ones over one split of a run's data."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from tessella import build
from tessella.audit.measures import BatchLoss, LossFunction, Measure, Scored
from tessella.audit.tutorials import TUTORIALS, Setting, Tutorial
from tessella.backends.torch import TorchBackend, as_batch, open_folder
from tessella.data.dataset import Dataset
from tessella.errors import UsageError
from tessella.evaluate import evaluate
from tessella.metrics.scores import summary
from tessella.predictor import Predictor
from tessella.progress import Track, silently
from tessella.run import open_run
from tessella.sample import Sample
from tessella.suggestion import unknown_name
from tessella.tiles import DEFAULT_TILE, windows
from tessella.train.history import read_history


@dataclass(frozen=True)
class AuditedLine:
    """One number as the tutorial had it, beside the right one."""

    called: str
    """The tutorial's word for it."""

    right_name: str
    """What the right number is called here."""

    as_tutorial: float
    """NaN where the tutorial computed none, or it is undefined."""

    right: float
    faults: tuple[str, ...]
    explanation: str


@dataclass(frozen=True)
class Audit:
    """A tutorial's numbers on a run, and what they should have been."""

    tutorial: str
    title: str
    split: str
    num_images: int
    lines: tuple[AuditedLine, ...]

    def document(self) -> dict[str, Any]:
        """All of it as plain values for JSON; what is undefined is null."""
        return {
            "tutorial": self.tutorial,
            "title": self.title,
            "split": self.split,
            "num_images": self.num_images,
            "lines": [
                {
                    "called": line.called,
                    "right_name": line.right_name,
                    "as_tutorial": _or_none(line.as_tutorial),
                    "right": _or_none(line.right),
                    "faults": list(line.faults),
                    "explanation": line.explanation,
                }
                for line in self.lines
            ],
        }


def audit(
    tutorial: str,
    path: Path,
    *,
    root: Path | None = None,
    split: str | None = None,
    device: str = "auto",
    track: Track = silently,
) -> Audit:
    """A tutorial's scores of the run at `path`, the way it computed them and the right way.

    Args:
        tutorial: the name of its data set, see `TUTORIALS`; any run will do.
        path: a run folder.
        root: where the run's data is, in place of its recipe's folder.
        split: which split; None takes the recipe's validation split, as the tutorials did.
        device: auto, cpu, cuda or mps.
        track: shows progress.

    Raises:
        UsageError: unknown tutorial, or no run at `path`.
        ValueError: the data cannot be used.
    """
    if tutorial not in TUTORIALS:
        raise UsageError(unknown_name("tutorial", tutorial, TUTORIALS))
    run = open_run(path)
    recipe = run.recipe()
    backend, card = open_folder(path, device=device, precision=None)
    predictor = Predictor(backend, card.labels)
    chosen = split or recipe.data.val_split
    dataset = build.open_dataset(recipe, chosen, root=root)
    if not len(dataset):
        raise ValueError(f"split {chosen!r} is empty; there is nothing to score.")
    training = build.open_dataset(recipe, recipe.data.train_split, root=root)
    loss = build.build_loss(
        recipe, predictor.labels, device=backend.device, training=training
    ).compute
    plan = TUTORIALS[tutorial]
    setting = Setting(predictor.labels.num_classes, loss, plan.size)
    right = summary(evaluate(predictor, dataset, split=chosen, track=track).counts)
    if any(line.right == "loss" for line in plan.lines):
        right["loss"] = _pixel_mean_loss(backend, dataset, loss)
    values = _as_tutorial(plan, backend, setting, dataset=dataset, training=training, track=track)
    lines = [
        AuditedLine(
            line.called,
            line.right.replace("_", " "),
            values.get(line.called, math.nan),
            right[line.right],
            line.faults,
            line.explanation,
        )
        for line in plan.lines
    ]
    history = read_history(run.history_file)
    for entry in plan.history_lines:
        printed, correct = entry.compute(history)
        lines.append(
            AuditedLine(
                entry.called, entry.called, printed, correct, entry.faults, entry.explanation
            )
        )
    return Audit(tutorial, plan.title, chosen, len(dataset), tuple(lines))


def _as_tutorial(
    plan: Tutorial,
    backend: TorchBackend,
    setting: Setting,
    *,
    dataset: Dataset,
    training: Dataset,
    track: Track,
) -> dict[str, float]:
    made = [(line, line.make(setting)) for line in plan.lines if line.make is not None]
    scored = [measure for line, measure in made if not line.on_train]
    _feed(scored, backend, dataset, plan=plan, limit=len(dataset), track=track)
    trained = [measure for line, measure in made if line.on_train]
    if trained:
        limit = min(len(dataset), len(training))  # as many as were scored: enough to compare
        _feed(trained, backend, training, plan=plan, limit=limit, track=track)
    return {line.called: measure.result() for line, measure in made}


def _feed(
    measures: list[Measure],
    backend: TorchBackend,
    dataset: Dataset,
    *,
    plan: Tutorial,
    limit: int,
    track: Track,
) -> None:
    samples = (dataset[index] for index in range(limit))
    shown = track(samples, about="audit", total=limit, size=lambda _: 1)
    for seen, sample in enumerate(shown, start=1):
        scored = _as_scored(backend, sample, plan)
        for measure in measures:
            measure.add(scored)
            if seen % plan.batch_size == 0 or seen == limit:
                measure.end_batch()


def _as_scored(backend: TorchBackend, sample: Sample, plan: Tutorial) -> Scored:
    images, mask = as_batch(sample.image), _mask_of(sample).to(backend.device)
    if plan.size is None:
        return Scored(backend.logits(images)[0].float(), mask, mask)
    squeezed = functional.interpolate(
        images.float(), size=plan.size, mode="bilinear", antialias=True
    )
    pixels = squeezed.round().clamp(0, 255).to(torch.uint8)
    logits = backend.logits(pixels)[0].float()
    shrunk = functional.interpolate(mask[None, None].float(), size=plan.size, mode="nearest")
    return Scored(logits, shrunk[0, 0].to(torch.uint8), mask)


def _mask_of(sample: Sample) -> Tensor:
    if sample.mask is None:
        raise ValueError(f"{sample.name}: has no mask, so it cannot be scored.")
    return torch.from_numpy(sample.mask)


def _pixel_mean_loss(backend: TorchBackend, dataset: Dataset, loss: LossFunction) -> float:
    """The loss over a split, each labelled pixel weighing alike, at each image's own size."""
    split = BatchLoss(loss)
    for index in range(len(dataset)):
        sample = dataset[index]
        images, mask = as_batch(sample.image), _mask_of(sample).to(backend.device)
        for window in windows(mask.shape, DEFAULT_TILE):
            logits = backend.logits(images[:, :, *window.outer])[0]
            part = mask[window.target]
            split.add(Scored(logits[:, *window.inner].float(), part, part))
    return split.value()


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
