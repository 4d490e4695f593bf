"""One pass over the training data, and one over the validation data."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from tessella.build import Loss
from tessella.data.loader import Batch, num_images
from tessella.metrics.class_map import class_map
from tessella.metrics.counter import PixelCounter
from tessella.metrics.scores import macro_f1, mean_iou, pixel_accuracy
from tessella.models.freeze import keep_frozen_in_eval
from tessella.models.segmenter import Outputs
from tessella.progress import Track
from tessella.tiles import DEFAULT_TILE, windows
from tessella.train.bad_batch import LossGuard
from tessella.train.part import Part, Pauses
from tessella.train.ranks import ElsewhereError, Ranks


class Pass(NamedTuple):
    """What one pass over a split gave."""

    loss: float
    """Mean of the batches' losses, each weighted by its labelled pixels; 0 without any."""

    mean_iou: float
    macro_f1: float
    pixel_accuracy: float
    images_per_second: float


class Tally:
    """Loss and counts summed on the device, read once at the end: no sync per batch."""

    def __init__(
        self, num_classes: int, ignore_index: int, device: torch.device, ranks: Ranks | None = None
    ) -> None:
        """Nothing summed yet.

        Args:
            num_classes: of the counts.
            ignore_index: pixels that count nowhere.
            device: where it sums.
            ranks: the processes whose sums are added up when they are read.
        """
        self._counter = PixelCounter(num_classes, ignore_index, device)
        self._ignore_index = ignore_index
        self._ranks = ranks or Ranks()
        # Apple's GPUs have no float64
        dtype = torch.float32 if device.type == "mps" else torch.float64
        self._loss = torch.zeros((), dtype=dtype, device=device)
        self._pixels = torch.zeros((), dtype=dtype, device=device)
        self._images = 0
        self._started = time.perf_counter()

    def add(self, loss: Tensor, logits: Tensor, batch: Batch) -> None:
        pixels = (batch.masks != self._ignore_index).sum()
        self._loss += loss.detach() * pixels
        self._pixels += pixels
        self._counter.add(class_map(logits.detach()), batch.masks)
        self._images += num_images(batch)

    def content(self) -> dict[str, Any]:
        """Everything summed so far by all processes; waits for the device and for them."""
        summed = self._ranks.summed(
            {
                "counts": self._counter.counts.cpu(),
                "loss": self._loss.cpu(),
                "pixels": self._pixels.cpu(),
                "images": self._images,
            }
        )
        seconds = time.perf_counter() - self._started
        return {**summed, "images": int(summed["images"]), "seconds": seconds}

    def take_up(self, content: Mapping[str, Any]) -> None:
        """Go on from what another tally's `content` was; of several processes, the first does."""
        self._started = time.perf_counter() - content["seconds"]
        if not self._ranks.is_first:
            return
        self._counter.counts.copy_(content["counts"])
        self._loss.copy_(content["loss"])
        self._pixels.copy_(content["pixels"])
        self._images = content["images"]

    def read(self) -> Pass:
        """The sums of all processes; to be read once."""
        self._ranks.sum(self._counter.counts)
        loss = self._ranks.sum(self._loss) / self._ranks.sum(self._pixels).clamp(min=1)
        counts = self._counter.read()
        images = int(self._ranks.summed({"images": self._images})["images"])
        return Pass(
            loss=float(loss),
            mean_iou=mean_iou(counts),
            macro_f1=macro_f1(counts),
            pixel_accuracy=pixel_accuracy(counts),
            images_per_second=images / (time.perf_counter() - self._started),
        )


_ALONE = Ranks()


class Task(NamedTuple):
    """What both passes share."""

    fabric: Fabric
    segmenter: nn.Module
    """What is trained, as Fabric wraps it: computes in the run's precision."""

    outputs: Callable[[Tensor], Outputs]
    """Its `outputs`, in the run's precision."""

    scored: nn.Module
    """What is validated and kept: the same, or the average of its weights."""

    loss: Loss
    optimizer: torch.optim.Optimizer
    """As Fabric wraps it: scales gradients where the precision needs it."""

    schedule: torch.optim.lr_scheduler.LambdaLR
    num_classes: int
    ignore_index: int
    track: Track
    accumulate: int = 1
    """Batches in a step."""

    clip_norm: float | None = None
    """Gradients longer than this are shortened to it."""

    auxiliary_weight: float = 0.0
    """Of the loss on an auxiliary head."""

    after_step: Callable[[], None] = lambda: None
    """Called after each step of the optimiser."""

    ranks: Ranks = _ALONE
    """The processes that train together."""

    def tally(self) -> Tally:
        """An empty tally on the task's device."""
        return Tally(self.num_classes, self.ignore_index, self.fabric.device, self.ranks)

    def move(self, batch: Batch) -> Batch:
        """The batch on the task's device."""
        device = self.fabric.device
        images = batch.images.to(device, non_blocking=True)
        return Batch(images, batch.masks.to(device, non_blocking=True), batch.names)


