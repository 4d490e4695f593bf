"""The pictures of a report: what the data URIs hold."""

import base64
import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tessella.labels import LabelMap
from tessella.pictures import IGNORED_COLOR, RIGHT_COLOR, WRONG_COLOR
from tessella.report.panels import MAX_SIDE, Panel, legend, shown

LABELS = LabelMap.from_names(["road", "sky", "pole"], colors=[(9, 0, 0), (0, 9, 0), (0, 0, 9)])


def pixels(uri: str) -> np.ndarray:
    """The picture inside a data URI, by a decoder of another make than the encoder's caller."""
    content = base64.b64decode(uri.split(",", 1)[1])
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


@pytest.fixture
def one_wrong() -> Panel:
    mask = np.array([[255, 0], [1, 1]], np.uint8)
    class_map = np.array([[0, 1], [1, 1]], np.uint8)
    return Panel("x", "best", 0.5, np.full((2, 2, 3), 77, np.uint8), mask, class_map)


def test_a_panel_shows_image_truth_prediction_and_errors(one_wrong: Panel) -> None:
    pictures = shown(one_wrong, LABELS).pictures
    assert [caption for caption, _ in pictures] == ["Image", "Truth", "Prediction", "Errors"]
    image, truth, prediction, errors = (pixels(uri) for _, uri in pictures)
    assert abs(int(image.mean()) - 77) <= 1  # JPEG
    white = [255, 255, 255]
    assert truth.tolist() == [[white, [9, 0, 0]], [[0, 9, 0], [0, 9, 0]]]
    assert prediction.tolist() == [[[9, 0, 0], [0, 9, 0]], [[0, 9, 0], [0, 9, 0]]]
    right, wrong, ignored = (list(c) for c in (RIGHT_COLOR, WRONG_COLOR, IGNORED_COLOR))
    assert errors.tolist() == [[ignored, wrong], [right, right]]


def test_photos_are_jpeg_and_class_maps_are_png(one_wrong: Panel) -> None:
    kinds = [uri.split(";")[0] for _, uri in shown(one_wrong, LABELS).pictures]
    assert kinds == ["data:image/jpeg", *["data:image/png"] * 3]


def test_large_pictures_are_reduced_to_the_same_size(panel: Callable[..., Panel]) -> None:
    reduced = shown(panel("x", size=(1000, 1920)), LABELS)
    assert reduced.size == (MAX_SIDE, 250)  # 1000 * 480 / 1920
    assert {pixels(uri).shape for _, uri in reduced.pictures} == {(250, 480, 3)}


@pytest.mark.parametrize(("size", "small"), [((48, 64), True), ((360, 480), False)])
def test_only_small_pictures_are_shown_as_pixels(
    panel: Callable[..., Panel], size: tuple[int, int], small: bool
) -> None:
    assert shown(panel("x", size=size), LABELS).small is small


def test_grey_images_are_shown(panel: Callable[..., Panel]) -> None:
    color = panel("x")
    grey = Panel("x", "fixed", 0.1, color.image[..., :1], color.mask, color.class_map)
    assert pixels(shown(grey, LABELS).pictures[0][1]).shape == (6, 8, 3)


def test_a_panel_of_mixed_sizes_is_refused(panel: Callable[..., Panel]) -> None:
    a, b = panel("x"), panel("x", size=(5, 8))
    mixed = Panel("seq/x", "fixed", 0.1, a.image, b.mask, a.class_map)
    with pytest.raises(ValueError, match=r"panel 'seq/x': .* are \(6, 8\), \(5, 8\) and \(6, 8\)"):
        shown(mixed, LABELS)


def test_the_legend_lists_classes_of_truth_and_prediction_then_the_error_tones(
    one_wrong: Panel,
) -> None:
    assert [name for name, _ in legend([one_wrong], LABELS)] == [
        *("road", "sky", "ignored"),
        *("errors: right", "errors: wrong", "errors: ignored"),
    ]


def test_the_legend_leaves_out_ignored_pixels_where_there_are_none() -> None:
    mask = np.full((2, 2), 2, np.uint8)
    panel = Panel("x", "best", 1.0, np.zeros((2, 2, 3), np.uint8), mask, mask)
    names = [name for name, _ in legend([panel], LABELS)]
    assert names == ["pole", "errors: right", "errors: wrong"]
