"""Jaccard against its formula, by hand and one pixel at a time."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from tessella.losses.jaccard import jaccard_loss

IGNORE = 255


@pytest.mark.parametrize(
    ("classes", "weighted", "per_image"),
    list(itertools.product(["present", "all"], [False, True], [False, True])),
)
def test_it_agrees_with_the_slow_version(
    slow: Any, classes: str, weighted: bool, per_image: bool
) -> None:
    loss = jaccard_loss(
        slow.logits,
        slow.mask,
        ignore_index=IGNORE,
        class_weights=slow.weights if weighted else None,
        classes=classes,
        per_image=per_image,
    )
    expected = slow.mean(
        lambda g: 1 - g.tp / np.maximum(g.tp + g.fp + g.fn, 1e-300),
        classes=classes,
        weighted=weighted,
        per_image=per_image,
    )
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_two_pixels_by_hand() -> None:
    # each class: 3/4 right, 1/4 spurious, 1/4 missed: 1 - (3/4) / (5/4)
    logits = torch.tensor([[0.75, 0.25], [0.25, 0.75]]).log().view(1, 2, 1, 2)
    loss = jaccard_loss(logits, torch.tensor([[[0, 1]]]), ignore_index=IGNORE)
    assert loss.item() == pytest.approx(2 / 5)


def test_for_certain_answers_it_is_one_minus_the_mean_iou() -> None:
    # answers 0 0 1 1 2 for 0 1 1 1 ignored: IoU of 0 is 1/2, of 1 is 2/3
    answers = torch.tensor([0, 0, 1, 1, 2])
    logits = 100 * torch.nn.functional.one_hot(answers, 3).float().T.reshape(1, 3, 1, 5)
    loss = jaccard_loss(logits, torch.tensor([[[0, 1, 1, 1, IGNORE]]]), ignore_index=IGNORE)
    assert loss.item() == pytest.approx(1 - (1 / 2 + 2 / 3) / 2)