def train_epoch(
    task: Task,
    batches: Iterable[Batch],
    *,
    total: int,
    begun: Part | None = None,
    pauses: Pauses | None = None,
) -> Pass:
    """One pass of training.

    Args:
        task: what is trained.
        batches: those that are to come.
        total: images in them.
        begun: the part of the pass that is done already.
        pauses: when to save between two steps.

    Raises:
        BadLossError: the loss of a step is NaN or infinite.
    """
    task.segmenter.train()
    keep_frozen_in_eval(task.segmenter)
    tally, guard = task.tally(), LossGuard()
    steps = 0
    if begun is not None:
        tally.take_up(begun.tally)
        steps = begun.steps
    tracked = iter(task.track(batches, about="train", total=total, size=num_images))
    while group := list(islice(tracked, task.accumulate)):
        guard.watch(train_step(task, group, tally), group)
        steps += 1
        is_bad, is_due = task.ranks.agree(
            guard.error is not None, pauses is not None and pauses.are_due()
        )
        if is_bad:
            raise guard.error or ElsewhereError("a loss of another process was no number")
        if is_due and pauses is not None:
            task.ranks.settle()  # what was wished since is granted too
            _finish(task, guard)  # a state that cannot be trained further is not kept
            pauses.take(Part(steps, tally.content()))
    task.ranks.settle()
    _finish(task, guard)
    if pauses is not None:
        pauses.end = Part(steps, tally.content())
    return tally.read()


def _finish(task: Task, guard: LossGuard) -> None:
    guard.finish()
    if task.ranks.largest(guard.error is not None):
        raise guard.error or ElsewhereError("a loss of another process was no number")


def _outputs(task: Task, batch: Batch) -> Outputs:
    try:
        return task.outputs(batch.images)
    except ValueError as error:
        if len(batch.names) > 1 or "more than 1 value per channel" not in str(error):
            raise
        raise ValueError(
            "train.batch_size: is 1, or the data has one image; this network averages an image to "
            "one pixel, whose norm layer needs two images or more. Set train.batch_size=2."
        ) from error


def train_step(task: Task, group: Sequence[Batch], tally: Tally) -> Tensor:
    """One step of the optimiser, the same for several batches as for one of all their images.

    It is the same whether these are one process's, one after the other, or several processes'.
    """
    moved = [task.move(batch) for batch in group]
    weights = torch.stack([task.loss.weight(batch.masks) for batch in moved])
    total = task.ranks.sum(weights.sum())
    # the gradients of several processes are averaged where they should be added
    shares = weights / total.clamp(min=torch.finfo(weights.dtype).tiny) * task.ranks.count
    is_whole = len(moved) == task.ranks.count == 1
    task.optimizer.zero_grad(set_to_none=True)
    losses: list[Tensor] = []
    for batch, share in zip(moved, shares, strict=True):
        with _alone_until_the_last(task, is_last=len(losses) + 1 == len(moved)):
            outputs = _outputs(task, batch)
            loss = task.loss.compute(outputs.logits, batch.masks)
            tally.add(loss, outputs.logits, batch)
            if outputs.auxiliary is not None:
                auxiliary = task.loss.compute(outputs.auxiliary, batch.masks)
                loss = loss + task.auxiliary_weight * auxiliary
            task.fabric.backward(loss if is_whole else loss * share)
        losses.append(loss.detach())
    if task.clip_norm is not None:
        task.fabric.clip_gradients(
            *(task.segmenter, task.optimizer),
            max_norm=task.clip_norm,
            error_if_nonfinite=False,  # the guard says more
        )
    task.optimizer.step()
    task.schedule.step()
    task.after_step()
    return torch.stack(losses).sum()


def _alone_until_the_last(task: Task, *, is_last: bool) -> AbstractContextManager[None]:
    """Processes exchange their gradients once a step, after the last of its batches."""
    if is_last or task.ranks.count == 1:
        return nullcontext()
    return task.fabric.no_backward_sync(task.segmenter)  # type: ignore[arg-type, return-value]


def validate(task: Task, batches: Iterable[Batch], *, total: int) -> Pass:
    """Loss and scores over a split; no random step, each image at its own size.

    Of several processes each computes its `total` images, and all get the scores of the whole.

    Large images are computed in the same tiles as a `Predictor` computes them.
    """
    task.ranks.follow_first(task.scored.buffers())  # statistics of norm layers are each one's own
    task.scored.eval()
    tally = task.tally()
    with torch.inference_mode():
        for read in task.track(batches, about="validate", total=total, size=num_images):
            batch = task.move(read)
            for window in windows(batch.masks.shape[1:], DEFAULT_TILE):
                logits = task.scored(batch.images[:, :, *window.outer])[:, :, *window.inner]
                part = batch._replace(masks=batch.masks[:, *window.target])
                tally.add(task.loss.compute(logits, part.masks), logits, part)
    return tally.read()
