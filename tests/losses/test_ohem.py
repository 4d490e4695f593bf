"""Which pixels are hard, and their mean."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tessella.errors import UsageError
from tessella.losses.cross_entropy import cross_entropy_loss
from tessella.losses.ohem import ohem_loss

IGNORE = 255


def row_of(probabilities: list[float]) -> tuple[Tensor, Tensor]:
    """One row of pixels of class 0 with these probabilities."""
    p = torch.tensor(probabilities)
    logits = torch.stack([p.log(), (1 - p).log()]).view(1, 2, 1, -1)
    return logits, torch.zeros(1, 1, len(p), dtype=torch.uint8)


def slow_ohem(slow: Any, *, threshold: float, min_share: float, weights: np.ndarray) -> float:
    found = []
    for n, row, column in np.ndindex(slow.mask.shape):
        label = int(slow.mask[n, row, column])
        if label != IGNORE:
            scores = slow.logits[n, :, row, column].numpy()
            found.append((np.exp(scores[label]) / np.exp(scores).sum(), weights[label]))
    found.sort()
    least = max(1, math.ceil(min_share * len(found)))
    hard = [pair for rank, pair in enumerate(found) if rank < least or pair[0] <= threshold]
    return float(sum(-np.log(p) * w for p, w in hard) / sum(w for _, w in hard))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("threshold", "min_share"), [(0.7, 1 / 16), (0.05, 0.5), (0.0, 0.1), (0.0, 0.0), (1.0, 0.0)]
)
def test_it_agrees_with_the_slow_version(
    slow: Any, threshold: float, min_share: float, weighted: bool
) -> None:
    loss = ohem_loss(
        slow.logits,
        slow.mask,
        ignore_index=IGNORE,
        class_weights=slow.weights if weighted else None,
        threshold=threshold,
        min_share=min_share,
    )
    weights = slow.weights.numpy() if weighted else np.ones(4)
    expected = slow_ohem(slow, threshold=threshold, min_share=min_share, weights=weights)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_pixels_below_the_threshold_are_averaged() -> None:
    logits, mask = row_of([0.9, 0.5, 0.8, 0.25])
    loss = ohem_loss(logits, mask, ignore_index=IGNORE, threshold=0.6, min_share=0)
    assert loss.item() == pytest.approx((math.log(2) + math.log(4)) / 2)


def test_the_hardest_share_is_kept_where_all_are_easy() -> None:
    logits, mask = row_of([0.9, 0.95, 0.8, 0.99])
    loss = ohem_loss(logits, mask, ignore_index=IGNORE, threshold=0.5, min_share=0.5)
    assert loss.item() == pytest.approx(-(math.log(0.9) + math.log(0.8)) / 2)


def test_the_share_is_one_of_labelled_pixels() -> None:
    # half of two labelled pixels is one; half of all eight would keep both
    logits, mask = row_of([0.9, 0.8] + 6 * [0.1])
    mask[..., 2:] = IGNORE
    loss = ohem_loss(logits, mask, ignore_index=IGNORE, threshold=0, min_share=0.5)
    assert loss.item() == pytest.approx(-math.log(0.8))


def test_equally_hard_pixels_are_kept_together() -> None:
    logits = torch.zeros(1, 2, 2, 4, requires_grad=True)
    mask = torch.zeros(1, 2, 4, dtype=torch.uint8)
    loss = ohem_loss(logits, mask, ignore_index=IGNORE, threshold=0, min_share=0.25)
    loss.backward()
    assert logits.grad is not None
    assert logits.grad.all()


def test_easy_pixels_have_no_gradient() -> None:
    logits, mask = row_of([0.9, 0.5, 0.8, 0.25])
    logits.requires_grad_()
    ohem_loss(logits, mask, ignore_index=IGNORE, threshold=0.6, min_share=0).backward()
    assert logits.grad is not None
    assert logits.grad.abs().sum((0, 1, 2)).bool().tolist() == [False, True, False, True]


def test_a_threshold_of_1_is_cross_entropy(slow: Any) -> None:
    loss = ohem_loss(slow.logits, slow.mask, ignore_index=IGNORE, threshold=1)
    expected = cross_entropy_loss(slow.logits, slow.mask, ignore_index=IGNORE)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-14)


@pytest.mark.parametrize("option", ["threshold", "min_share"])
@pytest.mark.parametrize("value", [-0.5, 70.0])
def test_a_share_outside_of_0_to_1_is_refused(option: str, value: float) -> None:
    logits, mask = row_of([0.5])
    with pytest.raises(UsageError, match=f"{option}: is {value}; expected 0 to 1"):
        ohem_loss(logits, mask, ignore_index=IGNORE, **{option: value})
