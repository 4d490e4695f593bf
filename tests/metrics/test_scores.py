"""Scores: hand-worked values, scikit-learn and torchmetrics as oracles, and the seeds' faults."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics as sklearn_metrics
from torchmetrics.classification import MulticlassJaccardIndex

from tessella.metrics import scores
from tessella.metrics.counts import count_pixels

often = settings(max_examples=60, deadline=None)  # no deadline: the cores are shared

# Three classes, 10 labelled pixels, worked by hand below:
#            predicted 0  1  2 | in mask
#   mask 0             4  1  0 |  5
#   mask 1             1  2  0 |  3
#   mask 2             2  0  0 |  2
#   predicted          7  3  0 | 10
# Right: 6 of 10. IoU 0 = 4/(5+7-4) = 1/2; IoU 1 = 2/(3+3-2) = 1/2; IoU 2 = 0/2 = 0.
HAND = np.array([[4, 1, 0], [1, 2, 0], [2, 0, 0]], np.int64)
# Class 1 is in neither mask nor prediction; class 3 is predicted but not in the mask.
WITH_ABSENT = np.array([[3, 0, 0, 1], [0, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 0]], np.int64)
NAN = float("nan")


def pixels_of(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One (mask, prediction) value a counted pixel, for oracles that want pixels."""
    classes = np.arange(len(counts))
    mask, prediction = np.meshgrid(classes, classes, indexing="ij")
    return np.repeat(mask.ravel(), counts.ravel()), np.repeat(prediction.ravel(), counts.ravel())


small_counts = st.integers(1, 5).flatmap(
    lambda k: arrays(np.int64, (k, k), elements=st.sampled_from([0, 0, 0, 1, 2, 7]))
)
counted = small_counts.filter(lambda counts: counts.sum() > 0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pixel_accuracy", 6 / 10),
        ("mean_accuracy", (4 / 5 + 2 / 3 + 0) / 3),
        ("mean_iou", (1 / 2 + 1 / 2 + 0) / 3),
        ("frequency_weighted_iou", (5 * 1 / 2 + 3 * 1 / 2 + 2 * 0) / 10),
        ("macro_precision", (4 / 7 + 2 / 3) / 2),  # class 2 is never predicted: left out
        ("macro_recall", (4 / 5 + 2 / 3 + 0) / 3),
        ("macro_f1", (2 * 4 / 12 + 2 * 2 / 6 + 0) / 3),
        # chance agrees in 5*7 + 3*3 + 2*0 of 100 pairs
        ("kappa", (0.6 - 0.44) / (1 - 0.44)),
        ("mcc", (6 * 10 - 44) / math.sqrt((100 - 25 - 9 - 4) * (100 - 49 - 9 - 0))),
    ],
)
def test_score_equals_its_value_worked_by_hand(name: str, expected: float) -> None:
    assert scores.SCORES[name](HAND) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (scores.iou_per_class, [3 / 4, NAN, 1, 0]),
        (scores.precision_per_class, [1, NAN, 1, 0]),
        (scores.recall_per_class, [3 / 4, NAN, 1, NAN]),
        (scores.f1_per_class, [6 / 7, NAN, 1, 0]),
    ],
)
def test_class_in_neither_is_nan_and_predicted_only_scores_zero(
    function: object, expected: list[float]
) -> None:
    assert callable(function)
    np.testing.assert_allclose(function(WITH_ABSENT), expected, rtol=1e-14)


def test_class_never_predicted_has_no_precision_and_recall_zero() -> None:
    assert math.isnan(scores.precision_per_class(HAND)[2])
    assert scores.recall_per_class(HAND)[2] == scores.f1_per_class(HAND)[2] == 0


def test_mean_iou_skips_classes_absent_from_mask_and_prediction() -> None:
    assert scores.mean_iou(WITH_ABSENT) == pytest.approx((3 / 4 + 1 + 0) / 3)


def test_absent_class_is_not_counted_as_one() -> None:
    """S3-B06: an absent class had F1 = 1.0, which lifted the macro average of small areas."""
    # two classes at F1 2*1/3 and 0 out of 2*0/1; 97 absent ones would have made it 0.99
    counts = np.zeros((99, 99), np.int64)
    counts[0, :2] = 1
    assert scores.macro_f1(counts) == pytest.approx((2 / 3 + 0) / 2)


