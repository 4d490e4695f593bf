"""Hidden parts: what is painted over in the image is ignored in the mask, and nothing else is."""

import numpy as np
import pytest

from tessella.data.occlude import LARGEST_AREA, draw_holes, draw_objects, hide

IGNORED = 255


def objects() -> np.ndarray:
    """Ground of class 0 and four objects: a 2x3 and a 1x4 of class 3, a pixel of 5, ignored."""
    mask = np.zeros((10, 12), np.uint8)
    mask[1:3, 1:4] = 3
    mask[5, 2:6] = 3
    mask[8, 9] = 5
    mask[0, 11] = IGNORED
    return mask


def test_each_connected_object_is_hidden_as_a_whole_and_the_ground_never() -> None:
    mask = objects()
    rng = np.random.default_rng(0)
    areas = [draw_objects(rng, mask, num_objects=1) for _ in range(400)]
    kinds = {area.tobytes() for area in areas}
    expected = set()
    for rows, columns in ((slice(1, 3), slice(1, 4)), (5, slice(2, 6)), (8, 9)):
        area = np.zeros_like(mask)
        area[rows, columns] = 255
        expected.add(area.tobytes())
    assert kinds == expected
    # class 5 has one of the two draws; 4 standard deviations of 10
    assert sum(area[8, 9] == 255 for area in areas) == pytest.approx(200, abs=40)


def test_more_objects_are_all_different() -> None:
    hidden = draw_objects(np.random.default_rng(0), objects(), num_objects=9)
    # all three: 6 + 4 + 1 pixels; the ground fills more than a quarter and stays
    assert np.count_nonzero(hidden) == 11


@pytest.mark.parametrize("pixels", [25, 26])
def test_an_area_of_more_than_a_quarter_is_left(pixels: int) -> None:
    mask = np.full((10, 10), IGNORED, np.uint8)
    mask.ravel()[:pixels] = 7
    hidden = draw_objects(np.random.default_rng(0), mask, num_objects=1)
    assert LARGEST_AREA == 0.25
    assert np.count_nonzero(hidden) == (25 if pixels == 25 else 0)


@pytest.mark.parametrize("value", [IGNORED, 0])
@pytest.mark.parametrize("size", [(1, 1), (6, 4)])
def test_a_mask_without_objects_stays(size: tuple[int, int], value: int) -> None:
    mask = np.full(size, value, np.uint8)
    assert not draw_objects(np.random.default_rng(0), mask, num_objects=3).any()


def test_holes_have_the_sizes_asked_for_and_lie_inside() -> None:
    rng = np.random.default_rng(0)
    sides = set()
    for _ in range(300):
        hidden = draw_holes(rng, (20, 40), num_holes=(1, 1), side=(0.1, 0.5))
        rows, columns = hidden.any(axis=1), hidden.any(axis=0)
        height, width = int(rows.sum()), int(columns.sum())
        assert np.count_nonzero(hidden) == height * width  # one whole rectangle, nothing cut off
        sides.add((height, width))
    heights, widths = zip(*sides, strict=True)
    assert (min(heights), max(heights)) == (2, 10)  # 0.1 and 0.5 of 20
    assert (min(widths), max(widths)) == (4, 20)


def test_holes_come_to_every_border() -> None:
    rng = np.random.default_rng(0)
    hidden = [draw_holes(rng, (6, 6), num_holes=(1, 1), side=(0.3, 0.4)) for _ in range(200)]
    ever = np.maximum.reduce(hidden)
    assert ever.all()


def test_as_many_holes_are_drawn_as_asked_for() -> None:
    rng = np.random.default_rng(0)
    # holes of one pixel among 10,000: they hardly ever meet
    counts = [
        np.count_nonzero(draw_holes(rng, (100, 100), num_holes=(2, 4), side=(0.0, 0.0)))
        for _ in range(200)
    ]
    assert set(counts) == {2, 3, 4}


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("fill", ["mean", "noise"])
def test_hidden_pixels_are_painted_and_ignored_and_others_untouched(
    fill: str, channels: int
) -> None:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (30, 20, channels), np.uint8)
    mask = rng.integers(0, 4, (30, 20), np.uint8)
    hidden = np.zeros((30, 20), np.uint8)
    hidden[5:25, 3:11] = 255
    before = image.copy(), mask.copy()
    got, got_mask = hide(image, mask, hidden, fill=fill, rng=rng)
    assert (got_mask[5:25, 3:11] == IGNORED).all()  # S3-B05: hidden pixels are never scored
    np.testing.assert_array_equal(got_mask[hidden == 0], mask[hidden == 0])
    np.testing.assert_array_equal(got[hidden == 0], image[hidden == 0])
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(mask, before[1])
    painted = got[hidden == 255]
    if fill == "mean":
        expected = image.reshape(-1, channels).astype(np.float64).mean(axis=0)
        np.testing.assert_allclose(painted, np.broadcast_to(expected, painted.shape), atol=0.51)
    else:
        assert painted.std() == pytest.approx(73.9, rel=0.15)  # of 0..255 drawn evenly
