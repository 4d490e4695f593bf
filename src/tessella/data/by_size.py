"""Neighbouring samples of one size, stacked: what is scored together, without torch."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from tessella.data.dataset import Dataset
from tessella.data.in_order import in_order
from tessella.sample import Sample

# memory is bounded by pixels, not by images; more at once is no faster on a CPU
_MAX_BATCH_PIXELS = 1 << 20


class ArrayBatch(NamedTuple):
    """Images of one size with their masks, in main memory."""

    images: UInt8[np.ndarray, "n h w c"]
    """File units, 0..255."""

    masks: UInt8[np.ndarray, "n h w"]
    """Class indices and 255 for ignored pixels."""

    names: tuple[str, ...]


def num_images_in(batch: ArrayBatch) -> int:
    """How many images a batch holds."""
    return len(batch.names)


def read_by_size(
    dataset: Dataset, indices: Iterable[int], *, batch_size: int, reads_ahead: bool
) -> Iterator[ArrayBatch]:
    """Samples in the order of their indices, at their own size, read as needed.

    Args:
        dataset: every sample has a mask.
        indices: which samples.
        batch_size: most images in a batch; a megapixel is the bound for larger ones.
        reads_ahead: in threads, while the caller computes elsewhere. On the cores that read, an
            engine's waiting threads make both slower.

    Raises:
        ValueError: a sample cannot be read or has no mask; the message names it.
        OSError: a file is gone.
    """
    samples = (
        in_order(dataset.__getitem__, indices) if reads_ahead else map(dataset.__getitem__, indices)
    )
    for group in grouped_by_size(_with_masks(samples), batch_size=batch_size):
        yield stacked(group)


def grouped_by_size(samples: Iterable[Sample], *, batch_size: int) -> Iterator[list[Sample]]:
    """Runs of neighbours of one size, up to a number and a megapixel; a larger image is alone."""
    group: list[Sample] = []
    for sample in samples:
        pixels = sample.image.shape[0] * sample.image.shape[1]
        fits = (
            group
            and group[-1].image.shape == sample.image.shape
            and len(group) < batch_size
            and (len(group) + 1) * pixels <= _MAX_BATCH_PIXELS
        )
        if group and not fits:
            yield group
            group = []
        group.append(sample)
    if group:
        yield group


def stacked(samples: Sequence[Sample]) -> ArrayBatch:
    """Samples of one size, all with a mask, as one batch."""
    return ArrayBatch(
        np.stack([sample.image for sample in samples]),
        np.stack([sample.mask for sample in samples if sample.mask is not None]),
        tuple(sample.name for sample in samples),
    )


def _with_masks(samples: Iterable[Sample]) -> Iterator[Sample]:
    for sample in samples:
        if sample.mask is None:
            raise ValueError(f"{sample.name}: has no mask, so it cannot be scored.")
        yield sample
