"""What every data set offers, and what every reader of one takes."""

from collections.abc import Callable, Sequence
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
