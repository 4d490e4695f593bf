"""Chunks cover a batch once, and their softmax is softmax."""

import math

import pytest
import torch

from tessella.losses import chunks as module
from tessella.losses.chunks import (
    chunk_labels,
    chunks,
    empty_maps,
    exponentials,
    normalizer,
    probabilities,
    through_softmax,
)

WHOLE = (slice(None), slice(None), slice(None))


@pytest.mark.parametrize("limit", [1, 20, 60, 130, 1 << 18])
@pytest.mark.parametrize("shape", [(3, 4, 5, 6), (1, 2, 7, 1), (5, 2, 1, 1)])
def test_every_logit_is_in_one_chunk(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], limit: int
) -> None:
    monkeypatch.setitem(module.CHUNK_LOGITS, "cpu", limit)
    seen = torch.zeros(shape)
    for region in chunks(seen):
        seen[region] += 1
    assert seen.eq(1).all()


@pytest.mark.parametrize("limit", [24, 60, 130, 1000])
def test_no_chunk_exceeds_the_limit_if_a_row_does_not(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setitem(module.CHUNK_LOGITS, "cpu", limit)
    logits = torch.zeros(3, 4, 5, 6)  # 24 logits a row, 120 an image
    assert max(logits[region].numel() for region in chunks(logits)) <= limit


def test_an_empty_batch_has_no_chunk() -> None:
    assert not list(chunks(torch.zeros(0, 3, 4, 5)))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shift", [0.0, -500.0, 500.0])
def test_probabilities_are_softmax_again(dtype: torch.dtype, shift: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = (3 * torch.randn(2, 5, 3, 4, generator=generator) + shift).to(dtype)
    labels = chunk_labels(torch.zeros(2, 3, 4, dtype=torch.uint8), WHOLE, ignore_index=255)
    parts = exponentials(logits, labels)
    softmax = probabilities(logits, normalizer(parts))
    expected = logits.double().softmax(1)
    # differences of logits up to 20 are rounded before their power is taken
    rtol = 1e-13 if dtype == torch.float64 else 5e-6
    torch.testing.assert_close(softmax.double(), expected, rtol=rtol, atol=0)
    torch.testing.assert_close(
        (parts.exponentials / parts.total).double(), expected, rtol=rtol, atol=0
    )


def test_ignored_pixels_have_probability_0() -> None:
    logits = torch.randn(1, 3, 1, 2, generator=torch.Generator().manual_seed(0))
    labels = chunk_labels(torch.tensor([[[255, 1]]]), WHOLE, ignore_index=255)
    softmax = probabilities(logits, normalizer(exponentials(logits, labels)))
    assert not softmax[..., 0].any()
    assert softmax[..., 1].sum().item() == pytest.approx(1)


@pytest.mark.parametrize("scale", [1.0, 100.0, 1e4])
def test_no_probability_is_above_1(scale: float) -> None:
    # an error below 0 would be the last that Lovász-Softmax sorts, not the least
    logits = scale * torch.randn(1, 3, 40, 50, generator=torch.Generator().manual_seed(0))
    labels = chunk_labels(torch.zeros(1, 40, 50, dtype=torch.uint8), WHOLE, ignore_index=255)
    assert probabilities(logits, normalizer(exponentials(logits, labels))).max() <= 1


def test_through_softmax_is_its_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, slope = torch.randn(2, 2, 4, 3, 3, generator=generator, dtype=torch.float64)
    leaf = logits.clone().requires_grad_()
    softmax = leaf.softmax(1)
    softmax.backward(slope)
    torch.testing.assert_close(through_softmax(softmax.detach(), slope.clone()), leaf.grad)


def test_maps_are_of_the_type_that_losses_compute_in() -> None:
    maps = empty_maps(torch.zeros(2, 3, 4, 5, dtype=torch.float16), 7)
    assert (maps.shape, maps.dtype) == ((2, 7, 4, 5), torch.float32)


def test_two_equal_logits_by_hand() -> None:
    logits = torch.full((1, 2, 1, 1), math.log(8))
    labels = chunk_labels(torch.zeros(1, 1, 1, dtype=torch.uint8), WHOLE, ignore_index=255)
    # the largest is log 8, the total of exp(logit - largest) is 2 = 2^1
    found = normalizer(exponentials(logits, labels)).flatten().tolist()
    assert found == pytest.approx([math.log(8), -1])
