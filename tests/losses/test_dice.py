"""Dice against its formula, by hand and one pixel at a time."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch

from tessella.errors import UsageError
from tessella.losses.dice import dice_loss

IGNORE = 255


@pytest.mark.parametrize(
    ("classes", "weighted", "per_image"),
    list(itertools.product(["present", "all"], [False, True], [False, True])),
)
@pytest.mark.usefixtures("chunk_logits")
def test_it_agrees_with_the_slow_version(
    slow: Any, classes: str, weighted: bool, per_image: bool
) -> None:
    loss = dice_loss(
        slow.logits,
        slow.mask,
        ignore_index=IGNORE,
        class_weights=slow.weights if weighted else None,
        classes=classes,
        per_image=per_image,
    )
    expected = slow.mean(
        lambda g: 1 - 2 * g.tp / np.maximum(2 * g.tp + g.fp + g.fn, 1e-300),
        classes=classes,
        weighted=weighted,
        per_image=per_image,
    )
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_two_pixels_by_hand() -> None:
    # class 0: p = 3/4 at its pixel, 1/4 at the other; class 1 the same the other way round:
    # 2 x 3/4 / (2 x 3/4 + 1/4 + 1/4) = 3/4
    logits = torch.tensor([[0.75, 0.25], [0.25, 0.75]]).log().view(1, 2, 1, 2)
    loss = dice_loss(logits, torch.tensor([[[0, 1]]]), ignore_index=IGNORE)
    assert loss.item() == pytest.approx(1 / 4)


def test_sums_run_over_the_batch_unless_per_image() -> None:
    # one pixel an image, both of class 0, with p = 1 and p = 0. Class 0 over the batch:
    # 2 / (2 + 1) = 2/3. Image by image: 1 and 0
    logits = torch.tensor([[40.0, -40.0], [-40.0, 40.0]]).view(2, 2, 1, 1)
    mask = torch.zeros(2, 1, 1, dtype=torch.uint8)
    assert dice_loss(logits, mask, ignore_index=IGNORE).item() == pytest.approx(1 / 3)
    per_image = dice_loss(logits, mask, ignore_index=IGNORE, per_image=True)
    assert per_image.item() == pytest.approx(1 / 2)


def test_all_charges_an_absent_class_its_mean_probability() -> None:
    # S4-B07: class 1 is absent and has half the probability. Class 0: 1 / (1 + 1/2) at one pixel;
    # class 1 costs 1/2: (1/3 + 1/2) / 2
    logits, mask = torch.zeros(1, 2, 1, 1), torch.zeros(1, 1, 1, dtype=torch.uint8)
    loss = dice_loss(logits, mask, ignore_index=IGNORE, classes="all")
    assert loss.item() == pytest.approx(5 / 12)


@pytest.mark.parametrize("classes", ["present", "all"])
def test_false_positives_of_an_absent_class_are_pushed_down(classes: str) -> None:
    # S4-B07: descending must lower the logits of class 2, which no pixel has
    logits = torch.zeros(1, 3, 2, 2, requires_grad=True)
    mask = torch.tensor([[[0, 1], [1, 0]]])
    dice_loss(logits, mask, ignore_index=IGNORE, classes=classes).backward()
    assert logits.grad is not None
    assert (logits.grad[:, 2] > 1e-2).all()


def test_absent_classes_do_not_dilute_the_mean() -> None:
    # S4-B07: two classes of 30 present and both wrong cost 1, not 2/30
    logits = torch.zeros(1, 30, 1, 2)
    logits[0, 5] = 50
    loss = dice_loss(logits, torch.tensor([[[0, 1]]]), ignore_index=IGNORE)
    assert loss.item() == pytest.approx(1)


def test_a_perfect_prediction_costs_exactly_0() -> None:
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]]).view(1, 2, 1, 2)
    assert dice_loss(logits, torch.tensor([[[0, 1]]]), ignore_index=IGNORE).item() == 0


def test_many_pixels_keep_the_digits_of_a_small_cost() -> None:
    # p = 1 - 1e-4 everywhere, two classes half and half: 1 - 2p / (2p + 2(1 - p)) = 1 - p
    odds = math.log((1 - 1e-4) / 1e-4)
    mask = torch.zeros(1, 400, 500, dtype=torch.uint8)
    mask[:, :, 250:] = 1
    logits = torch.stack([odds * (mask == 0).float(), odds * (mask == 1).float()], 1)
    loss = dice_loss(logits, mask, ignore_index=IGNORE)
    assert loss.item() == pytest.approx(1e-4, rel=2e-3)  # 1 - p itself has 3 digits in float32


def test_an_unknown_choice_of_classes_is_refused() -> None:
    with pytest.raises(UsageError, match="classes: no choice is called 'presnt'; did you mean 'pr"):
        dice_loss(
            torch.zeros(1, 2, 1, 1),
            torch.zeros(1, 1, 1, dtype=torch.uint8),
            ignore_index=IGNORE,
            classes="presnt",  # type: ignore[arg-type]
        )


def test_a_switch_that_is_text_is_refused() -> None:
    # YAML reads `per_image: no` as text, which Python takes for true
    with pytest.raises(UsageError, match="per_image: is 'no'; expected true or false"):
        dice_loss(
            torch.zeros(1, 2, 1, 1),
            torch.zeros(1, 1, 1, dtype=torch.uint8),
            ignore_index=IGNORE,
            per_image="no",  # type: ignore[arg-type]
        )
