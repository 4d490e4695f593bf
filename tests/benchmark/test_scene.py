"""The image that everything is timed on."""

import numpy as np
import pytest

from tessella.benchmark.scene import drawn_image


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (40, 60), (16, 5000)])
def test_the_image_has_the_size_that_was_asked_for(size: tuple[int, int]) -> None:
    image = drawn_image(size)
    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8


def test_the_image_is_the_same_each_time() -> None:
    np.testing.assert_array_equal(drawn_image((40, 60)), drawn_image((40, 60)))


def test_the_image_shows_something() -> None:
    assert drawn_image((40, 60)).std() > 10


def test_a_side_beyond_what_is_drawn_repeats_pixels_evenly() -> None:
    image = drawn_image((16, 4096))
    np.testing.assert_array_equal(image[:, ::2], image[:, 1::2])
