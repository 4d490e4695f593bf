"""What is scored is what is shipped: one object that turns images into class maps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from tessella.backends.torch import TorchBackend, as_batch, resolve_device, resolve_precision
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.metrics.class_map import class_map
from tessella.model_folder import read_model

DEFAULT_TILE = 2048
"""Longest side, in pixels, that is computed in one piece unless told otherwise."""

_HALO = 192
"""Pixels of context around each tile that are computed and thrown away."""


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
        self, backend: TorchBackend, labels: LabelMap, *, tile: int = DEFAULT_TILE
    ) -> None:
        """Wrap a backend.

        Args:
            backend: computes logits.
            labels: what the class indices mean.
            tile: images with a longer side are computed in tiles of this side, in pixels, each
                with 192 pixels of context on every side; >= 64.

        Raises:
            UsageError: the tile is too small.
        """
        if tile < 64:
            raise UsageError(f"tile is {tile} pixels; it needs at least 64.")
        self.backend = backend
        self.labels = labels
        self.tile = tile

    def predict(self, image: UInt8[np.ndarray, "h w c"]) -> Prediction:
        """The class of each pixel of one image."""
        return Prediction(self.class_maps(as_batch(image))[0].cpu().numpy())

    def predict_probabilities(self, image: UInt8[np.ndarray, "h w c"]) -> Prediction:
        """Like `predict`, with the probability of every class: 4 bytes a pixel and class."""
        probabilities = np.empty((self.labels.num_classes, *image.shape[:2]), np.float32)
        classes = np.empty(image.shape[:2], np.uint8)
        images = as_batch(image)
        for window in windows(image.shape[:2], self.tile):
            logits = self.backend.logits(images[:, :, *window.outer])
            inner = logits[0][:, *window.inner].float().softmax(0)
            probabilities[:, *window.target] = inner.cpu().numpy()
            classes[window.target] = class_map(logits)[0][window.inner].cpu().numpy()
        return Prediction(classes, probabilities)

    def class_maps(self, images: UInt8[Tensor, "n c h w"]) -> UInt8[Tensor, "n h w"]:
        """Class indices of a batch of images of one size, on the backend's device.

        Memory is bounded by the tile: larger images are read out tile by tile, and only the one
        byte a pixel of the result grows with the image.
        """
        height, width = images.shape[2:]
        if max(height, width) <= self.tile:
            return class_map(self.backend.logits(images))
        shape = (images.shape[0], height, width)
        classes = torch.empty(shape, dtype=torch.uint8, device=self.backend.device)
        for window in windows((height, width), self.tile):
            maps = class_map(self.backend.logits(images[:, :, *window.outer]))
            classes[:, *window.target] = maps[:, *window.inner]
        return classes

    def protocol(self) -> dict[str, Any]:
        """How class maps come about, for the record beside a score."""
        return {
            "precision": self.backend.precision,
            "tiling": f"none up to {self.tile} px a side, then tiles with {_HALO} px of context",
            "augmentation": "none",
        }


class Window(NamedTuple):
    """One tile: what is computed, what of it is kept, and where that goes."""

    outer: tuple[slice, slice]
    """Rows and columns of the image that the model sees."""

    inner: tuple[slice, slice]
    """Rows and columns of its output that are kept."""

    target: tuple[slice, slice]
    """Rows and columns of the image that they are the result for."""


def windows(size: Sequence[int], tile: int) -> Iterator[Window]:
    """Tiles that cover an image of `size` (height, width) exactly once, row by row.

    Each tile's output counts only for its own area; the model also sees up to 192 pixels around
    it, so that a tile's border shows as little as possible.
    """
    for rows in _spans(size[0], tile):
        for columns in _spans(size[1], tile):
            outer, inner, target = zip(rows, columns, strict=True)
            yield Window(outer, inner, target)


def _spans(length: int, tile: int) -> Iterator[tuple[slice, slice, slice]]:
    if length <= tile:
        yield slice(0, length), slice(0, length), slice(0, length)
        return
    for start in range(0, length, tile):
        stop = min(start + tile, length)
        first, last = max(0, start - _HALO), min(length, stop + _HALO)
        yield slice(first, last), slice(start - first, stop - first), slice(start, stop)


def load(
    path: Path, *, device: str = "auto", precision: str | None = None, tile: int = DEFAULT_TILE
) -> Predictor:
    """The predictor in a run folder or a model folder.

    Args:
        path: a run, or a folder with model.safetensors and card.json.
        device: auto, cpu, cuda or mps.
        precision: fp32, bf16 or fp16; None takes the one that the model was trained in, or fp32
            where the device is slow at it.
        tile: see `Predictor`.

    Raises:
        UsageError: there is no model at `path`.
        ValueError: its files are damaged.
    """
    model = read_model(path)
    where = resolve_device(device)
    wanted = precision or ("fp32" if model.precision == "fp32" else "auto")
    backend = TorchBackend(
        model.segmenter, device=where, precision=resolve_precision(wanted, where)
    )
    return Predictor(backend, model.labels, tile=tile)
