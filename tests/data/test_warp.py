"""The geometry of crops: by paper and pencil, and by a slow second version."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tessella.data.warp import Warp, apply_warp, draw_center, move_inside

IGNORED = 255


def numbered(height: int, width: int, *, channels: int = 1) -> np.ndarray:
    """Pixels 0, 1, 2, ... from the top left; channel c adds c."""
    pixels = np.arange(height * width).reshape(height, width, 1) + np.arange(channels)
    return pixels.astype(np.uint8)


def warped(
    pixels: list[list[int]], crop: tuple[int, int], **geometry: object
) -> tuple[list[list[int]], list[list[int]]]:
    """Image and mask, both holding `pixels`, through a warp about their centre."""
    values = np.array(pixels, np.uint8)
    given = {"scale": 1.0, "rotate_degrees": 0.0, "flip": False, **geometry}
    center = given.pop("center", (values.shape[0] / 2, values.shape[1] / 2))
    image, mask = apply_warp(values[..., None], values, Warp(center=center, **given), crop=crop)
    return image[..., 0].tolist(), mask.tolist()


# --- geometry by paper and pencil ---------------------------------------------------------------

SIX = [[0, 40, 80], [10, 50, 90]]


def test_the_identity_gives_the_same_pixels() -> None:
    assert warped(SIX, (2, 3)) == (SIX, SIX)


def test_a_flip_exchanges_left_and_right() -> None:
    expected = [[80, 40, 0], [90, 50, 10]]
    assert warped(SIX, (2, 3), flip=True) == (expected, expected)


def test_a_vertical_flip_exchanges_top_and_bottom() -> None:
    expected = [[10, 50, 90], [0, 40, 80]]
    assert warped(SIX, (2, 3), vertical_flip=True) == (expected, expected)


def test_both_flips_are_half_a_turn() -> None:
    both = warped(SIX, (2, 3), flip=True, vertical_flip=True)
    assert both == warped(SIX, (2, 3), rotate_degrees=180.0)


def test_a_turned_picture_is_flipped_after_it_is_turned() -> None:
    # a quarter turn gives [[80, 90], [40, 50], [0, 10]]; then top and bottom are exchanged
    expected = [[0, 10], [40, 50], [80, 90]]
    assert warped(SIX, (3, 2), rotate_degrees=90.0, vertical_flip=True) == (expected, expected)


def test_a_quarter_turn_goes_counter_clockwise() -> None:
    expected = [[80, 90], [40, 50], [0, 10]]
    assert warped(SIX, (3, 2), rotate_degrees=90.0) == (expected, expected)


def test_half_a_turn_reverses_both_directions() -> None:
    expected = [[90, 50, 10], [80, 40, 0]]
    assert warped(SIX, (2, 3), rotate_degrees=180.0) == (expected, expected)


def test_scale_two_makes_four_mask_pixels_of_one() -> None:
    _, mask = warped([[1, 2]], (2, 4), scale=2.0)
    assert mask == [[1, 1, 2, 2], [1, 1, 2, 2]]


def test_scale_two_blends_the_image_between_pixel_centres() -> None:
    # crop pixels sit at image columns -0.25, 0.25, 0.75, 1.25; the outer two are reflected
    # about the border pixels' centres, to 0.25 and 0.75: a quarter and three quarters of 40
    image, _ = warped([[0, 40]], (1, 4), scale=2.0)
    assert image == [[10, 10, 30, 30]]


def test_scale_one_half_blends_two_by_two_pixels() -> None:
    image, mask = warped([[0, 40, 100, 60], [20, 60, 20, 80]], (1, 2), scale=0.5)
    assert image == [[30, 65]]  # (0 + 40 + 20 + 60) / 4 and (100 + 60 + 20 + 80) / 4
    assert mask[0][0] in (0, 40, 20, 60)  # all four are equally near
    assert mask[0][1] in (100, 60, 20, 80)


def test_the_centre_says_which_part_is_cut_out() -> None:
    expected = [[6, 7], [10, 11]]
    image, mask = warped(numbered(4, 4)[..., 0].tolist(), (2, 2), center=(2.0, 3.0))
    assert (image, mask) == (expected, expected)


def test_outside_of_the_image_the_mask_is_ignored_and_the_image_reflected() -> None:
    image, mask = warped([[1, 2, 3]], (1, 7))
    assert mask == [[IGNORED, IGNORED, 1, 2, 3, IGNORED, IGNORED]]
    assert image == [[3, 2, 1, 2, 3, 2, 1]]


# --- geometry against a slow second version -----------------------------------------------------


def slow_warp(
    image: np.ndarray, mask: np.ndarray, warp: Warp, *, crop: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixel by pixel: bilinear image, nearest mask, and where nearest is nearly a tie.

    The crop is the picture turned counter-clockwise and scaled about `center`, then flipped either
    way; so a crop pixel is flipped back, scaled back and turned clockwise to find its place.
    """
    height, width = mask.shape
    out = np.zeros((*crop, image.shape[2]))
    classes = np.full(crop, IGNORED, np.uint8)
    tie = np.zeros(crop, bool)
    turn = math.radians(warp.rotate_degrees)
    for row, column in np.ndindex(crop):
        down = (row + 0.5 - crop[0] / 2) / warp.scale * (-1 if warp.vertical_flip else 1)
        right = (column + 0.5 - crop[1] / 2) / warp.scale * (-1 if warp.flip else 1)
        y = warp.center[0] + math.sin(turn) * right + math.cos(turn) * down - 0.5
        x = warp.center[1] + math.cos(turn) * right - math.sin(turn) * down - 0.5
        near_y, near_x = math.floor(y + 0.5), math.floor(x + 0.5)
        # one thirty-second: some versions of OpenCV round coordinates to it
        tie[row, column] = min(abs(y - near_y), abs(x - near_x)) > 0.5 - 1 / 16 or (
            max(abs(y - near_y), abs(x - near_x)) > 0.5 - 1 / 16
        )
        if 0 <= near_y < height and 0 <= near_x < width:
            classes[row, column] = mask[near_y, near_x]
        top, left = math.floor(y), math.floor(x)
        for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
            share = (1 - abs(y - top - dy)) * (1 - abs(x - left - dx))
            source = image[reflected(top + dy, height), reflected(left + dx, width)]
            out[row, column] += share * source
    return out, classes, tie


