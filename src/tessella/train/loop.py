"""The training of a recipe, start to end, in plain sight."""

import logging
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from lightning_fabric import Fabric

from tessella import build
from tessella.atomic import write_json
from tessella.backends.torch import Precision, describe, resolve_device, resolve_precision
from tessella.data.dataset import Dataset
from tessella.data.loader import ScoringLoader, TrainingLoader, resolve_workers
from tessella.model_folder import write_model
from tessella.models.segmenter import Segmenter
from tessella.optim import trainable_count
from tessella.progress import Track, silently
from tessella.recipe import Recipe
from tessella.run import Run, create_run, open_run, write_beginnings
from tessella.train.board import Board
from tessella.train.checkpoint import TrainingState
from tessella.train.epoch import Pass, Task, train_epoch, validate
from tessella.train.history import EpochRow, write_history
from tessella.train.independence import check_leaks

logger = logging.getLogger(__name__)

# Fabric's names of our precisions
_FABRIC_PRECISION: Mapping[Precision, str] = {
    "fp32": "32-true",
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
}


class _Splits(NamedTuple):
    train: Dataset
    val: Dataset


def train(recipe: Recipe, *, out: Path, track: Track = silently) -> Run:
    """Train `recipe` from its first epoch into the new run folder `out`.

    The run keeps the full state after the last epoch and after the best one (by validation mean
    IoU), and the best weights as a model folder.

    Raises:
        UsageError: an unknown name in the recipe, or `out` is not empty.
        ValueError: data that cannot be used, or a loss that became NaN.
        OSError: the run folder cannot be written.
    """
    build.check_recipe(recipe)
    splits = _open_splits(recipe)
    leaks = check_leaks(recipe, splits.train, splits.val, track=track)
    session = _Session(recipe, splits, track)
    run = create_run(out)
    names = {
        recipe.data.train_split: splits.train.names,
        recipe.data.val_split: splits.val.names,
    }
    write_beginnings(run, recipe, splits.train.labels, names, device=describe(session.device))
    write_json(run.leaks_file, leaks.document())
    with _log_into(run):
        if leaks.found:
            logger.warning("%s", leaks.message())
        session.run_epochs(run)
    return run


def resume(path: Path, *, track: Track = silently) -> Run:
    """Go on with the run at `path` after its last finished epoch, by its own recipe.

    Raises:
        UsageError: there is no run.
        ValueError: its checkpoint is missing or damaged.
    """
    run = open_run(path)
    recipe = run.recipe()
    session = _Session(recipe, _open_splits(recipe), track)
    session.state.restore(run.last_checkpoint)
    with _log_into(run):
        session.run_epochs(run)
    return run


def _open_splits(recipe: Recipe) -> _Splits:
    splits = _Splits(
        build.open_dataset(recipe, recipe.data.train_split),
        build.open_dataset(recipe, recipe.data.val_split),
    )
    for name, dataset in (("training", splits.train), ("validation", splits.val)):
        if not len(dataset):
            raise ValueError(f"{recipe.data.name}: the {name} split is empty; add images to it.")
    if splits.train.labels.names != splits.val.labels.names:
        raise ValueError(
            f"training has the classes {', '.join(splits.train.labels.names)} but validation has "
            f"{', '.join(splits.val.labels.names)}; state them once, in data.options.classes."
        )
    return splits