def test_image_that_lacks_a_class_does_not_poison_the_split() -> None:
    """S1-B03: the NaN of a class missing from one batch was added up and stayed for good."""
    lacks_class_1, has_it = np.array([[4, 0], [0, 0]]), np.array([[2, 0], [1, 1]])
    assert math.isnan(scores.iou_per_class(lacks_class_1)[1])
    np.testing.assert_allclose(scores.iou_per_class(lacks_class_1 + has_it), [6 / 7, 1 / 2])


def test_mean_iou_of_a_split_is_not_the_mean_over_batches() -> None:
    """S1-B02: IoU was computed per batch and averaged, so the batch size changed the score."""
    batches = np.array([[[9, 1], [0, 0]], [[0, 0], [5, 5]]])
    # by batch: (9/10 + 0)/2 = .45 and (0 + 5/10)/2 = .25, mean .35.
    # The split: class 0 has 9 of 9+1+5 = 15, class 1 has 5 of 5+5+1 = 11.
    np.testing.assert_allclose(scores.mean_iou_per_image(batches), [0.45, 0.25])
    assert scores.mean_iou(batches.sum(0)) == pytest.approx((9 / 15 + 5 / 11) / 2)


def test_score_called_mean_iou_is_no_threshold_score() -> None:
    """S2-B04: "mIOU" was a threshold score that is 0 below an IoU of one half."""
    counts = np.array([[4, 6], [0, 0]])
    assert scores.iou_per_class(counts)[0] == pytest.approx(0.4)
    assert scores.mean_iou(counts) == pytest.approx(0.2)


def test_scores_cover_every_class_and_not_the_foreground_only() -> None:
    """S2-B04: the background was left out of "mIOU"; each class counts once here."""
    assert scores.mean_iou(np.array([[8, 2], [0, 0]])) == pytest.approx((8 / 10 + 0) / 2)


