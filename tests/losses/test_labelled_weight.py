"""What means are divided by, and micro-batches joined with."""

import pytest
import torch

from tessella.losses import labelled_weight
from tessella.losses.cross_entropy import cross_entropy_loss
from tessella.losses.labelled_weight import mean_by_weight, pixel_weights

IGNORE = 255
MASK = torch.tensor([[[0, 1, IGNORE], [1, 1, IGNORE]]], dtype=torch.uint8)
WEIGHTS = torch.tensor([0.5, 2.0])


def test_without_weights_it_counts_labelled_pixels() -> None:
    weight = labelled_weight(MASK, ignore_index=IGNORE)
    assert (weight.item(), weight.dtype, weight.shape) == (4, torch.float32, ())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_with_weights_it_sums_those_of_the_pixels_classes(dtype: torch.dtype) -> None:
    weight = labelled_weight(MASK, ignore_index=IGNORE, class_weights=WEIGHTS.to(dtype))
    assert weight.item() == 0.5 + 3 * 2
    assert weight.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
def test_nothing_labelled_weighs_0(weights: torch.Tensor | None) -> None:
    mask = torch.full_like(MASK, IGNORE)
    assert labelled_weight(mask, ignore_index=IGNORE, class_weights=weights).item() == 0


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
def test_micro_batches_join_to_the_loss_of_the_batch(weights: torch.Tensor | None) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 2, 3, 3, generator=generator, dtype=torch.float64)
    mask = torch.randint(0, 2, (4, 3, 3), generator=generator)
    mask[0, :2] = IGNORE
    weights = None if weights is None else weights.double()
    given = {"ignore_index": IGNORE, "class_weights": weights}
    total = weight = torch.zeros((), dtype=torch.float64)
    for part in (slice(0, 1), slice(1, 4)):
        of_part = labelled_weight(mask[part], **given)
        total = total + of_part * cross_entropy_loss(logits[part], mask[part], **given)
        weight = weight + of_part
    whole = cross_entropy_loss(logits, mask, **given)
    assert (total / weight).item() == pytest.approx(whole.item(), rel=1e-14)


def test_an_int64_mask_is_left_as_it_was() -> None:
    mask = MASK.long()
    labelled_weight(mask, ignore_index=IGNORE, class_weights=WEIGHTS)
    assert torch.equal(mask, MASK.long())


def test_each_pixel_weighs_as_its_class() -> None:
    weights = pixel_weights(MASK, ignore_index=IGNORE, class_weights=WEIGHTS, dtype=torch.float32)
    assert weights.tolist() == [[[0.5, 2.0, 0.0], [2.0, 2.0, 0.0]]]


def test_the_mean_of_nothing_is_0_with_a_gradient_of_0() -> None:
    costs = torch.zeros(1, 2, 2, requires_grad=True)
    mean = mean_by_weight(costs * 0, torch.zeros(()))
    mean.backward()
    assert mean.item() == 0
    assert costs.grad is not None
    assert not costs.grad.any()
