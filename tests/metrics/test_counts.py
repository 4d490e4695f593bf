"""Counting in NumPy: against a loop over pixels, scikit-learn, and with the faults refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.metrics import confusion_matrix

from tessella.metrics.counts import count_pixels, select_classes
from tessella.metrics.scores import iou_per_class, mean_iou

often = settings(max_examples=60, deadline=None)  # no deadline: the cores are shared

K, IGNORE = 4, 255
mask_values = st.sampled_from([0, 1, 2, 3, IGNORE])


def pairs_of(shape: tuple[int, ...]) -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    return st.tuples(
        arrays(np.uint8, shape, elements=mask_values),
        arrays(np.uint8, shape, elements=st.integers(0, K - 1)),
    )


pairs = array_shapes(min_dims=2, max_dims=2, max_side=9).flatmap(pairs_of)


def count(mask: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return count_pixels(mask, prediction, num_classes=K, ignore_index=IGNORE)


def count_one_by_one(mask: np.ndarray, prediction: np.ndarray) -> list[list[int]]:
    """Each pixel in plain Python; slow, and free of any index arithmetic."""
    counts = [[0] * K for _ in range(K)]
    for true, predicted in zip(mask.ravel().tolist(), prediction.ravel().tolist(), strict=True):
        if true != IGNORE:
            counts[true][predicted] += 1
    return counts


def test_counts_of_a_pair_worked_by_hand() -> None:
    mask = np.array([[0, 0, 1], [2, 255, 1]], np.uint8)
    prediction = np.array([[0, 3, 1], [2, 2, 0]], np.uint8)
    np.testing.assert_array_equal(
        count(mask, prediction), [[1, 0, 0, 1], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    )


@given(pairs)
@often
def test_counts_equal_those_of_a_loop_over_pixels(pair: tuple[np.ndarray, np.ndarray]) -> None:
    np.testing.assert_array_equal(count(*pair), count_one_by_one(*pair))


@given(pairs.filter(lambda pair: (pair[0] != IGNORE).any()))
@often
def test_counts_equal_scikit_learns(pair: tuple[np.ndarray, np.ndarray]) -> None:
    mask, prediction = pair
    labelled = mask != IGNORE
    np.testing.assert_array_equal(
        count(mask, prediction),
        confusion_matrix(mask[labelled], prediction[labelled], labels=range(K)),
    )


@given(pairs, st.integers(0, 9))
@often
def test_counts_of_parts_of_an_image_add_up(pair: tuple[np.ndarray, np.ndarray], cut: int) -> None:
    mask, prediction = pair
    np.testing.assert_array_equal(
        count(mask[:cut], prediction[:cut]) + count(mask[cut:], prediction[cut:]),
        count(mask, prediction),
    )


@given(pairs, st.permutations(range(K)))
@often
def test_permuting_class_ids_permutes_class_scores(
    pair: tuple[np.ndarray, np.ndarray], order: list[int]
) -> None:
    mask, prediction = pair
    renamed = np.full(256, IGNORE, np.uint8)
    renamed[order] = np.arange(K)  # class order[i] is called i
    np.testing.assert_array_equal(
        iou_per_class(count(renamed[mask], renamed[prediction])),
        iou_per_class(count(mask, prediction))[order],
    )


@given(pairs)
@often
def test_what_is_predicted_under_ignored_pixels_changes_nothing(
    pair: tuple[np.ndarray, np.ndarray],
) -> None:
    mask, prediction = pair
    np.testing.assert_array_equal(
        count(mask, np.where(mask == IGNORE, K - 1, prediction).astype(np.uint8)),
        count(mask, prediction),
    )


def test_image_of_several_blocks_is_counted_whole() -> None:
    generator = np.random.default_rng(5)
    mask = generator.integers(0, 3, (1100, 700), dtype=np.uint8)  # 770,000 pixels, 3 blocks
    prediction = generator.integers(0, 3, (1100, 700), dtype=np.uint8)
    expected = [
        [int(((mask == row) & (prediction == column)).sum()) for column in range(3)]
        for row in range(3)
    ]
    np.testing.assert_array_equal(
        count_pixels(mask, prediction, num_classes=3, ignore_index=IGNORE), expected
    )


def test_all_ignored_gives_zero_counts() -> None:
    assert not count(np.full((2, 2), IGNORE, np.uint8), np.zeros((2, 2), np.uint8)).any()


def test_image_without_pixels_gives_zero_counts() -> None:
    assert not count(np.zeros((0, 5), np.uint8), np.zeros((0, 5), np.uint8)).any()


def test_counts_are_int64_of_shape_k_k() -> None:
    counts = count(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8))
    assert (counts.dtype, counts.shape) == (np.int64, (K, K))


def test_views_with_strides_count_like_their_copies() -> None:
    generator = np.random.default_rng(1)
    mask, prediction = generator.integers(0, K, (2, 8, 6), dtype=np.uint8)
    np.testing.assert_array_equal(
        count(mask.T[::2], prediction.T[::2]),
        count(mask.T[::2].copy(), prediction.T[::2].copy()),
    )


def test_most_classes_fit() -> None:
    every = np.arange(254, dtype=np.uint8)
    counts = count_pixels(every, every, num_classes=254, ignore_index=IGNORE)
    np.testing.assert_array_equal(counts, np.eye(254, dtype=np.int64))


def test_ignored_value_may_be_a_class_index() -> None:
    mask, prediction = np.array([0, 1, 1], np.uint8), np.array([0, 0, 1], np.uint8)
    np.testing.assert_array_equal(
        count_pixels(mask, prediction, num_classes=2, ignore_index=0), [[0, 0], [1, 1]]
    )


def test_counting_the_whole_split_ignores_its_batches() -> None:
    """Rule 1 of the audit (S0-B01, S1-B02): one matrix over the split, however it is batched."""
    generator = np.random.default_rng(2)
    masks = generator.choice([0, 1, 2, 3, IGNORE], (6, 5, 7)).astype(np.uint8)
    predictions = generator.integers(0, K, (6, 5, 7), dtype=np.uint8)
    one_by_one = sum(count(m, p) for m, p in zip(masks, predictions, strict=True))
    in_pairs = sum(count(masks[i : i + 2], predictions[i : i + 2]) for i in (0, 2, 4))
    assert mean_iou(one_by_one) == mean_iou(in_pairs) == mean_iou(count(masks, predictions))


def test_void_is_no_class_of_the_score() -> None:
    """Rule 1 of the audit (S1-B04, S3-B05, S4-B05): void was a class in accuracy and IoU."""
    mask = np.array([0, 0, 255, 255, 255, 255], np.uint8)
    prediction = np.array([0, 1, 0, 1, 2, 3], np.uint8)
    # class 0: 1 of 2; class 1: 0 of 1; nothing else occurs
    assert mean_iou(count(mask, prediction)) == pytest.approx((1 / 2 + 0) / 2)


def test_mask_value_that_is_no_class_is_refused_with_its_share() -> None:
    mask = np.array([[0, 7, 7, 9], [1, 255, 255, 1]], np.uint8)
    with pytest.raises(ValueError, match=r"\[7, 9\] in 50\.00% of the pixels .* 0\.\.3 and 255"):
        count(mask, np.zeros_like(mask))


def test_first_value_above_the_classes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[4\] in 100\.00%"):
        count(np.array([4], np.uint8), np.array([0], np.uint8))


def test_prediction_that_is_no_class_is_refused() -> None:
    with pytest.raises(ValueError, match=r"prediction holds \[4, 200\], but classes are 0\.\.3"):
        count(np.zeros(3, np.uint8), np.array([4, 0, 200], np.uint8))


def test_prediction_that_is_no_class_is_refused_under_ignored_pixels_too() -> None:
    with pytest.raises(ValueError, match=r"prediction holds \[4\]"):
        count(np.array([IGNORE], np.uint8), np.array([4], np.uint8))


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"mask has shape \(2, 3\) but the prediction \(3, 2\)"):
        count(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8))


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.bool_])
def test_another_type_is_refused(dtype: type) -> None:
    with pytest.raises(ValueError, match="give class indices as uint8"):
        count(np.zeros((2, 2), dtype), np.zeros((2, 2), np.uint8))


@pytest.mark.parametrize("num_classes", [0, 255, -1])
def test_number_of_classes_that_uint8_cannot_hold_is_refused(num_classes: int) -> None:
    empty = np.zeros(0, np.uint8)
    with pytest.raises(ValueError, match=rf"num_classes is {num_classes}; .* 1\.\.254 classes"):
        count_pixels(empty, empty, num_classes=num_classes, ignore_index=IGNORE)


@pytest.mark.parametrize("ignore_index", [-100, 256])
def test_ignore_index_that_uint8_cannot_hold_is_refused(ignore_index: int) -> None:
    empty = np.zeros(0, np.uint8)
    with pytest.raises(ValueError, match=f"ignore_index is {ignore_index}; .* 0..255"):
        count_pixels(empty, empty, num_classes=K, ignore_index=ignore_index)


def test_selecting_classes_leaves_its_table_alone() -> None:
    table = np.ones((256, K + 1), np.int64)
    table[K:IGNORE] = 0
    select_classes(table, num_classes=K, ignore_index=IGNORE)
    assert table[IGNORE].tolist() == [1] * (K + 1)
