"""The cost of single pixels, its gradient, and the memory it does without."""

import math
from typing import Any

import pytest
import torch

from tessella.losses.likelihood import negative_log_likelihood

IGNORE = 255


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.usefixtures("chunk_logits")
def test_it_agrees_with_log_softmax(slow: Any, weighted: bool, smoothing: float) -> None:
    costs = negative_log_likelihood(
        slow.logits,
        slow.mask,
        ignore_index=IGNORE,
        class_weights=slow.weights if weighted else None,
        label_smoothing=smoothing,
    )
    weights = slow.weights if weighted else torch.ones(4, dtype=torch.float64)
    every = -slow.logits.log_softmax(1) * weights.view(-1, 1, 1)
    labelled = slow.mask != IGNORE
    own = every.gather(1, (slow.mask * labelled).long().unsqueeze(1)).squeeze(1)
    expected = ((1 - smoothing) * own + smoothing * every.mean(1)) * labelled
    torch.testing.assert_close(costs, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.usefixtures("chunk_logits")
def test_its_gradient_is_that_of_finite_differences(slow: Any, smoothing: float) -> None:
    logits = slow.logits[1:, :, :2, :3].clone().requires_grad_()
    mask = slow.mask[1:, :2, :3]

    def costs(logits: torch.Tensor) -> torch.Tensor:
        return negative_log_likelihood(
            logits,
            mask,
            ignore_index=IGNORE,
            class_weights=slow.weights,
            label_smoothing=smoothing,
        )

    assert torch.autograd.gradcheck(costs, (logits,))


def test_ignored_pixels_have_no_gradient_even_if_one_is_asked_for() -> None:
    logits = torch.zeros(1, 2, 1, 2, requires_grad=True)
    mask = torch.tensor([[[0, IGNORE]]])
    costs = negative_log_likelihood(logits, mask, ignore_index=IGNORE)
    costs.backward(torch.ones_like(costs))
    assert costs.flatten().tolist() == pytest.approx([math.log(2), 0])
    assert logits.grad is not None
    assert logits.grad[..., 1].tolist() == [[[0.0], [0.0]]]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_the_gradient_has_the_memory_format_of_the_logits(layout: torch.memory_format) -> None:
    logits = torch.zeros(2, 4, 3, 5).contiguous(memory_format=layout).requires_grad_()
    mask = torch.zeros(2, 3, 5, dtype=torch.uint8)
    cost = negative_log_likelihood(logits, mask, ignore_index=IGNORE).sum()
    gradient = torch.autograd.grad(cost, logits)[0]
    assert gradient.is_contiguous(memory_format=layout)


def test_beside_the_logits_it_keeps_two_numbers_a_pixel_and_the_mask() -> None:
    logits = torch.zeros(2, 50, 8, 8, requires_grad=True)
    mask = torch.zeros(2, 8, 8, dtype=torch.uint8)
    kept: list[int] = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() != logits.data_ptr():
            kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        negative_log_likelihood(logits, mask, ignore_index=IGNORE)
    # mask, normalizers and the weights of the classes
    assert sum(kept) == 128 + 2 * 128 + 50
