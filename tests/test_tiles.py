"""Tiles cover an image exactly once, with what they see around them."""

import numpy as np
import pytest

from tessella.tiles import Window, windows, windows_of_one_size


@pytest.mark.parametrize("length", [1, 63, 64, 65, 128, 500])
def test_windows_cover_every_pixel_exactly_once(length: int) -> None:
    hits = np.zeros((length, 100), int)
    for window in windows((length, 100), 64):
        hits[window.target] += 1
        assert (
            hits[window.target].shape == np.zeros((length, 100))[window.outer][window.inner].shape
        )
    assert (hits == 1).all()


def test_a_tile_sees_context_on_every_side_that_has_some() -> None:
    middle = list(windows((1000, 100), 300))[1]
    assert middle.outer[0] == slice(300 - 192, 600 + 192)
    assert middle.inner[0] == slice(192, 492)
    assert middle.target[0] == slice(300, 600)


def covered_once(size: tuple[int, int], found: list[Window]) -> bool:
    hits = np.zeros(size, int)
    for window in found:
        hits[window.target] += 1
    return bool((hits == 1).all())


@pytest.mark.parametrize("size", [(48, 64), (49, 64), (48, 65), (95, 200), (1000, 64), (313, 777)])
def test_windows_of_one_size_cover_every_pixel_exactly_once(size: tuple[int, int]) -> None:
    found = list(windows_of_one_size(size, (48, 64)))
    assert covered_once(size, found)
    rows, columns = np.indices(size)
    for window in found:
        for places in (rows, columns):
            assert places[window.outer].shape == (48, 64)
            assert (places[window.outer][window.inner] == places[window.target]).all()


def test_windows_of_one_size_share_a_quarter_or_more_with_the_next() -> None:
    columns = [window.outer[1] for window in windows_of_one_size((48, 500), (48, 64))]
    assert columns[0].start == 0
    assert columns[-1].stop == 500
    shared = [a.stop - b.start for a, b in zip(columns, columns[1:], strict=False)]
    assert min(shared) >= 16


def test_the_border_lies_in_the_middle_of_what_two_windows_see() -> None:
    first, second = windows_of_one_size((48, 100), (48, 64))
    assert (first.outer[1], second.outer[1]) == (slice(0, 64), slice(36, 100))
    assert (first.target[1], second.target[1]) == (slice(0, 50), slice(50, 100))