@pytest.mark.parametrize("name", scores.SCORES)
def test_empty_counts_give_nan_and_no_warning(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isnan(scores.SCORES[name](np.zeros((3, 3), np.int64)))


@pytest.mark.parametrize("name", sorted(set(scores.SCORES) - {"kappa", "mcc"}))
def test_single_class_that_is_right_scores_one(name: str) -> None:
    assert scores.SCORES[name](np.array([[5, 0], [0, 0]])) == 1


@pytest.mark.parametrize("score", [scores.kappa, scores.mcc])
def test_agreement_beyond_chance_is_undefined_where_chance_is_always_right(score: object) -> None:
    assert callable(score)
    assert math.isnan(score(np.array([[5, 0], [0, 0]])))


@pytest.mark.parametrize("score", [scores.kappa, scores.mcc])
@pytest.mark.parametrize(
    "counts",
    [
        pytest.param([[5, 0], [3, 0]], id="constant prediction"),
        pytest.param([[5, 3], [0, 0]], id="constant mask"),
        pytest.param([[0, 5], [0, 0]], id="both constant and different"),
    ],
)
def test_a_constant_agrees_no_better_than_chance(score: object, counts: list[list[int]]) -> None:
    assert callable(score)
    assert score(np.array(counts)) == 0


@pytest.mark.parametrize("score", [scores.kappa, scores.mcc, scores.mean_iou])
def test_perfect_prediction_of_ten_billion_pixels_scores_exactly_one(score: object) -> None:
    # 3 x 10^10 squared is about 10^21, above int64's 9 x 10^18
    assert callable(score)
    assert score(np.diag(np.array([10**10, 1, 2 * 10**10 + 7]))) == 1


def test_chance_corrected_scores_survive_counts_whose_square_overflows() -> None:
    big = HAND * 10**10
    assert scores.kappa(big) == pytest.approx(scores.kappa(HAND), rel=1e-14)
    assert scores.mcc(big) == pytest.approx(scores.mcc(HAND), rel=1e-14)


@given(counted)
@often
def test_classwise_scores_equal_scikit_learns(counts: np.ndarray) -> None:
    mask, prediction = pixels_of(counts)
    options = {"labels": np.arange(len(counts)), "average": None, "zero_division": np.nan}
    precision, recall, f1, pixels = sklearn_metrics.precision_recall_fscore_support(
        mask, prediction, **options
    )
    np.testing.assert_allclose(scores.precision_per_class(counts), precision, rtol=1e-12)
    np.testing.assert_allclose(scores.recall_per_class(counts), recall, rtol=1e-12)
    np.testing.assert_allclose(scores.f1_per_class(counts), f1, rtol=1e-12)
    assert [row["pixels"] for row in scores.per_class(counts, ["c"] * len(counts))] == list(pixels)


@given(counted)
@often
def test_averaged_scores_equal_scikit_learns(counts: np.ndarray) -> None:
    mask, prediction = pixels_of(counts)
    options = {"labels": np.arange(len(counts)), "average": "macro", "zero_division": np.nan}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes that are predicted but not in the mask
        expected = {
            "pixel_accuracy": sklearn_metrics.accuracy_score(mask, prediction),
            "mean_accuracy": sklearn_metrics.balanced_accuracy_score(mask, prediction),
            "macro_precision": sklearn_metrics.precision_score(mask, prediction, **options),
            "macro_recall": sklearn_metrics.recall_score(mask, prediction, **options),
            "macro_f1": sklearn_metrics.f1_score(mask, prediction, **options),
        }
    ours = {name: scores.SCORES[name](counts) for name in expected}
    assert ours == pytest.approx(expected, rel=1e-12, nan_ok=True)


@given(counted)
@often
def test_iou_equals_scikit_learns_over_the_classes_that_occur(counts: np.ndarray) -> None:
    mask, prediction = pixels_of(counts)
    present = np.union1d(mask, prediction)
    jaccard = sklearn_metrics.jaccard_score(mask, prediction, labels=present, average=None)
    np.testing.assert_allclose(scores.iou_per_class(counts)[present], jaccard, rtol=1e-12)
    assert np.isnan(np.delete(scores.iou_per_class(counts), present)).all()
    assert scores.mean_iou(counts) == pytest.approx(jaccard.mean(), rel=1e-12)


@given(counted)
@often
def test_chance_corrected_scores_equal_scikit_learns_where_defined(counts: np.ndarray) -> None:
    mask, prediction = pixels_of(counts)
    # one class everywhere is NaN here, tested above; scikit-learn gives 0 for the correlation
    assume(len(np.union1d(mask, prediction)) > 1)
    kappa = sklearn_metrics.cohen_kappa_score(mask, prediction)
    mcc = sklearn_metrics.matthews_corrcoef(mask, prediction)
    # atol: the oracle sums in float64, and zero is a common value
    assert scores.kappa(counts) == pytest.approx(kappa, rel=1e-9, abs=1e-12)
    assert scores.mcc(counts) == pytest.approx(mcc, rel=1e-9, abs=1e-12)


@given(counted.filter(lambda counts: len(counts) >= 2))
@often
def test_mean_iou_equals_torchmetrics_with_absent_classes_left_out(counts: np.ndarray) -> None:
    mask, prediction = (torch.from_numpy(pixels) for pixels in pixels_of(counts))
    oracle = MulticlassJaccardIndex(len(counts), average="macro")
    assert scores.mean_iou(counts) == pytest.approx(
        float(oracle(prediction, mask)),
        rel=1e-5,  # torchmetrics computes in float32
    )


@given(counted, st.randoms(use_true_random=False))
@often
def test_permuting_class_ids_permutes_class_scores_and_keeps_averages(
    counts: np.ndarray, random: object
) -> None:
    order = np.arange(len(counts))
    random.shuffle(order)  # type: ignore[attr-defined]
    renamed = counts[np.ix_(order, order)]
    np.testing.assert_array_equal(
        scores.iou_per_class(renamed), scores.iou_per_class(counts)[order]
    )
    assert scores.summary(renamed) == pytest.approx(
        scores.summary(counts), rel=1e-12, abs=1e-15, nan_ok=True
    )


@given(counted)
@often
def test_f1_is_the_dice_of_the_iou(counts: np.ndarray) -> None:
    iou = scores.iou_per_class(counts)
    np.testing.assert_allclose(scores.f1_per_class(counts), 2 * iou / (1 + iou), rtol=1e-12)


@given(st.lists(arrays(np.int64, (3, 3), elements=st.integers(0, 3)), min_size=1, max_size=4))
@often
def test_mean_iou_per_image_is_mean_iou_of_each_image(images: list[np.ndarray]) -> None:
    np.testing.assert_allclose(
        scores.mean_iou_per_image(np.stack(images)), [scores.mean_iou(image) for image in images]
    )


def test_mean_iou_per_image_is_nan_where_nothing_is_labelled() -> None:
    images = np.stack([np.zeros((3, 3), np.int64), HAND])
    np.testing.assert_allclose(scores.mean_iou_per_image(images), [NAN, 1 / 3])


def test_trivial_counts_answer_the_commonest_class_of_the_mask() -> None:
    np.testing.assert_array_equal(scores.trivial_counts(HAND), [[5, 0, 0], [3, 0, 0], [2, 0, 0]])


def test_trivial_counts_take_the_first_of_equally_common_classes() -> None:
    np.testing.assert_array_equal(
        scores.trivial_counts(np.array([[0, 0, 0], [0, 1, 1], [2, 0, 0]])),
        [[0, 0, 0], [0, 2, 0], [0, 2, 0]],
    )


@given(counted)
@often
def test_trivial_counts_are_those_of_counting_a_constant_prediction(counts: np.ndarray) -> None:
    mask = pixels_of(counts)[0].astype(np.uint8)
    constant = np.full_like(mask, np.bincount(mask).argmax())
    np.testing.assert_array_equal(
        scores.trivial_counts(counts),
        count_pixels(mask, constant, num_classes=len(counts), ignore_index=255),
    )


def test_trivial_counts_of_nothing_are_nothing() -> None:
    assert not scores.trivial_counts(np.zeros((2, 2), np.int64)).any()


def test_trivial_scores_of_the_hand_worked_example() -> None:
    summary = scores.summary(scores.trivial_counts(HAND))
    assert summary["pixel_accuracy"] == pytest.approx(5 / 10)
    assert summary["mean_iou"] == pytest.approx((5 / 10 + 0 + 0) / 3)
    assert summary["kappa"] == summary["mcc"] == 0


def test_summary_holds_every_score_once_with_the_headline_first() -> None:
    assert list(scores.summary(HAND)) == [
        *("mean_iou", "pixel_accuracy", "mean_accuracy", "frequency_weighted_iou"),
        *("macro_precision", "macro_recall", "macro_f1", "kappa", "mcc"),
    ]


def test_summary_holds_plain_floats() -> None:
    assert {type(value) for value in scores.summary(HAND).values()} == {float}


def test_per_class_rows_hold_names_scores_and_shares() -> None:
    first, absent, *_ = scores.per_class(WITH_ABSENT, ["sky", "sea", "sand", "stone"])
    assert first == {
        "name": "sky",
        "iou": 3 / 4,
        "precision": 1.0,
        "recall": 3 / 4,
        "f1": pytest.approx(6 / 7),
        "pixels": 4,
        "share": pytest.approx(4 / 6),
    }
    assert absent == pytest.approx(
        {
            "name": "sea",
            "iou": NAN,
            "precision": NAN,
            "recall": NAN,
            "f1": NAN,
            "pixels": 0,
            "share": 0.0,
        },
        nan_ok=True,
    )


def test_per_class_share_of_nothing_is_undefined() -> None:
    (row,) = scores.per_class(np.zeros((1, 1), np.int64), ["sky"])
    assert math.isnan(row["share"])  # type: ignore[arg-type]


def test_per_class_pixels_are_whole_numbers() -> None:
    assert {type(row["pixels"]) for row in scores.per_class(HAND, "abc")} == {int}


def test_per_class_refuses_another_number_of_names() -> None:
    with pytest.raises(ValueError, match="2 names for counts of 3 classes; give the names of"):
        scores.per_class(HAND, ["sky", "sea"])


@pytest.mark.parametrize("name", scores.SCORES)
def test_no_score_changes_its_counts(name: str) -> None:
    counts = HAND.copy()
    scores.SCORES[name](counts)
    np.testing.assert_array_equal(counts, HAND)


@given(arrays(np.int64, 4, elements=st.integers(0, 9)))
@often
def test_mcc_of_two_classes_is_the_textbook_formula(counts: np.ndarray) -> None:
    tn, fp, fn, tp = counts.tolist()
    margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    assume(margins > 0)
    expected = (tp * tn - fp * fn) / math.sqrt(margins)
    assert scores.mcc(counts.reshape(2, 2)) == pytest.approx(expected, abs=1e-15)
