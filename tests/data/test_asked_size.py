"""Sizes of which no image can be."""

import pytest

from tessella.data.asked_size import refuse_size
from tessella.data.header import MAX_PIXELS
from tessella.errors import UsageError


@pytest.mark.parametrize("size", [(1, 1), (1, MAX_PIXELS)])
def test_every_size_that_an_image_can_have_is_taken(size: tuple[int, int]) -> None:
    refuse_size(size)


@pytest.mark.parametrize("size", [(0, 9), (9, 0), (-3, -3)])
def test_a_side_below_one_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match=rf"--size {size[0]}x{size[1]}: .*from 1 up"):
        refuse_size(size)


def test_more_pixels_than_are_ever_read_are_refused() -> None:
    with pytest.raises(UsageError, match=r"1x178956971: .* 179 megapixels .* smaller one"):
        refuse_size((1, MAX_PIXELS + 1))