def reflected(position: int, length: int) -> int:
    if length == 1:
        return 0
    position %= 2 * (length - 1)
    return min(position, 2 * (length - 1) - position)


SIZES = st.tuples(st.integers(1, 11), st.integers(1, 11))
WARPS = st.builds(
    Warp,
    scale=st.floats(0.4, 3.0),
    rotate_degrees=st.floats(-180, 180),
    flip=st.booleans(),
    center=st.tuples(st.floats(-2, 13), st.floats(-2, 13)),
    vertical_flip=st.booleans(),
)


@settings(max_examples=40, deadline=None)
@given(SIZES, SIZES, WARPS, st.integers(0, 9))
def test_image_and_mask_come_from_the_same_place(
    size: tuple[int, int], crop: tuple[int, int], warp: Warp, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    image = np.cumsum(rng.integers(0, 9, (*size, 3)), axis=1).astype(np.uint8)  # smooth
    mask = rng.integers(0, 5, size, np.uint8)
    got_image, got_mask = apply_warp(image, mask, warp, crop=crop)
    expected_image, expected_mask, tie = slow_warp(image, mask, warp, crop=crop)
    np.testing.assert_array_equal(got_mask[~tie], expected_mask[~tie])
    # atol=1.5: rounding to whole grey values, and to a thirty-second of a pixel at slopes below 40
    np.testing.assert_allclose(got_image, expected_image, atol=1.5)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("degrees", [0.0, 30.0, -75.0])
@pytest.mark.parametrize("scale", [0.5, 1.0, 1.7])
def test_a_class_painted_into_the_image_stays_under_its_mask(
    scale: float, degrees: float, flip: bool
) -> None:
    rows, columns = np.mgrid[0:60, 0:80]
    mask = (rows // 15 * 4 + columns // 20).astype(np.uint8)  # 16 blocks of 15x20
    image = np.repeat(mask[..., None] * np.uint8(10), 3, axis=2)
    warp = Warp(scale, degrees, flip, (30.0, 40.0))
    got_image, got_mask = apply_warp(image, mask, warp, crop=(40, 40))
    inside = interior(got_mask)
    assert inside.sum() > 200
    np.testing.assert_array_equal(got_image[inside][:, 1], got_mask[inside] * 10)


def interior(mask: np.ndarray) -> np.ndarray:
    """Pixels whose eight neighbours have their class, none ignored."""
    same = np.zeros(mask.shape, bool)
    middle = mask[1:-1, 1:-1]
    same[1:-1, 1:-1] = middle != IGNORED
    for dy, dx in np.ndindex(3, 3):
        same[1:-1, 1:-1] &= middle == mask[dy : dy + mask.shape[0] - 2, dx : dx + mask.shape[1] - 2]
    return same


# --- centres ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ((5.5, 6.5), (5.5, 6.5)),  # inside: stays
        ((0.5, 6.5), (2.0, 6.5)),  # half of the crop's 4 rows from the top
        ((9.5, 11.5), (8.0, 9.0)),  # 10 - 2 rows, 12 - 3 columns
        ((-9.0, 99.0), (2.0, 9.0)),
    ],
)
def test_a_centre_near_the_border_moves_just_inside(
    wanted: tuple[float, float], expected: tuple[float, float]
) -> None:
    # 8x12 crop pixels at zoom 2 are 4x6 image pixels
    assert move_inside(wanted, (10, 12), crop=(8, 12), scale=2.0) == expected


def test_a_crop_larger_than_the_image_keeps_the_image_inside() -> None:
    # the window of 10 rows starts up to 4 rows above the image of 6: its centre is in -4 + 5 .. 5
    assert move_inside((0.5, 3.0), (6, 6), crop=(10, 6), scale=1.0) == (1.0, 3.0)
    assert move_inside((5.5, 3.0), (6, 6), crop=(10, 6), scale=1.0) == (5.0, 3.0)


@pytest.mark.parametrize("seed", range(5))
def test_an_unscaled_crop_starts_at_a_whole_pixel(seed: int) -> None:
    rng = np.random.default_rng(seed)
    row, column = draw_center(rng, (11, 12), crop=(4, 5), scale=1.0)
    assert (row - 2) % 1 == (column - 2.5) % 1 == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_pixel_wanted_at_the_centre_is_in_the_crop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    wanted = tuple(float(x) for x in rng.integers(0, 20, 2) + 0.5)
    row, column = move_inside(wanted, (20, 20), crop=(8, 6), scale=1.5)
    assert abs(wanted[0] - row) < 4 / 1.5
    assert abs(wanted[1] - column) < 3 / 1.5
