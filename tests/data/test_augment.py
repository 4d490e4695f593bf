"""Random crops: where they come from, what varies, and that nothing else does."""

import dataclasses

import numpy as np
import pytest

from tessella.data.augment import Augmentation
from tessella.data.crop_choice import largest_class_share
from tessella.data.mixing import DrawPartner
from tessella.data.synthetic.scenes import read_drawn_scenes
from tessella.errors import UsageError
from tessella.recipe_parts import AugmentRecipe
from tessella.sample import Sample

IGNORED = 255


def numbered(height: int, width: int, *, channels: int = 1) -> np.ndarray:
    """Pixels 0, 1, 2, ... from the top left; channel c adds c."""
    pixels = np.arange(height * width).reshape(height, width, 1) + np.arange(channels)
    return pixels.astype(np.uint8)


# --- random crops -------------------------------------------------------------------------------

EVERYTHING = Augmentation(
    crop=(20, 24),
    scale=(0.5, 2.0),
    flip=0.5,
    vertical_flip=0.5,
    rotate_degrees=20.0,
    class_balance=0.5,
    max_class_share=0.75,
    brightness=0.3,
    contrast=0.3,
    saturation=0.5,
    hue=0.1,
    gamma=0.3,
    greyscale=0.2,
    blur=1.0,
    noise=1.0,
    jpeg=1.0,
    coarse_dropout=1.0,
    mask_dropout=1.0,
    mask_dropout_objects=3,
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


@pytest.mark.parametrize("flip", ["flip", "vertical_flip"])
@pytest.mark.parametrize(("chance", "expected"), [(0.0, 0), (1.0, 400), (0.25, 100)])
def test_flips_have_the_chance_asked_for(flip: str, chance: float, expected: int) -> None:
    augmentation = Augmentation(crop=(4, 4), **{flip: chance})
    rng = np.random.default_rng(0)
    drawn = [getattr(augmentation.draw_warp(rng, (9, 9)), flip) for _ in range(400)]
    assert sum(drawn) == pytest.approx(expected, abs=35)  # 4 standard deviations of 8.7
    assert chance > 0 or not any(drawn)


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


# --- which crop ---------------------------------------------------------------------------------


def with_rare_corner() -> Sample:
    """Class 0 but for a 3x3 corner of class 1: one pixel in 400."""
    mask = np.zeros((60, 60), np.uint8)
    mask[57:, 57:] = 1
    return Sample(np.repeat(mask[..., None] * 100, 3, axis=2), mask, "corner")


def share_with_class(augmentation: Augmentation, sample: Sample, index: int) -> float:
    crops = [augmentation(sample, np.random.default_rng(seed)).mask for seed in range(200)]
    return float(np.mean([(mask == index).any() for mask in crops]))


def test_balanced_crops_show_a_rare_class_as_often_as_asked_for() -> None:
    sample = with_rare_corner()
    plain, balanced = Augmentation(crop=(10, 10)), Augmentation(crop=(10, 10), class_balance=1.0)
    # 3x3 of 51x51 places show the corner; balanced, the half of the crops that draw class 1 do
    assert share_with_class(plain, sample, 1) < 0.03
    assert share_with_class(balanced, sample, 1) == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("size", [(60, 60), (8, 7), (1, 1)])
def test_balanced_crops_stay_inside_and_keep_an_image_that_is_smaller_whole(
    size: tuple[int, int],
) -> None:
    pixels = np.arange(size[0] * size[1]).reshape(size) % 200
    sample = Sample(pixels[..., None].astype(np.uint8), pixels.astype(np.uint8), "numbered")
    mask = Augmentation(crop=(10, 10), class_balance=1.0)(sample, np.random.default_rng(1)).mask
    assert np.count_nonzero(mask != IGNORED) == min(size[0], 10) * min(size[1], 10)


def test_an_image_without_labelled_pixels_is_cropped_anywhere() -> None:
    sample = with_rare_corner()
    sample = sample._replace(mask=np.full_like(sample.mask, IGNORED))
    augmentation = Augmentation(crop=(10, 10), class_balance=1.0, max_class_share=0.5)
    assert (augmentation(sample, np.random.default_rng(0)).mask == IGNORED).all()


def halves() -> Sample:
    """Class 0 on the left, class 1 on the right."""
    mask = np.zeros((40, 60), np.uint8)
    mask[:, 30:] = 1
    return Sample(np.repeat(mask[..., None] * 100, 3, axis=2), mask, "halves")


def test_crops_of_mostly_one_class_are_drawn_again() -> None:
    # 9 of the 41 places of a 20 columns wide crop have at most 0.75 of one class, so of 11 draws
    # one fits with a chance of 1 - (32 / 41) ** 11 = 0.93; a single draw, of 0.22
    shares = {
        limit: [
            largest_class_share(
                Augmentation(crop=(20, 20), max_class_share=limit)(
                    halves(), np.random.default_rng(seed)
                ).mask
            )
            for seed in range(300)
        ]
        for limit in (0.75, 1.0)
    }
    assert np.mean(np.array(shares[0.75]) <= 0.75) == pytest.approx(0.93, abs=0.06)
    assert np.mean(np.array(shares[1.0]) <= 0.75) == pytest.approx(0.22, abs=0.1)


def test_drawing_again_moves_the_crop_and_leaves_zoom_turn_and_flips_as_drawn() -> None:
    ramp = np.tile(np.arange(200, dtype=np.uint8), (200, 1))
    mask = (ramp >= 100).astype(np.uint8)
    sample = Sample(ramp[..., None], mask, "ramp")
    plain = Augmentation(crop=(20, 20), scale=(0.5, 2.0), rotate_degrees=30.0, flip=0.5)
    redrawn = dataclasses.replace(plain, max_class_share=0.75)
    num_moved = 0
    for seed in range(30):
        images = [
            a(sample, np.random.default_rng(seed)).image.astype(int) for a in (plain, redrawn)
        ]
        num_moved += images[0][10, 10] != images[1][10, 10]
        # on a ramp zoom, turn and flip are the differences, and the place is the value itself
        # (of the middle: a turned window's corners may be beyond the image, which is reflected)
        rises = [image[5:15, 5:15] - image[10, 10] for image in images]
        np.testing.assert_allclose(rises[0], rises[1], atol=2)  # whole grey values, twice
    assert num_moved > 10


def test_the_best_of_the_redrawn_crops_is_kept_where_none_fits() -> None:
    sample = halves()
    augmentation = Augmentation(crop=(20, 20), max_class_share=0.01)
    shares = [
        largest_class_share(augmentation(sample, np.random.default_rng(seed)).mask)
        for seed in range(100)
    ]
    # the best of 11 places among 41, of which 21 show one class only: all 11 do with 0.0006
    assert np.mean(np.array(shares) < 1) > 0.95


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


# --- everything together ------------------------------------------------------------------------

OFF = Augmentation(crop=(20, 24))

ONE_EACH = {
    "hue": 0.2,
    "gamma": 0.5,
    "greyscale": 1.0,
    "blur": 1.0,
    "noise": 1.0,
    "jpeg": 1.0,
}


@pytest.mark.parametrize("option", ONE_EACH)
def test_photometric_steps_change_the_image_and_nothing_else(option: str) -> None:
    sample = scene()
    plain, varied = (
        a(sample, np.random.default_rng(4))
        for a in (OFF, dataclasses.replace(OFF, **{option: ONE_EACH[option]}))
    )
    np.testing.assert_array_equal(plain.mask, varied.mask)
    assert not np.array_equal(plain.image, varied.image)


@pytest.mark.parametrize("option", ["coarse_dropout", "mask_dropout"])
def test_dropped_pixels_are_ignored_and_all_others_as_before(option: str) -> None:
    sample = read_drawn_scenes(None, "train", count=1, height=60, width=80)[0]
    off = Augmentation(crop=(40, 40))
    plain, dropped = (
        a(sample, np.random.default_rng(4))
        for a in (off, dataclasses.replace(off, **{option: 1.0}))
    )
    hidden = plain.mask != dropped.mask
    assert 0 < hidden.sum() < hidden.size
    assert (dropped.mask[hidden] == IGNORED).all()  # S3-B05: never another class
    np.testing.assert_array_equal(  # (a hole may lie on pixels that were ignored before)
        plain.image[dropped.mask != IGNORED], dropped.image[dropped.mask != IGNORED]
    )


@pytest.mark.parametrize("option", ["blur", "noise", "jpeg", "coarse_dropout", "greyscale"])
def test_a_chance_of_one_half_varies_about_half_of_the_crops(option: str) -> None:
    sample = scene(height=20, width=24)
    augmentation = dataclasses.replace(OFF, **{option: 0.5})
    crops = [augmentation(sample, np.random.default_rng(seed)) for seed in range(200)]
    changed = sum(not np.array_equal(crop.image, sample.image) for crop in crops)
    assert changed == pytest.approx(100, abs=29)  # 4 standard deviations


def test_options_that_are_off_leave_the_crops_of_a_seed_as_they_are() -> None:
    varied = Augmentation(crop=(20, 24), scale=(0.5, 2.0), flip=0.5, brightness=0.3)
    other = dataclasses.replace(varied, blur_sigma_px=(1.0, 9.0), jpeg_quality=(1, 2))
    first, second = (a(scene(), np.random.default_rng(3)) for a in (varied, other))
    np.testing.assert_array_equal(first.image, second.image)


# --- mixing -------------------------------------------------------------------------------------


def solid(level: int, *, classes: tuple[int, ...], channels: int = 3, name: str = "") -> Sample:
    """An image of one level; its mask has columns of the classes, evenly."""
    mask = np.repeat(np.array(classes, np.uint8), 24 // len(classes))[None].repeat(20, axis=0)
    image = np.full((20, 24, channels), level, np.uint8)
    return Sample(image, mask, name or f"level {level}")


def always(sample: Sample) -> DrawPartner:
    def draw(rng: np.random.Generator) -> Sample:
        return sample

    return draw


def test_cutmix_brings_image_and_mask_from_the_same_sample() -> None:
    augmentation = dataclasses.replace(OFF, cutmix=1.0)
    other = solid(200, classes=(5,))
    shares = []
    for seed in range(200):
        mixed = augmentation(
            solid(10, classes=(1,)), np.random.default_rng(seed), partner=always(other)
        )
        assert mixed.name == "level 10"
        assert set(np.unique(mixed.mask)) <= {1, 5}
        np.testing.assert_array_equal(mixed.image[..., 0], np.where(mixed.mask == 5, 200, 10))
        shares.append((mixed.mask == 5).mean())
    assert 0.2 < np.mean(shares) < 0.45  # half of the area, less what the border cuts off


def test_classmix_brings_half_of_the_other_samples_classes() -> None:
    augmentation = dataclasses.replace(OFF, classmix=1.0)
    other = solid(200, classes=(3, 4, 5, 6))
    for seed in range(20):
        mixed = augmentation(
            solid(10, classes=(1,)), np.random.default_rng(seed), partner=always(other)
        )
        assert len(set(np.unique(mixed.mask)) - {1}) == 2
        assert (mixed.mask == 1).mean() == 0.5
        np.testing.assert_array_equal(mixed.image[..., 0], np.where(mixed.mask == 1, 10, 200))


@pytest.mark.parametrize("option", ["cutmix", "classmix"])
def test_mixing_has_the_chance_asked_for(option: str) -> None:
    augmentation = dataclasses.replace(OFF, **{option: 0.5})
    other = solid(200, classes=(3, 4))
    drawn: list[int] = []

    def partner(rng: np.random.Generator) -> Sample:
        drawn.append(1)
        return other

    for seed in range(200):
        augmentation(solid(10, classes=(1,)), np.random.default_rng(seed), partner=partner)
    assert len(drawn) == pytest.approx(100, abs=29)  # 4 standard deviations


def test_mixing_without_a_partner_is_an_error_and_never_left_out() -> None:
    augmentation = dataclasses.replace(OFF, cutmix=0.01)
    with pytest.raises(ValueError, match="scene: cutmix and classmix mix it with another sample;"):
        augmentation(scene(), np.random.default_rng(0))


def test_a_partner_with_other_channels_is_named() -> None:
    augmentation = dataclasses.replace(OFF, cutmix=1.0)
    with pytest.raises(ValueError, match="grey: has 1 channels and cannot be mixed with level 9"):
        augmentation(
            solid(9, classes=(1,)),
            np.random.default_rng(0),
            partner=always(solid(9, classes=(1,), channels=1, name="grey")),
        )


# --- options ------------------------------------------------------------------------------------


def test_the_recipe_has_every_option_and_no_other() -> None:
    fields = [field.name for field in dataclasses.fields(Augmentation)]
    assert sorted(AugmentRecipe.model_fields) == sorted(fields)


def test_the_recipes_defaults_can_be_built() -> None:
    augmentation = Augmentation(**AugmentRecipe().model_dump())
    assert augmentation.crop == (224, 224)
    assert (augmentation.cutmix, augmentation.max_class_share, augmentation.extra) == (0, 1, None)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("flip", 1.5, "augment.flip is 1.5; expected a number in 0..1."),
        ("hue", -0.1, "augment.hue is -0.1; expected a number in 0..0.5."),
        ("blur", float("nan"), "augment.blur is nan; expected a number in 0..1."),
        ("scale", (2.0, 1.0), r"augment.scale is \(2.0, 1.0\); expected \(smallest, largest\) in"),
        ("jpeg_quality", (0, 50), r"augment.jpeg_quality is \(0, 50\); .* in 1..100"),
        ("crop", (0, 5), r"augment.crop is \(0, 5\); expected \(height, width\) from 1 up"),
        ("dropout_fill", "black", "dropout_fill is 'black'; expected 'mean' or 'noise'"),
        ("extra", "no_colon", "augment.extra is 'no_colon'; expected package.module:function"),
    ],
)
def test_a_value_that_cannot_be_is_refused_when_it_is_set(
    option: str, value: object, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Augmentation(**{"crop": (8, 8), option: value})


def test_an_unknown_option_is_an_error() -> None:
    # S3-B17: a library that only warns drops the option and trains without it
    with pytest.raises(TypeError, match="mask_fill_value"):
        Augmentation(crop=(8, 8), mask_fill_value=0)


def test_the_last_step_is_the_users_own() -> None:
    def negative(image: np.ndarray, mask: np.ndarray) -> dict[str, np.ndarray]:
        return {"image": 255 - image, "mask": mask}

    sample = scene(height=20, width=24)
    crop = dataclasses.replace(OFF, extra=negative)(sample, np.random.default_rng(0))
    np.testing.assert_array_equal(crop.image, 255 - sample.image)
