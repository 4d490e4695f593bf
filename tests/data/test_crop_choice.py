"""Which part of a mask is worth a crop: counts by hand, rare classes as often as common ones."""

import math

import numpy as np
import pytest

from tessella.data.crop_choice import (
    classes_in,
    draw_pixel_of_any_class,
    largest_class_share,
)


@pytest.mark.parametrize(
    ("mask", "classes", "share"),
    [
        ([[0, 0, 0, 2]], [0, 2], 0.75),
        ([[7, 255, 255, 255]], [7], 1.0),  # ignored pixels are not in the total
        ([[1, 2, 3, 253, 255, 3]], [1, 2, 3, 253], 0.4),
        ([[255, 255]], [], math.inf),
        ([[4]], [4], 1.0),
    ],
)
def test_shares_are_of_the_labelled_pixels(
    mask: list[list[int]], classes: list[int], share: float
) -> None:
    array = np.array(mask, np.uint8)
    assert classes_in(array) == classes
    assert largest_class_share(array) == pytest.approx(share)


def test_every_class_is_drawn_equally_often_and_every_pixel_of_it() -> None:
    mask = np.zeros((40, 50), np.uint8)
    mask[3, 7] = mask[20, 49] = 5  # two pixels of 2000
    mask[10] = 255
    rng = np.random.default_rng(0)
    drawn = [draw_pixel_of_any_class(mask, [0, 5], rng) for _ in range(2000)]
    found = [(int(row), int(column)) for row, column in drawn]
    assert {(row % 1, column % 1) for row, column in drawn} == {(0.5, 0.5)}  # pixel centres
    counts = [found.count((3, 7)), found.count((20, 49))]
    # a half of 2000 for the class, half of it for each pixel; 4 standard deviations of 19
    assert counts == pytest.approx([500, 500], abs=78)
    assert 255 not in {mask[place] for place in found}
