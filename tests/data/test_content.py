"""The hash of a split changes with what is in it, and with nothing else."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.data.content import NotedDataset, content_hash
from tessella.data.folder import read_folder
from tessella.data.in_order import in_order
from tessella.labels import LabelMap
from tessella.sample import Sample


class Memory:
    """Samples in memory that count how often they are read."""

    labels = LabelMap.from_names(["ground", "thing"])
    official = True

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples
        self.names = tuple(sample.name for sample in samples)
        self.groups = self.names
        self.reads: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        self.reads[index] += 1
        return self.samples[index]


def sample(number: int, *, height: int = 4, width: int = 6) -> Sample:
    rng = np.random.default_rng(number)
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    return Sample(image, rng.integers(0, 2, (height, width), np.uint8), f"s{number}")


SAMPLES = [sample(number) for number in range(3)]


def with_change(field: str, place: tuple[int, ...]) -> list[Sample]:
    """The samples with one value of the second one raised by one."""
    values = getattr(SAMPLES[1], field).copy()
    values[place] ^= 1
    return [SAMPLES[0], SAMPLES[1]._replace(**{field: values}), SAMPLES[2]]


def test_it_is_the_sha_256_of_the_samples_own_in_their_order() -> None:
    one = Sample(np.array([[[1, 2, 3]]], np.uint8), np.array([[1]], np.uint8), "a")
    two = Sample(np.array([[[4, 5, 6]]], np.uint8), None, "b")
    digests = [
        hashlib.sha256(b"((1, 1, 3), (1, 1))" + bytes([1, 2, 3, 1])).digest(),
        hashlib.sha256(b"((1, 1, 3), None)" + bytes([4, 5, 6])).digest(),
    ]
    expected = hashlib.sha256(b"".join(sorted(digests))).hexdigest()[:16]
    assert content_hash(Memory([one, two])) == expected


@pytest.mark.parametrize(("field", "place"), [("image", (3, 5, 2)), ("mask", (0, 0))])
def test_one_bit_of_an_image_or_a_mask_changes_it(field: str, place: tuple[int, ...]) -> None:
    assert content_hash(Memory(with_change(field, place))) != content_hash(Memory(SAMPLES))


def test_it_changes_with_a_sample_more_and_a_sample_twice() -> None:
    hashes = [content_hash(Memory(some)) for some in ([], SAMPLES[:2], SAMPLES, SAMPLES * 2)]
    assert len(set(hashes)) == 4


def test_masks_that_changed_places_change_it() -> None:
    first, second, third = SAMPLES
    swapped = [first._replace(mask=second.mask), second._replace(mask=first.mask), third]
    assert content_hash(Memory(swapped)) != content_hash(Memory(SAMPLES))


def test_a_missing_mask_is_not_an_empty_one() -> None:
    image = np.zeros((0, 2, 3), np.uint8)
    masks = (None, np.zeros((0, 2), np.uint8))
    assert len({content_hash(Memory([Sample(image, mask, "a")])) for mask in masks}) == 2


def test_the_same_bytes_in_another_shape_are_other_data() -> None:
    wide = SAMPLES[0]
    assert wide.mask is not None
    tall = Sample(wide.image.reshape(6, 4, 3), wide.mask.reshape(6, 4), wide.name)
    assert content_hash(Memory([wide])) != content_hash(Memory([tall]))


def test_neither_names_nor_order_matter() -> None:
    renamed = [one._replace(name=f"other{number}") for number, one in enumerate(SAMPLES)]
    assert content_hash(Memory(renamed[::-1])) == content_hash(Memory(SAMPLES))


def test_an_image_that_is_a_view_counts_as_it_looks() -> None:
    mirrored = SAMPLES[0]._replace(image=SAMPLES[0].image[:, ::-1])
    copied = mirrored._replace(image=mirrored.image.copy())
    assert content_hash(Memory([mirrored])) == content_hash(Memory([copied]))


def test_files_of_another_kind_with_the_same_pixels_are_the_same_data(tmp_path: Path) -> None:
    for kind, ending in (("first", "png"), ("second", "bmp")):
        for folder in ("images", "masks"):
            (tmp_path / kind / folder).mkdir(parents=True)
        for one in SAMPLES:
            Image.fromarray(one.image).save(tmp_path / kind / f"images/{one.name}.{ending}")
            Image.fromarray(one.mask).save(tmp_path / kind / f"masks/{one.name}.png")
    shutil.copytree(tmp_path / "second", tmp_path / "third")
    changed = np.asarray(Image.open(tmp_path / "third/images/s1.bmp")).copy()
    changed[2, 2, 1] ^= 1
    Image.fromarray(changed).save(tmp_path / "third/images/s1.bmp")
    first, second, third = (
        content_hash(
            read_folder(tmp_path / k, "train", classes=["a", "b"], val_share=0.0, test_share=0.0)
        )
        for k in ("first", "second", "third")
    )
    assert first == second != third


def test_what_others_read_is_not_read_again_for_the_hash() -> None:
    memory = Memory(SAMPLES)
    noted = NotedDataset(memory)
    list(in_order(noted.__getitem__, [2, 0, 1, 0]))  # in threads, in any order
    assert noted.content_hash() == content_hash(Memory(SAMPLES))
    assert memory.reads == {0: 2, 1: 1, 2: 1}


def test_what_nobody_read_is_read_for_the_hash() -> None:
    memory = Memory(SAMPLES)
    noted = NotedDataset(memory)
    noted[1]
    assert noted.content_hash() == content_hash(Memory(SAMPLES))
    assert memory.reads == {0: 1, 1: 1, 2: 1}


def test_in_between_nothing_of_the_data_set_changes() -> None:
    memory = Memory(SAMPLES)
    noted = NotedDataset(memory)
    assert (noted.names, noted.groups, noted.labels) == (memory.names, memory.groups, memory.labels)
    assert noted.official
    assert len(noted) == 3
    assert noted[2] is SAMPLES[2]
