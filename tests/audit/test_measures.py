"""The tutorials' faulty measures give the faulty numbers, worked out by hand."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from tessella.audit.measures import (
    LastBatchLoss,
    MeanOfBatchAccuracies,
    MeanOfBatchLosses,
    Measure,
    Scored,
    ThresholdedLogitIou,
    ThresholdScore,
    VoidAsClass,
    VoidIsFirstClass,
    f1_absent_is_one,
    f1_absent_is_zero,
    jaccard_with_void,
)


def scored(mask: list[int], predicted: list[int], *, classes: int = 2) -> Scored:
    """One row of pixels whose argmax is `predicted`; logits are 4 for that class and 0 else."""
    logits = torch.zeros(classes, 1, len(predicted))
    for column, index in enumerate(predicted):
        logits[index, 0, column] = 4
    truth = torch.tensor([mask], dtype=torch.uint8)
    return Scored(logits, truth, truth)


def feed(measure: Measure, *batches: list[Scored]) -> float:
    for batch in batches:
        for image in batch:
            measure.add(image)
        measure.end_batch()
    return measure.result()


def test_void_as_a_class_is_scored_with_zero() -> None:
    # classes 0 and 1 perfect on 2 pixels each; 1 void pixel predicted as 0: IoU 2/3, 1, 0
    measure = VoidAsClass(2, score=jaccard_with_void)
    assert feed(measure, [scored([0, 0, 1, 1, 255], [0, 0, 1, 1, 0])]) == pytest.approx(5 / 9)


@pytest.mark.parametrize(
    # class 0: F1 2*2/(2+2) = 1; class 1 absent; no void
    ("score", "expected"),
    [(f1_absent_is_zero, 1 / 3), (f1_absent_is_one, 1.0)],
)
def test_absent_classes_count_as_zero_or_as_one(score: object, expected: float) -> None:
    measure = VoidAsClass(2, score=score)  # type: ignore[arg-type]
    assert feed(measure, [scored([0, 0], [0, 0])]) == pytest.approx(expected)


def test_a_logit_above_one_half_counts_for_every_class_it_holds_for() -> None:
    # S1-B01: both logits above 0.5 everywhere, so each class is "predicted" on both pixels
    logits = torch.full((2, 1, 2), 0.6)
    mask = torch.tensor([[0, 1]], dtype=torch.uint8)
    image = Scored(logits, mask, mask)
    assert feed(ThresholdedLogitIou(2), [image, image]) == pytest.approx(0.5)


def test_a_class_missing_from_one_batch_is_lost_for_good() -> None:
    # S1-B03: class 1 is in batch 1 only (IoU 0), class 0 perfect in both: the mean forgets class 1
    first = scored([0, 1], [0, 0])
    both = [scored([0, 0], [0, 0]), scored([0, 0], [0, 0])]
    # batch 1: class 0 IoU 2/4, class 1 IoU 0/2; batch 2: class 0 IoU 1, class 1 0/0
    assert feed(ThresholdedLogitIou(2), [first, first], both) == pytest.approx((0.5 + 1) / 2)


def test_a_batch_of_one_image_is_dropped() -> None:
    # S1-B08
    pair = [scored([0, 1], [0, 1]), scored([0, 1], [0, 1])]
    assert feed(ThresholdedLogitIou(2), pair, [scored([0, 1], [1, 0])]) == 1.0
    dropping = MeanOfBatchAccuracies(smallest_batch=2)
    assert feed(dropping, pair, [scored([0, 1], [1, 0])]) == 1.0


def test_batches_are_averaged_whatever_their_size() -> None:
    # S1-B09: 4 of 4 right, then 0 of 1; void counts as wrong (S1-B04)
    batches = [scored([0, 0, 0, 0], [0, 0, 0, 0])], [scored([255], [0])]
    assert feed(MeanOfBatchAccuracies(), *batches) == 0.5


def test_void_becomes_the_first_class() -> None:
    # S4-B05: the void pixel predicted as 0 counts as right
    assert feed(VoidIsFirstClass(), [scored([255, 1, 1, 0], [0, 1, 0, 0])]) == 0.75


@pytest.mark.parametrize(
    # IoU 19/40 < 0.5; 21/40: 20 x 0.025 = 0.5, up to 1; 31/40: 5.5, up to 6; 40/40: 10
    ("right", "expected"),
    [(19, 0.0), (21, 0.1), (31, 0.6), (40, 1.0)],
)
def test_the_threshold_score_is_a_staircase(right: int, expected: float) -> None:
    # S2-B04: foreground of 40 pixels of which `right` are found
    predicted = [1] * right + [0] * (40 - right)
    value = feed(ThresholdScore((1, 40)), [scored([1] * 40, predicted)])
    assert value == pytest.approx(expected)


def test_the_smoothed_resize_turns_border_pixels_into_background() -> None:
    # S2-B02: halved to 4 columns, of which 1 mixes flower and background and is lost:
    # the prediction is right on 2 of the truth's 2, but says 3: IoU 2/3 -> ceil(20/6)/10 = 0.4
    mask = torch.tensor([[1, 1, 1, 1, 1, 0, 0, 0]] * 2, dtype=torch.uint8)
    logits = torch.zeros(2, 1, 4)
    logits[1, 0, :3] = 1
    logits[0, 0, 3] = 1
    assert feed(ThresholdScore((1, 4)), [Scored(logits, mask[:1, ::2], mask)]) == pytest.approx(0.4)


def share_wrong(logits: Tensor, mask: Tensor) -> Tensor:
    """A loss that can be computed by hand: the share of labelled pixels that are wrong."""
    labelled = mask != 255
    return ((logits.argmax(1) != mask) & labelled).sum() / labelled.sum()


def test_batch_losses_are_averaged_whatever_they_hold() -> None:
    batches = [scored([0, 0, 0, 0], [0, 0, 0, 0])], [scored([0, 255], [1, 0])]
    assert feed(MeanOfBatchLosses(share_wrong), *batches) == 0.5


def test_only_the_last_batch_is_left_of_the_loss() -> None:
    # S4-B02: the last batch's loss is 1/2, times its 2 images, divided by 3 batches
    last = [scored([0, 0], [0, 0]), scored([0, 0], [1, 1])]
    wrong = [scored([0, 0], [1, 1])]
    assert feed(LastBatchLoss(share_wrong), wrong, wrong, last) == pytest.approx(1 / 3)


def test_no_batch_gives_no_number() -> None:
    for measure in (LastBatchLoss(share_wrong), ThresholdedLogitIou(2), MeanOfBatchAccuracies()):
        assert math.isnan(measure.result())
    assert np.isnan(VoidAsClass(1, score=jaccard_with_void).result())
