"""Samples read from pairs of files."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.data.pairs import Pair, PairDataset
from tessella.labels import LabelMap

LABELS = LabelMap.from_names(["ground", "plant"])


def write_pair(
    folder: Path, name: str, *, value: int = 0, mask_size: tuple[int, int] = (3, 4)
) -> Pair:
    """A 3x4 image whose pixels all hold `value`, and a mask of zeros with one plant pixel."""
    image, mask = folder / f"{name}.png", folder / f"{name}_mask.png"
    Image.fromarray(np.full((3, 4, 3), value, np.uint8)).save(image)
    classes = np.zeros(mask_size, np.uint8)
    classes[1, 2] = 1
    Image.fromarray(classes).save(mask)
    return Pair(image, mask, name, name.split("_")[0])


@pytest.fixture
def dataset(tmp_path: Path) -> PairDataset:
    names = ("cat_1", "cat_2", "dog_1")
    pairs = [write_pair(tmp_path, name, value=10 * i) for i, name in enumerate(names)]
    return PairDataset(pairs, LABELS)


def test_a_sample_is_its_image_its_classes_and_its_name(dataset: PairDataset) -> None:
    sample = dataset[1]
    np.testing.assert_array_equal(sample.image, np.full((3, 4, 3), 10, np.uint8))
    np.testing.assert_array_equal(sample.mask, [[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])
    assert sample.name == "cat_2"


def test_names_and_groups_come_in_order(dataset: PairDataset) -> None:
    assert len(dataset) == 3
    assert dataset.names == ("cat_1", "cat_2", "dog_1")
    assert dataset.groups == ("cat", "cat", "dog")


def test_past_the_end_is_an_index_error(dataset: PairDataset) -> None:
    with pytest.raises(IndexError):
        dataset[3]


def test_iterating_reads_every_sample_once(dataset: PairDataset) -> None:
    assert [sample.name for sample in dataset] == list(dataset.names)


def test_an_image_without_annotation_has_no_mask(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, "cat_1")._replace(mask=None)
    assert PairDataset([pair], LABELS)[0].mask is None


def test_a_mask_of_another_size_is_an_error_with_both_sizes(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, "cat_1", mask_size=(4, 3))
    with pytest.raises(ValueError, match="mask is 4x3 .*image cat_1.png is 3x4") as caught:
        PairDataset([pair], LABELS)[0]
    assert str(caught.value).startswith(f"{pair.mask}: ")
    assert "export the mask at the image's size" in str(caught.value)


def test_an_unlisted_value_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, "cat_1")
    with pytest.raises(ValueError, match="neither a class nor ignored: 1 ") as caught:
        PairDataset([pair], LabelMap.from_names(["ground"]))[0]
    assert str(caught.value).startswith(f"{pair.mask}: ")


def test_two_samples_of_one_name_are_refused(tmp_path: Path) -> None:
    pair = write_pair(tmp_path, "cat_1")
    other = pair._replace(image=tmp_path / "elsewhere.png")
    with pytest.raises(ValueError, match="elsewhere.png has the same name 'cat_1'") as caught:
        PairDataset([pair, other], LABELS)
    assert str(caught.value).startswith(f"{pair.image}: ")


def test_a_data_set_travels_to_another_process(dataset: PairDataset) -> None:
    copy = pickle.loads(pickle.dumps(dataset))
    assert copy.names == dataset.names
    np.testing.assert_array_equal(copy[2].image, dataset[2].image)
