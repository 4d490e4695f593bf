"""What every data set offers, and what the table knows about each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tessella.labels import LabelMap
from tessella.sample import Sample


class Dataset(Protocol):
    """An ordered list of samples that share a label map."""

    @property
    def labels(self) -> LabelMap:
        """What the masks mean."""
        ...

    @property
    def names(self) -> Sequence[str]:
        """The name of every sample, in order, without reading any."""
        ...

    @property
    def groups(self) -> Sequence[str]:
        """The video, building or patient of every sample, in order."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Sample: ...


Reader = Callable[..., Dataset]
"""Opens one split: `(root, split, *, options...)`; options are keyword-only and checked by name."""


@dataclass(frozen=True)
class DatasetEntry:
    """One line of the table of data sets."""

    about: str
    """What it is and whose, in one line."""

    read: Reader
    """Opens one split of it."""

    splits: tuple[str, ...]
    """The splits that share no sample, in the order train, val, test."""

    unions: tuple[str, ...] = ()
    """Further names: made of the others, as trainval, or beside them, as train_extra."""

    is_at: Callable[[Path], bool] | None = None
    """Whether a folder or zip holds this data set in its own layout; None: it cannot be told."""


def is_official(dataset: Dataset) -> bool:
    """Whether the split is the one that the data set's authors published, not one made here."""
    return bool(getattr(dataset, "official", False))
