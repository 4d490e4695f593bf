"""Focal loss against its formula, by hand and one pixel at a time."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from tessella.errors import UsageError
from tessella.losses.cross_entropy import cross_entropy_loss
from tessella.losses.focal import focal_loss

IGNORE = 255


def slow_focal(slow: Any, *, gamma: float, weights: np.ndarray) -> float:
    total = weight = 0.0
    for n, row, column in np.ndindex(slow.mask.shape):
        label = int(slow.mask[n, row, column])
        if label == IGNORE:
            continue
        scores = slow.logits[n, :, row, column].numpy()
        p = np.exp(scores[label]) / np.exp(scores).sum()
        total += weights[label] * (1 - p) ** gamma * -np.log(p)
        weight += weights[label]
    return float(total / weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0, 5.0])
def test_it_agrees_with_the_slow_version(slow: Any, gamma: float, weighted: bool) -> None:
    loss = focal_loss(
        slow.logits,
        slow.mask,
        ignore_index=IGNORE,
        class_weights=slow.weights if weighted else None,
        gamma=gamma,
    )
    weights = slow.weights.numpy() if weighted else np.ones(4)
    assert loss.item() == pytest.approx(slow_focal(slow, gamma=gamma, weights=weights), rel=1e-12)


def test_equal_logits_by_hand() -> None:
    # four classes: p = 1/4, (3/4)^2 log 4
    loss = focal_loss(
        torch.zeros(1, 4, 2, 2), torch.zeros(1, 2, 2, dtype=torch.uint8), ignore_index=IGNORE
    )
    assert loss.item() == pytest.approx(9 / 16 * math.log(4))


def test_gamma_0_is_cross_entropy(slow: Any) -> None:
    given = {"ignore_index": IGNORE, "class_weights": slow.weights}
    focal = focal_loss(slow.logits, slow.mask, gamma=0, **given)
    assert focal.item() == pytest.approx(
        cross_entropy_loss(slow.logits, slow.mask, **given).item(), rel=1e-14
    )


@pytest.mark.parametrize("gamma", [0.0, 0.1, 0.5, 1.0, 2.0])
def test_a_pixel_without_doubt_costs_0_with_a_finite_gradient(gamma: float) -> None:
    # (1 - p) ** gamma is infinitely steep at p = 1 for gamma below 1
    logits = torch.tensor([300.0, -300.0]).view(1, 2, 1, 1).requires_grad_()
    loss = focal_loss(
        logits, torch.zeros(1, 1, 1, dtype=torch.uint8), ignore_index=IGNORE, gamma=gamma
    )
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_a_likely_class_keeps_the_digits_of_its_small_cost() -> None:
    # p = 1 / (1 + e^-12): (1 - p)^2 = 3.8e-11, which 1 - p taken in float32 gets 1 % wrong
    logits = torch.tensor([12.0, 0.0]).view(1, 2, 1, 1)
    loss = focal_loss(logits, torch.zeros(1, 1, 1, dtype=torch.uint8), ignore_index=IGNORE)
    p_other = math.exp(-12) / (1 + math.exp(-12))
    assert loss.item() == pytest.approx(p_other**2 * -math.log1p(-p_other), rel=1e-5)


def test_an_ignore_index_that_the_mask_cannot_hold_ignores_nothing() -> None:
    # -100 wraps to 156 among uint8
    logits = torch.zeros(1, 200, 1, 1)
    loss = focal_loss(
        logits, torch.full((1, 1, 1), 156, dtype=torch.uint8), ignore_index=-100, gamma=0
    )
    assert loss.item() == pytest.approx(math.log(200))


def test_a_negative_gamma_is_refused() -> None:
    with pytest.raises(UsageError, match="gamma: is -1; expected 0 or more"):
        focal_loss(
            torch.zeros(1, 2, 1, 1),
            torch.zeros(1, 1, 1, dtype=torch.uint8),
            ignore_index=IGNORE,
            gamma=-1,
        )
