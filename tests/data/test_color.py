"""Colours against the definitions in float64: curve, hue, saturation; channels and types kept."""

import colorsys

import numpy as np
import pytest

from tessella.data.color import ColorChange, apply_color


def noise(*, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (9, 11, channels), np.uint8)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 8])
def test_the_default_changes_nothing(channels: int) -> None:
    image = noise(channels=channels)
    np.testing.assert_array_equal(apply_color(image, ColorChange()), image)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_contrast_brightness_and_gamma_follow_their_formulas_in_this_order(channels: int) -> None:
    image = noise(channels=channels)
    change = ColorChange(brightness=0.8, contrast=1.3, gamma=1.4)
    values = image.astype(np.float64)
    values = ((values - values.mean()) * 1.3 + values.mean()) * 0.8
    expected = 255 * (values.clip(0, 255) / 255) ** 1.4
    got = apply_color(image, change)
    assert got.shape == image.shape
    np.testing.assert_allclose(got, expected, atol=0.51)  # half a grey value


@pytest.mark.parametrize(("gamma", "expected"), [(2.0, 64), (0.5, 180), (1.0, 128)])
def test_gamma_above_one_is_darker(gamma: float, expected: int) -> None:
    # 255 * (128 / 255) ** gamma: 64.25 and 180.66
    image = np.full((2, 2, 1), 128, np.uint8)
    assert apply_color(image, ColorChange(gamma=gamma))[0, 0, 0] in (expected, expected + 1)


@pytest.mark.parametrize("turn", [0.05, -0.05, 0.3, 0.5])
def test_hue_turns_the_colour_circle_and_keeps_the_value(turn: float) -> None:
    image = np.array([[[200, 40, 60], [30, 180, 90], [70, 60, 220], [128, 128, 128]]], np.uint8)
    got = apply_color(image, ColorChange(hue=turn))
    for before, after in zip(image[0] / 255, got[0] / 255, strict=True):
        hue, saturation, value = colorsys.rgb_to_hsv(*before)
        expected = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
        # 4 grey values: hue and saturation are rounded to 256 levels on the way
        np.testing.assert_allclose(after, expected, atol=4 / 255)


def test_a_third_of_the_circle_makes_green_of_red() -> None:
    red = np.full((2, 2, 3), (255, 0, 0), np.uint8)
    got = apply_color(red, ColorChange(hue=1 / 3))
    np.testing.assert_allclose(got[0, 0], (0, 255, 0), atol=3)  # 85 of 256 levels


def test_without_saturation_only_grey_is_left() -> None:
    image = noise(channels=3)
    got = apply_color(image, ColorChange(saturation=0.0, hue=0.2))
    grey = image @ np.array([0.299, 0.587, 0.114])  # ITU-R BT.601; grey has no hue to turn
    np.testing.assert_allclose(got, np.repeat(grey[..., None], 3, axis=2), atol=0.51)


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_hue_and_saturation_are_for_three_channels_only(channels: int) -> None:
    image = noise(channels=channels)
    got = apply_color(image, ColorChange(saturation=0.0, hue=0.2))
    np.testing.assert_array_equal(got, image)
