"""What TensorBoard shows of a run: both phases, the learning rate, fixed samples, the recipe."""

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from tessella.backends.torch import as_batch
from tessella.data.dataset import Dataset
from tessella.data.spread import spread
from tessella.metrics.class_map import class_map
from tessella.pictures import legend, overlay, thumbnail, thumbnail_mask
from tessella.recipe import Recipe
from tessella.run import Run
from tessella.sample import Sample
from tessella.tiles import DEFAULT_TILE, windows
from tessella.train.epoch import Task
from tessella.train.history import EpochRow, read_history
from tessella.train.hyper_parameters import hyper_parameters
from tessella.train.setup import Splits

SAMPLE_TAGS = ("train_sample", "val_sample")
"""Groups of the pictures that are drawn anew each epoch; a tag is GROUP/NUMBER-NAME."""

_NUM_SAMPLES = 3
_MAX_SIDE = 480
_LEGEND_WIDTH = 640


class Board:
    """Writes events of one run; `close` when done."""

    def __init__(self, run: Run, recipe: Recipe, splits: Splits, *, done: int = 0) -> None:
        """Open the event file and read the fixed samples of both splits.

        Args:
            run: gets the events.
            recipe: shown as text, and as the hyper-parameters that runs are compared by.
            splits: where the samples are from.
            done: epochs that the run has already; what is there of later ones is hidden.

        Raises:
            ValueError: a sample cannot be read.
        """
        self._labels = splits.val.labels
        self._samples = {"val_sample": _fixed_samples(splits.val)}
        if recipe.data.train_split != recipe.data.val_split:
            self._samples["train_sample"] = _fixed_samples(splits.train)
        self._folder = run.tensorboard_folder
        self._writer = SummaryWriter(
            str(run.tensorboard_folder), purge_step=done + 1 if done else None
        )
        self._best = _best_of(run, done)
        self._write_hyper_parameters(recipe)
        self._writer.add_text("recipe", "```yaml\n" + recipe.to_yaml() + "```", 0)
        classes = legend(self._labels, range(self._labels.num_classes), width=_LEGEND_WIDTH)
        self._writer.add_image("classes", classes, 0, dataformats="HWC")

    def add(self, row: EpochRow, task: Task) -> None:
        """Scalars of an epoch, and each fixed sample as input, truth and prediction."""
        pairs = {
            "loss/train": row.train_loss,
            "loss/val": row.val_loss,
            "mean_iou/train": row.train_mean_iou,
            "mean_iou/val": row.val_mean_iou,
            "macro_f1/val": row.val_macro_f1,
            "pixel_accuracy/train": row.train_pixel_accuracy,
            "pixel_accuracy/val": row.val_pixel_accuracy,
            "learning_rate": row.learning_rate,
            "images_per_second": row.images_per_second,
        }
        if row.val_mean_iou > self._best:  # false for NaN: an epoch without validation
            self._best = row.val_mean_iou
        if self._best >= 0:
            pairs["best/mean_iou"] = self._best  # first by name: HPARAMS shows the first five
        for name, value in pairs.items():
            self._writer.add_scalar(name, value, row.epoch)
        for group, samples in self._samples.items():
            for number, sample in enumerate(samples):
                tag = f"{group}/{number}-{sample.name}"
                panel = self._panel(sample, task)
                self._writer.add_image(tag, panel, row.epoch, dataformats="HWC")
        with _naming(self._folder):
            self._writer.flush()

    def _write_hyper_parameters(self, recipe: Recipe) -> None:
        """Into the run itself: `add_hparams` of the writer would make a run below it."""
        # without the "experiment" that comes with it: TensorBoard would list the keys and curves of
        # the first run that has one; where none has, it gathers those of all runs
        _, start, _ = hparams(hyper_parameters(recipe), {})
        assert self._writer.file_writer is not None  # it is made with the writer
        self._writer.file_writer.add_summary(start)

    def _panel(self, sample: Sample, task: Task) -> np.ndarray:
        image = thumbnail(sample.image, max_side=_MAX_SIDE)
        masks = [sample.mask, _predict(sample, task)]
        shown = [
            overlay(image, thumbnail_mask(mask, max_side=_MAX_SIDE), self._labels)
            for mask in masks
            if mask is not None
        ]
        return np.concatenate([image, *shown], axis=1)

    def close(self) -> None:
        """Finish the event file."""
        with _naming(self._folder):
            self._writer.close()


@contextlib.contextmanager
def _naming(folder: Path) -> Iterator[None]:
    """TensorBoard's writer says that a disk is full, and not which."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(folder)) from error


def _best_of(run: Run, done: int) -> float:
    """The best validation mean IoU of the first `done` epochs; -inf without any."""
    rows = [row for row in read_history(run.history_file) if row["epoch"] <= done]
    scores = (row["val_mean_iou"] for row in rows)
    return max((score for score in scores if not math.isnan(score)), default=-math.inf)


def _predict(sample: Sample, task: Task) -> np.ndarray:
    """Class indices of a whole image, in the tiles that validation computes."""
    predicted = np.empty(sample.image.shape[:2], np.uint8)
    images = as_batch(sample.image).to(task.fabric.device)
    task.scored.eval()
    with torch.inference_mode():
        for window in windows(predicted.shape, DEFAULT_TILE):
            logits = task.scored(images[:, :, *window.outer])[:, :, *window.inner]
            predicted[window.target] = class_map(logits)[0].cpu().numpy()
    return predicted


def _fixed_samples(dataset: Dataset) -> list[Sample]:
    return [dataset[index] for index in spread(len(dataset), _NUM_SAMPLES)]
