"""Random crops: geometry by paper and pencil and by a slow second version, then colour."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tessella.data.augment import Augmentation, Warp, apply_warp
from tessella.sample import Sample

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

    The crop is the picture turned counter-clockwise and scaled about `center`, then flipped; so
    a crop pixel is flipped back, scaled back and turned clockwise to find where it comes from.
    """
    height, width = mask.shape
    out = np.zeros((*crop, image.shape[2]))
    classes = np.full(crop, IGNORED, np.uint8)
    tie = np.zeros(crop, bool)
    turn = math.radians(warp.rotate_degrees)
    for row, column in np.ndindex(crop):
        down = (row + 0.5 - crop[0] / 2) / warp.scale
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


# --- random crops -------------------------------------------------------------------------------

EVERYTHING = Augmentation(
    crop=(20, 24),
    scale=(0.5, 2.0),
    flip=0.5,
    rotate_degrees=20.0,
    brightness=0.3,
    contrast=0.3,
    saturation=0.5,
)


def scene(*, height: int = 30, width: int = 40, channels: int = 3, seed: int = 0) -> Sample:
    rng = np.random.default_rng(seed)
    mask = rng.choice(np.array([0, 3, 7, IGNORED], np.uint8), (height, width))
    return Sample(rng.integers(0, 256, (height, width, channels), np.uint8), mask, "scene")


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("size", [(30, 40), (20, 24), (7, 5), (1, 1)])
def test_a_crop_has_the_size_asked_for_whatever_comes_in(
    channels: int, size: tuple[int, int]
) -> None:
    sample = scene(height=size[0], width=size[1], channels=channels)
    crop = EVERYTHING(sample, np.random.default_rng(1))
    assert crop.image.shape == (20, 24, channels)
    assert crop.mask.shape == (20, 24)
    assert crop.image.dtype == crop.mask.dtype == np.uint8
    assert crop.name == "scene"


@pytest.mark.parametrize("seed", range(8))
def test_a_mask_never_gains_a_value(seed: int) -> None:
    crop = EVERYTHING(scene(), np.random.default_rng(seed))
    assert set(np.unique(crop.mask)) <= {0, 3, 7, IGNORED}


def test_the_same_generator_state_gives_the_same_crop() -> None:
    first, second = (EVERYTHING(scene(), np.random.default_rng((1, 2, 3))) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.mask, second.mask)


def test_another_generator_state_gives_another_crop() -> None:
    first, second = (EVERYTHING(scene(), np.random.default_rng((1, 2, k))) for k in range(2))
    assert not np.array_equal(first.image, second.image)


def test_what_comes_in_is_left_as_it_was() -> None:
    sample, same = scene(), scene()
    EVERYTHING(sample, np.random.default_rng(0))
    np.testing.assert_array_equal(sample.image, same.image)
    np.testing.assert_array_equal(sample.mask, same.mask)


def test_a_crop_of_the_images_size_without_variation_is_the_image() -> None:
    sample = scene(height=20, width=24)
    crop = Augmentation(crop=(20, 24))(sample, np.random.default_rng(0))
    np.testing.assert_array_equal(crop.image, sample.image)
    np.testing.assert_array_equal(crop.mask, sample.mask)


@pytest.mark.parametrize("size", [(4, 6), (5, 7)])
@pytest.mark.parametrize("seed", range(5))
def test_an_unscaled_crop_copies_whole_pixels_from_inside(size: tuple[int, int], seed: int) -> None:
    pixels = numbered(11, 12)
    sample = Sample(pixels, pixels[..., 0], "numbered")
    crop = Augmentation(crop=size)(sample, np.random.default_rng(seed))
    top, left = divmod(int(crop.mask[0, 0]), 12)
    expected = pixels[top : top + size[0], left : left + size[1]]
    np.testing.assert_array_equal(crop.image, expected)
    np.testing.assert_array_equal(crop.mask, expected[..., 0])


def test_crops_come_from_everywhere() -> None:
    pixels = numbered(6, 7)
    sample = Sample(pixels, pixels[..., 0], "numbered")
    corners = {
        int(Augmentation(crop=(4, 4))(sample, np.random.default_rng(seed)).mask[0, 0])
        for seed in range(200)
    }
    assert corners == {7 * row + column for row in range(3) for column in range(4)}


@pytest.mark.parametrize("seed", range(5))
def test_an_image_smaller_than_the_crop_is_wholly_inside_it(seed: int) -> None:
    pixels = numbered(5, 6)
    sample = Sample(pixels, pixels[..., 0], "numbered")
    crop = Augmentation(crop=(9, 10))(sample, np.random.default_rng(seed))
    assert sorted(crop.mask[crop.mask != IGNORED].tolist()) == list(range(30))


@pytest.mark.parametrize(("chance", "expected"), [(0.0, {False}), (1.0, {True})])
def test_flips_have_the_chance_asked_for(chance: float, expected: set[bool]) -> None:
    augmentation = Augmentation(crop=(4, 4), flip=chance)
    rng = np.random.default_rng(0)
    assert {augmentation.draw_warp(rng, (9, 9)).flip for _ in range(50)} == expected


