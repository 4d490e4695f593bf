"""Contact sheets: where pictures land, captions and titles, blank cells (S0-F09, S0-B09)."""

import numpy as np
import pytest

from tessella.contact import ascii_text, fit, fit_mask, grid

RED, BLUE = (255, 0, 0), (0, 0, 255)
GAP = 8  # white around every cell, in pixels
CAPTION = 20


def plain(color: tuple[int, int, int], height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def box_of(sheet: np.ndarray, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """(top, bottom, left, right) of the pixels of a colour."""
    rows, columns = np.nonzero((sheet == np.array(color, np.uint8)).all(axis=-1))
    return int(rows.min()), int(rows.max()) + 1, int(columns.min()), int(columns.max()) + 1


def is_blank(part: np.ndarray) -> bool:
    return bool((part == 255).all())


def test_one_picture_is_a_grid_of_one_cell() -> None:
    sheet = grid([plain(RED, 40, 40)], cell_px=40)
    assert sheet.shape == (GAP + 40 + GAP, GAP + 40 + GAP, 3)
    assert box_of(sheet, RED) == (GAP, GAP + 40, GAP, GAP + 40)


def test_pictures_fill_rows_and_cells_left_over_are_blank() -> None:
    sheet = grid([plain(RED, 40, 40)] * 3, columns=2, cell_px=40)
    assert sheet.shape == (2 * (40 + GAP) + GAP, 2 * (40 + GAP) + GAP, 3)
    assert is_blank(sheet[GAP + 40 + GAP :, GAP + 40 + GAP :])
    assert not is_blank(sheet[GAP + 40 + GAP :, : GAP + 40 + GAP])


def test_a_cell_without_a_picture_is_blank() -> None:
    sheet = grid([None, plain(BLUE, 40, 40)], cell_px=40)
    assert is_blank(sheet[:, : GAP + 40 + GAP])
    assert box_of(sheet, BLUE)[2:] == (GAP + 40 + GAP, GAP + 40 + GAP + 40)


def test_a_picture_lies_in_the_middle_of_its_row_and_cell() -> None:
    sheet = grid([plain(RED, 40, 20), plain(BLUE, 10, 40)], cell_px=40)
    assert box_of(sheet, RED) == (GAP, GAP + 40, GAP + 10, GAP + 30)
    assert box_of(sheet, BLUE) == (GAP + 15, GAP + 25, GAP + 48, GAP + 88)


def test_a_row_is_as_high_as_its_highest_picture() -> None:
    sheet = grid([plain(RED, 10, 40), plain(BLUE, 40, 40)], columns=1, cell_px=40)
    assert box_of(sheet, BLUE)[0] == GAP + 10 + GAP


def test_captions_are_below_their_pictures() -> None:
    sheet = grid([plain(RED, 40, 40)] * 2, titles=["", "b"], cell_px=40)
    assert sheet.shape[0] == GAP + 40 + CAPTION + GAP
    below = sheet[GAP + 40 :]
    assert is_blank(below[:, : GAP + 40 + GAP])
    assert not is_blank(below[:, GAP + 40 + GAP :])


def test_a_caption_stays_within_its_cell() -> None:
    titles = ["a/very/long/path/to/frame_0001.png", ""]
    sheet = grid([plain(RED, 80, 80)] * 2, titles=titles, cell_px=80)
    below = sheet[GAP + 80 :]
    assert is_blank(below[:, : GAP - 1])
    assert is_blank(below[:, GAP + 80 + 1 :])


def test_long_captions_that_differ_at_the_end_look_different() -> None:
    first, second = (
        grid([plain(RED, 80, 80)], titles=[f"a/very/long/path/to/frame_{n}"], cell_px=80)
        for n in (1, 2)
    )
    assert (first != second).any()


def test_the_title_is_written_above_all() -> None:
    bare, titled = (grid([plain(RED, 99, 99)], cell_px=99, title=t) for t in (None, "two words"))
    added = titled.shape[0] - bare.shape[0]
    assert added > 0
    assert not is_blank(titled[:added])
    assert np.array_equal(titled[added:], bare)


def test_a_long_title_is_broken_into_lines() -> None:
    heights = [
        grid([plain(RED, 99, 99)], cell_px=99, title=" ".join(["word"] * n)).shape[0]
        for n in (1, 2, 9)
    ]
    assert heights[0] == heights[1] < heights[2]


@pytest.mark.parametrize("size", [(300, 100), (1, 1), (7, 3), (64, 65)])
def test_masks_are_fitted_to_the_size_of_their_images(size: tuple[int, int]) -> None:
    image, mask = np.zeros((*size, 3), np.uint8), np.zeros(size, np.uint8)
    assert fit(image, cell_px=64).shape[:2] == fit_mask(mask, cell_px=64).shape


def test_a_small_picture_is_enlarged_by_whole_pixels() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    fitted = fit(image, cell_px=5)
    assert np.array_equal(fitted, image.repeat(2, axis=0).repeat(2, axis=1))


def test_a_large_picture_is_reduced_to_its_cell() -> None:
    assert fit(plain(RED, 300, 100), cell_px=60).shape == (60, 20, 3)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_pictures_of_any_channels_are_shown(channels: int) -> None:
    image = np.full((40, 40, channels), 90, np.uint8)
    assert box_of(grid([image], cell_px=40), (90, 90, 90)) == (GAP, GAP + 40, GAP, GAP + 40)


@pytest.mark.parametrize(
    ("text", "drawn"),
    [("Straße été", "Stra?e ete"), ("日本", "??"), ("a\n b\t", "a b"), ("x\x00", "x?")],
)
def test_text_is_what_the_font_can_draw(text: str, drawn: str) -> None:
    assert ascii_text(text) == drawn


def test_a_name_in_any_script_has_a_caption() -> None:
    sheet = grid([plain(RED, 40, 40)], titles=["日本"], cell_px=40)
    assert not is_blank(sheet[GAP + 40 :])


def test_no_pictures_are_an_error() -> None:
    with pytest.raises(ValueError, match="there are no pictures; give at least one"):
        grid([])


def test_titles_that_are_too_few_are_an_error() -> None:
    with pytest.raises(ValueError, match="1 titles for 2 pictures; give one each"):
        grid([plain(RED, 4, 4)] * 2, titles=["a"])


def test_no_columns_are_an_error() -> None:
    with pytest.raises(ValueError, match="columns is 0; expected 1 or more"):
        grid([plain(RED, 4, 4)], columns=0)


def test_cells_without_room_are_an_error() -> None:
    with pytest.raises(ValueError, match="cell_px is 31 px; expected 32 or more"):
        grid([plain(RED, 4, 4)], cell_px=31)


def test_an_empty_picture_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"a picture has shape \(0, 4, 3\); .* None for a blank"):
        grid([plain(RED, 0, 4)])


def test_a_picture_that_is_not_uint8_is_an_error() -> None:
    with pytest.raises(ValueError, match="image is float64"):
        grid([np.zeros((4, 4, 3))])
