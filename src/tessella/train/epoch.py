"""One pass over the training data, and one over the validation data."""

import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from tessella.data.loader import Batch, num_images
from tessella.metrics.class_map import class_map
from tessella.metrics.counter import PixelCounter
from tessella.metrics.scores import mean_iou, pixel_accuracy
from tessella.predictor import DEFAULT_TILE, windows
from tessella.progress import Track

LossFunction = Callable[[Tensor, Tensor], Tensor]


class Pass(NamedTuple):
    """What one pass over a split gave."""

    loss: float
    """Mean of the batches' losses, each weighted by its labelled pixels; 0 without any."""

    mean_iou: float
    pixel_accuracy: float
    images_per_second: float


class _Tally:
    """Loss and counts summed on the device, read once at the end: no sync per batch."""

    def __init__(self, num_classes: int, ignore_index: int, device: torch.device) -> None:
        self._counter = PixelCounter(num_classes, ignore_index, device)
        self._ignore_index = ignore_index
        self._loss = torch.zeros((), dtype=torch.float64, device=device)
        self._pixels = torch.zeros((), dtype=torch.float64, device=device)
        self._images = 0
        self._started = time.perf_counter()

    def add(self, loss: Tensor, logits: Tensor, batch: Batch) -> None:
        pixels = (batch.masks != self._ignore_index).sum()
        self._loss += loss.detach() * pixels
        self._pixels += pixels
        self._counter.add(class_map(logits.detach()), batch.masks)
        self._images += num_images(batch)

    def read(self) -> Pass:
        counts = self._counter.read()
        return Pass(
            loss=float(self._loss / self._pixels.clamp(min=1)),
            mean_iou=mean_iou(counts),
            pixel_accuracy=pixel_accuracy(counts),
            images_per_second=self._images / (time.perf_counter() - self._started),
        )


class Task(NamedTuple):
    """What both passes share."""

    fabric: Fabric
    segmenter: nn.Module
    """As Fabric wraps it: computes in the run's precision."""

    loss: LossFunction
    optimizer: torch.optim.Optimizer
    """As Fabric wraps it: scales gradients where the precision needs it."""

    schedule: torch.optim.lr_scheduler.LambdaLR
    num_classes: int
    ignore_index: int
    track: Track

    def tally(self) -> _Tally:
        """An empty tally on the task's device."""
        return _Tally(self.num_classes, self.ignore_index, self.fabric.device)

    def move(self, batch: Batch) -> Batch:
        """The batch on the task's device."""
        device = self.fabric.device
        images = batch.images.to(device, non_blocking=True)
        return Batch(images, batch.masks.to(device, non_blocking=True), batch.names)


def train_epoch(task: Task, batches: Iterable[Batch], *, total: int) -> Pass:
    """One optimiser step a batch; `total` images are to come."""
    task.segmenter.train()
    tally = task.tally()
    for read in task.track(batches, about="train", total=total, size=num_images):
        batch = task.move(read)
        task.optimizer.zero_grad(set_to_none=True)
        logits = task.segmenter(batch.images)
        loss = task.loss(logits, batch.masks)
        task.fabric.backward(loss)
        task.optimizer.step()
        task.schedule.step()
        tally.add(loss, logits, batch)
    return tally.read()


def validate(task: Task, batches: Iterable[Batch], *, total: int) -> Pass:
    """Loss and scores over a split of `total` images; no random step, each at its own size.

    Large images are computed in the same tiles as a `Predictor` computes them.
    """
    task.segmenter.eval()
    tally = task.tally()
    with torch.inference_mode():
        for read in task.track(batches, about="validate", total=total, size=num_images):
            batch = task.move(read)
            for window in windows(batch.masks.shape[1:], DEFAULT_TILE):
                logits = task.segmenter(batch.images[:, :, *window.outer])[:, :, *window.inner]
                part = batch._replace(masks=batch.masks[:, *window.target])
                tally.add(task.loss(logits, part.masks), logits, part)
    return tally.read()
