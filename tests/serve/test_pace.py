"""The batch size follows what was measured."""

import pytest

from tessella.serve.pace import Pace

PIXELS = 360 * 480


def measured(**seconds_an_image: float) -> Pace:
    """`_8=0.2`: two batches of 8 took 0.2 seconds an image."""
    pace = Pace()
    for name, seconds in seconds_an_image.items():
        size = int(name[1:])
        for _ in range(2):
            pace.record("classes", PIXELS, size=size, seconds=seconds * size)
    return pace


def test_before_anything_is_known_all_that_is_allowed_is_taken() -> None:
    assert Pace().most("classes", PIXELS, allowed=8) == 8


@pytest.mark.parametrize(
    ("pace", "expected"),
    [
        (measured(_1=0.1), 8),
        (measured(_1=0.1, _8=0.05), 8),
        (measured(_1=0.1, _8=0.109), 8),  # within a tenth
        (measured(_1=0.1, _8=0.2), 4),  # the next is not known yet
        (measured(_1=0.1, _8=0.2, _4=0.2), 2),
        (measured(_1=0.1, _8=0.2, _4=0.2, _2=0.2), 1),
        (measured(_1=0.1, _2=0.06, _4=0.07, _8=0.08), 2),
        (measured(_2=0.1, _8=0.2), 4),
        (measured(_8=0.2), 8),
    ],
)
def test_the_largest_size_that_is_not_slower_is_taken(pace: Pace, expected: int) -> None:
    assert pace.most("classes", PIXELS, allowed=8) == expected


def test_sizes_between_powers_of_two_count_for_the_one_below() -> None:
    pace = measured(_1=0.1, _7=0.2)
    assert pace.most("classes", PIXELS, allowed=6) == 2  # 4..7 are slow
    assert pace.most("classes", PIXELS, allowed=3) == 3


def test_one_slow_batch_judges_nothing() -> None:
    pace = measured(_1=0.1)
    pace.record("classes", PIXELS, size=8, seconds=80)
    assert pace.most("classes", PIXELS, allowed=8) == 8


def test_the_best_of_late_counts_and_not_a_disturbed_one() -> None:
    pace = measured(_1=0.1, _8=0.05)
    pace.record("classes", PIXELS, size=8, seconds=80)
    assert pace.most("classes", PIXELS, allowed=8) == 8


def test_other_work_and_other_sizes_are_measured_apart() -> None:
    pace = measured(_1=0.1, _8=0.2)
    assert pace.most("confidence", PIXELS, allowed=8) == 8
    assert pace.most("classes", 4 * PIXELS, allowed=8) == 8


def test_what_was_slower_gets_another_chance_now_and_then() -> None:
    pace = measured(_1=0.1, _2=0.2, _4=0.2, _8=0.2)
    chances = []
    for _ in range(1024):
        chances.append(pace.most("classes", PIXELS, allowed=8))
        pace.record("classes", PIXELS, size=1, seconds=0.1)
    assert chances.count(8) == 2
    assert chances.count(1) == 1022
