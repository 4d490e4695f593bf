"""Slow float64 versions that every loss is held against: one pixel at a time, from the papers."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from tessella.losses import chunks

IGNORE = 255


class Counts(NamedTuple):
    """Soft counts of each class in one group of pixels."""

    tp: np.ndarray
    fp: np.ndarray
    fn: np.ndarray
    pixels: np.ndarray


def softmax_of(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max())
    return np.asarray(powers / powers.sum())


def counts_of_group(logits: np.ndarray, mask: np.ndarray) -> Counts:
    tp, fp, fn, pixels = np.zeros((4, logits.shape[1]))
    for n, row, column in np.ndindex(mask.shape):
        label = int(mask[n, row, column])
        if label == IGNORE:
            continue
        p = softmax_of(logits[n, :, row, column])
        own = np.arange(len(p)) == label
        tp += p * own
        fp += p * ~own
        fn += (1 - p) * own
        pixels += own
    return Counts(tp, fp, fn, pixels)


class Slow(NamedTuple):
    """What the tests of losses take from here."""

    logits: Tensor
    """(3, 4, 4, 5) float64."""

    mask: Tensor
    """uint8; class 3 is absent, class 2 from the first image, the last image is all ignored."""

    weights: Tensor

    def groups(self, *, per_image: bool) -> list[Counts]:
        """Counts of each image, or of the batch."""
        logits, mask = self.logits.numpy(), self.mask.numpy()
        if not per_image:
            return [counts_of_group(logits, mask)]
        return [counts_of_group(logits[i : i + 1], mask[i : i + 1]) for i in range(len(mask))]

    def mean(
        self,
        cost: Callable[[Counts], np.ndarray],
        *,
        classes: str,
        weighted: bool,
        per_image: bool,
    ) -> float:
        """Weighted mean of the classes' costs, then plain mean of the groups with labels."""
        values = []
        for group in self.groups(per_image=per_image):
            if not group.pixels.sum():
                continue
            chosen = group.pixels > 0 if classes == "present" else group.pixels >= 0
            weights = self.weights.numpy() if weighted else np.ones(len(chosen))
            costs = np.where(group.pixels > 0, cost(group), group.fp / group.pixels.sum())
            values.append((costs * weights)[chosen].sum() / weights[chosen].sum())
        return float(np.mean(values))


@pytest.fixture
def slow() -> Slow:
    generator = torch.Generator().manual_seed(5)
    logits = 2 * torch.randn(3, 4, 4, 5, generator=generator, dtype=torch.float64)
    mask = torch.randint(0, 3, (3, 4, 5), generator=generator, dtype=torch.uint8)
    mask[0] %= 2
    mask[torch.rand(3, 4, 5, generator=generator) < 0.25] = IGNORE
    mask[2] = IGNORE
    return Slow(logits, mask, torch.tensor([0.5, 2.0, 1.0, 3.0], dtype=torch.float64))


@pytest.fixture(params=[1, 47, 1 << 18], ids=["row by row", "some rows", "whole"])
def chunk_logits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The same work in chunks of another size."""
    monkeypatch.setitem(chunks.CHUNK_LOGITS, "cpu", request.param)
    return int(request.param)
