"""Counting on the device: against NumPy's counts and torchmetrics, both ways of tallying."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix

from tessella.metrics.counter import PixelCounter, count_by_bincount, count_by_scatter, pair_index
from tessella.metrics.counts import count_pixels
from tessella.metrics.scores import mean_iou, mean_iou_per_image

often = settings(max_examples=60, deadline=None)  # no deadline: the cores are shared

K, IGNORE = 5, 255


def drawn_batch(num_images: int, *, num_classes: int = K, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Class maps and masks with about a fifth ignored; the last class is in no mask."""
    generator = np.random.default_rng(seed)
    shape = (num_images, 13, 17)
    masks = generator.integers(0, max(1, num_classes - 1), shape).astype(np.uint8)
    masks[generator.random(shape) < 0.2] = IGNORE
    class_maps = generator.integers(0, num_classes, shape).astype(np.uint8)
    return torch.from_numpy(class_maps), torch.from_numpy(masks)


def counts_of_each(class_maps: Tensor, masks: Tensor, num_classes: int = K) -> np.ndarray:
    """(n, k, k) by NumPy's counting, which is tested against a loop over pixels."""
    return np.stack(
        [
            count_pixels(mask, class_map, num_classes=num_classes, ignore_index=IGNORE)
            for class_map, mask in zip(class_maps.numpy(), masks.numpy(), strict=True)
        ]
    )


# 127 classes are the last whose cells 16-bit indices reach, 128 the first that need 32
@pytest.mark.parametrize("num_classes", [1, 2, 5, 127, 128, 254])
def test_counter_counts_like_numpy(num_classes: int) -> None:
    class_maps, masks = drawn_batch(3, num_classes=num_classes)
    counter = PixelCounter(num_classes, IGNORE, "cpu")
    counter.add(class_maps, masks)
    expected = counts_of_each(class_maps, masks, num_classes).sum(0)
    np.testing.assert_array_equal(counter.read(), expected)


def test_counter_counts_like_torchmetrics() -> None:
    class_maps, masks = drawn_batch(3)
    counter = PixelCounter(K, IGNORE, "cpu")
    counter.add(class_maps, masks)
    oracle = MulticlassConfusionMatrix(K, ignore_index=IGNORE)
    np.testing.assert_array_equal(counter.read(), oracle(class_maps, masks).numpy())


@given(
    arrays(np.uint8, (4, 3, 5), elements=st.sampled_from([0, 1, 2, IGNORE])),
    arrays(np.uint8, (4, 3, 5), elements=st.integers(0, 2)),
    st.permutations(range(4)),
    st.integers(0, 4),
)
@often
def test_order_of_images_and_their_batches_do_not_matter(
    masks: np.ndarray, class_maps: np.ndarray, order: list[int], cut: int
) -> None:
    """S1-B02: the score must not depend on how a split is cut into batches."""
    at_once, in_two = PixelCounter(3, IGNORE, "cpu"), PixelCounter(3, IGNORE, "cpu")
    at_once.add(torch.from_numpy(class_maps), torch.from_numpy(masks))
    for part in (order[:cut], order[cut:]):
        in_two.add(torch.from_numpy(class_maps[part]), torch.from_numpy(masks[part]))
    np.testing.assert_array_equal(at_once.read(), in_two.read())


@pytest.mark.parametrize("num_classes", [5, 127, 128, 254])
def test_both_ways_of_tallying_agree(num_classes: int) -> None:
    class_maps, masks = drawn_batch(1, num_classes=num_classes)
    index = pair_index(class_maps[0], masks[0], num_classes=num_classes)
    cells = 256 * (num_classes + 1)
    by_bincount = count_by_bincount(index, num_cells=cells)
    by_scatter = count_by_scatter(index, num_cells=cells)
    assert by_bincount.sum() == 13 * 17
    assert torch.equal(by_bincount, by_scatter)


@pytest.mark.parametrize("tally", [count_by_bincount, count_by_scatter])
def test_tally_counts_every_cell_as_a_loop_does(tally: Callable[..., Tensor]) -> None:
    index = torch.tensor([3, 0, 3, 3, 5], dtype=torch.int16)
    # cell 0 once, cell 3 three times, cell 5 once, and cell 6 is there though never met
    assert tally(index, num_cells=7).tolist() == [1, 0, 0, 3, 0, 1, 0]


@pytest.mark.parametrize("num_classes", [1, 127, 128, 254])
def test_index_reaches_the_last_cell_without_overflow(num_classes: int) -> None:
    last = torch.full((1, 1), 255, dtype=torch.uint8)
    index = pair_index(last, last, num_classes=num_classes)
    assert index.tolist() == [256 * (num_classes + 1) - 1]


def test_add_returns_the_mean_iou_of_each_image() -> None:
    class_maps, masks = drawn_batch(4)
    masks[2] = IGNORE
    per_image = PixelCounter(K, IGNORE, "cpu").add(class_maps, masks)
    assert per_image.dtype == torch.float32
    expected = mean_iou_per_image(counts_of_each(class_maps, masks))
    np.testing.assert_allclose(per_image.numpy(), expected, rtol=1e-6)  # float32
    assert math.isnan(per_image[2])


def test_image_that_lacks_classes_does_not_poison_the_split() -> None:
    """S1-B03: NaN of one batch made the whole epoch's IoU NaN."""
    counter = PixelCounter(3, IGNORE, "cpu")
    nothing_labelled = torch.full((1, 2, 2), IGNORE, dtype=torch.uint8)
    right = torch.tensor([[[0, 0], [1, 1]]], dtype=torch.uint8)
    assert counter.add(right, nothing_labelled).isnan().all()
    counter.add(right, right)
    assert mean_iou(counter.read()) == 1


