"""Counts by paper and pencil, against a slow version of their own, and as published."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tessella.data.camvid import read_camvid
from tessella.data.dataset import Dataset
from tessella.data.synthetic.scenes import read_drawn_scenes
from tessella.labels import LabelMap
from tessella.sample import Sample
from tessella.stats.measure import GRID, measure
from tessella.stats.numbers import SplitStatistics

ListedOf = Callable[..., Dataset]
SampleOf = Callable[..., Sample]


def random_samples(seed: int) -> list[Sample]:
    """Odd sizes on both sides of 32 pixels, ignored pixels, and a class that some lack."""
    rng = np.random.default_rng(seed)
    samples = []
    for number, (height, width) in enumerate([(5, 7), (33, 40), (64, 10), (70, 95)]):
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
        mask = rng.choice(np.array([0, 1, 2, 255], np.uint8), (height, width))
        if number % 2:
            mask[mask == 2] = 0
        samples.append(Sample(image, mask, f"s{number}"))
    return samples


def slowly(samples: list[Sample], num_classes: int) -> dict[str, np.ndarray]:
    """The same counts, pixel by pixel."""
    pixels, around, images = np.zeros((3, num_classes), int)
    together = np.zeros((num_classes, num_classes), int)
    places = np.zeros((num_classes, GRID, GRID), int)
    for sample in samples:
        assert sample.mask is not None
        seen = sorted({int(v) for v in sample.mask.ravel()} - {255})
        for value in sample.mask.ravel():
            if value != 255:
                pixels[value] += 1
        for one in seen:
            images[one] += 1
            around[one] += int((sample.mask != 255).sum())
            for other in seen:
                together[one, other] += 1
        height, width = sample.mask.shape
        down, across = -(-GRID // height), -(-GRID // width)
        for row in range(height * down):
            for column in range(width * across):
                value = sample.mask[row // down, column // across]
                if value != 255:
                    cell = row * GRID // (height * down), column * GRID // (width * across)
                    places[(value, *cell)] += 1
    return {
        "pixels": pixels,
        "pixels_where_present": around,
        "images_with_class": images,
        "together": together,
        "places": places,
    }


def one_split(dataset: Dataset) -> SplitStatistics:
    return measure({"train": dataset}).splits["train"]


@pytest.mark.parametrize(
    "count", ["pixels", "pixels_where_present", "images_with_class", "together", "places"]
)
def test_counts_are_those_of_a_slow_version(listed: ListedOf, count: str) -> None:
    samples = random_samples(3)
    split = one_split(listed(samples))
    np.testing.assert_array_equal(getattr(split, count), slowly(samples, 3)[count])


def test_mean_and_standard_deviation_are_those_of_all_pixels_at_once(listed: ListedOf) -> None:
    samples = random_samples(4)
    split = one_split(listed(samples))
    pixels = np.concatenate([s.image.reshape(-1, 3) for s in samples]).astype(np.float64)
    assert split.colors.mean() == pytest.approx(pixels.mean(axis=0), rel=1e-12)
    assert split.colors.std() == pytest.approx(pixels.std(axis=0), rel=1e-12)


def test_an_image_of_more_rows_than_a_strip_holds_is_counted_whole(listed: ListedOf) -> None:
    image = np.full((3, 1 << 20, 3), 7, np.uint8)
    split = one_split(listed([Sample(image, None, "wide")]))
    assert split.colors.levels[:, 7].tolist() == [3 << 20] * 3


def test_images_without_a_mask_count_in_sizes_and_colours_only(
    listed: ListedOf, sample: SampleOf
) -> None:
    bare = Sample(np.full((2, 2, 3), 100, np.uint8), None, "bare")
    split = one_split(listed([bare, sample([[0, 0]], image=(0, 0, 0))]))
    assert (split.num_images, split.num_unannotated, split.num_annotated) == (2, 1, 1)
    assert split.sizes.counts == {(2, 2): 1, (1, 2): 1}
    assert split.colors.mean() == pytest.approx([400 / 6] * 3)
    assert split.labelled_share == 1
    assert split.mean_classes_per_image == 1


def test_an_empty_split_has_no_images(listed: ListedOf) -> None:
    split = one_split(listed([]))
    assert split.num_images == 0
    assert split.colors.mean() == []


def test_splits_are_counted_apart(listed: ListedOf, sample: SampleOf) -> None:
    found = measure({"train": listed([sample([[0]])] * 3), "val": listed([sample([[1]])])})
    assert list(found.splits) == ["train", "val"]
    assert found.splits["train"].pixels.tolist() == [3, 0, 0]
    assert found.splits["val"].pixels.tolist() == [0, 1, 0]


def test_progress_is_told_in_images(listed: ListedOf, sample: SampleOf) -> None:
    told = []

    def track(items, *, about, total, size):
        for item in items:
            told.append((about, total, size(item)))
            yield item

    measure({"train": listed([sample([[0]])] * 2)}, track=track)
    assert told == [("stats", 2, 1)] * 2


def test_a_mask_value_that_is_no_class_is_an_error(listed: ListedOf, sample: SampleOf) -> None:
    with pytest.raises(ValueError, match=r"b: its mask holds the values \[3, 254\], .* 0\.\.2"):
        measure({"train": listed([sample([[0]]), sample([[3, 254]], name="b")])})


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.zeros((2, 3), np.uint8), r"a: mask is uint8 of shape \(2, 3\) but its image is 2x2"),
        (np.zeros((2, 2), np.int64), r"a: mask is int64 .*; expected uint8"),
    ],
    ids=["size", "type"],
)
def test_a_mask_of_another_form_is_an_error(
    listed: ListedOf, mask: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        measure({"train": listed([Sample(np.zeros((2, 2, 3), np.uint8), mask, "a")])})


def test_images_that_differ_in_channels_are_an_error(listed: ListedOf) -> None:
    samples = [Sample(np.zeros((2, 2, c), np.uint8), None, f"c{c}") for c in (3, 1)]
    with pytest.raises(ValueError, match="images of split 'train' have 3 and 1 channels"):
        measure({"train": listed(samples)})


def test_splits_of_different_classes_are_an_error(listed: ListedOf) -> None:
    other = LabelMap.from_names(["lane"])
    with pytest.raises(ValueError, match="split 'val' has the classes lane, but 'train' has road"):
        measure({"train": listed([]), "val": listed([], other)})


def test_no_split_is_an_error() -> None:
    with pytest.raises(ValueError, match="there is no split to measure"):
        measure({})


def test_drawn_scenes_place_the_sky_above_the_road() -> None:
    prior = one_split(
        read_drawn_scenes(None, "train", count=12, height=48, width=64)
    ).spatial_prior()
    assert np.nanmean(prior[0, :8]) > 0.5 > np.nanmean(prior[0, 24:])
    assert np.nanmean(prior[2, 24:]) > 0.5 > np.nanmean(prior[2, :8])


# --- the real frames ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def camvid(real_data: Path) -> dict[str, SplitStatistics]:
    splits = {s: read_camvid(real_data / "camvid/CamVid-webp", s) for s in ("train", "val")}
    return dict(measure(splits).splits)


# SOURCE.md beside the frames, which counted the SegNet tutorial's files; the last is void
PUBLISHED = {
    "train": [
        *(10682767, 14750079, 623349, 20076880, 2845085, 6166762),
        *(743859, 714595, 3719877, 405385, 184967, 2503995),
    ],
    "val": [
        *(1601620, 4531180, 98499, 5053176, 1521751, 2851125),
        *(155724, 537197, 304716, 113531, 387010, 297271),
    ],
}


@pytest.mark.parametrize("split", ["train", "val"])
def test_camvid_has_its_published_pixels(camvid: dict[str, SplitStatistics], split: str) -> None:
    counted = [*camvid[split].pixels.tolist(), camvid[split].ignored_pixels]
    assert counted == PUBLISHED[split]


@pytest.mark.parametrize(
    ("split", "mean", "std"),
    [
        ("train", [0.4119, 0.4251, 0.4327], [0.3071, 0.3116, 0.3072]),
        ("val", [0.3136, 0.3328, 0.3478], [0.2392, 0.2682, 0.2658]),
    ],
)
def test_camvid_has_its_published_colours(
    camvid: dict[str, SplitStatistics], split: str, mean: list[float], std: list[float]
) -> None:
    colors = camvid[split].colors.document()
    assert colors["mean_of_1"] == pytest.approx(mean, abs=5e-5)  # published to four digits
    assert colors["std_of_1"] == pytest.approx(std, abs=5e-5)


def test_camvid_images_lack_the_classes_that_they_should(
    camvid: dict[str, SplitStatistics],
) -> None:
    train = camvid["train"]
    lacking = (train.num_images - train.images_with_class).tolist()
    assert lacking == [1, 2, 1, 0, 18, 48, 16, 194, 7, 50, 166]
    assert (camvid["val"].images_with_class == 101).all()


def test_camvid_cells_hold_every_labelled_pixel_once(camvid: dict[str, SplitStatistics]) -> None:
    train = camvid["train"]
    np.testing.assert_array_equal(train.places.sum(axis=(1, 2)), train.pixels)
