"""What every loss of the table promises, whatever it computes."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tessella.losses import LOSSES

IGNORE = 255
NUM_CLASSES = 4

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
LossFunction = Callable[..., Tensor]


def example(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two images; class 3 is absent, some pixels are ignored."""
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(2, NUM_CLASSES, 6, 7, generator=generator)
    mask = torch.randint(0, 3, (2, 6, 7), generator=generator, dtype=torch.uint8)
    mask[torch.rand(2, 6, 7, generator=generator) < 0.3] = IGNORE
    return logits, mask


def gradient_of(loss: LossFunction, logits: Tensor, mask: Tensor) -> Tensor:
    logits = logits.clone().requires_grad_()
    loss(logits, mask, ignore_index=IGNORE).backward()
    assert logits.grad is not None
    return logits.grad


@every_loss
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_loss_and_gradient_are_finite_in_every_precision(
    loss: LossFunction, dtype: torch.dtype
) -> None:
    logits, mask = example()
    logits = (10 * logits).to(dtype).requires_grad_()
    value = loss(logits, mask, ignore_index=IGNORE)
    value.backward()
    assert value.shape == ()
    assert value.isfinite()
    assert value > 0
    assert logits.grad is not None
    assert logits.grad.dtype == dtype
    assert logits.grad.isfinite().all()
    assert logits.grad.any()


@every_loss
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_only_costs_the_rounding_of_the_logits(
    loss: LossFunction, dtype: torch.dtype
) -> None:
    logits, mask = example()
    rounded = logits.to(dtype)
    half = loss(rounded, mask, ignore_index=IGNORE)
    full = loss(rounded.float(), mask, ignore_index=IGNORE)
    torch.testing.assert_close(half.float(), full, rtol=1e-6, atol=0)  # float32 sum order


@every_loss
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_the_masks_integer_type_changes_nothing(loss: LossFunction, dtype: torch.dtype) -> None:
    logits, mask = example()
    assert torch.equal(
        loss(logits, mask.to(dtype), ignore_index=IGNORE), loss(logits, mask, ignore_index=IGNORE)
    )


@every_loss
def test_logits_of_ignored_pixels_change_nothing(loss: LossFunction) -> None:
    logits, mask = example()
    moved = torch.where((mask == IGNORE)[:, None], logits.flip(1) * 9 - 5, logits)
    assert not torch.equal(moved, logits)
    assert torch.equal(
        loss(moved, mask, ignore_index=IGNORE), loss(logits, mask, ignore_index=IGNORE)
    )


@every_loss
def test_the_gradient_of_ignored_pixels_is_0_and_of_labelled_ones_is_not(
    loss: LossFunction,
) -> None:
    logits, mask = example()
    moved = gradient_of(loss, logits, mask).abs().sum(1) > 0
    assert torch.equal(moved, mask != IGNORE)


