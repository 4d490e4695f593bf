"""What engines share that compute on arrays in main memory: ONNX Runtime and OpenVINO."""

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float32, UInt8

from tessella.backends.backend import SplitCounts
from tessella.cores import usable_cores
from tessella.errors import UsageError
from tessella.metrics.counts import check_classes, count_pixels
from tessella.metrics.scores import mean_iou_per_image
from tessella.model_card import (
    CLASSES,
    PROBABILITIES,
    ModelCard,
    card_from_json,
)


class ArrayBackend(ABC):
    """An exported file behind an engine that takes and gives NumPy arrays."""

    engine: str
    is_on_cpu = True

    def __init__(self, card: ModelCard, *, where: str) -> None:
        """Take what the card says.

        Args:
            card: of an exported file.
            where: the device as a person would call it.

        Raises:
            ValueError: the card is not that of an exported file.
        """
        exported = card.of_file()
        self.where = where
        self.precision = exported.precision
        self.size = exported.size
        self.in_channels = card.in_channels
        self._exported = exported
        self.has_probabilities = exported.scores is not None

    @abstractmethod
    def run(
        self, images: UInt8[np.ndarray, "n c h w"], outputs: Sequence[str]
    ) -> Mapping[str, np.ndarray]:
        """The named outputs for images, contiguous in memory; called by several threads."""

    def place(self, images: UInt8[np.ndarray, "n h w c"]) -> UInt8[np.ndarray, "n c h w"]:
        """The images seen as (n, c, h, w)."""
        return images.transpose(0, 3, 1, 2)

    def class_maps(self, images: UInt8[np.ndarray, "n c h w"]) -> UInt8[np.ndarray, "n h w"]:
        """The class index of each pixel."""
        return self.run(np.ascontiguousarray(images), (CLASSES,))[CLASSES]

    def probabilities(
        self, images: UInt8[np.ndarray, "n c h w"]
    ) -> tuple[UInt8[np.ndarray, "n h w"], Float32[np.ndarray, "n k h w"]]:
        """Class maps, and the probability of every class, 0..1.

        Raises:
            ValueError: the file gives class maps only.
        """
        name = self._exported.needed_scores()
        found = self.run(np.ascontiguousarray(images), (CLASSES, name))
        scores = found[name]
        return found[CLASSES], scores if name == PROBABILITIES else softmax(scores)

    def empty(self, shape: Sequence[int]) -> np.ndarray:
        """Room for uint8 class maps."""
        return np.empty(tuple(shape), np.uint8)

    def fetch(self, array: np.ndarray) -> np.ndarray:
        """The array itself."""
        return array

    def scorer(self, num_classes: int, ignore_index: int) -> "ArrayScorer":
        """Nothing counted yet."""
        return ArrayScorer(num_classes, ignore_index)


def card_in(text: str | None, *, where: str) -> ModelCard:
    """The card that an exported file keeps.

    Raises:
        ValueError: there is none, or it is damaged.
    """
    if text is None:
        raise ValueError(
            f"{where}: holds no card, so what its classes mean is unknown; expected a file that "
            "`tessella export` wrote."
        )
    card = card_from_json(text, where=where)
    if card.exported is None:
        raise ValueError(f"{where}: its card does not say what it computes; export it again.")
    return card


def check_precision(card: ModelCard, asked: str | None, *, where: str) -> None:
    """Refuse a precision that the file was not exported in.

    Raises:
        UsageError: another one was asked for.
    """
    own = card.of_file().precision
    if asked not in (None, own):
        raise UsageError(
            f"{where}: computes in {own}, not {asked}; export it anew, or leave the precision out."
        )


def cpu_threads() -> int:
    """As many as there are cores that this process may use; OMP_NUM_THREADS bounds them."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdecimal() and int(told) else usable_cores()


def cpu_in_words() -> str:
    """The CPU and the threads on it: "cpu, 2 threads"."""
    threads = cpu_threads()
    return f"cpu, {threads} thread{'' if threads == 1 else 's'}"


class ArrayScorer:
    """Counts class maps in main memory, image by image."""

    def __init__(self, num_classes: int, ignore_index: int) -> None:
        """Nothing counted yet.

        Raises:
            ValueError: a number is outside its range.
        """
        check_classes(num_classes, ignore_index)
        self._num_classes = num_classes
        self._ignore_index = ignore_index
        self._counts = np.zeros((num_classes, num_classes), np.int64)
        self._per_image: list[float] = []

    def add(
        self, class_maps: UInt8[np.ndarray, "n h w"], masks: UInt8[np.ndarray, "n h w"]
    ) -> None:
        """Count a batch.

        Raises:
            ValueError: a mask or a class map holds a value that is no class.
        """
        for mask, class_map in zip(masks, class_maps, strict=True):
            counts = count_pixels(
                mask, class_map, num_classes=self._num_classes, ignore_index=self._ignore_index
            )
            self._counts += counts
            self._per_image += mean_iou_per_image(counts[None]).tolist()

    def read(self) -> SplitCounts:
        """All that was counted."""
        return SplitCounts(self._counts.copy(), list(self._per_image))


def softmax(logits: Float32[np.ndarray, "n k h w"]) -> Float32[np.ndarray, "n k h w"]:
    """Probabilities of logits over the classes."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return shifted