def test_counters_of_two_ranks_join_by_summing_their_counts() -> None:
    class_maps, masks = drawn_batch(4)
    first, second, alone = (PixelCounter(K, IGNORE, "cpu") for _ in range(3))
    first.add(class_maps[:1], masks[:1])
    second.add(class_maps[1:], masks[1:])
    alone.add(class_maps, masks)
    first.counts += second.counts
    np.testing.assert_array_equal(first.read(), alone.read())


def test_counting_more_than_float32_can_hold_stays_exact() -> None:
    """S3-B22: float32 counters lose pixels above 2^24."""
    counter = PixelCounter(1, IGNORE, "cpu")
    counter.counts[0, 0] = 2**24
    counter.add(*torch.zeros((2, 1, 1, 1), dtype=torch.uint8))
    assert counter.read().tolist() == [[2**24 + 1]]


def test_reading_does_not_reset() -> None:
    class_maps, masks = drawn_batch(1)
    counter = PixelCounter(K, IGNORE, "cpu")
    counter.add(class_maps, masks)
    first = counter.read()
    np.testing.assert_array_equal(first, counter.read())


def test_ignored_value_may_be_a_class_index() -> None:
    counter = PixelCounter(2, 0, "cpu")
    masks = torch.tensor([[[0, 1, 1]]], dtype=torch.uint8)
    per_image = counter.add(torch.tensor([[[0, 0, 1]]], dtype=torch.uint8), masks)
    assert counter.read().tolist() == [[0, 0], [1, 1]]
    # class 1 has 1 of 2 pixels; class 0 is only predicted, 0 of 1
    assert per_image.tolist() == [pytest.approx((0 + 1 / 2) / 2)]


def test_batch_without_images_counts_nothing() -> None:
    counter = PixelCounter(K, IGNORE, "cpu")
    empty = torch.zeros((0, 4, 4), dtype=torch.uint8)
    assert counter.add(empty, empty).shape == (0,)
    assert not counter.read().any()


def test_views_with_strides_count_like_their_copies() -> None:
    class_maps, masks = (images.transpose(1, 2)[:, ::2] for images in drawn_batch(2))
    masks = masks.contiguous()  # so that the two differ in their strides
    counter = PixelCounter(K, IGNORE, "cpu")
    counter.add(class_maps, masks)
    np.testing.assert_array_equal(counter.read(), counts_of_each(class_maps, masks).sum(0))


def test_counting_inside_inference_mode_can_be_read_outside() -> None:
    class_maps, masks = drawn_batch(1)
    counter = PixelCounter(K, IGNORE, "cpu")
    with torch.inference_mode():
        counter.add(class_maps, masks)
    counter.add(class_maps, masks)
    np.testing.assert_array_equal(counter.read(), 2 * counts_of_each(class_maps, masks).sum(0))


def test_mask_value_that_is_no_class_is_refused_when_read() -> None:
    counter = PixelCounter(K, IGNORE, "cpu")
    masks = torch.tensor([[[0, 6, 6, 255]]], dtype=torch.uint8)
    counter.add(torch.zeros_like(masks), masks)
    with pytest.raises(ValueError, match=r"masks hold \[6\] in 66\.67% .* 0\.\.4 and 255 is"):
        counter.read()


@pytest.mark.parametrize("under", [0, IGNORE])
def test_prediction_that_is_no_class_is_refused_when_read(under: int) -> None:
    counter = PixelCounter(K, IGNORE, "cpu")
    masks = torch.full((1, 1, 3), under, dtype=torch.uint8)
    counter.add(torch.tensor([[[0, 5, 200]]], dtype=torch.uint8), masks)
    with pytest.raises(ValueError, match=r"2 pixels were predicted as 5 or above, .* 0\.\.4"):
        counter.read()


@pytest.mark.parametrize(
    ("class_maps", "masks"), [((1, 2, 3), (1, 3, 2)), ((2, 3), (2, 3)), ((2, 4, 4), (1, 4, 4))]
)
def test_other_shapes_are_refused(class_maps: tuple[int, ...], masks: tuple[int, ...]) -> None:
    counter = PixelCounter(K, IGNORE, "cpu")
    with pytest.raises(ValueError, match="give both as n h w, at the masks' size"):
        counter.add(
            torch.zeros(class_maps, dtype=torch.uint8), torch.zeros(masks, dtype=torch.uint8)
        )


def test_another_type_is_refused() -> None:
    masks = torch.zeros((1, 2, 2), dtype=torch.int64)
    with pytest.raises(ValueError, match=r"torch\.uint8 and masks torch\.int64; give class"):
        PixelCounter(K, IGNORE, "cpu").add(masks.to(torch.uint8), masks)


@pytest.mark.parametrize(("num_classes", "ignore_index"), [(0, 255), (255, 255), (3, -100)])
def test_counter_for_classes_that_uint8_cannot_hold_is_refused(
    num_classes: int, ignore_index: int
) -> None:
    with pytest.raises(ValueError, match="masks are uint8"):
        PixelCounter(num_classes, ignore_index, "cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_counting_on_a_gpu_never_waits_for_it_and_agrees_with_numpy() -> None:
    class_maps, masks = drawn_batch(3)
    counter = PixelCounter(K, IGNORE, "cuda")
    on_gpu = class_maps.cuda(), masks.cuda()
    torch.cuda.set_sync_debug_mode("error")
    try:
        per_image = counter.add(*on_gpu)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    each = counts_of_each(class_maps, masks)
    np.testing.assert_array_equal(counter.read(), each.sum(0))
    np.testing.assert_allclose(per_image.cpu().numpy(), mean_iou_per_image(each), rtol=1e-6)
