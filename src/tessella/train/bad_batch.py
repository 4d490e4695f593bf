"""A loss that is no number ends the run, and the batch that caused it is kept to be looked at."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tessella.atomic import write_bytes, write_text
from tessella.data.images import encode_mask, encode_png
from tessella.data.loader import Batch
from tessella.labels import LabelMap
from tessella.suggestion import some


class BadLossError(ValueError):
    """The loss of a step is NaN or infinite."""

    def __init__(self, loss: float, batches: Sequence[Batch]) -> None:
        self.loss = loss
        self.batches = tuple(batches)
        """What the step was computed from, as the network saw it."""

        super().__init__(f"the loss became {loss} at {some(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Of the samples, in order."""
        return tuple(name for batch in self.batches for name in batch.names)


class LossGuard:
    """Looks at each step's loss one step later, when the device has long computed it.

    Reading it at once would let a GPU run dry after every step.
    """

    def __init__(self) -> None:
        self._waiting: tuple[_Late, Sequence[Batch]] | None = None
        self.error: BadLossError | None = None
        """The first loss that was no number."""

    def watch(self, loss: Tensor, batches: Sequence[Batch]) -> None:
        """Take note of a step's loss, a scalar on any device, and look at the one before."""
        before, self._waiting = self._waiting, (_Late(loss), batches)
        self._look_at(before)

    def finish(self) -> None:
        """Look at the last step's loss."""
        before, self._waiting = self._waiting, None
        self._look_at(before)

    def _look_at(self, step: "tuple[_Late, Sequence[Batch]] | None") -> None:
        if step is not None and self.error is None and not math.isfinite(loss := step[0].read()):
            self.error = BadLossError(loss, step[1])


class _Late:
    """A scalar on its way from the device; reading it waits for what came before it, no more."""

    def __init__(self, scalar: Tensor) -> None:
        self._arrived: torch.cuda.Event | None = None
        self._scalar = scalar
        if scalar.is_cuda:
            self._scalar = torch.empty((), dtype=scalar.dtype, pin_memory=True)
            self._scalar.copy_(scalar, non_blocking=True)
            self._arrived = torch.cuda.Event()
            self._arrived.record()

    def read(self) -> float:
        if self._arrived is not None:
            self._arrived.synchronize()
        return float(self._scalar)


def save_batches(folder: Path, error: BadLossError, labels: LabelMap) -> None:
    """Write the crops and masks of the step as PNG, and the samples' names, into `folder`.

    Args:
        folder: made if need be.
        error: what stopped the run.
        labels: colours of the masks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    for batch in error.batches:
        images = batch.images.permute(0, 2, 3, 1).cpu().numpy()
        masks = batch.masks.cpu().numpy().astype(np.uint8)
        for image, mask in zip(images, masks, strict=True):
            write_bytes(folder / f"{number:03}_image.png", encode_png(np.ascontiguousarray(image)))
            write_bytes(folder / f"{number:03}_mask.png", encode_mask(mask, labels))
            number += 1
    lines = [f"{number:03}\t{name}\n" for number, name in enumerate(error.names)]
    write_text(folder / "names.tsv", "".join(lines))
