"""Figures of single images: what their pixels say."""

import numpy as np
import pytest

from tessella.figures.samples import (
    Compared,
    compared,
    comparison,
    image_grid,
    panel,
    probability_grid,
)
from tessella.labels import LabelMap
from tessella.pictures import IGNORED_COLOR, RIGHT_COLOR, WRONG_COLOR
from tessella.sample import Sample
from tessella.stats.charts import RAMP

LABELS = LabelMap.from_names(["road", "sky", "pole"], colors=[(9, 0, 0), (0, 99, 0), (0, 0, 200)])
DARK, PALE = RAMP[0], RAMP[-1]

# what the grids are made of: pixels between cells, and the height of a title and of a caption
GAP, TITLE, CAPTION = 8, 26, 20
CELL, LARGE_CELL = 320, 480


def drawn(mask: object | None, *, size: tuple[int, int] = (4, 8), name: str = "x") -> Sample:
    image = np.arange(size[0] * size[1] * 3, dtype=np.uint8).reshape(*size, 3)
    return Sample(image, None if mask is None else np.array(mask, np.uint8), name)


HALVES = np.repeat([[0], [0], [1], [1]], 8, axis=1).astype(np.uint8)
"""Class 0 above class 1."""


def cell(sheet: np.ndarray, row_top: int, column: int, *, size: tuple[int, int]) -> np.ndarray:
    left = GAP + column * (size[1] + GAP)
    return sheet[row_top : row_top + size[0], left : left + size[1]]


def colors_in(picture: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(color) for color in np.unique(picture.reshape(-1, 3), axis=0).tolist()}


def test_the_images_of_a_comparison_are_the_pixels_of_the_file() -> None:
    """S0-F24: de-normalised with a clip there; here nothing was ever normalised."""
    sample = drawn(HALVES)
    # 8 pixels fill a cell of 320 at 40 times their size
    sheet = comparison([compared(sample, HALVES, LABELS)], LABELS)
    shown = cell(sheet, GAP + TITLE, 0, size=(160, CELL))
    assert shown[20::40, 20::40].tolist() == sample.image.tolist()


def test_a_comparison_has_images_predictions_and_truths_below_one_another() -> None:
    """S0-F24."""
    prediction = np.full_like(HALVES, 2)
    sheet = comparison([compared(drawn(HALVES), prediction, LABELS)], LABELS)
    predicted_top = 2 * (GAP + TITLE) + 160 + CAPTION + GAP
    truth_top = predicted_top + 160 + GAP + GAP + TITLE
    assert colors_in(cell(sheet, predicted_top, 0, size=(160, CELL))) == {(0, 0, 200)}
    truth = cell(sheet, truth_top, 0, size=(160, CELL))
    assert colors_in(truth[:80]) == {(9, 0, 0)}
    assert colors_in(truth[80:]) == {(0, 99, 0)}


def test_the_legend_of_a_comparison_lists_classes_of_truth_and_prediction_only() -> None:
    only_sky = np.ones_like(HALVES)
    sheet = comparison([compared(drawn(HALVES), only_sky, LABELS)], LABELS)
    legend = sheet[-32:]
    assert {(9, 0, 0), (0, 99, 0)} <= colors_in(legend)
    assert (0, 0, 200) not in colors_in(legend)


@pytest.mark.parametrize(
    ("count", "columns", "blocks"), [(1, 1, 1), (6, 6, 1), (7, 4, 2), (13, 5, 3)]
)
def test_many_samples_are_compared_in_blocks_of_even_width(
    count: int, columns: int, blocks: int
) -> None:
    samples = [compared(drawn(HALVES), HALVES, LABELS)] * count
    sheet = comparison(samples, LABELS)
    assert sheet.shape[1] == columns * CELL + (columns + 1) * GAP
    assert sheet.shape[0] == blocks * (3 * (2 * GAP + TITLE + 160) + CAPTION) + 32


def test_a_sample_without_a_mask_leaves_its_truth_blank() -> None:
    samples = [compared(drawn(mask), HALVES, LABELS) for mask in (None, HALVES)]
    sheet = comparison(samples, LABELS)
    truth_top = 3 * (GAP + TITLE) + 2 * (160 + GAP) + CAPTION
    assert colors_in(cell(sheet, truth_top, 0, size=(160, CELL))) == {(255, 255, 255)}
    assert colors_in(cell(sheet, truth_top, 1, size=(160, CELL))) == {(9, 0, 0), (0, 99, 0)}


def test_the_grid_of_images_has_at_most_eight_in_a_row() -> None:
    """S0-F09: without the axes that were left over there."""
    samples = [compared(drawn(HALVES), HALVES, LABELS)] * 9
    sheet = image_grid(samples, title="folder, val")
    assert sheet.shape == (GAP + TITLE + 2 * (160 + CAPTION + GAP), 8 * CELL + 9 * GAP, 3)
    rest = sheet[-(CAPTION + GAP + 160) :, CELL + 3 * GAP :]
    assert colors_in(rest) == {(255, 255, 255)}


