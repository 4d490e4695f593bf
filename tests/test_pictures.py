"""Pictures: blending and error colours by paper and pencil, legends that never fail on a name."""

import numpy as np
import pytest

from tessella.labels import LabelMap
from tessella.pictures import (
    IGNORED_COLOR,
    RIGHT_COLOR,
    WRONG_COLOR,
    as_rgb,
    error_map,
    legend,
    overlay,
    overlay_with_legend,
    thumbnail,
    thumbnail_mask,
)

LABELS = LabelMap.from_names(["road", "sky"], colors=[(200, 0, 100), (0, 255, 0)])


def uint8(*values: object) -> np.ndarray:
    return np.array(values, np.uint8)


def contains(picture: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool((picture == np.array(color, np.uint8)).all(axis=-1).any())


def test_overlay_blends_each_class_color_by_the_opacity() -> None:
    image = uint8([[100, 100, 100], [50, 55, 250]])
    # 0.6 * (200, 0, 100) + 0.4 * 100 = (160, 40, 100)
    # 0.6 * (0, 255, 0) + 0.4 * (50, 55, 250) = (20, 153 + 22, 100)
    assert overlay(image, uint8([0, 1]), LABELS).tolist() == [[[160, 40, 100], [20, 175, 100]]]


def test_overlay_keeps_the_image_where_the_mask_is_ignored() -> None:
    image = uint8([[10, 20, 30], [40, 50, 60]])
    blended = overlay(image, uint8([255, 0]), LABELS, opacity=1.0)
    assert blended.tolist() == [[[10, 20, 30], [200, 0, 100]]]


def test_overlay_of_opacity_zero_is_the_image() -> None:
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    mask = uint8([0, 1, 255, 0], [1, 1, 0, 0])
    assert np.array_equal(overlay(image, mask, LABELS, opacity=0), image)


def test_overlay_leaves_the_image_it_was_given_alone() -> None:
    image = np.full((2, 2, 3), 9, np.uint8)
    overlay(image, np.zeros((2, 2), np.uint8), LABELS)
    assert (image == 9).all()


@pytest.mark.parametrize("channels", [1, 2])
def test_overlay_shows_images_of_fewer_than_three_channels_as_grey(channels: int) -> None:
    image = np.full((1, 1, channels), 7, np.uint8)
    image[..., 0] = 80
    assert overlay(image, uint8([255]), LABELS).tolist() == [[[80, 80, 80]]]


def test_overlay_shows_the_first_three_of_many_channels() -> None:
    image = np.arange(8, dtype=np.uint8).reshape(1, 1, 8)
    assert overlay(image, uint8([255]), LABELS).tolist() == [[[0, 1, 2]]]


@pytest.mark.parametrize("opacity", [-0.01, 1.01, float("nan")])
def test_overlay_refuses_an_opacity_outside_zero_to_one(opacity: float) -> None:
    with pytest.raises(ValueError, match=r"overlay: opacity is .*; expected 0\.\.1; give 0 for"):
        overlay(np.zeros((1, 1, 3), np.uint8), uint8([0]), LABELS, opacity=opacity)


def test_overlay_refuses_a_mask_of_another_size() -> None:
    with pytest.raises(ValueError, match="overlay: mask is 2x3 but its image is 4x5; give both"):
        overlay(np.zeros((4, 5, 3), np.uint8), np.zeros((2, 3), np.uint8), LABELS)


def test_as_rgb_refuses_floating_point_images() -> None:
    with pytest.raises(ValueError, match=r"image is float32 of shape \(2, 2, 3\); expected uint8"):
        as_rgb(np.zeros((2, 2, 3), np.float32))


def test_legend_shows_a_swatch_for_the_present_classes_only() -> None:
    strip = legend(LABELS, [1], width=200)
    assert contains(strip, (0, 255, 0))
    assert not contains(strip, (200, 0, 100))


def test_legend_has_the_width_asked_for_and_wraps_into_rows() -> None:
    labels = LabelMap.from_names([f"class number {i}" for i in range(12)])
    narrow, wide = (legend(labels, range(12), width=width) for width in (150, 1500))
    assert (narrow.shape[1], wide.shape[1]) == (150, 1500)
    # twelve rows of 24 px against at most two
    assert narrow.shape[0] >= 12 * 24
    assert wide.shape[0] <= 3 * 24


def test_legend_draws_dark_text_on_white() -> None:
    strip = legend(LABELS, [0], width=200)
    assert contains(strip, (255, 255, 255))
    assert strip[:, 30:].min() < 64


def test_legend_keeps_a_name_longer_than_the_strip_inside_of_it() -> None:
    labels = LabelMap.from_names(["w" * 300])
    assert (legend(labels, [0], width=120)[:, -8:] == 255).all()


@pytest.mark.parametrize(
    "name", ["道路", "дорога", "مرحبا", "😀", "", " ", "two\nlines", "\x00", "\ud800", "Straße"]
)
def test_legend_never_fails_on_a_name(name: str) -> None:
    strip = legend(LabelMap.from_names([name]), [0], width=200)
    assert strip[:, 30:].min() < 64  # something is written


def test_legend_drops_the_accents_that_its_font_lacks() -> None:
    accented, plain = (LabelMap.from_names([name]) for name in ("Véhicule", "Vehicule"))
    assert np.array_equal(legend(accented, [0], width=200), legend(plain, [0], width=200))


def test_legend_calls_a_name_in_another_script_by_its_index() -> None:
    foreign, indexed = (LabelMap.from_names(["road", name]) for name in ("道路", "class 1"))
    assert np.array_equal(legend(foreign, [1], width=200), legend(indexed, [1], width=200))


def test_legend_of_ignored_pixels_has_their_color() -> None:
    labels = LabelMap(("a",), ((0, 0, 0),), ((0, 0),), ignore_color=(1, 2, 250))
    assert contains(legend(labels, [255], width=200), (1, 2, 250))


def test_legend_refuses_an_index_that_is_no_class() -> None:
    with pytest.raises(ValueError, match=r"legend: 2 is no class; classes are 0\.\.1 and 255"):
        legend(LABELS, [2], width=200)


def test_legend_refuses_a_strip_too_narrow_for_names() -> None:
    with pytest.raises(ValueError, match="width is 63 px; expected at least 64; widen"):
        legend(LABELS, [0], width=63)


def test_overlay_with_legend_enlarges_small_images_by_a_whole_factor() -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    image[0, 0] = (10, 20, 30)
    picture = overlay_with_legend(image, np.full((48, 64), 255, np.uint8), LABELS)
    # 64 * 5 = 320, the size asked for; the first pixel became 5x5
    assert picture.shape[1] == 320
    assert (picture[:5, :5] == (10, 20, 30)).all()
    assert (picture[5, 5] == 0).all()


def test_overlay_with_legend_puts_the_legend_below_the_picture() -> None:
    image = np.zeros((400, 600, 3), np.uint8)
    mask = np.zeros((400, 600), np.uint8)
    picture = overlay_with_legend(image, mask, LABELS)
    assert np.array_equal(picture[:400], overlay(image, mask, LABELS))
    assert np.array_equal(picture[400:], legend(LABELS, [0], width=600))


def test_overlay_with_legend_gives_a_tall_picture_a_white_margin() -> None:
    picture = overlay_with_legend(
        np.zeros((500, 10, 3), np.uint8), np.zeros((500, 10), np.uint8), LABELS
    )
    assert picture.shape[1] == 320
    assert (picture[:500, 10:] == 255).all()


def test_overlay_with_legend_refuses_an_image_without_pixels() -> None:
    with pytest.raises(ValueError, match=r"shape \(0, 5, 3\); expected at least one pixel"):
        overlay_with_legend(np.zeros((0, 5, 3), np.uint8), np.zeros((0, 5), np.uint8), LABELS)


def test_error_map_tells_right_wrong_and_ignored() -> None:
    colors = error_map(uint8([0, 1, 255, 255]), uint8([0, 0, 1, 255]), ignore_index=255)
    expected = [RIGHT_COLOR, WRONG_COLOR, IGNORED_COLOR, IGNORED_COLOR]
    assert colors.tolist() == [[list(color) for color in expected]]


def test_error_map_refuses_a_class_map_of_another_size() -> None:
    with pytest.raises(ValueError, match="error_map: mask is 1x2 but its class map is 1x3"):
        error_map(uint8([0, 1]), uint8([0, 1, 1]), ignore_index=255)


def test_thumbnail_averages_over_areas() -> None:
    image = uint8([[0], [100], [10], [10]], [[100], [200], [10], [30]])
    # 2x2 means: (0 + 100 + 100 + 200) / 4 = 100, (10 + 10 + 10 + 30) / 4 = 15
    assert thumbnail(image, max_side=2).tolist() == [[[100] * 3, [15] * 3]]


@pytest.mark.parametrize(
    ("size", "max_side", "expected"),
    [
        ((1024, 2048), 480, (240, 480)),
        ((301, 100), 150, (150, 50)),  # 100 * 150 / 301 = 49.8
        ((2, 1000), 100, (1, 100)),  # never less than a pixel
        ((30, 40), 480, (30, 40)),
    ],
)
def test_thumbnails_of_image_and_mask_have_the_same_size(
    size: tuple[int, int], max_side: int, expected: tuple[int, int]
) -> None:
    assert thumbnail(np.zeros((*size, 5), np.uint8), max_side=max_side).shape == (*expected, 3)
    assert thumbnail_mask(np.zeros(size, np.uint8), max_side=max_side).shape == expected


def test_thumbnail_of_a_mask_invents_no_class() -> None:
    mask = np.random.default_rng(0).choice(uint8(0, 7, 255), (90, 120))
    assert set(np.unique(thumbnail_mask(mask, max_side=50))) <= {0, 7, 255}


def test_thumbnail_of_a_mask_samples_the_centers() -> None:
    # three pixels become one: the middle one
    assert thumbnail_mask(uint8([4, 5, 6, 7, 8, 9]), max_side=2).tolist() == [[5, 8]]


def test_thumbnail_refuses_a_side_of_zero() -> None:
    with pytest.raises(ValueError, match="max_side is 0 px; expected at least 1"):
        thumbnail(np.zeros((4, 4, 3), np.uint8), max_side=0)
