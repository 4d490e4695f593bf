"""Cross-entropy against a slow float64 version that visits one pixel at a time."""

import math

import numpy as np
import pytest
import torch

from tessella.errors import UsageError
from tessella.losses.cross_entropy import cross_entropy_loss

IGNORE = 255


def slow_cross_entropy(
    logits: np.ndarray,
    mask: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    smoothing: float = 0.0,
    ignore_index: int = IGNORE,
) -> float:
    """Pixel by pixel in float64: sum of -q log p, each class weighted, over the labels' weight."""
    num_classes = logits.shape[1]
    weights = np.ones(num_classes) if weights is None else weights
    total = weight = 0.0
    for n, row, column in np.ndindex(mask.shape):
        label = int(mask[n, row, column])
        if label == ignore_index:
            continue
        scores = logits[n, :, row, column].astype(np.float64)
        log_p = scores - scores.max() - np.log(np.exp(scores - scores.max()).sum())
        q = np.full(num_classes, smoothing / num_classes)
        q[label] += 1 - smoothing
        total += float((-q * weights * log_p).sum())
        weight += weights[label]
    return total / weight if weight else 0.0


def example(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and a mask of five classes; class 3 is absent, a quarter is ignored."""
    generator = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(2, 5, 4, 6, generator=generator)
    mask = torch.randint(0, 5, (2, 4, 6), generator=generator, dtype=torch.uint8)
    mask[mask == 3] = 1
    mask[torch.rand(2, 4, 6, generator=generator) < 0.25] = IGNORE
    return logits, mask


WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 7.0, 0.0])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
@pytest.mark.usefixtures("chunk_logits")
def test_it_agrees_with_the_slow_version(
    weights: torch.Tensor | None, smoothing: float, dtype: torch.dtype
) -> None:
    logits, mask = example()
    logits = logits.to(dtype)  # rounded before both, so half precision costs nothing more
    loss = cross_entropy_loss(
        logits, mask, ignore_index=IGNORE, class_weights=weights, label_smoothing=smoothing
    )
    expected = slow_cross_entropy(
        logits.double().numpy(),
        mask.numpy(),
        weights=None if weights is None else weights.double().numpy(),
        smoothing=smoothing,
    )
    is_double = dtype == torch.float64
    assert loss.dtype == (torch.float64 if is_double else torch.float32)
    # float32: sum over 48 pixels
    assert loss.item() == pytest.approx(expected, rel=1e-13 if is_double else 2e-6)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
def test_its_gradient_agrees_with_finite_differences_of_the_slow_version(
    weights: torch.Tensor | None,
) -> None:
    logits, mask = example(1)
    logits, mask = logits[:1, :, :2, :3].contiguous(), mask[:1, :2, :3]
    logits.requires_grad_()
    cross_entropy_loss(
        logits, mask, ignore_index=IGNORE, class_weights=weights, label_smoothing=0.1
    ).backward()
    start = logits.detach().double().numpy()
    slope = np.zeros_like(start)
    for place in np.ndindex(start.shape):
        values = []
        for nudge in (1e-5, -1e-5):
            moved = start.copy()
            moved[place] += nudge
            doubles = None if weights is None else weights.double().numpy()
            values.append(slow_cross_entropy(moved, mask.numpy(), weights=doubles, smoothing=0.1))
        slope[place] = (values[0] - values[1]) / 2e-5
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad.numpy(), slope, atol=2e-7)  # float32 softmax


def test_equal_logits_cost_the_logarithm_of_the_number_of_classes() -> None:
    loss = cross_entropy_loss(
        torch.zeros(1, 8, 2, 2), torch.zeros(1, 2, 2, dtype=torch.uint8), ignore_index=IGNORE
    )
    assert loss.item() == pytest.approx(math.log(8))


def test_the_mean_runs_over_labelled_pixels_of_all_images_together() -> None:
    # image 0 has one labelled pixel that costs log 2, image 1 three that cost about 0:
    # the mean over pixels is log 2 / 4; a mean of the images' means would be log 2 / 2
    logits = torch.zeros(2, 2, 1, 3)
    logits[1, 0] = 50
    mask = torch.tensor([[[0, IGNORE, IGNORE]], [[0, 0, 0]]])
    loss = cross_entropy_loss(logits, mask, ignore_index=IGNORE)
    assert loss.item() == pytest.approx(math.log(2) / 4)


def test_a_weighted_loss_is_divided_by_the_weights_of_the_labels() -> None:
    # log 2 at each pixel: whatever the weights, the weighted mean is log 2
    mask = torch.tensor([[[0, 1, 1, IGNORE]]])
    loss = cross_entropy_loss(
        torch.zeros(1, 2, 1, 4), mask, ignore_index=IGNORE, class_weights=torch.tensor([9.0, 0.1])
    )
    assert loss.item() == pytest.approx(math.log(2))


def test_weights_below_one_are_divided_by_their_own_sum() -> None:
    mask = torch.tensor([[[0]]])
    weights = torch.tensor([1e-6, 1.0])
    loss = cross_entropy_loss(
        torch.zeros(1, 2, 1, 1), mask, ignore_index=IGNORE, class_weights=weights
    )
    assert loss.item() == pytest.approx(math.log(2))


@pytest.mark.parametrize("ignore_index", [0, 4, 255, -100])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["unweighted", "weighted"])
def test_any_ignore_index_counts_nowhere(weights: torch.Tensor | None, ignore_index: int) -> None:
    logits, mask = example(2)
    classes = mask.long()
    classes[mask == IGNORE] = ignore_index
    loss = cross_entropy_loss(logits, classes, ignore_index=ignore_index, class_weights=weights)
    expected = slow_cross_entropy(
        logits.double().numpy(),
        classes.numpy(),
        weights=None if weights is None else weights.double().numpy(),
        ignore_index=ignore_index,
    )
    assert loss.item() == pytest.approx(expected, rel=2e-6)


def test_only_classes_of_weight_0_give_0() -> None:
    logits = torch.randn(1, 2, 2, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    mask = torch.zeros(1, 2, 2, dtype=torch.long)
    loss = cross_entropy_loss(
        logits, mask, ignore_index=IGNORE, class_weights=torch.tensor([0.0, 1.0])
    )
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_large_logits_neither_overflow_nor_lose_the_answer() -> None:
    logits = torch.tensor([6e4, -6e4], dtype=torch.float16).reshape(1, 2, 1, 1)
    loss = cross_entropy_loss(logits, torch.ones(1, 1, 1, dtype=torch.long), ignore_index=IGNORE)
    assert loss.item() == pytest.approx(120_000)  # exact in float16, no exp(6e4)


@pytest.mark.parametrize("shape", [(1, 4, 6), (2, 4, 5), (2, 3, 6), (2, 24)])
def test_a_mask_of_another_size_is_refused_with_both_shapes(shape: tuple[int, ...]) -> None:
    mask = torch.zeros(shape, dtype=torch.long)
    with pytest.raises(ValueError, match=r"logits are \(2, 5, 4, 6\) but the mask is \(") as caught:
        cross_entropy_loss(example()[0], mask, ignore_index=IGNORE)
    assert str(shape) in str(caught.value)
    assert "expected (n, c, h, w) and (n, h, w)" in str(caught.value)


@pytest.mark.parametrize("smoothing", [-0.1, 1.1, math.nan])
def test_a_share_of_smoothing_outside_of_0_to_1_is_refused(smoothing: float) -> None:
    with pytest.raises(UsageError, match=f"label_smoothing: is {smoothing}; expected 0 to 1"):
        cross_entropy_loss(
            torch.zeros(1, 2, 1, 1),
            torch.zeros(1, 1, 1, dtype=torch.uint8),
            ignore_index=IGNORE,
            label_smoothing=smoothing,
        )


@pytest.mark.parametrize("ignore_index", [255, -100])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_value_and_gradient_are_those_of_torch(smoothing: float, ignore_index: int) -> None:
    logits, mask = example(4)
    classes = torch.where(mask == IGNORE, ignore_index, mask.long())
    ours, theirs = (logits.double().requires_grad_() for _ in range(2))
    cross_entropy_loss(
        ours, classes, ignore_index=ignore_index, label_smoothing=smoothing
    ).backward()
    torch.nn.functional.cross_entropy(
        theirs, classes, ignore_index=ignore_index, label_smoothing=smoothing
    ).backward()
    assert ours.grad is not None
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-12, atol=1e-16)


def test_a_small_cost_keeps_its_digits_beside_large_logits() -> None:
    # log(1 + e^-10) = 4.54e-5; in float32, 1000 + 4.5e-5 would be 1000
    logits = torch.tensor([1000.0, 990.0]).view(1, 2, 1, 1)
    loss = cross_entropy_loss(logits, torch.zeros(1, 1, 1, dtype=torch.uint8), ignore_index=IGNORE)
    assert loss.item() == pytest.approx(math.log1p(math.exp(-10)), rel=2e-3)