class _Session:
    """Everything that one call of `train` or `resume` holds in memory."""

    def __init__(self, recipe: Recipe, splits: _Splits, track: Track) -> None:
        self.recipe, self.splits = recipe, splits
        self.labels = splits.train.labels
        self.device = resolve_device(recipe.train.device)
        self.precision = resolve_precision(recipe.train.precision, self.device)
        torch.manual_seed(recipe.train.seed)
        self._load_data()
        segmenter = build.build_model(recipe, self.labels).to(memory_format=torch.channels_last)
        self.task, self.state = self._set_up(segmenter, track)

    def _load_data(self) -> None:
        choice = self.recipe.train
        workers = resolve_workers(choice.workers, device_type=self.device.type)
        on_gpu = self.device.type == "cuda"
        self.training = TrainingLoader(
            self.splits.train,
            build.build_augmentation(self.recipe),
            batch_size=choice.batch_size,
            seed=choice.seed,
            workers=workers,
            pin_memory=on_gpu,
        )
        self.scoring = ScoringLoader(
            self.splits.val, batch_size=choice.batch_size, workers=workers, pin_memory=on_gpu
        )

    def _set_up(self, segmenter: Segmenter, track: Track) -> tuple[Task, TrainingState]:
        fabric = Fabric(
            accelerator=self.device.type,
            devices=1,
            precision=_FABRIC_PRECISION[self.precision],  # type: ignore[arg-type]
        )
        optimizer, schedule = build.build_optimization(
            self.recipe, segmenter, steps_per_epoch=len(self.training)
        )
        module, wrapped = fabric.setup(segmenter, optimizer)
        task = Task(
            fabric=fabric,
            segmenter=module,
            loss=build.build_loss(
                self.recipe, self.labels, device=fabric.device, training=self.splits.train
            ),
            optimizer=wrapped,
            schedule=schedule,
            num_classes=self.labels.num_classes,
            ignore_index=self.labels.ignore_index,
            track=track,
        )
        return task, TrainingState(segmenter, optimizer, schedule, rows=[], best=-1.0)

    def run_epochs(self, run: Run) -> None:
        """Train what is left of the recipe's epochs, keeping the run folder whole after each."""
        self._announce()
        with closing(Board(run, self.recipe, self.splits.val)) as board:
            for epoch in range(len(self.state.rows), self.recipe.train.epochs):
                row = self._run_epoch(epoch)
                self.state.rows.append(row)
                self._keep(run, row)
                board.add(row, self.task)

    def _announce(self) -> None:
        done = len(self.state.rows)
        logger.info(
            "%s: %d training and %d validation images, %d classes; %s parameters, %s on %s%s",
            self.recipe.name,
            len(self.splits.train),
            len(self.splits.val),
            self.labels.num_classes,
            f"{trainable_count(self.task.segmenter.parameters()):,}",
            self.precision,
            self.device,
            f"; resuming after epoch {done} of {self.recipe.train.epochs}" if done else "",
        )

    def _run_epoch(self, epoch: int) -> EpochRow:
        started = time.perf_counter()
        rate = float(self.task.optimizer.param_groups[0]["lr"])
        trained = train_epoch(
            self.task, self.training.epoch(epoch), total=self.training.images_per_epoch
        )
        if not math.isfinite(trained.loss):
            raise ValueError(
                f"the training loss became {trained.loss} in epoch {epoch + 1}; lower "
                f"optimizer.lr (now {self.recipe.optimizer.lr}) or use train.precision=fp32. "
                "The state after the epoch before is kept."
            )
        validated = self._validate() if self._is_due(epoch) else None
        return _row(epoch, rate, trained, validated, time.perf_counter() - started)

    def _is_due(self, epoch: int) -> bool:
        choice = self.recipe.train
        return (epoch + 1) % choice.validate_every == 0 or epoch + 1 == choice.epochs

    def _validate(self) -> Pass:
        return validate(self.task, self.scoring, total=len(self.splits.val))

    def _keep(self, run: Run, row: EpochRow) -> None:
        is_best = row.val_mean_iou > self.state.best
        self.state.best = row.val_mean_iou if is_best else self.state.best
        self.state.save(run.last_checkpoint, *([run.best_checkpoint] if is_best else []))
        if is_best:
            write_model(
                run.model_folder,
                self.state.segmenter.state_dict(),
                recipe=self.recipe.model,
                labels=self.labels,
                precision=self.precision,
                score={"mean_iou": row.val_mean_iou, "epoch": row.epoch},
            )
        write_history(run.history_file, self.state.rows)
        self._report(row, is_best=is_best)

    def _report(self, row: EpochRow, *, is_best: bool) -> None:
        validation = (
            f", validation loss {row.val_loss:.3f}, mean IoU {row.val_mean_iou:.3f}"
            if self._is_due(row.epoch - 1)
            else ""
        )
        logger.info(
            "epoch %d/%d: loss %.3f%s%s; %.1f s, %.0f images/s",
            row.epoch,
            self.recipe.train.epochs,
            row.train_loss,
            validation,
            " (best)" if is_best else "",
            row.seconds,
            row.images_per_second,
        )


def _row(
    epoch: int, rate: float, trained: Pass, validated: Pass | None, seconds: float
) -> EpochRow:
    return EpochRow(
        epoch=epoch + 1,
        train_loss=trained.loss,
        train_mean_iou=trained.mean_iou,
        val_loss=validated.loss if validated else math.nan,
        val_mean_iou=validated.mean_iou if validated else math.nan,
        val_pixel_accuracy=validated.pixel_accuracy if validated else math.nan,
        learning_rate=rate,
        seconds=seconds,
        images_per_second=trained.images_per_second,
    )


@contextmanager
def _log_into(run: Run) -> Iterator[None]:
    handler = logging.FileHandler(run.log_file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    ours = logging.getLogger("tessella")
    level = ours.level
    ours.addHandler(handler)
    if ours.getEffectiveLevel() > logging.INFO:
        ours.setLevel(logging.INFO)
    try:
        yield
    finally:
        ours.setLevel(level)
        ours.removeHandler(handler)
        handler.close()
