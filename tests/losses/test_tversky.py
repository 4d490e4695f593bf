"""Tversky against its formula, by hand and one pixel at a time."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from tessella.errors import UsageError
from tessella.losses.dice import dice_loss
from tessella.losses.jaccard import jaccard_loss
from tessella.losses.tversky import tversky_loss

IGNORE = 255


@pytest.mark.parametrize(
    ("classes", "weighted", "per_image"),
    list(itertools.product(["present", "all"], [False, True], [False, True])),
)
@pytest.mark.parametrize(("alpha", "beta"), [(0.3, 0.7), (1.5, 0.0), (0.0, 2.0)])
def test_it_agrees_with_the_slow_version(
    slow: Any, classes: str, weighted: bool, per_image: bool, alpha: float, beta: float
) -> None:
    loss = tversky_loss(
        slow.logits,
        slow.mask,
        ignore_index=IGNORE,
        class_weights=slow.weights if weighted else None,
        alpha=alpha,
        beta=beta,
        classes=classes,
        per_image=per_image,
    )
    expected = slow.mean(
        lambda g: 1 - g.tp / np.maximum(g.tp + alpha * g.fp + beta * g.fn, 1e-300),
        classes=classes,
        weighted=weighted,
        per_image=per_image,
    )
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_alpha_weighs_false_positives_and_beta_misses() -> None:
    # class 0 has p = 1/4 at its own pixel and 0 at the other; class 1 has 3/4 there and 1:
    # class 0: TP 1/4, FP 0, FN 3/4; class 1: TP 1, FP 3/4, FN 0
    logits = torch.tensor([[0.25, 1e-30], [0.75, 1.0]]).log().view(1, 2, 1, 2)
    loss = tversky_loss(logits, torch.tensor([[[0, 1]]]), ignore_index=IGNORE, alpha=2.0, beta=3.0)
    index_0 = 0.25 / (0.25 + 3 * 0.75)
    index_1 = 1 / (1 + 2 * 0.75)
    assert loss.item() == pytest.approx(1 - (index_0 + index_1) / 2)


def test_one_half_and_one_half_is_dice(slow: Any) -> None:
    loss = tversky_loss(slow.logits, slow.mask, ignore_index=IGNORE, alpha=0.5, beta=0.5)
    assert loss == dice_loss(slow.logits, slow.mask, ignore_index=IGNORE)


def test_one_and_one_is_jaccard(slow: Any) -> None:
    loss = tversky_loss(slow.logits, slow.mask, ignore_index=IGNORE, alpha=1, beta=1)
    assert loss == jaccard_loss(slow.logits, slow.mask, ignore_index=IGNORE)


def test_a_class_without_any_probability_is_no_nan_even_if_misses_are_free() -> None:
    # TP = FP = 0 with beta = 0: the index would be 0 / 0
    logits = torch.tensor([-300.0, 300.0]).view(1, 2, 1, 1).requires_grad_()
    mask = torch.zeros(1, 1, 1, dtype=torch.uint8)
    loss = tversky_loss(logits, mask, ignore_index=IGNORE, alpha=1, beta=0)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize(
    ("alpha", "beta", "message"),
    [
        (-0.1, 0.7, "alpha: is -0.1; expected 0 or more"),
        (0.3, -1.0, "beta: is -1.0; expected 0 or more"),
        (math.nan, 0.7, "alpha: is nan; expected 0 or more"),
        (0.0, 0.0, "alpha and beta: both are 0, so no mistake costs anything"),
    ],
)
def test_weights_that_mean_nothing_are_refused(alpha: float, beta: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        tversky_loss(
            torch.zeros(1, 2, 1, 1),
            torch.zeros(1, 1, 1, dtype=torch.uint8),
            ignore_index=IGNORE,
            alpha=alpha,
            beta=beta,
        )
