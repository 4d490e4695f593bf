"""Anybody's folder: every way to get it wrong, and what is said then."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tessella.data.folder import read_folder
from tessella.data.splits import SPLITS
from tessella.errors import UsageError

CLASSES = ["ground", "plant"]


def write_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(path)


def write_mask(path: Path, *, value: int = 1) -> None:
    """3x4 zeros with one pixel of `value`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((3, 4), np.uint8)
    mask[1, 2] = value
    Image.fromarray(mask).save(path)


def write_pairs(root: Path, images: str, masks: str, names: Iterable[str]) -> None:
    for name in names:
        write_image(root / images.format(name=name))
        write_mask(root / masks.format(name=name))


def all_names(root: Path, **options: Any) -> list[str]:
    parts = [read_folder(root, split, **options).names for split in SPLITS]
    return sorted(name for names in parts for name in names)


TWENTY = [f"frame_{letter}" for letter in "abcdefghijklmnopqrst"]


def test_an_unknown_split_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'vel'; did you mean 'val'.* Known: test, train, val"):
        read_folder(tmp_path, "vel", classes=CLASSES)


def test_no_folder_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="no folder given; say where it is with --data"):
        read_folder(None, "train", classes=CLASSES)


def test_an_absent_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no such folder") as caught:
        read_folder(tmp_path / "absent", "train", classes=CLASSES)
    assert str(caught.value).startswith(f"{tmp_path / 'absent'}: ")


@pytest.mark.parametrize("option", ["images", "masks"])
def test_a_pattern_without_name_is_wrong_usage(tmp_path: Path, option: str) -> None:
    with pytest.raises(UsageError, match=r"pattern 'photos' has no \{name\}; write for example"):
        read_folder(tmp_path, "train", classes=CLASSES, **{option: "photos"})


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match="no images: 0 masks and 1 other files; .*options.images"):
        read_folder(tmp_path, "train", classes=CLASSES)


def test_images_without_any_mask_are_an_error_that_asks_for_them(tmp_path: Path) -> None:
    write_image(tmp_path / "photos/a.jpg")
    with pytest.raises(ValueError, match=r"1 images \(a.jpg\) but no masks; .*options.masks") as e:
        read_folder(tmp_path, "train", classes=CLASSES)
    assert str(e.value).startswith(f"{tmp_path}: ")


def test_names_that_do_not_belong_together_are_shown(tmp_path: Path) -> None:
    write_image(tmp_path / "images/cat.jpg")
    write_mask(tmp_path / "masks/dog.png")
    with pytest.raises(ValueError, match=r"1 images \(cat.jpg\) and 1 masks \(dog.png\), but no"):
        read_folder(tmp_path, "train", classes=CLASSES)


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        ({"images": "photos/{name}"}, "no images at photos/{name}: 1 masks and 1 other files"),
        ({"masks": "truth/{name}"}, "but no masks at truth/{name}; expected"),
    ],
)
def test_a_pattern_that_fits_nothing_is_named(
    tmp_path: Path, patterns: dict[str, str], told: str
) -> None:
    write_image(tmp_path / "images/a.jpg")
    write_mask(tmp_path / "masks/a.png")
    with pytest.raises(ValueError, match=told):
        read_folder(tmp_path, "train", classes=CLASSES, **patterns)


@pytest.fixture
def with_a_gap(tmp_path: Path) -> Path:
    """Twenty pairs and one image without a mask."""
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", TWENTY)
    write_image(tmp_path / "images/alone.jpg")
    return tmp_path


def test_a_missing_mask_is_an_error_with_the_way_out(with_a_gap: Path) -> None:
    with pytest.raises(ValueError, match="1 of 21 images have no mask: alone; expected each at ma"
    ) as caught:  # fmt: skip
        read_folder(with_a_gap, "train", classes=CLASSES)
    assert str(caught.value).startswith(f"{with_a_gap / 'images/alone.jpg'}: ")
    assert "data.options.missing_masks=skip" in str(caught.value)


def test_images_without_mask_are_left_out_when_told(with_a_gap: Path) -> None:
    assert all_names(with_a_gap, classes=CLASSES, missing_masks="skip") == TWENTY


def test_an_unknown_choice_for_missing_masks_is_wrong_usage(with_a_gap: Path) -> None:
    with pytest.raises(UsageError, match="'skipp'; did you mean 'skip'"):
        read_folder(with_a_gap, "train", classes=CLASSES, missing_masks="skipp")  # type: ignore


def test_masks_without_image_are_told_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", TWENTY)
    write_mask(tmp_path / "masks/alone.png")
    with caplog.at_level(logging.WARNING, logger="tessella.data.folder"):
        read_folder(tmp_path, "train", classes=CLASSES)
    assert "1 masks have no image: alone" in caplog.text


def test_images_beside_the_folders_of_splits_are_told_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_pairs(tmp_path, "images/train/{name}.jpg", "masks/train/{name}.png", ["a"])
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", ["b"])
    with caplog.at_level(logging.WARNING, logger="tessella.data.folder"):
        assert read_folder(tmp_path, "train", classes=CLASSES).names == ("a",)
    assert "1 images lie in no folder of a split and are left out: b" in caplog.text