def test_zooms_are_even_on_a_log_scale() -> None:
    augmentation = Augmentation(crop=(4, 4), scale=(0.25, 4.0))
    rng = np.random.default_rng(0)
    zooms = np.array([augmentation.draw_warp(rng, (9, 9)).scale for _ in range(4000)])
    assert zooms.min() >= 0.25
    assert zooms.max() <= 4.0
    # a quarter of them in each factor of two; atol: 4 standard deviations of 4000 draws
    shares = np.histogram(np.log2(zooms), bins=[-2, -1, 0, 1, 2])[0] / 4000
    np.testing.assert_allclose(shares, 0.25, atol=0.028)


def test_turns_stay_within_their_limit() -> None:
    augmentation = Augmentation(crop=(4, 4), rotate_degrees=10.0)
    rng = np.random.default_rng(0)
    turns = [augmentation.draw_warp(rng, (9, 9)).rotate_degrees for _ in range(500)]
    assert -10 <= min(turns) < -8
    assert 8 < max(turns) <= 10


def test_a_sample_without_mask_is_an_error() -> None:
    sample = scene()._replace(mask=None)
    with pytest.raises(ValueError, match="scene: has no mask, so it cannot be trained on"):
        EVERYTHING(sample, np.random.default_rng(0))


# --- colour -------------------------------------------------------------------------------------


def flat(*color: int) -> Sample:
    image = np.empty((4, 4, len(color)), np.uint8)
    image[:] = color
    return Sample(image, np.zeros((4, 4), np.uint8), "flat")


@pytest.mark.parametrize("what", ["brightness", "contrast", "saturation"])
def test_colour_leaves_the_mask_and_the_geometry_alone(what: str) -> None:
    sample = scene()
    plain = Augmentation(crop=(20, 24), scale=(0.5, 2.0))
    varied = Augmentation(crop=(20, 24), scale=(0.5, 2.0), **{what: 0.5})
    first, second = (a(sample, np.random.default_rng(4)) for a in (plain, varied))
    np.testing.assert_array_equal(first.mask, second.mask)
    assert not np.array_equal(first.image, second.image)


def spread(augmentation: Augmentation, sample: Sample) -> np.ndarray:
    """The top left pixel after each of 300 draws."""
    crops = [augmentation(sample, np.random.default_rng(seed)) for seed in range(300)]
    return np.array([crop.image[0, 0] for crop in crops])


def test_brightness_multiplies_all_channels_alike() -> None:
    pixels = spread(Augmentation(crop=(4, 4), brightness=0.2), flat(50, 100, 200))
    # 100 times 0.8..1.2, which 300 draws nearly fill
    assert (pixels[:, 1].min(), pixels[:, 1].max()) == (80, 120)
    np.testing.assert_allclose(pixels[:, 1], 2.0 * pixels[:, 0], atol=1.5)  # whole grey values
    np.testing.assert_allclose(pixels[:, 2], 2.0 * pixels[:, 1], atol=1.5)


def test_brightness_stops_at_white() -> None:
    assert spread(Augmentation(crop=(4, 4), brightness=0.5), flat(250, 250, 250)).max() == 255


def test_contrast_moves_values_away_from_the_mean_of_all_channels() -> None:
    pixels = spread(Augmentation(crop=(4, 4), contrast=0.5), flat(40, 100, 160)).astype(int)
    np.testing.assert_array_equal(pixels[:, 1], 100)  # the mean of the three
    # the others stay on either side of it, equally far; atol: whole grey values
    np.testing.assert_allclose(100 - pixels[:, 0], pixels[:, 2] - 100, atol=1)
    assert (pixels[:, 0].max(), pixels[:, 0].min()) == (70, 10)  # 60 times 0.5 and 1.5


def test_saturation_moves_colours_to_and_from_their_grey() -> None:
    pixels = spread(Augmentation(crop=(4, 4), saturation=1.0), flat(200, 100, 50)).astype(int)
    # grey is 0.299 R + 0.587 G + 0.114 B = 124.2 (ITU-R BT.601); at saturation 0 only it is left
    assert np.ptp(pixels, axis=1).min() <= 2
    greys = pixels @ np.array([0.299, 0.587, 0.114])
    unclipped = (pixels > 0).all(1) & (pixels < 255).all(1)
    np.testing.assert_allclose(greys[unclipped], 124.2, atol=1.5)  # whole grey values


@pytest.mark.parametrize("channels", [1, 4, 5])
def test_saturation_is_for_three_channels_only(channels: int) -> None:
    sample = flat(*range(10, 10 + channels))
    crop = Augmentation(crop=(4, 4), saturation=1.0)(sample, np.random.default_rng(0))
    np.testing.assert_array_equal(crop.image, sample.image)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_no_colour_variation_keeps_every_value(channels: int) -> None:
    sample = Sample(numbered(4, 4, channels=channels), np.zeros((4, 4), np.uint8), "numbered")
    crop = Augmentation(crop=(4, 4))(sample, np.random.default_rng(0))
    np.testing.assert_array_equal(crop.image, sample.image)
