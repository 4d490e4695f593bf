"""The values of several masks added up."""

import numpy as np
import pytest

from tessella.check.runs import count_runs
from tessella.check.tally import Tally, forms_of, mean_run_px


def tally_of(*masks: np.ndarray, splits: str = "ttttttttt") -> Tally:
    tally = Tally()
    for place, mask in enumerate(masks):
        form = "color" if mask.ndim == 3 else "grey"
        tally.add(place, splits[place], count_runs(mask), form=form, used_colors=None)
    return tally


def test_pixels_stretches_files_and_splits_are_added_up() -> None:
    tally = tally_of(np.uint8([[0, 0, 7]]), np.uint8([[7, 0, 7]]), splits="tv")
    seven = tally.numbers[7]
    assert (seven.pixels, seven.runs, seven.files) == (3, 3, 2)
    assert seven.splits == {"t", "v"}
    assert seven.run_px == 1
    assert mean_run_px(tally.numbers.values()) == 6 / 5  # 6 pixels in 5 stretches


def test_only_the_first_files_of_a_value_are_kept() -> None:
    tally = tally_of(*[np.uint8([[3]])] * 8)
    assert tally.numbers[3].files == 8
    assert tally.numbers[3].first == (0, 1, 2, 3, 4)


def test_grey_values_are_colours_too() -> None:
    assert set(tally_of(np.uint8([[0, 7]])).colors) == {0, 0x070707}


def test_colours_are_no_numbers() -> None:
    tally = tally_of(np.uint8([[[1, 2, 3]]]))
    assert set(tally.colors) == {0x010203}
    assert not tally.numbers


def test_a_palette_counts_by_index_and_by_colour() -> None:
    tally = Tally()
    runs = count_runs(np.uint8([[0, 1, 2]]))
    colors = np.array([0, 0xFF0000, 0xFF0000])
    tally.add(0, "t", runs, form="palette", used_colors=colors)
    assert set(tally.numbers) == {0, 1, 2}
    assert tally.colors[0xFF0000].pixels == 2
    assert tally.colors[0xFF0000].files == 1
    assert tally.palette == {0: 0, 1: 0xFF0000, 2: 0xFF0000}


def test_floating_point_numbers_count_where_they_are_whole() -> None:
    tally = tally_of(np.float32([[0, 0.5, 2, np.nan, np.inf]]))
    assert set(tally.numbers) == {0, 2}


def test_grey_saved_as_rgb_counts_as_colour_beside_colours_only() -> None:
    assert forms_of(["gray_as_rgb", "color"]) == {"color": 2}
    assert forms_of(["gray_as_rgb", "grey"]) == {"gray_as_rgb": 1, "grey": 1}


# --- palettes -----------------------------------------------------------------------------------


def with_palettes(*palettes: list[int]) -> Tally:
    """A tally of masks that use indices 0, 1, ... in these colours."""
    tally = Tally()
    for place, colors in enumerate(palettes):
        runs = count_runs(np.arange(len(colors), dtype=np.uint8)[None])
        tally.add(place, "t", runs, form="palette", used_colors=np.array(colors))
    return tally


@pytest.mark.parametrize(
    ("palettes", "is_sorted_anew"),
    [
        ([[0, 0xC00000, 0x00C000], [0, 0x00C000, 0xC00000]], True),
        ([[0, 1, 2, 3], [0, 2, 3], [0, 3, 1]], True),
        ([[0, 1, 2], [0, 1, 2]], False),  # one palette
        ([[0, 1, 2], [0, 1, 2, 3]], False),  # and one that goes on
        ([[0, 1, 2], [0, 7, 8]], False),  # two palettes that share black
        ([[0, 1, 2, 3, 4], [0, 5, 6, 7, 1]], False),  # 1 has moved, eight others have not
        ([[0, 1, 1], [0, 1, 1]], False),  # one colour twice in a palette
    ],
)
def test_colours_that_come_back_under_other_indices_mean_a_sorted_palette(
    palettes: list[list[int]], is_sorted_anew: bool
) -> None:
    assert with_palettes(*palettes).is_palette_sorted_anew == is_sorted_anew


def test_the_pairs_whose_palette_contradicts_an_earlier_one_are_noted() -> None:
    assert with_palettes([0, 1, 2], [0, 1], [0, 2], [0, 2, 1]).palette_conflicts == [2, 3]