@every_loss
@pytest.mark.parametrize("scale", [1.0, 65536.0], ids=["plain", "scaled for fp16"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_an_all_ignored_batch_gives_0_and_a_gradient_of_0(
    loss: LossFunction, dtype: torch.dtype, scale: float
) -> None:
    logits = example()[0].to(dtype).requires_grad_()
    value = loss(logits, torch.full((2, 6, 7), IGNORE, dtype=torch.uint8), ignore_index=IGNORE)
    (value * scale).backward()
    assert value.item() == 0
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@every_loss
def test_an_all_ignored_image_beside_another_changes_nothing(loss: LossFunction) -> None:
    logits, mask = example()
    alone = loss(logits[:1], mask[:1], ignore_index=IGNORE)
    mask[1] = IGNORE
    torch.testing.assert_close(loss(logits, mask, ignore_index=IGNORE), alone, rtol=1e-6, atol=0)


@every_loss
@pytest.mark.parametrize("present", range(NUM_CLASSES))
def test_masks_of_a_single_class_are_fine(loss: LossFunction, present: int) -> None:
    logits, mask = example()
    single = torch.where(mask == IGNORE, mask, present)
    value = loss(logits, single, ignore_index=IGNORE)
    assert value.isfinite()
    assert gradient_of(loss, logits, single).isfinite().all()


@every_loss
def test_one_labelled_pixel_is_enough(loss: LossFunction) -> None:
    logits, mask = example()
    single = torch.full_like(mask, IGNORE)
    single[1, 2, 3] = 2
    gradient = gradient_of(loss, logits, single)
    assert gradient.isfinite().all()
    assert gradient[1, :, 2, 3].any()


@every_loss
def test_the_gradient_is_the_slope_in_a_random_direction(loss: LossFunction) -> None:
    logits, mask = example()
    direction = torch.randn(logits.shape, generator=torch.Generator().manual_seed(7))
    direction /= direction.norm()
    slope = (gradient_of(loss, logits, mask) * direction).sum()
    step = 1e-2
    above = loss(logits + step * direction, mask, ignore_index=IGNORE)
    below = loss(logits - step * direction, mask, ignore_index=IGNORE)
    # float32 values near 1 differ by 1e-7: over a path of 2e-2 that is 1e-5 of slope
    torch.testing.assert_close((above - below) / (2 * step), slope, atol=3e-5, rtol=1e-2)
    assert slope.abs() > 3e-4  # so that the tolerance means something


@every_loss
def test_a_right_answer_costs_less_than_a_wrong_one(loss: LossFunction) -> None:
    mask = example()[1]
    labels = torch.where(mask == IGNORE, 0, mask).long()
    right = 8 * torch.nn.functional.one_hot(labels, NUM_CLASSES).permute(0, 3, 1, 2).float()
    good = loss(right, mask, ignore_index=IGNORE)
    assert 0 <= good < 0.1 * loss(right.roll(1, dims=1), mask, ignore_index=IGNORE)


@every_loss
def test_a_small_step_against_the_gradient_lowers_the_loss(loss: LossFunction) -> None:
    logits, mask = example()
    gradient = gradient_of(loss, logits, mask)
    lower = loss(logits - 0.1 * gradient / gradient.norm(), mask, ignore_index=IGNORE)
    assert lower < loss(logits, mask, ignore_index=IGNORE)


@every_loss
def test_class_weights_of_1_change_nothing(loss: LossFunction) -> None:
    logits, mask = example()
    weighted = loss(logits, mask, ignore_index=IGNORE, class_weights=torch.ones(NUM_CLASSES))
    plain = loss(logits, mask, ignore_index=IGNORE)
    torch.testing.assert_close(weighted, plain, rtol=1e-6, atol=0)  # float32 sum order


@every_loss
def test_class_weights_favour_the_heavier_class(loss: LossFunction) -> None:
    # every pixel is answered with class 0: that costs more where class 1 weighs more
    mask = example()[1]
    logits = torch.zeros(2, NUM_CLASSES, 6, 7)
    logits[:, 0] = 3
    heavy_0 = loss(
        logits, mask, ignore_index=IGNORE, class_weights=torch.tensor([9.0, 1.0, 1.0, 1.0])
    )
    heavy_1 = loss(
        logits, mask, ignore_index=IGNORE, class_weights=torch.tensor([1.0, 9.0, 1.0, 1.0])
    )
    assert heavy_0 < heavy_1


@every_loss
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_class_weights_of_any_float_type_are_taken(loss: LossFunction, dtype: torch.dtype) -> None:
    logits, mask = example()
    weights = torch.tensor([0.5, 2.0, 1.0, 0.0])  # exact in every type
    value = loss(logits, mask, ignore_index=IGNORE, class_weights=weights.to(dtype))
    expected = loss(logits, mask, ignore_index=IGNORE, class_weights=weights)
    torch.testing.assert_close(value, expected, rtol=1e-6, atol=0)


@every_loss
def test_nothing_that_was_given_is_changed(loss: LossFunction) -> None:
    logits, mask = example()
    weights = torch.tensor([0.5, 2.0, 1.0, 0.0])
    copies = logits.clone(), mask.clone(), weights.clone()
    loss(logits, mask, ignore_index=IGNORE, class_weights=weights)
    assert all(map(torch.equal, (logits, mask, weights), copies))


@every_loss
def test_channels_last_logits_give_the_same(loss: LossFunction) -> None:
    logits, mask = example()
    value = loss(logits.to(memory_format=torch.channels_last), mask, ignore_index=IGNORE)
    torch.testing.assert_close(value, loss(logits, mask, ignore_index=IGNORE), rtol=1e-6, atol=0)


@every_loss
def test_a_mask_of_another_size_is_refused(loss: LossFunction) -> None:
    logits, mask = example()
    with pytest.raises(ValueError, match="logits are"):
        loss(logits, mask[:, :-1], ignore_index=IGNORE)
