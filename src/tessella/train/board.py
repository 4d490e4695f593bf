"""What TensorBoard shows of a run: both phases, the learning rate, fixed samples, the recipe."""

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from tessella.backends.torch import as_batch
from tessella.data.dataset import Dataset
from tessella.metrics.class_map import class_map
from tessella.pictures import overlay, thumbnail, thumbnail_mask
from tessella.recipe import Recipe
from tessella.run import Run
from tessella.sample import Sample
from tessella.train.epoch import Task
from tessella.train.history import EpochRow

_NUM_SAMPLES = 3
_MAX_SIDE = 480


class Board:
    """Writes events of one run; `close` when done."""

    def __init__(self, run: Run, recipe: Recipe, val_data: Dataset) -> None:
        self._labels = val_data.labels
        self._samples = [val_data[index] for index in _spread(len(val_data), _NUM_SAMPLES)]
        self._writer = SummaryWriter(str(run.tensorboard_folder))
        self._writer.add_text("recipe", "```yaml\n" + recipe.to_yaml() + "```", 0)

    def add(self, row: EpochRow, task: Task) -> None:
        """Scalars of an epoch, and each fixed sample as input, truth and prediction."""
        pairs = {
            "loss/train": row.train_loss,
            "loss/val": row.val_loss,
            "mean_iou/train": row.train_mean_iou,
            "mean_iou/val": row.val_mean_iou,
            "pixel_accuracy/val": row.val_pixel_accuracy,
            "learning_rate": row.learning_rate,
            "images_per_second": row.images_per_second,
        }
        for name, value in pairs.items():
            self._writer.add_scalar(name, value, row.epoch)
        for number, sample in enumerate(self._samples):
            self._writer.add_image(
                f"sample/{number}-{sample.name}",
                self._panel(sample, task),
                row.epoch,
                dataformats="HWC",
            )
        self._writer.flush()

    def _panel(self, sample: Sample, task: Task) -> np.ndarray:
        task.segmenter.eval()
        with torch.inference_mode():
            logits = task.segmenter(as_batch(sample.image).to(task.fabric.device))
        predicted = class_map(logits)[0].cpu().numpy()
        image = thumbnail(sample.image, max_side=_MAX_SIDE)
        masks = [sample.mask, predicted]
        shown = [
            overlay(image, thumbnail_mask(mask, max_side=_MAX_SIDE), self._labels)
            for mask in masks
            if mask is not None
        ]
        return np.concatenate([image, *shown], axis=1)

    def close(self) -> None:
        """Finish the event file."""
        self._writer.close()


def _spread(length: int, count: int) -> list[int]:
    """Up to `count` different indices, spread evenly over 0..length-1."""
    return sorted({round(k * (length - 1) / max(1, count - 1)) for k in range(min(count, length))})
