"""Cutmix and classmix: every pixel of the result is one of the two, image and mask together."""

import numpy as np
import pytest

from tessella.data.cache import CachedDataset
from tessella.data.mixing import (
    Crop,
    classmix,
    cutmix,
    draw_box,
    draw_half_of_classes,
    draw_partner,
)
from tessella.data.synthetic.scenes import read_drawn_scenes


def crop_of(masked: list[list[int]], *, level: int, channels: int = 3) -> Crop:
    mask = np.array(masked, np.uint8)
    return Crop(np.full((*mask.shape, channels), level, np.uint8), mask)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_cutmix_takes_the_box_and_nothing_else(channels: int) -> None:
    crop = crop_of([[1, 1, 1], [1, 1, 1]], level=10, channels=channels)
    other = crop_of([[2, 3, 4], [5, 6, 255]], level=20, channels=channels)
    mixed = cutmix(crop, other, box=(slice(0, 2), slice(1, 3)))
    assert mixed.mask.tolist() == [[1, 3, 4], [1, 6, 255]]
    assert mixed.image[..., 0].tolist() == [[10, 20, 20], [10, 20, 20]]
    assert mixed.image.shape == (2, 3, channels)
    assert crop.mask.tolist() == [[1, 1, 1], [1, 1, 1]]


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_classmix_takes_the_pixels_of_the_classes_and_nothing_else(channels: int) -> None:
    crop = crop_of([[1, 1, 1], [1, 255, 1]], level=10, channels=channels)
    other = crop_of([[2, 3, 4], [2, 2, 255]], level=20, channels=channels)
    mixed = classmix(crop, other, classes=[2, 4])
    assert mixed.mask.tolist() == [[2, 1, 4], [2, 2, 1]]
    assert mixed.image[..., 0].tolist() == [[20, 10, 20], [20, 20, 10]]
    assert mixed.image.shape == (2, 3, channels)
    assert crop.mask.tolist() == [[1, 1, 1], [1, 255, 1]]


def test_classmix_takes_class_zero_too() -> None:
    mixed = classmix(crop_of([[1, 1]], level=10), crop_of([[0, 3]], level=20), classes=[0])
    assert mixed.mask.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("present", "half"), [([], 0), ([4], 0), ([0, 4], 1), ([0, 1, 9], 1), (list(range(8)), 4)]
)
def test_half_of_the_classes_are_drawn_rounded_down(present: list[int], half: int) -> None:
    mask = np.array([[*present, 255]], np.uint8)
    rng = np.random.default_rng(0)
    drawn = [draw_half_of_classes(rng, mask) for _ in range(100)]
    assert {len(classes) for classes in drawn} == {half}
    assert {index for classes in drawn for index in classes} == (set(present) if half else set())


def test_box_areas_are_even_before_the_border_cuts_them_off() -> None:
    rng = np.random.default_rng(0)
    size = (200, 300)
    boxes = [draw_box(rng, size) for _ in range(4000)]
    assert all(0 <= b.start <= b.stop <= n for box in boxes for b, n in zip(box, size, strict=True))
    # the side is sqrt(U) of the crop's length and its centre U' of it, so what is inside has the
    # mean length E[min(1, c + s/2) - max(0, c - s/2)] = E[s - s^2/4] = 2/3 - 1/8 for either axis
    lengths = [(rows.stop - rows.start) / 200 for rows, _ in boxes]
    assert np.mean(lengths) == pytest.approx(2 / 3 - 1 / 8, abs=0.016)  # 4 standard errors


def test_a_box_has_the_proportions_of_the_crop() -> None:
    rng = np.random.default_rng(1)
    whole = [
        (rows.stop - rows.start, columns.stop - columns.start)
        for rows, columns in (draw_box(rng, (100, 300)) for _ in range(500))
        if rows.start > 0 and rows.stop < 100 and columns.start > 0 and columns.stop < 300
    ]
    assert len(whole) > 50
    assert all(abs(3 * height - width) <= 4 for height, width in whole)  # whole pixels


SCENES = CachedDataset(
    read_drawn_scenes(None, "train", count=4, height=16, width=16), limit_bytes=1 << 20
)


def test_a_partner_is_any_other_sample_and_never_the_sample_itself() -> None:
    rng = np.random.default_rng(0)
    names = [draw_partner(SCENES, 1, rng).name for _ in range(600)]
    counts = {name: names.count(name) for name in set(names)}
    assert sorted(counts) == ["train-00000", "train-00002", "train-00003"]
    assert list(counts.values()) == pytest.approx([200] * 3, abs=47)  # 4 standard deviations


def test_a_single_sample_has_no_partner() -> None:
    alone = read_drawn_scenes(None, "train", count=1, height=16, width=16)
    with pytest.raises(ValueError, match="train-00000: is the only training sample, and cutmix"):
        draw_partner(alone, 0, np.random.default_rng(0))
