"""Fingerprints: bits by paper and pencil, and how little a copy changes them."""

import cv2
import numpy as np
import pytest

from tessella.data.fingerprint import (
    Fingerprint,
    bits_of,
    fingerprint,
    thumbnails_of,
    unit_vectors,
)
from tessella.data.images import decode_image, encode_jpeg


def picture(seed: int, *, height: int = 240, width: int = 320) -> np.ndarray:
    """Clouds of several sizes: detail everywhere, as in a photograph."""
    rng = np.random.default_rng(seed)
    clouds = np.zeros((height, width, 3), np.float32)
    for cells in (4, 8, 16, 32):
        noise = rng.normal(0, 1, (cells, cells, 3)).astype(np.float32)
        clouds += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * 4 / cells**0.5
    return np.clip(128 + 20 * clouds, 0, 255).astype(np.uint8)


def differing(first: Fingerprint, second: Fingerprint) -> int:
    pairs = zip(first.bits, second.bits, strict=True)
    return sum((a ^ b).bit_count() for a, b in pairs)


COPIES = {
    "JPEG": lambda image: decode_image(encode_jpeg(image, quality=50), where="copy"),
    "half the size": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5),
    "5 % brighter": lambda image: cv2.convertScaleAbs(image, alpha=1.05),
}


def test_a_bit_is_set_where_grey_rises_by_two_or_more() -> None:
    row = [10, 12, 12, 11, 12, 20, *range(20, 31)]  # 17 values: 20..30 rises by one each
    image = np.tile(np.array(row, np.uint8), (16, 1))[..., None]
    # rises of 2, 0, -1, 1, 8, 0, then ones: only the first and the fifth count
    assert fingerprint(image).bits == bytes([0b10001000, 0]) * 16


def test_an_image_of_the_thumbnails_size_is_its_own_thumbnail() -> None:
    image = np.arange(16 * 17, dtype=np.uint16).astype(np.uint8).reshape(16, 17, 1)
    assert fingerprint(image).thumbnail == image.tobytes()


def test_the_thumbnail_averages_over_equal_areas() -> None:
    image = np.zeros((32, 34, 1), np.uint8)
    image[::2] = 100  # each 2x2 block holds two of 100 and two of 0
    assert set(fingerprint(image).thumbnail) == {50}


def test_a_fingerprint_takes_304_bytes() -> None:
    found = fingerprint(picture(0))
    assert (len(found.bits), len(found.thumbnail)) == (32, 272)


def test_grey_and_three_equal_channels_have_one_fingerprint() -> None:
    grey = picture(0)[..., :1]
    assert fingerprint(grey) == fingerprint(np.repeat(grey, 3, axis=2))


def test_of_other_channels_the_mean_counts() -> None:
    channels = np.stack([np.full((16, 17), value, np.uint8) for value in (10, 20, 30, 40, 51)], -1)
    assert set(fingerprint(channels).thumbnail) == {30}  # 151 / 5 = 30.2


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("seed", range(4))
def test_a_copy_turns_few_bits(copy: str, seed: int) -> None:
    image = picture(seed)
    assert differing(fingerprint(image), fingerprint(COPIES[copy](image))) <= 15


def test_other_pictures_differ_in_many_bits() -> None:
    prints = [fingerprint(picture(seed)) for seed in range(12)]
    apart = [differing(a, b) for i, a in enumerate(prints) for b in prints[:i]]
    assert min(apart) > 64


@pytest.mark.parametrize("size", [(255, 513), (257, 301), (1023, 64), (1000, 63)])
def test_odd_sizes_are_reduced_as_whole(size: tuple[int, int]) -> None:
    height, width = size
    ramp = np.linspace(0, 255, width)[None, :].repeat(height, 0).astype(np.uint8)[..., None]
    thumbnail = thumbnails_of([fingerprint(ramp)])[0]
    # the middle of column c of 17 lies at (c + 0.5) / 17 of the ramp
    expected = (np.arange(17) + 0.5) / 17 * 255
    np.testing.assert_allclose(thumbnail[8], expected, atol=3)  # rows left out, and rounding


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (1, 400)])
def test_the_smallest_images_have_a_fingerprint(size: tuple[int, int]) -> None:
    plain = fingerprint(np.full((*size, 3), 7, np.uint8))
    assert (set(plain.bits), set(plain.thumbnail)) == ({0}, {7})


@pytest.mark.parametrize(
    "image",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)],
)
def test_what_is_no_image_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="fingerprint: image is .* expected uint8 .height, width"):
        fingerprint(image)


def test_bits_of_many_are_those_of_each() -> None:
    prints = [fingerprint(picture(seed)) for seed in range(3)]
    packed = bits_of(thumbnails_of(prints))
    assert [row.tobytes() for row in packed] == [print_.bits for print_ in prints]


def test_products_of_unit_vectors_are_correlations() -> None:
    values = np.random.default_rng(0).integers(0, 256, (4, 30)).astype(np.uint8)
    units = unit_vectors(values)
    np.testing.assert_allclose(units @ units.T, np.corrcoef(values), atol=1e-6)  # float32


def test_a_row_without_contrast_correlates_with_nothing() -> None:
    assert (unit_vectors(np.full((1, 9), 200, np.uint8)) == 0).all()
