"""What every engine offers: class maps and probabilities of uint8 images, and nothing about files.

An engine keeps arrays of its own kind (a tensor on a GPU, a NumPy array), so that class maps can be
counted where they are. Whoever calls it treats them as opaque, but for slices.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from jaxtyping import Int64, UInt8

Array = TypeVar("Array")


class SplitCounts(NamedTuple):
    """The pixels of a split, counted."""

    counts: Int64[np.ndarray, "k k"]
    """Rows mask, columns prediction."""

    per_image: list[float]
    """Each image's own mean IoU, 0..1; NaN where nothing is labelled."""


class Scorer(Protocol[Array]):
    """Counts class maps against masks where the class maps are."""

    def add(self, class_maps: Array, masks: UInt8[np.ndarray, "n h w"]) -> None:
        """Count a batch; masks hold class indices and `ignore_index`."""
        ...

    def read(self) -> SplitCounts:
        """All that was counted.

        Raises:
            ValueError: a mask or a class map held a value that is no class.
        """
        ...


class Backend(Protocol[Array]):
    """A model ready to compute."""

    engine: str
    """Its name in `BACKENDS`."""

    where: str
    """The device as a person would call it: "cpu, 2 threads"."""

    precision: str
    """fp32, bf16, fp16 or int8."""

    is_on_cpu: bool
    """Whether it computes on the cores that also read files."""

    has_probabilities: bool
    """Whether `probabilities` works; a file exported with class maps alone has none."""

    size: tuple[int, int] | None
    """The only height and width that it takes; None: any."""

    in_channels: int

    def place(self, images: UInt8[np.ndarray, "n h w c"]) -> Array:
        """The images on the device, seen as (n, c, h, w)."""
        ...

    def class_maps(self, images: Array) -> Array:
        """The class index of each pixel, uint8 (n, h, w), of images (n, c, h, w)."""
        ...

    def probabilities(self, images: Array) -> tuple[Array, Array]:
        """Class maps, and the probability of every class, 0..1, float (n, k, h, w)."""
        ...

    def empty(self, shape: Sequence[int]) -> Array:
        """Room for uint8 class maps."""
        ...

    def fetch(self, array: Array) -> np.ndarray:
        """An array of the engine in main memory."""
        ...

    def scorer(self, num_classes: int, ignore_index: int) -> Scorer[Array]:
        """Nothing counted yet."""
        ...
