"""Values counted by stretches agree with a count pixel by pixel."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tessella.check.runs import count_runs

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)


def slow_runs(flat: list[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for value, _ in groupby(flat):
        found[value] = found.get(value, 0) + 1
    return found


@given(
    st.sampled_from([np.uint8, np.int32, np.uint16]).flatmap(
        lambda dtype: arrays.arrays(dtype, SHAPES, elements=st.integers(0, 3))
    )
)
def test_numbers_are_counted_as_a_slow_loop_counts_them(mask: np.ndarray) -> None:
    runs = count_runs(mask)
    values, pixels = np.unique(mask, return_counts=True)
    np.testing.assert_array_equal(runs.values, values)
    np.testing.assert_array_equal(runs.pixels, pixels)
    assert dict(zip(values.tolist(), runs.runs.tolist(), strict=True)) == slow_runs(
        mask.ravel().tolist()
    )


@given(arrays.arrays(np.uint8, SHAPES.map(lambda s: (*s, 3)), elements=st.integers(254, 255)))
def test_colours_are_counted_as_one_number(mask: np.ndarray) -> None:
    runs = count_runs(mask)
    packed = mask.astype(int) @ np.array([65536, 256, 1])
    values, pixels = np.unique(packed, return_counts=True)
    np.testing.assert_array_equal(runs.values, values)
    np.testing.assert_array_equal(runs.pixels, pixels)
    assert dict(zip(values.tolist(), runs.runs.tolist(), strict=True)) == slow_runs(
        packed.ravel().tolist()
    )


def test_a_mask_without_pixels_has_no_values() -> None:
    assert len(count_runs(np.zeros((0, 5), np.uint8)).values) == 0
    assert len(count_runs(np.zeros((0, 5, 3), np.uint8)).values) == 0


def test_three_values_between_areas_are_seams() -> None:
    row = [0] * 5 + [2] + [9] * 5 + [4] + [0] * 5 + [6] + [9] * 5
    # 4 long stretches, 3 seams: 2, 4 and 6 lie between 0 and 9
    assert count_runs(np.array([row], np.uint8)).seam_ratio == 3 / 4


@pytest.mark.parametrize(
    "row",
    [
        [0] * 5 + [12] + [9] * 5 + [13] + [0] * 5 + [14] + [9] * 5,  # not between
        [0] * 5 + [2] + [9] * 5 + [2] + [0] * 5 + [2] + [9] * 5,  # one class, thin
        [0] * 5 + [2] * 3 + [9] * 5 + [4] * 3 + [0] * 5 + [6] * 3 + [9] * 5,  # areas themselves
        [0, 2, 9, 4, 0, 6, 9, 3, 0, 5, 9],  # no areas
    ],
    ids=["outside", "one value", "wide", "specks"],
)
def test_other_stretches_are_no_seams(row: list[int]) -> None:
    assert count_runs(np.array([row], np.uint8)).seam_ratio == 0


def test_equal_masks_have_equal_checksums_and_others_do_not() -> None:
    mask = np.array([[0, 0, 1], [1, 2, 2]], np.uint8)
    assert count_runs(mask).content == count_runs(mask.copy()).content
    assert count_runs(mask).content != count_runs(mask[::-1].copy()).content
