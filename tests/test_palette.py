"""Colours for classes that come without any."""

import numpy as np
import pytest

from tessella.palette import Color, distinct_colors

# Full loss of one kind of cone: Machado, Oliveira and Fernandes 2009, table 1, severity 1.0
SIGHT = {
    "normal": np.eye(3),
    "deuteranopic": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopic": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
}


def lab_as_seen(colors: list[Color], sight: str) -> np.ndarray:
    """CIE 1976 L*a*b* (D65) of sRGB colours, as that eye sees them."""
    share = np.array(colors) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ SIGHT[sight].T, 0, 1)
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750]]
    xyz = linear @ np.array([*to_xyz, [0.0193339, 0.1191920, 0.9503041]]).T
    ratio = xyz / [0.95047, 1, 1.08883]
    x, y, z = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


@pytest.mark.parametrize("sight", SIGHT)
def test_any_two_of_the_first_24_look_different(sight: str) -> None:
    lab = lab_as_seen(list(distinct_colors(24)), sight)
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1) + 1000 * np.eye(24)
    assert apart.min() > 16  # 2.3 is the smallest difference that an eye notices


@pytest.mark.parametrize("sight", SIGHT)
def test_the_first_24_differ_from_the_white_and_black_of_ignored_pixels(sight: str) -> None:
    lab = lab_as_seen([*distinct_colors(24), (255, 255, 255), (0, 0, 0)], sight)
    assert np.linalg.norm(lab[:24, None] - lab[None, 24:], axis=-1).min() > 16


@pytest.mark.parametrize("count", [0, 1, 24, 25, 254])
def test_there_are_as_many_different_colours_as_asked_for(count: int) -> None:
    colors = distinct_colors(count)
    assert len(colors) == len(set(colors)) == count
    assert all(0 <= part <= 255 for color in colors for part in color)


def test_more_classes_do_not_change_the_colours_of_the_first() -> None:
    assert distinct_colors(254)[:40] == distinct_colors(40)
