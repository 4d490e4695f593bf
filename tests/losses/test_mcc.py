"""Matthews correlation against its formula, by hand, scikit-learn and one pixel at a time."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import matthews_corrcoef

from tessella.losses.mcc import mcc_loss

IGNORE = 255


def slow_cost(group: Any) -> np.ndarray:
    """The binary coefficient with soft counts."""
    tn = group.pixels.sum() - group.tp - group.fp - group.fn
    product = (group.tp + group.fp) * (group.tp + group.fn) * (tn + group.fp) * (tn + group.fn)
    covariance = group.tp * tn - group.fp * group.fn
    return 1 - covariance / np.sqrt(np.maximum(product, 1e-300))


@pytest.mark.parametrize(
    ("classes", "weighted", "per_image"),
    list(itertools.product(["present", "all"], [False, True], [False, True])),
)
def test_it_agrees_with_the_slow_version(
    slow: Any, classes: str, weighted: bool, per_image: bool
) -> None:
    loss = mcc_loss(
        slow.logits,
        slow.mask,
        ignore_index=IGNORE,
        class_weights=slow.weights if weighted else None,
        classes=classes,
        per_image=per_image,
    )
    expected = slow.mean(slow_cost, classes=classes, weighted=weighted, per_image=per_image)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_for_certain_answers_it_is_one_minus_the_correlation() -> None:
    mask, answers = [0, 0, 0, 1, 1, 1, 1, 0], [0, 1, 0, 1, 1, 0, 1, 0]
    one_hot = torch.nn.functional.one_hot(torch.tensor(answers), 2).float()
    loss = mcc_loss(
        100 * one_hot.T.reshape(1, 2, 2, 4),
        torch.tensor(mask).view(1, 2, 4),
        ignore_index=IGNORE,
    )
    # both classes of two have the same correlation
    assert loss.item() == pytest.approx(1 - matthews_corrcoef(mask, answers))


def test_every_pixel_wrong_costs_2() -> None:
    logits = torch.tensor([[-99.0, 99.0], [99.0, -99.0]]).view(1, 2, 1, 2)
    assert mcc_loss(logits, torch.tensor([[[0, 1]]]), ignore_index=IGNORE).item() == 2


def test_a_constant_answer_costs_1_however_common_its_class() -> None:
    logits = torch.zeros(1, 2, 1, 100)
    logits[:, 0] = 1.5
    mask = torch.zeros(1, 1, 100, dtype=torch.uint8)
    mask[..., 0] = 1
    assert mcc_loss(logits, mask, ignore_index=IGNORE).item() == pytest.approx(1, abs=1e-5)


def test_a_saturated_constant_answer_is_no_nan() -> None:
    logits = torch.zeros(1, 2, 1, 4)
    logits[:, 0] = 500
    logits.requires_grad_()
    loss = mcc_loss(logits, torch.tensor([[[0, 0, 1, 1]]]), ignore_index=IGNORE)
    loss.backward()
    assert loss.item() == 1
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_where_all_pixels_have_one_class_the_others_probability_is_the_cost() -> None:
    logits = torch.tensor([0.8, 0.2]).log().view(1, 2, 1, 1)
    mask = torch.zeros(1, 1, 1, dtype=torch.uint8)
    assert mcc_loss(logits, mask, ignore_index=IGNORE).item() == pytest.approx(0.2)


def test_a_batch_of_a_common_size_does_not_overflow() -> None:
    # the product of the four counts of 10^6 pixels is 10^24, and of 10^10 beyond float32
    mask = torch.zeros(1, 1000, 1000, dtype=torch.uint8)
    mask[:, :500] = 1
    logits = torch.stack([8 * (mask == 0).float(), 8 * (mask == 1).float()], 1)
    p = 1 / (1 + np.exp(-8))
    # two classes half and half, both right with probability p: the correlation is 2 p - 1
    assert mcc_loss(logits, mask, ignore_index=IGNORE).item() == pytest.approx(
        2 * (1 - p), rel=1e-3
    )
