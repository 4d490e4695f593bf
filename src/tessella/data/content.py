"""Whether the data is what it was: one hash of all images and masks of a split."""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from tessella.data.dataset import Dataset, is_official
from tessella.data.in_order import in_order
from tessella.labels import LabelMap
from tessella.progress import Track, silently
from tessella.sample import Sample


class NotedDataset:
    """A data set that notes what its samples hold while somebody else reads them.

    A sample that was never read is read for the hash. Threads may share one; a worker process notes
    for itself alone.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._digests: dict[int, bytes] = {}

    @property
    def labels(self) -> LabelMap:
        """The label map of the data set behind it."""
        return self._dataset.labels

    @property
    def names(self) -> Sequence[str]:
        """The names of the data set behind it."""
        return self._dataset.names

    @property
    def groups(self) -> Sequence[str]:
        """The groups of the data set behind it."""
        return self._dataset.groups

    @property
    def official(self) -> bool:
        """Whether the split of the data set behind it is an official one."""
        return is_official(self._dataset)

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Sample:
        sample = self._dataset[index]
        if index not in self._digests:
            self._digests[index] = _digest(sample)
        return sample

    def content_hash(self, *, track: Track = silently) -> str:
        """The hash of `content_hash`; what was not read yet is read now.

        Raises:
            ValueError: a sample cannot be read.
        """
        missing = [index for index in range(len(self)) if index not in self._digests]

        def read(index: int) -> None:
            self[index]

        for _ in track(in_order(read, missing), about="hash", total=len(missing), size=_one):
            pass
        return _hash_of(self._digests[index] for index in range(len(self)))


def content_hash(dataset: Dataset, *, track: Track = silently) -> str:
    """A short fingerprint of every pixel and class index of a split, whatever its order and names.

    It is of what the network is given: the decoded image and the decoded mask. The same data as
    other files (PNG for WebP, a palette for colours) has the same hash. A decoder that turns a JPEG
    into slightly other pixels gives another.

    Args:
        dataset: every sample of it is read once.
        track: shows progress.

    Raises:
        ValueError: a sample cannot be read.
    """
    return NotedDataset(dataset).content_hash(track=track)


def _digest(sample: Sample) -> bytes:
    shapes = (sample.image.shape, None if sample.mask is None else sample.mask.shape)
    digest = hashlib.sha256(repr(shapes).encode())
    digest.update(np.ascontiguousarray(sample.image).data)
    if sample.mask is not None:
        digest.update(np.ascontiguousarray(sample.mask).data)
    return digest.digest()


def _hash_of(digests: Iterable[bytes]) -> str:
    # in the order of the digests: which sample comes first says nothing about what they hold
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()[:16]


def _one(item: object) -> int:  # noqa: ARG001 - whatever it is, it is one
    return 1