def test_a_panel_shows_input_truth_prediction_and_errors() -> None:
    """S1-F18 and S1-B22: one palette, the truth beside the prediction, a legend and the errors."""
    mask = HALVES.copy()
    mask[0] = 255
    prediction = np.zeros_like(HALVES)
    size = (LARGE_CELL // 2, LARGE_CELL)
    sheet = panel(drawn(mask), prediction, LABELS)
    _, truth, predicted, errors = (
        cell(sheet, GAP + TITLE, column, size=size) for column in range(4)
    )
    assert colors_in(truth[60:120]) == {(9, 0, 0)}
    assert colors_in(truth[120:]) == {(0, 99, 0)}
    assert colors_in(truth[:60]) >= {(30, 30, 30), (235, 235, 235)}  # striped
    assert colors_in(predicted) == {(9, 0, 0)}
    assert colors_in(errors[:60]) == {IGNORED_COLOR}
    assert colors_in(errors[60:120]) == {RIGHT_COLOR}
    assert colors_in(errors[120:]) == {WRONG_COLOR}
    assert {IGNORED_COLOR, RIGHT_COLOR, WRONG_COLOR} <= colors_in(sheet[-32:])


def test_the_tone_of_ignored_pixels_is_listed_only_where_there_are_some() -> None:
    sheet = panel(drawn(HALVES), HALVES, LABELS)
    assert IGNORED_COLOR not in colors_in(sheet[-32:])


def test_a_panel_without_a_mask_is_input_and_prediction() -> None:
    sheet = panel(drawn(None), HALVES, LABELS)
    assert sheet.shape[1] == 2 * LARGE_CELL + 3 * GAP
    predicted = cell(sheet, GAP + TITLE, 1, size=(LARGE_CELL // 2, LARGE_CELL))
    assert colors_in(predicted) == {(9, 0, 0), (0, 99, 0)}


def test_a_panel_of_ignored_pixels_only_has_no_score_and_no_warning(
    recwarn: pytest.WarningsRecorder,
) -> None:
    panel(drawn(np.full((4, 8), 255)), HALVES, LABELS)
    assert not recwarn.list


def test_probabilities_are_drawn_as_they_are_and_not_cut_at_a_threshold() -> None:
    """S1-F17 and S1-B21: softmax from 0 (dark) to 1 (pale), no threshold."""
    probabilities = np.zeros((3, 4, 8), np.float32)
    probabilities[0, :2], probabilities[0, 2:] = 1.0, 0.2  # 0.2 is two stops of ten, or one of five
    probabilities[1, 2:] = 0.8
    sheet = probability_grid(drawn(None), HALVES, probabilities, LABELS)
    road, sky, pole = (cell(sheet, GAP + TITLE, column, size=(160, CELL)) for column in (2, 3, 4))
    assert colors_in(road[:80]) == {PALE}
    assert colors_in(road[80:]) == {RAMP[1]}
    assert colors_in(sky[:80]) == {DARK}
    assert colors_in(sky[80:]) == {RAMP[4]}
    assert colors_in(pole) == {DARK}


def test_the_key_of_probabilities_runs_from_dark_to_pale() -> None:
    probabilities = np.full((3, 4, 8), 1 / 3, np.float32)
    sheet = probability_grid(drawn(None), HALVES, probabilities, LABELS)
    key = sheet[-(CAPTION + GAP + 16) :][:16, GAP : GAP + 256]
    assert tuple(key[8, 0]) == DARK
    assert tuple(key[8, -1]) == PALE
    assert np.all(np.diff(key[8].astype(int).sum(axis=1)) >= 0)


@pytest.mark.parametrize(
    ("num_classes", "columns", "cell_px"), [(1, 3, 320), (2, 4, 320), (11, 5, 320), (32, 8, 200)]
)
def test_class_maps_fill_a_page(num_classes: int, columns: int, cell_px: int) -> None:
    """S1-F17: 32 classes in rows of eight."""
    labels = LabelMap.from_names([f"class {i}" for i in range(num_classes)])
    maps = np.full((num_classes, 4, 8), 1 / num_classes, np.float32)
    sheet = probability_grid(drawn(None), np.zeros((4, 8), np.uint8), maps, labels)
    assert sheet.shape[1] == columns * cell_px + (columns + 1) * GAP


@pytest.mark.parametrize(
    ("name", "written"), [("道路", "class 0"), ("Straße?", "class 0"), ("Été", "Ete")]
)
def test_a_name_that_the_font_lacks_becomes_its_index(name: str, written: str) -> None:
    maps = np.ones((1, 4, 8), np.float32)
    class_map = np.zeros((4, 8), np.uint8)
    first, second, other = (
        probability_grid(drawn(None), class_map, maps, LabelMap.from_names([text]))
        for text in (name, written, "road")
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("size", [(900, 250), (200, 1200), (20, 20), (1, 1)])
def test_pictures_of_any_shape_keep_it_in_their_cell(size: tuple[int, int]) -> None:
    mask = np.zeros(size, np.uint8)
    shown: Compared = compared(drawn(mask, size=size), mask, LABELS)
    height, width = shown.image.shape[:2]
    assert max(height, width) <= CELL
    assert height / width == pytest.approx(size[0] / size[1], rel=0.02)  # whole pixels
    assert shown.truth is not None
    assert shown.truth.shape == shown.prediction.shape == shown.image.shape
