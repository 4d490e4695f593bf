"""Samples to batches: uint8 all the way, every random draw tied to (seed, epoch, sample)."""

import signal
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from tessella.cores import cores_each
from tessella.data.augment import Augmentation
from tessella.data.by_size import grouped_by_size, stacked
from tessella.data.dataset import Dataset
from tessella.data.mixing import draw_partner
from tessella.rank import Rank
from tessella.sample import Sample
from tessella.stop import ASKING

_ALONE = Rank()


class Batch(NamedTuple):
    """Images of one size with their masks."""

    images: UInt8[Tensor, "n c h w"]
    """File units, 0..255, channels-last in memory."""

    masks: UInt8[Tensor, "n h w"]
    """Class indices and 255 for ignored pixels."""

    names: tuple[str, ...]


def num_images(batch: Batch) -> int:
    """How many images a batch holds."""
    return len(batch.names)


class _Failure(NamedTuple):
    """A sample that could not be read; raised in the main process, without a worker's traceback."""

    message: str


Draw = tuple[int, int]
"""(epoch, sample index): what the sampler hands to a worker."""


class _TrainingView(TorchDataset[Sample | _Failure]):
    def __init__(self, dataset: Dataset, augmentation: Augmentation, seed: int) -> None:
        self._dataset, self._augmentation, self._seed = dataset, augmentation, seed

    def __getitem__(self, index: Draw) -> Sample | _Failure:
        epoch, number = index
        try:
            return self._augmentation(
                self._dataset[number],
                np.random.default_rng((self._seed, epoch, number)),
                partner=partial(draw_partner, self._dataset, number),
            )
        except (ValueError, OSError) as error:
            return _Failure(str(error))


class _ScoringView(TorchDataset[Sample | _Failure]):
    """Every `ranks`th sample from `rank` on: all processes together score each just once."""

    def __init__(self, dataset: Dataset, *, rank: int, ranks: int) -> None:
        self._dataset, self._numbers = dataset, range(rank, len(dataset), ranks)

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: int) -> Sample | _Failure:
        try:
            sample = self._dataset[self._numbers[index]]
        except (ValueError, OSError) as error:
            return _Failure(str(error))
        if sample.mask is None:
            return _Failure(f"{sample.name}: has no mask, so it cannot be scored.")
        return sample


