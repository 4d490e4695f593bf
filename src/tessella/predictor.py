"""What is scored is what is shipped: one object that turns images into class maps."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from tessella.backends import open_model
from tessella.backends.backend import Backend
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.model_card import ModelCard
from tessella.tiles import DEFAULT_TILE, HALO, Window, windows, windows_of_one_size


@dataclass(frozen=True)
class Prediction:
    """What the model says about one image."""

    class_map: UInt8[np.ndarray, "h w"]
    """The class index of each pixel."""

    probabilities: Float[np.ndarray, "k h w"] | None = None
    """Softmax over the classes, 0..1, where it was asked for."""


class Predictor:
    """A trained model with the meaning of its classes; images of any size in, class maps out."""

    def __init__(
        self,
        backend: Backend[Any],
        labels: LabelMap,
        *,
        tile: int = DEFAULT_TILE,
        size: tuple[int, int] | None = None,
        card: ModelCard | None = None,
    ) -> None:
        """Wrap a backend.

        Args:
            backend: computes class maps.
            labels: what the class indices mean.
            tile: images with a longer side are computed in tiles of this side, in pixels, each
                with 192 pixels of context on every side; >= 64.
            size: height and width that every image is computed at, in overlapping tiles where it
                is larger and with its border repeated where it is smaller. None: that of the
                backend, and whole images where that takes any.
            card: what the model is, where it is known.

        Raises:
            UsageError: the tile is too small.
        """
        if tile < 64:
            raise UsageError(f"tile is {tile} pixels; it needs at least 64.")
        self.backend = backend
        self.labels = labels
        self.tile = tile
        self.size = size or backend.size
        self.card = card

    def predict(self, image: UInt8[np.ndarray, "h w c"]) -> Prediction:
        """The class of each pixel of one image."""
        return Prediction(self.backend.fetch(self.class_maps(image[None]))[0])

    def predict_probabilities(self, image: UInt8[np.ndarray, "h w c"]) -> Prediction:
        """Like `predict`, with the probability of every class: 4 bytes a pixel and class.

        Raises:
            ValueError: the file gives class maps only.
        """
        return self.predict_probabilities_of(image[None])[0]

    def predict_probabilities_of(self, images: UInt8[np.ndarray, "n h w c"]) -> list[Prediction]:
        """The same for several images of one size, computed together.

        Raises:
            ValueError: the file gives class maps only.
        """
        count, height, width = images.shape[:3]
        probabilities = np.empty((count, self.labels.num_classes, height, width), np.float32)
        classes = np.empty((count, height, width), np.uint8)
        placed = self.backend.place(self._at_least_one_window(images))
        for window in self._windows(height, width):
            maps, shares = self.backend.probabilities(placed[:, :, *window.outer])
            probabilities[:, :, *window.target] = self.backend.fetch(shares[:, :, *window.inner])
            classes[:, *window.target] = self.backend.fetch(maps[:, *window.inner])
        return [Prediction(*both) for both in zip(classes, probabilities, strict=True)]

    def class_maps(self, images: UInt8[np.ndarray, "n h w c"]) -> Any:
        """Class indices (n, h, w) of a batch of images of one size, an array of the backend.

        Memory is bounded by the tile: larger images are read out tile by tile, and only the one
        byte a pixel of the result grows with the image.
        """
        count, height, width = images.shape[:3]
        placed = self.backend.place(self._at_least_one_window(images))
        parts = list(self._windows(height, width))
        if len(parts) == 1:
            return self.backend.class_maps(placed)[:, :height, :width]
        classes = self.backend.empty((count, height, width))
        for window in parts:
            maps = self.backend.class_maps(placed[:, :, *window.outer])
            classes[:, *window.target] = maps[:, *window.inner]
        return classes

    def protocol(self) -> dict[str, Any]:
        """How class maps come about, for the record beside a score."""
        if self.size:
            height, width = self.size
            tiling = f"tiles of {height} x {width} px, a quarter of it shared with the next"
        else:
            tiling = f"none up to {self.tile} px a side, then tiles with {HALO} px of context"
        return {
            "engine": self.backend.engine,
            "precision": self.backend.precision,
            "tiling": tiling,
            "augmentation": "none",
        }

    def _windows(self, height: int, width: int) -> Iterator[Window]:
        if self.size is None:
            return windows((height, width), self.tile)
        return windows_of_one_size((height, width), self.size)

    def _at_least_one_window(self, images: np.ndarray) -> np.ndarray:
        if self.size is None:
            return images
        missing = [
            max(0, want - got) for want, got in zip(self.size, images.shape[1:3], strict=True)
        ]
        if not any(missing):
            return images
        return np.pad(images, ((0, 0), (0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")


def load(
    path: Path, *, device: str = "auto", precision: str | None = None, tile: int = DEFAULT_TILE
) -> Predictor:
    """The predictor in a run folder, a model folder or an exported file.

    Args:
        path: a run, a folder with model.safetensors and card.json, or what `export` wrote.
        device: auto, cpu, cuda or mps.
        precision: fp32, bf16 or fp16; None takes the one that the model was trained in, or fp32
            where the device is slow at it. An exported file has its own.
        tile: see `Predictor`.

    Raises:
        UsageError: there is no model at `path`, or it cannot be computed as asked.
        ValueError: its files are damaged.
    """
    backend, card = open_model(path, device=device, precision=precision)
    return Predictor(backend, card.labels, tile=tile, card=card)
