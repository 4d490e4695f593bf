"""Smaller steps for less memory, by numbers."""

import pytest

from tessella.models.build import build_segmenter
from tessella.models.summary import summarize
from tessella.plan.fit import Footprint, StepSize, footprint_of, smaller_steps


def test_batches_are_halved_first_then_crops_and_one_image_is_the_last_resort() -> None:
    steps = [tuple(step) for step in smaller_steps(StepSize(8, 1, (128, 64)), stride=32)]
    assert steps == [
        (8, 1, (128, 64)),
        (4, 2, (128, 64)),
        (2, 4, (128, 64)),
        (2, 4, (96, 64)),
        (2, 4, (64, 64)),
        (1, 8, (64, 64)),
    ]


@pytest.mark.parametrize("batch", [2, 3, 5, 6, 7, 12, 20])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_step_never_averages_over_fewer_images(batch: int, accumulate: int) -> None:
    for step in smaller_steps(StepSize(batch, accumulate, (64, 64)), stride=32):
        assert step.batch_size * step.accumulate >= batch * accumulate


def test_what_the_user_set_is_never_made_smaller() -> None:
    first = StepSize(8, 1, (256, 256))
    assert {s.crop for s in smaller_steps(first, stride=32, keep_crop=True)} == {(256, 256)}
    assert {s.batch_size for s in smaller_steps(first, stride=32, keep_batch=True)} == {8}
    assert list(smaller_steps(first, stride=32, keep_crop=True, keep_batch=True)) == [first]


def test_crops_stay_multiples_of_the_stride_and_get_no_larger() -> None:
    steps = list(smaller_steps(StepSize(2, 1, (600, 800)), stride=16, keep_batch=True))
    crops = [step.crop for step in steps[1:]]
    assert not any(side % 16 for crop in crops for side in crop)
    assert crops == sorted(crops, reverse=True)
    assert crops[-1] == (32, 32)


def test_a_crop_smaller_than_the_stride_is_left() -> None:
    steps = list(smaller_steps(StepSize(1, 1, (20, 20)), stride=32))
    assert steps == [StepSize(1, 1, (20, 20))]


# 100 bytes of parameters, 10 a pixel in training and 2 in validation
FOOTPRINT = Footprint(100, 10.0, 2.0)


def test_training_needs_memory_for_each_pixel_of_the_batch() -> None:
    assert FOOTPRINT.training_bytes(StepSize(4, 9, (8, 5))) == 100 + 4 * 8 * 5 * 10


def test_validation_takes_a_megapixel_of_small_images_at_once() -> None:
    assert FOOTPRINT.validation_bytes((512, 512), batch_size=8) == 100 + 4 * 512 * 512 * 2
    assert FOOTPRINT.validation_bytes((512, 512), batch_size=2) == 100 + 2 * 512 * 512 * 2


def test_a_large_image_is_validated_in_tiles_with_their_surroundings() -> None:
    side = 2048 + 2 * 192
    assert FOOTPRINT.validation_bytes((9000, 1000), batch_size=8) == 100 + side * 1000 * 2


def test_a_networks_footprint_comes_from_its_summary() -> None:
    segmenter = build_segmenter(
        "plain_unet", num_classes=3, options={"depth": 1, "base_channels": 4}
    )
    summary = summarize(segmenter, size=(32, 48))
    found = footprint_of(segmenter, crop=(32, 48))
    # weight, gradient, two moments and the average in 4 bytes each
    assert found.parameter_bytes == 20 * summary.num_parameters
    # logits of 3 classes in 16 bytes: themselves, probabilities and a gradient of each
    expected = summary.training_activation_bytes / (32 * 48) + 3 * 16
    assert found.bytes_per_crop_pixel == pytest.approx(expected)
