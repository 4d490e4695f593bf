"""Blur, noise and JPEG: their statistics by definition, any number of channels."""

import numpy as np
import pytest

from tessella.data.degrade import blurred, jpeg_degraded, noisy

CHANNELS = [1, 2, 3, 4, 7]


def smooth(*, channels: int) -> np.ndarray:
    rows, columns = np.mgrid[0:40, 0:56]
    waves = [128 + 100 * np.sin(rows / 9 + c) * np.cos(columns / 7) for c in range(channels)]
    return np.stack(waves, axis=2).astype(np.uint8)


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("size", [(40, 56), (1, 1)])
def test_size_channels_and_type_stay(channels: int, size: tuple[int, int]) -> None:
    image = smooth(channels=channels)[: size[0], : size[1]].copy()
    for got in (
        blurred(image, sigma_px=1.5),
        noisy(image, std=9.0, rng=np.random.default_rng(0)),
        jpeg_degraded(image, quality=50),
    ):
        assert got.shape == image.shape
        assert got.dtype == np.uint8


def test_a_blurred_point_is_a_gaussian() -> None:
    image = np.zeros((21, 21, 2), np.uint8)
    image[10, 10] = (255, 100)
    squares = (np.arange(21) - 10.0) ** 2
    bell = np.exp(-(squares[:, None] + squares) / (2 * 1.5**2))
    expected = (bell / bell.sum())[..., None] * (255, 100)
    np.testing.assert_allclose(blurred(image, sigma_px=1.5), expected, atol=1)  # whole grey values


@pytest.mark.parametrize("std", [4.0, 20.0])
@pytest.mark.parametrize("channels", CHANNELS)
def test_noise_has_the_spread_asked_for_and_no_bias(channels: int, std: float) -> None:
    image = np.full((200, 150, channels), 128, np.uint8)
    added = noisy(image, std=std, rng=np.random.default_rng(1)).astype(np.float64) - 128
    # 4 standard errors of 30,000 values and more; whole grey values add a twelfth to the variance
    assert added.mean() == pytest.approx(0, abs=4 * std / 173)
    assert added.std() == pytest.approx(np.hypot(std, 12**-0.5), rel=4 / (2 * 30000) ** 0.5)


def test_noise_is_independent_between_neighbours_and_channels() -> None:
    image = np.full((120, 120, 3), 128, np.uint8)
    added = noisy(image, std=10.0, rng=np.random.default_rng(2)).astype(np.float64) - 128
    pairs = [(added[1:], added[:-1]), (added[:, 1:], added[:, :-1]), (added[..., 0], added[..., 1])]
    for one, other in pairs:
        # 4 standard errors of at least 14,280 pairs
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] == pytest.approx(0, abs=0.034)


def test_noise_stops_at_black_and_white() -> None:
    image = np.zeros((50, 50, 1), np.uint8)
    image[25:] = 255
    got = noisy(image, std=30.0, rng=np.random.default_rng(0))
    assert got[:25].max() < 100  # 2.9 standard deviations; wrapped around it would be above
    assert got[25:].min() > 155


@pytest.mark.parametrize("channels", CHANNELS)
def test_a_lower_jpeg_quality_loses_more(channels: int) -> None:
    image = noisy(smooth(channels=channels), std=12.0, rng=np.random.default_rng(0))
    losses = [
        np.abs(jpeg_degraded(image, quality=quality).astype(float) - image).mean()
        for quality in (95, 50, 5)
    ]
    assert 0 < losses[0] < losses[1] < losses[2] < 40


@pytest.mark.parametrize("channels", CHANNELS)
def test_jpeg_keeps_the_order_of_channels(channels: int) -> None:
    image = np.empty((16, 16, channels), np.uint8)
    image[:] = np.arange(channels) * 25 + 20
    np.testing.assert_allclose(jpeg_degraded(image, quality=90), image, atol=4)
