"""What every data set of the table promises, on a small copy of its own layout."""

import pickle
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tessella.data import DATASETS
from tessella.data.dataset import Dataset
from tessella.errors import UsageError

Layout = Any  # the builders' own, in conftest.py, from which nothing can be imported


def test_every_data_set_has_a_builder_and_every_builder_a_data_set(
    builders: Mapping[str, Any],
) -> None:
    assert set(builders) == set(DATASETS)


@pytest.fixture(params=sorted(DATASETS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def layout(name: str, builders: Mapping[str, Any], tmp_path: Path) -> Layout:
    return builders[name](tmp_path / "data")


@pytest.fixture(params=["train", "val", "test"])
def split(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def dataset(name: str, layout: Layout, split: str) -> Dataset:
    return DATASETS[name].read(layout.root, split, **layout.options)


def test_a_split_has_its_samples(dataset: Dataset, layout: Layout, split: str) -> None:
    assert len(dataset) == layout.sizes[split]


def test_past_the_end_is_an_index_error(dataset: Dataset) -> None:
    with pytest.raises(IndexError):
        dataset[len(dataset)]


def test_an_image_is_bytes_with_channels_last(dataset: Dataset) -> None:
    image = dataset[0].image
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert min(image.shape) >= 1


def test_a_mask_is_bytes_of_its_images_size(dataset: Dataset) -> None:
    sample = dataset[0]
    assert sample.mask is not None
    assert sample.mask.dtype == np.uint8
    assert sample.mask.shape == sample.image.shape[:2]


def test_a_mask_holds_class_indices_and_255(dataset: Dataset) -> None:
    masks = [dataset[index].mask for index in range(len(dataset))]
    values = {value for mask in masks for value in np.unique(mask).tolist()}
    assert values <= {*range(dataset.labels.num_classes), 255}
    assert len(values) > 1  # a mask of one value would prove nothing


def test_names_are_unique_and_the_samples_own(dataset: Dataset) -> None:
    assert len(set(dataset.names)) == len(dataset.names) == len(dataset)
    assert [dataset[index].name for index in range(len(dataset))] == list(dataset.names)


def test_each_sample_has_a_group(dataset: Dataset) -> None:
    assert len(dataset.groups) == len(dataset)
    assert all(isinstance(group, str) and group for group in dataset.groups)


def test_reading_twice_gives_the_same(name: str, layout: Layout, split: str) -> None:
    first, second = (DATASETS[name].read(layout.root, split, **layout.options) for _ in range(2))
    assert list(first.names) == list(second.names)
    for one, other in ((first[0], first[0]), (first[0], second[0])):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.mask, other.mask)


def test_samples_do_not_share_memory(dataset: Dataset) -> None:
    before = dataset[0].image.copy()
    dataset[0].image[:] = 7
    np.testing.assert_array_equal(dataset[0].image, before)


def test_names_and_groups_need_no_file(dataset: Dataset, layout: Layout, split: str) -> None:
    if layout.root is not None:
        shutil.rmtree(layout.root)
    assert len(dataset.names) == len(dataset.groups) == len(dataset) == layout.sizes[split]
    assert dataset.labels.num_classes >= 1


def test_it_travels_to_a_worker_process(dataset: Dataset) -> None:
    copy = pickle.loads(pickle.dumps(dataset))
    assert list(copy.names) == list(dataset.names)
    assert list(copy.groups) == list(dataset.groups)
    assert copy.labels == dataset.labels
    np.testing.assert_array_equal(copy[0].image, dataset[0].image)


def test_an_unknown_split_is_wrong_usage_and_lists_the_known_ones(
    name: str, layout: Layout
) -> None:
    with pytest.raises(UsageError, match="'no such split'") as caught:
        DATASETS[name].read(layout.root, "no such split", **layout.options)
    known = str(caught.value).rpartition("Known: ")[2].rstrip(".").split(", ")
    entry = DATASETS[name]
    assert sorted(known) == sorted((*entry.splits, *entry.unions))
