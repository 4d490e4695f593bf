"""Focal Tversky against its formula, by hand and one pixel at a time."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from tessella.errors import UsageError
from tessella.losses.focal_tversky import focal_tversky_loss
from tessella.losses.tversky import tversky_loss

IGNORE = 255


@pytest.mark.parametrize(
    ("weighted", "per_image", "gamma"),
    list(itertools.product([False, True], [False, True], [4 / 3, 0.5, 3.0])),
)
def test_it_agrees_with_the_slow_version(
    slow: Any, weighted: bool, per_image: bool, gamma: float
) -> None:
    loss = focal_tversky_loss(
        slow.logits,
        slow.mask,
        ignore_index=IGNORE,
        class_weights=slow.weights if weighted else None,
        gamma=gamma,
        per_image=per_image,
    )
    expected = slow.mean(
        lambda g: (1 - g.tp / np.maximum(g.tp + 0.3 * g.fp + 0.7 * g.fn, 1e-300)) ** (1 / gamma),
        classes="present",
        weighted=weighted,
        per_image=per_image,
    )
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_the_power_is_taken_before_the_mean() -> None:
    # with gamma = 1/2 costs are squared. Class 0: TP 1/4, FN 3/4, so with alpha = beta = 1 it
    # costs 3/4; class 1: TP 1, FP 3/4, so 3/7
    logits = torch.tensor([[0.25, 1e-30], [0.75, 1.0]]).log().view(1, 2, 1, 2)
    loss = focal_tversky_loss(
        logits, torch.tensor([[[0, 1]]]), ignore_index=IGNORE, alpha=1, beta=1, gamma=0.5
    )
    assert loss.item() == pytest.approx(((3 / 4) ** 2 + (3 / 7) ** 2) / 2)


def test_all_raises_an_absent_class_to_the_same_power() -> None:
    # class 0: TP 1/2, FN 1/2: costs 1/2; class 1, absent, has the mean probability 1/2
    loss = focal_tversky_loss(
        torch.zeros(1, 2, 1, 1),
        torch.zeros(1, 1, 1, dtype=torch.uint8),
        ignore_index=IGNORE,
        alpha=1,
        beta=1,
        gamma=2,
        classes="all",
    )
    assert loss.item() == pytest.approx(0.5**0.5)


def test_gamma_1_is_tversky(slow: Any) -> None:
    loss = focal_tversky_loss(slow.logits, slow.mask, ignore_index=IGNORE, gamma=1)
    assert loss == tversky_loss(slow.logits, slow.mask, ignore_index=IGNORE)


def test_a_perfect_prediction_has_a_finite_gradient() -> None:
    # the slope of x ** (3/4) at 0 is infinite
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]]).view(1, 2, 1, 2).requires_grad_()
    loss = focal_tversky_loss(logits, torch.tensor([[[0, 1]]]), ignore_index=IGNORE)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("gamma", [0.0, -1.0, float("inf"), float("nan")])
def test_a_gamma_that_gives_no_power_is_refused(gamma: float) -> None:
    with pytest.raises(UsageError, match=f"gamma: is {gamma}; expected above 0"):
        focal_tversky_loss(
            torch.zeros(1, 2, 1, 1),
            torch.zeros(1, 1, 1, dtype=torch.uint8),
            ignore_index=IGNORE,
            gamma=gamma,
        )
