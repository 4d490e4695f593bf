"""Lovász-Softmax against the algorithm of its paper, and against IoU itself."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from tessella.losses.lovasz_softmax import lovasz_softmax_loss

IGNORE = 255


def extension(errors: np.ndarray, own: np.ndarray) -> float:
    """Algorithm 1: errors, largest first, weighted with the growth of one minus the IoU."""
    order = np.argsort(-errors, kind="stable")
    errors, own = errors[order], own[order]
    total = previous = 0.0
    for count in range(1, len(own) + 1):
        right = own.sum() - own[:count].sum()
        union = own.sum() + (~own[:count]).sum()
        jaccard = 1 - right / union
        total += errors[count - 1] * (jaccard - previous)
        previous = jaccard
    return total


def slow_lovasz(slow: Any, *, classes: str, weighted: bool, per_image: bool) -> float:
    softmax = slow.logits.softmax(1).movedim(1, -1).numpy()
    weights = slow.weights.numpy() if weighted else np.ones(4)
    groups = [slice(i, i + 1) for i in range(3)] if per_image else [slice(None)]
    values = []
    for group in groups:
        labels = slow.mask[group].numpy().ravel()
        p = softmax[group].reshape(-1, 4)[labels != IGNORE]
        labels = labels[labels != IGNORE]
        chosen = [k for k in range(4) if classes == "all" or (labels == k).any()]
        if len(labels):
            costs = [extension(np.abs((labels == k) - p[:, k]), labels == k) for k in chosen]
            values.append(np.average(costs, weights=weights[chosen]))
    return float(np.mean(values))


@pytest.mark.parametrize(
    ("classes", "weighted", "per_image"),
    list(itertools.product(["present", "all"], [False, True], [False, True])),
)
@pytest.mark.usefixtures("chunk_logits")
def test_it_agrees_with_the_slow_version(
    slow: Any, classes: str, weighted: bool, per_image: bool
) -> None:
    loss = lovasz_softmax_loss(
        slow.logits,
        slow.mask,
        ignore_index=IGNORE,
        class_weights=slow.weights if weighted else None,
        classes=classes,
        per_image=per_image,
    )
    expected = slow_lovasz(slow, classes=classes, weighted=weighted, per_image=per_image)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_for_certain_answers_it_is_one_minus_the_mean_iou() -> None:
    # answers 0 0 1 1 2 for 0 1 1 1 ignored: IoU of 0 is 1/2, of 1 is 2/3
    answers = torch.tensor([0, 0, 1, 1, 2])
    logits = 100 * torch.nn.functional.one_hot(answers, 3).float().T.reshape(1, 3, 1, 5)
    loss = lovasz_softmax_loss(logits, torch.tensor([[[0, 1, 1, 1, IGNORE]]]), ignore_index=IGNORE)
    assert loss.item() == pytest.approx(1 - (1 / 2 + 2 / 3) / 2)


def test_two_pixels_by_hand() -> None:
    # errors of class 0: 0.4 at its own pixel, 0.3 at the other. Own first: 1 - IoU is 1 at once,
    # so 0.4. Class 1: 0.4 at the other's pixel: IoU 1/2, then 0: 0.4 / 2 + 0.3 / 2
    logits = torch.tensor([[0.6, 0.3], [0.4, 0.7]]).log().view(1, 2, 1, 2)
    loss = lovasz_softmax_loss(logits, torch.tensor([[[0, 1]]]), ignore_index=IGNORE)
    assert loss.item() == pytest.approx((0.4 + 0.35) / 2)


def test_all_charges_an_absent_class_its_largest_probability() -> None:
    logits = torch.tensor([[0.9, 0.7], [0.1, 0.3]]).log().view(1, 2, 1, 2)
    mask = torch.zeros(1, 1, 2, dtype=torch.uint8)
    present = lovasz_softmax_loss(logits, mask, ignore_index=IGNORE)
    everything = lovasz_softmax_loss(logits, mask, ignore_index=IGNORE, classes="all")
    # class 0: errors 0.3 and 0.1, each half of the pixels
    assert present.item() == pytest.approx(0.2)
    assert everything.item() == pytest.approx((0.2 + 0.3) / 2)


def test_many_pixels_keep_the_digits_of_the_weights() -> None:
    # every pixel has the error 1/4: the weights of all errors add up to 1, whatever the order
    mask = (torch.arange(1 << 18) % 2).view(1, 512, 512).to(torch.uint8)
    odds = float(np.log(3))
    logits = torch.stack([odds * (mask == 0).float(), odds * (mask == 1).float()], 1)
    loss = lovasz_softmax_loss(logits, mask, ignore_index=IGNORE)
    assert loss.item() == pytest.approx(0.25, rel=1e-5)


def test_backward_may_run_twice(slow: Any) -> None:
    logits = slow.logits.clone().requires_grad_()
    loss = lovasz_softmax_loss(logits, slow.mask, ignore_index=IGNORE)
    first = torch.autograd.grad(loss, logits, retain_graph=True)[0]
    again = torch.autograd.grad(3 * loss, logits)[0]
    torch.testing.assert_close(again, 3 * first, rtol=1e-14, atol=0)
