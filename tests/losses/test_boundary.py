"""Boundary loss against its formula with SciPy's distances, and by hand."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from tessella.errors import UsageError
from tessella.losses.boundary import boundary_loss

IGNORE = 255


def slow_boundary(slow: Any, *, classes: str, weighted: bool, radius: int) -> float:
    """Signed distance times (softmax - truth), over labelled pixels."""
    softmax, masks = slow.logits.softmax(1).numpy(), slow.mask.numpy()
    known = masks != IGNORE
    costs = np.zeros(4)
    for p, mask in zip(softmax, masks, strict=True):
        for label in range(4):
            own, other = mask == label, (mask != label) & (mask != IGNORE)
            outside = distance_transform_edt(~own) if own.any() else np.full(own.shape, 1e9)
            inside = distance_transform_edt(~other) if other.any() else np.full(own.shape, 1e9)
            signed = np.where(own, 1 - np.minimum(inside, radius), np.minimum(outside, radius))
            costs[label] += (signed * (p[label] - own))[mask != IGNORE].sum()
    chosen = [k for k in range(4) if classes == "all" or (masks == k).any()]
    weights = slow.weights.numpy() if weighted else np.ones(4)
    return float(np.average(costs[chosen], weights=weights[chosen]) / known.sum())


@pytest.mark.parametrize(
    ("classes", "weighted", "radius"),
    list(itertools.product(["present", "all"], [False, True], [1, 2, 20])),
)
@pytest.mark.usefixtures("chunk_logits")
def test_it_agrees_with_the_slow_version(
    slow: Any, classes: str, weighted: bool, radius: int
) -> None:
    loss = boundary_loss(
        slow.logits,
        slow.mask,
        ignore_index=IGNORE,
        class_weights=slow.weights if weighted else None,
        radius=radius,
        classes=classes,
    )
    expected = slow_boundary(slow, classes=classes, weighted=weighted, radius=radius)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_one_row_by_hand() -> None:
    # 0 0 0 1 answered as 1 1 0 1. Class 0 is missed at 3 and 2 px from class 1: 2 + 1; class 1 is
    # spurious there: 3 + 2. Over four pixels and two classes: 8 / 8
    answers = torch.tensor([1, 1, 0, 1])
    logits = 100 * torch.nn.functional.one_hot(answers, 2).float().T.reshape(1, 2, 1, 4)
    loss = boundary_loss(logits, torch.tensor([[[0, 0, 0, 1]]]), ignore_index=IGNORE)
    assert loss.item() == pytest.approx(1)


def test_an_absent_class_costs_the_radius_unless_told_otherwise() -> None:
    # S4-B07: class 1 is absent and has half the probability; the only pixel has no boundary, so
    # class 0 is 7 - 1 px inside: (6 / 2 + 7 / 2) / 2
    logits, mask = torch.zeros(1, 2, 1, 1), torch.zeros(1, 1, 1, dtype=torch.uint8)
    loss = boundary_loss(logits, mask, ignore_index=IGNORE, radius=7)
    assert loss.item() == pytest.approx(13 / 4)
    present = boundary_loss(logits, mask, ignore_index=IGNORE, radius=7, classes="present")
    assert present.item() == pytest.approx(3)


def test_the_same_mistake_costs_more_farther_from_the_boundary() -> None:
    mask = torch.zeros(1, 1, 10, dtype=torch.uint8)
    mask[..., 0] = 1
    costs = []
    for column in (1, 5, 9):
        logits = torch.stack([60.0 * (mask == 0), 60.0 * (mask == 1)], 1)
        logits[0, :, 0, column] = torch.tensor([0.0, 60.0])
        costs.append(boundary_loss(logits, mask, ignore_index=IGNORE).item())
    # class 1 is 1, 5, 9 px away, class 0 is missed 0, 4, 8 px inside: over 10 pixels, two classes
    assert costs == pytest.approx([1 / 20, 9 / 20, 17 / 20])


@pytest.mark.parametrize("radius", [0, 128, -3])
def test_a_radius_that_16_bits_cannot_hold_is_refused(radius: int) -> None:
    with pytest.raises(UsageError, match=f"radius: is {radius}; expected 1 to 127 px"):
        boundary_loss(
            torch.zeros(1, 2, 1, 1),
            torch.zeros(1, 1, 1, dtype=torch.uint8),
            ignore_index=IGNORE,
            radius=radius,
        )
