"""What every loss of the table promises, whatever it computes."""

import inspect
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tessella.losses import LOSSES, chunks

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


def blocks(num_classes: int = NUM_CLASSES) -> Tensor:
    """Two masks of 6x8 with a column of blocks for each class."""
    return (torch.arange(8) * num_classes // 8).expand(2, 6, 8).to(torch.uint8)


def certain(answers: Tensor, *, num_classes: int = NUM_CLASSES) -> Tensor:
    """Logits that answer these classes."""
    one_hot = torch.nn.functional.one_hot(answers.long(), num_classes)
    return 12 * one_hot.permute(0, 3, 1, 2).float()


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
    assert not moved[mask == IGNORE].any()
    if loss is LOSSES["ohem"]:  # which is for leaving easy pixels out
        assert moved.any()
    else:
        assert moved[mask != IGNORE].all()


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
@pytest.mark.parametrize("weights", [None, [0.5, 2.0, 1.0, 3.0]], ids=["unweighted", "weighted"])
def test_the_gradient_is_that_of_finite_differences(
    loss: LossFunction, weights: list[float] | None
) -> None:
    logits, mask = example()  # with ignored pixels and an absent class
    logits = logits[:, :, :3, :4].double().requires_grad_()
    class_weights = None if weights is None else torch.tensor(weights, dtype=torch.float64)

    def of(logits: Tensor) -> Tensor:
        return loss(logits, mask[:, :3, :4], ignore_index=IGNORE, class_weights=class_weights)

    assert of(logits).dtype == torch.float64
    assert torch.autograd.gradcheck(of, (logits,))


@every_loss
@pytest.mark.parametrize("limit", [1, 100, 1 << 20], ids=["rows", "parts", "whole"])
def test_the_size_of_chunks_changes_nothing_but_the_last_digits(
    loss: LossFunction, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    logits, mask = example()
    value, gradient = loss(logits, mask, ignore_index=IGNORE), gradient_of(loss, logits, mask)
    monkeypatch.setitem(chunks.CHUNK_LOGITS, "cpu", limit)
    again = loss(logits, mask, ignore_index=IGNORE)
    torch.testing.assert_close(again, value, rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient_of(loss, logits, mask), gradient, rtol=1e-5, atol=1e-8)


@every_loss
def test_the_order_of_images_changes_nothing(loss: LossFunction) -> None:
    logits, mask = example()
    value, gradient = loss(logits, mask, ignore_index=IGNORE), gradient_of(loss, logits, mask)
    flipped = logits.flip(0), mask.flip(0)
    torch.testing.assert_close(loss(*flipped, ignore_index=IGNORE), value, rtol=1e-6, atol=0)
    torch.testing.assert_close(gradient_of(loss, *flipped).flip(0), gradient, rtol=1e-5, atol=1e-8)


@every_loss
def test_the_order_of_classes_changes_nothing(loss: LossFunction) -> None:
    logits, mask = example()
    order = torch.tensor([2, 0, 3, 1])  # new class k is old class order[k]
    renamed = torch.where(mask == IGNORE, mask, order.argsort()[mask.long() % 4].to(torch.uint8))
    value, gradient = loss(logits, mask, ignore_index=IGNORE), gradient_of(loss, logits, mask)
    again = loss(logits[:, order], renamed, ignore_index=IGNORE)
    torch.testing.assert_close(again, value, rtol=1e-6, atol=0)
    torch.testing.assert_close(
        gradient_of(loss, logits[:, order], renamed), gradient[:, order], rtol=1e-5, atol=1e-8
    )


@every_loss
def test_a_perfect_prediction_costs_0(loss: LossFunction) -> None:
    mask = blocks()
    perfect = loss(10 * certain(mask), mask, ignore_index=IGNORE)
    torch.testing.assert_close(perfect, torch.tensor(0.0), atol=1e-6, rtol=0)


@every_loss
def test_a_binary_task_is_two_classes(loss: LossFunction) -> None:
    mask = blocks(2)
    good = loss(certain(mask, num_classes=2), mask, ignore_index=IGNORE)
    bad = loss(certain(1 - mask, num_classes=2), mask, ignore_index=IGNORE)
    assert 0 <= good < 0.01 * bad


@every_loss
def test_one_class_is_refused(loss: LossFunction) -> None:
    logits, mask = torch.zeros(1, 1, 2, 2), torch.zeros(1, 2, 2, dtype=torch.uint8)
    with pytest.raises(ValueError, match="logits have 1 class; expected 2 or more"):
        loss(logits, mask, ignore_index=IGNORE)


@every_loss
def test_an_absent_class_is_pushed_down_at_labelled_pixels(loss: LossFunction) -> None:
    # S4-B07: descending must take from class 4, which no pixel has, once answers tend to be right
    mask = blocks()
    logits = 0.1 * certain(mask, num_classes=NUM_CLASSES + 1)
    gradient = gradient_of(loss, logits, mask)
    assert (gradient[:, NUM_CLASSES] > 0).all()


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
def test_class_weights_decide_whose_mistakes_cost(loss: LossFunction) -> None:
    # classes 0 and 1 are right, 2 and 3 taken for each other
    mask = blocks()
    logits = certain(torch.tensor([0, 1, 3, 2])[mask.long()])
    costs = [
        loss(logits, mask, ignore_index=IGNORE, class_weights=torch.tensor(weights))
        for weights in ([1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0])
    ]
    assert costs[0] < 0.01 * costs[1]
    # equal for OHEM, to which the right pixels do not belong
    assert costs[1] <= costs[2]


@every_loss
def test_class_weights_of_another_number_are_refused(loss: LossFunction) -> None:
    logits, mask = example()
    with pytest.raises(ValueError, match=r"class_weights are \(3,\); expected \(4,\)"):
        loss(logits, mask, ignore_index=IGNORE, class_weights=torch.ones(3))


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
@pytest.mark.parametrize("layout", ["channels last", "every other row", "transposed"])
def test_the_layout_of_logits_changes_neither_value_nor_gradient(
    loss: LossFunction, layout: str
) -> None:
    logits, mask = example()
    value, gradient = loss(logits, mask, ignore_index=IGNORE), gradient_of(loss, logits, mask)
    laid_out = {
        "channels last": logits.to(memory_format=torch.channels_last),
        "every other row": logits.repeat_interleave(2, 2)[:, :, ::2],
        "transposed": logits.mT.contiguous().mT,
    }[layout]
    leaf = laid_out.detach().requires_grad_()
    assert leaf.stride() != logits.stride()
    again = loss(leaf, mask, ignore_index=IGNORE)
    again.backward()
    torch.testing.assert_close(again.detach(), value, rtol=1e-6, atol=0)
    torch.testing.assert_close(leaf.grad, gradient, rtol=1e-5, atol=1e-8)


@every_loss
def test_a_mask_that_is_a_view_gives_the_same(loss: LossFunction) -> None:
    logits, mask = example()
    view = mask.mT.contiguous().mT
    assert torch.equal(
        loss(logits, view, ignore_index=IGNORE), loss(logits, mask, ignore_index=IGNORE)
    )


@every_loss
def test_validation_without_gradients_gives_the_same(loss: LossFunction) -> None:
    logits, mask = example()
    leaf = logits.clone().requires_grad_()
    with torch.inference_mode():
        value = loss(logits, mask, ignore_index=IGNORE)
    assert torch.equal(value, loss(leaf, mask, ignore_index=IGNORE))


@every_loss
def test_autocast_changes_nothing(loss: LossFunction) -> None:
    logits, mask = example()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(logits, mask, ignore_index=IGNORE)
    assert torch.equal(value, loss(logits, mask, ignore_index=IGNORE))


@every_loss
def test_no_step_waits_for_the_device(loss: LossFunction) -> None:
    # meta tensors have shapes and no values: whatever reads one back raises
    logits = torch.zeros(2, NUM_CLASSES, 6, 7, device="meta", requires_grad=True)
    mask = torch.zeros(2, 6, 7, device="meta", dtype=torch.uint8)
    weights = torch.ones(NUM_CLASSES, device="meta")
    loss(logits, mask, ignore_index=IGNORE, class_weights=weights).backward()
    assert logits.grad is not None
    assert logits.grad.shape == logits.shape


@every_loss
def test_an_empty_batch_gives_0(loss: LossFunction) -> None:
    logits = torch.zeros(0, NUM_CLASSES, 6, 7)
    mask = torch.zeros(0, 6, 7, dtype=torch.uint8)
    assert loss(logits, mask, ignore_index=IGNORE).item() == 0


@every_loss
def test_a_mask_value_that_is_no_class_is_refused(loss: LossFunction) -> None:
    logits, mask = example()
    mask[0, 0, 0] = 17
    with pytest.raises(ValueError, match=r"the mask holds 17, but classes are 0\.\.3 and 255"):
        loss(logits, mask, ignore_index=IGNORE)


@every_loss
def test_its_options_are_named_and_its_first_line_says_what_it_gives(loss: LossFunction) -> None:
    parameters = inspect.signature(loss).parameters
    assert list(parameters)[:4] == ["logits", "mask", "ignore_index", "class_weights"]
    assert all(p.kind is p.KEYWORD_ONLY for p in list(parameters.values())[2:])
    assert all(p.default is not p.empty for p in list(parameters.values())[3:])
    summary = (inspect.getdoc(loss) or "").splitlines()
    assert summary[0].endswith(".")
    assert "Raises:" in summary


@every_loss
def test_a_mask_of_another_size_is_refused(loss: LossFunction) -> None:
    logits, mask = example()
    with pytest.raises(ValueError, match="logits are"):
        loss(logits, mask[:, :-1], ignore_index=IGNORE)