class EpochBatches:
    """Order of a training epoch: shuffled by (seed, epoch), all batches full.

    The last, smaller batch is left out, other samples in each epoch; a data set smaller than a
    batch gives one smaller batch.

    Several processes, each with a `rank`, draw what one process would whose batches are as large as
    all of theirs together.
    """

    def __init__(
        self, num_samples: int, *, batch_size: int, seed: int, rank: int = 0, ranks: int = 1
    ) -> None:
        if ranks > max(1, num_samples):
            raise ValueError(
                f"{num_samples} training images cannot be shared by {ranks} processes; train with "
                "fewer (train.devices)."
            )
        self._num_samples = num_samples
        self.batch_size = max(1, min(batch_size, num_samples // ranks))
        self._seed, self._rank, self._ranks = seed, rank, ranks
        self.epoch = 0
        """Which epoch the next iteration draws, from 0."""

        self.first = 0
        """Its first batch; those before were drawn already."""

    def __len__(self) -> int:
        return self._num_samples // (self.batch_size * self._ranks)

    @property
    def images(self) -> int:
        """Samples that this process draws in an epoch."""
        return len(self) * self.batch_size

    def __iter__(self) -> Iterator[list[Draw]]:
        # kept: the next epoch may be set while this one is still drawn
        epoch, first = self.epoch, self.first
        order = np.random.default_rng((self._seed, epoch)).permutation(self._num_samples)
        drawn = order[: self.images * self._ranks].reshape(-1, self._ranks, self.batch_size)
        batches = drawn[first:, self._rank]
        return ([(epoch, int(index)) for index in batch] for batch in batches)


class TrainingLoader:
    """Augmented batches of one epoch at a time."""

    def __init__(
        self,
        dataset: Dataset,
        augmentation: Augmentation,
        *,
        batch_size: int,
        seed: int,
        workers: int,
        pin_memory: bool = False,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self._batches = EpochBatches(
            len(dataset), batch_size=batch_size, seed=seed, rank=rank, ranks=ranks
        )
        self._loader: DataLoader[Any] = DataLoader(
            _TrainingView(dataset, augmentation, seed),
            generator=torch.Generator(),  # the global one is for what the network draws
            batch_sampler=self._batches,
            collate_fn=_collate_one_size,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=pin_memory,
            worker_init_fn=_quiet_worker,
        )

    def __len__(self) -> int:
        """Steps in an epoch."""
        return len(self._batches)

    @property
    def images_per_batch(self) -> int:
        """Crops in each."""
        return self._batches.batch_size

    @property
    def images_per_epoch(self) -> int:
        """Crops drawn in an epoch."""
        return self._batches.images

    def epoch(self, number: int, *, first: int = 0) -> Iterator[Batch]:
        """The batches of epoch `number` from `first` on, the same whatever was drawn before.

        Raises:
            ValueError: a sample cannot be read; the message names its file.
        """
        self._batches.epoch, self._batches.first = number, first
        return _raising(iter(self._loader))


class ScoringLoader:
    """Every sample once, in order, at its own size; of several processes each has its share.

    Neighbours of one size share a batch of up to a megapixel; a larger image comes alone.

    Workers live as long as the loader and read the same samples in every pass, so that what they
    cache serves the next one.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        batch_size: int,
        workers: int,
        pin_memory: bool = False,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        view = _ScoringView(dataset, rank=rank, ranks=ranks)
        self.images = len(view)
        """Samples that this process scores."""

        self._loader: DataLoader[Any] = DataLoader(
            view,
            generator=torch.Generator(),
            batch_size=batch_size,
            collate_fn=_collate_by_size,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=pin_memory,
            worker_init_fn=_quiet_worker,
        )

    def __iter__(self) -> Iterator[Batch]:
        for batches in _raising(self._loader):
            yield from batches


def resolve_workers(workers: int | str, *, device_type: str, rank: Rank = _ALONE) -> int:
    """Reader processes of each process that trains, for `auto`.

    None on a CPU, whose cores train; beside a GPU one for each core that is the process's, up to 8.
    """
    if not isinstance(workers, str):
        return workers
    return 0 if device_type == "cpu" else min(8, cores_each(rank))


def _quiet_worker(worker: int) -> None:  # noqa: ARG001 - the signature is torch's
    cv2.setNumThreads(0)  # one thread a worker; more only fight for the cores
    # a terminal and Slurm send signals to every process; what becomes of the workers is for the
    # one that trains to say, and it ends them
    for number in ASKING:
        signal.signal(number, signal.SIG_IGN)


def _raising(batches: Iterable[Any]) -> Iterator[Any]:
    for batch in batches:
        if isinstance(batch, _Failure):
            raise ValueError(batch.message)
        yield batch


def _stack(samples: Sequence[Sample]) -> Batch:
    images, masks, names = stacked(samples)
    # (n, h, w, c) in memory seen as (n, c, h, w): channels-last without a copy
    return Batch(torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(masks), names)


def _collate_one_size(samples: list[Sample | _Failure]) -> Batch | _Failure:
    failure = next((sample for sample in samples if isinstance(sample, _Failure)), None)
    return failure or _stack([sample for sample in samples if isinstance(sample, Sample)])


def _collate_by_size(samples: list[Sample | _Failure]) -> list[Batch] | _Failure:
    failure = next((sample for sample in samples if isinstance(sample, _Failure)), None)
    read = [sample for sample in samples if isinstance(sample, Sample)]
    return failure or list(map(_stack, grouped_by_size(read, batch_size=len(samples))))
