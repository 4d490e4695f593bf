"""How sure the model is of each pixel, without ever holding all probabilities of an image."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, UInt8, UInt32

from tessella.backends.backend import Backend, Scorer
from tessella.predictor import Predictor

_BLOCK_VALUES = 1 << 22  # probabilities brought into main memory at a time: 16 MB
_BLOCK_PIXELS = 1 << 18
_SCALE = (1 << 24) - 1  # what a probability of 1 is in 24 bits
_MASK = np.uint32(_SCALE)


class Confident(NamedTuple):
    """A class map and the probability of the class that won in each pixel."""

    class_map: UInt8[np.ndarray, "h w"]
    confidence: UInt8[np.ndarray, "h w"]
    """Times 255, rounded."""

    mean_probability: Float64[np.ndarray, " k"]
    """Of each class over the pixels where it won, 0..1; NaN where it won nowhere."""


def confidences(predictor: Predictor, images: UInt8[np.ndarray, "n h w 3"]) -> list[Confident]:
    """Class maps of images of one size, with how sure the model is.

    Memory is bounded by the tile, as for class maps; the result takes two bytes a pixel, and four
    more while it is computed.

    Raises:
        ValueError: the file gives class maps only.
    """
    packing = Predictor(
        _Packing(predictor.backend), predictor.labels, tile=predictor.tile, size=predictor.size
    )
    num_classes = predictor.labels.num_classes
    return [_unpacked(packed, num_classes) for packed in packing.class_maps(images)]


class _Packing:
    """A backend whose class maps carry the winner's probability in the 24 lower bits.

    So the one way in which a `Predictor` puts tiles together serves both.
    """

    has_probabilities = True

    def __init__(self, backend: Backend[Any]) -> None:
        self._backend = backend
        self.engine = backend.engine
        self.where = backend.where
        self.precision = backend.precision
        self.is_on_cpu = backend.is_on_cpu
        self.size = backend.size
        self.in_channels = backend.in_channels

    def place(self, images: UInt8[np.ndarray, "n h w c"]) -> Any:
        return self._backend.place(images)

    def class_maps(self, images: Any) -> UInt32[np.ndarray, "n h w"]:
        maps, shares = self._backend.probabilities(images)
        classes = self._backend.fetch(maps)
        num_images, height, width = classes.shape
        num_classes = shares.shape[1]
        packed = np.empty(classes.shape, np.uint32)
        rows = max(1, _BLOCK_VALUES // max(1, num_images * num_classes * width))
        for start in range(0, height, rows):
            part = slice(start, start + rows)
            best = self._backend.fetch(shares[:, :, part]).max(axis=1)
            np.clip(best, 0, 1, out=best)
            packed[:, part] = np.rint(best.astype(np.float64) * _SCALE)
        packed |= classes.astype(np.uint32) << np.uint32(24)
        return packed

    def probabilities(self, images: Any) -> tuple[Any, Any]:
        return self._backend.probabilities(images)

    def empty(self, shape: Sequence[int]) -> UInt32[np.ndarray, "..."]:
        return np.empty(tuple(shape), np.uint32)

    def fetch(self, array: np.ndarray) -> np.ndarray:
        return array

    def scorer(self, num_classes: int, ignore_index: int) -> Scorer[Any]:
        return self._backend.scorer(num_classes, ignore_index)


def _unpacked(packed: UInt32[np.ndarray, "h w"], num_classes: int) -> Confident:
    flat = np.ascontiguousarray(packed).ravel()
    classes = np.empty(flat.shape, np.uint8)
    confidence = np.empty(flat.shape, np.uint8)
    sums, pixels = np.zeros(256), np.zeros(256, np.int64)
    for start in range(0, flat.size, _BLOCK_PIXELS):
        part = slice(start, start + _BLOCK_PIXELS)
        shares = flat[part] & _MASK
        classes[part] = flat[part] >> np.uint32(24)
        # 255 times the largest share and the rounding half fit into 32 bits
        confidence[part] = (shares * np.uint32(255) + np.uint32(1 << 23)) >> np.uint32(24)
        sums += np.bincount(classes[part], weights=shares, minlength=256)
        pixels += np.bincount(classes[part], minlength=256)
    undefined = np.full(num_classes, np.nan)
    won = pixels[:num_classes]
    mean = np.divide(sums[:num_classes] / _SCALE, won, out=undefined, where=won > 0)
    return Confident(classes.reshape(packed.shape), confidence.reshape(packed.shape), mean)