@pytest.mark.parametrize(
    ("folder", "suffix"), [("images", ".png"), ("images", ".JPG"), ("masks", ".bmp")]
)
def test_two_files_of_one_name_are_refused(tmp_path: Path, folder: str, suffix: str) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", ["a"])
    write_image(tmp_path / folder / f"a{suffix}")
    with pytest.raises(ValueError, match="has the same name; a sample needs a name of its own"):
        read_folder(tmp_path, "train", classes=CLASSES)


def test_a_pattern_with_ending_tells_two_files_of_one_name_apart(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", TWENTY)
    write_image(tmp_path / "masks/frame_a.jpg")  # a picture of the mask beside it
    assert all_names(tmp_path, classes=CLASSES, masks="masks/{name}.png") == TWENTY


def test_a_mask_of_another_size_is_an_error_when_it_is_read(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", ["a"])
    Image.fromarray(np.zeros((4, 3), np.uint8)).save(tmp_path / "masks/a.png")
    (tmp_path / "train.txt").write_text("a\n")
    dataset = read_folder(tmp_path, "train", classes=CLASSES)
    with pytest.raises(ValueError, match="mask is 4x3 .*image a.jpg is 3x4"):
        dataset[0]


@pytest.mark.parametrize("split", ["val", "test"])
def test_two_images_leave_held_out_splits_empty_which_is_an_error(
    tmp_path: Path, split: str
) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", ["a", "b"])
    with pytest.raises(ValueError, match=rf"the {split} split is empty \(2 pairs found") as caught:
        read_folder(tmp_path, split, classes=CLASSES)
    assert f"data.{split}_split" in str(caught.value)


def test_an_empty_list_is_an_empty_split(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", ["a"])
    (tmp_path / "train.txt").write_text("\n")
    with pytest.raises(ValueError, match="the train split is empty"):
        read_folder(tmp_path, "train", classes=CLASSES)


def test_listed_names_that_are_not_here_are_an_error(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", ["a"])
    (tmp_path / "train.txt").write_text("a\nb\nc\n")
    with pytest.raises(ValueError, match="names 2 samples that are not here: b, c; remove them"):
        read_folder(tmp_path, "train", classes=CLASSES)


def test_one_image_listed_under_two_folders_is_an_error(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", ["1", "2"])
    (tmp_path / "train.txt").write_text("left/1\nright/1\n2\n")
    with pytest.raises(ValueError, match="names an image more than once.*: left/1, right/1; list"):
        read_folder(tmp_path, "train", classes=CLASSES)


@pytest.mark.parametrize(
    ("pattern", "told"),
    [("(", "group_pattern '\\('"), ("^video", "matches none of the names .*frame_a")],
)
def test_a_group_pattern_that_groups_nothing_is_wrong_usage(
    tmp_path: Path, pattern: str, told: str
) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", TWENTY)
    with pytest.raises(UsageError, match=told):
        read_folder(tmp_path, "train", classes=CLASSES, group_pattern=pattern)


@pytest.mark.parametrize("masks", ["masks", "labels"])
@pytest.mark.parametrize("order", ["images/{split}", "{split}/images"])
def test_a_split_without_sub_folder_is_not_made_of_the_others(
    tmp_path: Path, order: str, masks: str
) -> None:
    for split in ("train", "val"):
        images = order.format(split=split)
        write_pairs(
            tmp_path, images + "/{name}.jpg", images.replace("images", masks) + "/{name}.png", "ab"
        )
    absent = order.format(split="test")
    with pytest.raises(ValueError, match=f"but no {absent}; add it, or name another") as caught:
        read_folder(tmp_path, "test", classes=CLASSES)
    assert str(caught.value).startswith(f"{tmp_path}: has {order.format(split='train')}, ")
    assert "data.test_split=val" in str(caught.value)


def test_masks_missing_for_a_whole_split_are_not_taken_from_the_others(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/train/{name}.jpg", "masks/train/{name}.png", ["a", "b"])
    write_image(tmp_path / "images/test/a.jpg")
    with pytest.raises(ValueError, match="has masks/train but no masks/test"):
        read_folder(tmp_path, "test", classes=CLASSES)


def test_no_classes_stated_is_an_error_that_proposes_them(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", TWENTY)
    with pytest.raises(UsageError, match=r"classes=\{class_0: 0, class_1: 1\}"):
        read_folder(tmp_path, "train")


def test_an_unlisted_mask_value_is_an_error_when_it_is_read(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", ["a"])
    (tmp_path / "train.txt").write_text("a\n")
    write_mask(tmp_path / "masks/a.png", value=9)
    dataset = read_folder(tmp_path, "train", classes=CLASSES)
    with pytest.raises(ValueError, match=r"8\.33%.*: 9 .*Listed are 0, 1, 255") as caught:
        dataset[0]
    assert str(caught.value).startswith(f"{tmp_path / 'masks/a.png'}: ")
