"""Pascal VOC in the layout of the devkit, drawn by the test and, where it lies here, real."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.data.pairs import PairDataset
from tessella.data.voc import (
    COLOR_LABELS,
    LABELS,
    VOC2007,
    VOC2012,
    read_voc2007,
    read_voc2012,
    voc_color,
)
from tessella.errors import UsageError

NAMES = {"train": ["2007_000032", "2007_000039"], "val": ["2007_000033"], "test": ["2008_000006"]}
MASK = np.array([[0, 1, 2, 3, 4], [5, 15, 19, 20, 255]], np.uint8)
"""Background, some classes, and the void of the borders."""


def write_pair(home: Path, name: str, *, mask: np.ndarray = MASK, folder: str = "") -> None:
    masks = home / (folder or "SegmentationClass")
    for place in (home / "JPEGImages", masks):
        place.mkdir(parents=True, exist_ok=True)
    pixels = np.full((*mask.shape[:2], 3), len(name), np.uint8)
    Image.fromarray(pixels).save(home / f"JPEGImages/{name}.jpg")
    picture = Image.fromarray(mask)
    if mask.ndim == 2:
        picture.putpalette(LABELS.palette())
    picture.save(masks / f"{name}.png")


def write_list(home: Path, split: str, text: str) -> None:
    place = home / "ImageSets/Segmentation"
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{split}.txt").write_bytes(text.encode())


def write_voc(home: Path, *, mask: np.ndarray = MASK) -> Path:
    """One year's folder, with pairs and lists of train, val and test."""
    for split, names in NAMES.items():
        for name in names:
            write_pair(home, name, mask=mask)
        write_list(home, split, "\n".join(names) + "\n")
    return home


def zipped(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
    return path


# --- classes and colours --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("index", "color"),
    [
        (0, (0, 0, 0)),
        (1, (128, 0, 0)),  # bit 0: red's highest
        (2, (0, 128, 0)),  # bit 1: green's
        (4, (0, 0, 128)),  # bit 2: blue's
        (8, (64, 0, 0)),  # bit 3: red's second
        (15, (192, 128, 128)),  # 1 + 2 + 4 + 8
        (20, (0, 64, 128)),  # 4 + 16, green's second
        (255, (224, 224, 192)),  # red and green have three bits, blue has two
    ],
)
def test_a_colour_is_the_bits_of_the_index(index: int, color: tuple[int, int, int]) -> None:
    assert voc_color(index) == color


def test_twenty_objects_and_background_in_the_devkits_order() -> None:
    assert LABELS.num_classes == 21
    assert (LABELS.names[0], LABELS.names[1], LABELS.names[20]) == (
        *("background", "aeroplane", "tvmonitor"),
    )
    assert LABELS.names[15] == "person"
    assert COLOR_LABELS.names == LABELS.names
    assert COLOR_LABELS.colors == LABELS.colors


def test_void_is_ignored_and_is_no_class_s0_b01(tmp_path: Path) -> None:
    write_voc(tmp_path / "VOC2012")
    mask = read_voc2012(tmp_path, "train")[0].mask
    np.testing.assert_array_equal(mask, MASK)
    assert LABELS.num_classes == 21  # 255 stays 255: not a class 21


@pytest.mark.parametrize("first", [MASK, np.zeros((2, 5), np.uint8), np.full((2, 5), 20, np.uint8)])
def test_masks_in_rgb_mean_the_same_classes(tmp_path: Path, first: np.ndarray) -> None:
    home = write_voc(tmp_path / "VOC2012", mask=LABELS.colorize(MASK))
    write_pair(home, NAMES["train"][0], mask=LABELS.colorize(first))
    dataset = read_voc2012(tmp_path, "train")
    np.testing.assert_array_equal(dataset[0].mask, first)
    np.testing.assert_array_equal(dataset[1].mask, MASK)


def test_a_first_mask_of_grey_colours_only_is_known_to_be_rgb(tmp_path: Path) -> None:
    grey = np.zeros((2, 5, 3), np.uint8)
    grey[0] = voc_color(7)  # car, (128, 128, 128): in RGB that looks like the value 128
    write_voc(tmp_path / "VOC2012", mask=grey)
    mask = read_voc2012(tmp_path, "train")[0].mask
    np.testing.assert_array_equal(mask, [[7] * 5, [0] * 5])


def test_a_value_beyond_the_classes_is_an_error(tmp_path: Path) -> None:
    write_voc(tmp_path / "VOC2012", mask=np.array([[0, 21]], np.uint8))
    with pytest.raises(ValueError, match=r"50\.00% of the mask's pixels .*: 21 "):
        read_voc2012(tmp_path, "train")[0]


# --- where the data set is ------------------------------------------------------------------------


@pytest.mark.parametrize("root", ["", "here", "here/VOCdevkit", "here/VOCdevkit/VOC2012"])
@pytest.mark.parametrize("is_zip", [False, True])
def test_the_root_may_be_any_folder_above_and_a_zip(
    tmp_path: Path, root: str, is_zip: bool
) -> None:
    data = tmp_path / "data"
    write_voc(data / "here/VOCdevkit/VOC2012")
    place = zipped(data / root, tmp_path / "VOC2012.zip") if is_zip else data / root
    dataset = read_voc2012(place, "train")
    assert dataset.names == tuple(NAMES["train"])
    assert dataset[1].image.shape == (2, 5, 3)


def test_a_year_never_reads_the_other_years_folder(tmp_path: Path) -> None:
    write_voc(tmp_path / "VOCdevkit/VOC2012")
    with pytest.raises(ValueError, match=r"expected a folder VOC2007 .*; only .*VOC2012\."):
        read_voc2007(tmp_path, "train")
    with pytest.raises(ValueError, match="expected a folder VOC2007"):
        read_voc2007(tmp_path / "VOCdevkit/VOC2012", "train")


def test_years_lie_side_by_side(tmp_path: Path) -> None:
    write_voc(tmp_path / "VOCdevkit/VOC2012")
    home = tmp_path / "VOCdevkit/VOC2007"
    write_pair(home, "000032")
    write_list(home, "train", "000032\n")
    assert read_voc2007(tmp_path, "train").names == ("000032",)
    assert read_voc2012(tmp_path, "train").names == tuple(NAMES["train"])


def test_a_root_without_a_year_in_its_name_is_taken_at_its_word(tmp_path: Path) -> None:
    home = write_voc(tmp_path / "mine")
    assert read_voc2007(home, "train").names == read_voc2012(home, "train").names


def test_trainval_and_test_may_lie_in_two_devkits(tmp_path: Path) -> None:
    whole = write_voc(tmp_path / "VOCtrainval_06-Nov-2007/VOCdevkit/VOC2007")
    part = tmp_path / "VOCtest_06-Nov-2007/VOCdevkit/VOC2007"
    shutil.copytree(whole, part)
    for split in ("train", "val"):
        (part / f"ImageSets/Segmentation/{split}.txt").unlink()
    (whole / "ImageSets/Segmentation/test.txt").unlink()
    assert part in read_voc2007(tmp_path, "test").pairs[0].image.parents
    assert whole in read_voc2007(tmp_path, "val").pairs[0].image.parents


def test_two_copies_of_a_split_are_not_chosen_between(tmp_path: Path) -> None:
    write_voc(tmp_path / "a/VOC2012")
    write_voc(tmp_path / "b/VOC2012")
    with pytest.raises(ValueError, match="several folders hold the split 'train' of VOC 2012"):
        read_voc2012(tmp_path, "train")


def test_another_folder_is_refused_with_the_archive_to_get(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none is here\. It is in VOCtrainval_11-May-2012\.tar"):
        read_voc2012(tmp_path, "train")


@pytest.mark.parametrize("year", ["2007", "2012"])
def test_a_folder_is_known_to_be_of_its_year(tmp_path: Path, year: str) -> None:
    write_voc(tmp_path / f"VOCdevkit/VOC{year}")
    assert VOC2007.is_at is not None
    assert VOC2012.is_at is not None
    assert (VOC2007.is_at(tmp_path), VOC2012.is_at(tmp_path)) == (year == "2007", year == "2012")


# --- lists ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2007_000032\r\n2007_000039\r\n",
        "\ufeff2007_000032  \n\n  2007_000039",
        "2007_000032  1\n2007_000039 -1\n",
        "2007_000032.jpg\n2007_000039.jpg\n",
        "/JPEGImages/2007_000032.jpg /SegmentationClass/2007_000032.png\n2007_000039\n",
    ],
    ids=["crlf", "blanks", "second column", "endings", "paths"],
)
def test_lists_of_other_tools_name_the_same_images(tmp_path: Path, text: str) -> None:
    home = write_voc(tmp_path / "VOC2012")
    write_list(home, "train", text)
    dataset = read_voc2012(tmp_path, "train")
    assert dataset.names == dataset.groups == tuple(NAMES["train"])
    assert dataset.official


@pytest.mark.parametrize(
    "line",
    [
        "2007_000032 2007_000039",
        "2007_000032 1 1",
        "2007_000032 7",
        "/Annotations/2007_000032.png",
        "/JPEGImages/2007_000032.jpg /SegmentationClass/2007_000039.png",
        "/JPEGImages/2007_000032.jpg /SegmentationClassAug/2007_000032.png",
    ],
)
def test_a_line_of_another_meaning_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    home = write_voc(tmp_path / "VOC2012")
    write_list(home, "train", f"2007_000039\n\n{line}\n")
    with pytest.raises(ValueError, match=r"train\.txt, line 3: '.*'; expected an image name"):
        read_voc2012(tmp_path, "train")


def test_an_image_listed_twice_is_an_error(tmp_path: Path) -> None:
    home = write_voc(tmp_path / "VOC2012")
    write_list(home, "train", "2007_000032\n2007_000039\n2007_000032\n")
    with pytest.raises(ValueError, match=r"train\.txt: 2007_000032 listed more than once"):
        read_voc2012(tmp_path, "train")


def test_an_empty_list_is_an_error(tmp_path: Path) -> None:
    write_list(write_voc(tmp_path / "VOC2012"), "train", "\n\n")
    with pytest.raises(ValueError, match=r"train\.txt: the list is empty"):
        read_voc2012(tmp_path, "train")


def test_trainval_is_train_and_val(tmp_path: Path) -> None:
    home = write_voc(tmp_path / "VOC2012")
    both = (*NAMES["train"], *NAMES["val"])
    assert read_voc2012(home, "trainval").names == both
    write_list(home, "trainval", "\n".join(sorted(both)))
    assert read_voc2012(home, "trainval").names == tuple(sorted(both))


@pytest.mark.parametrize("listing", ["trainaug", "train_aug"])
def test_trainaug_has_masks_of_its_own(tmp_path: Path, listing: str) -> None:
    home = write_voc(tmp_path / "VOC2012")
    write_pair(home, "2008_000002", folder="SegmentationClassAug")
    write_list(home, listing, "/JPEGImages/2008_000002.jpg /SegmentationClassAug/2008_000002.png")
    dataset = read_voc2012(tmp_path, "trainaug", masks_folder="SegmentationClassAug")
    assert dataset.names == ("2008_000002",)
    np.testing.assert_array_equal(dataset[0].mask, MASK)


def test_trainaug_without_its_masks_folder_says_which_to_name(tmp_path: Path) -> None:
    home = write_voc(tmp_path / "VOC2012")
    write_pair(home, "2008_000002", folder="SegmentationClassAug")
    write_list(home, "trainaug", "2008_000002\n")
    with pytest.raises(ValueError, match="masks_folder=SegmentationClassAug"):
        read_voc2012(tmp_path, "trainaug")


# --- what is missing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("year", "split", "source"),
    [
        ("2007", "test", r"VOCtest_06-Nov-2007\.tar"),
        ("2007", "trainval", r"VOCtrainval_06-Nov-2007\.tar"),
        ("2012", "train", r"VOCtrainval_11-May-2012\.tar"),
        ("2012", "test", "masks are not public"),
    ],
)
def test_a_missing_list_is_an_error_that_says_where_to_get_it(
    tmp_path: Path, year: str, split: str, source: str
) -> None:
    home = write_voc(tmp_path / f"VOC{year}")
    for path in home.glob("ImageSets/Segmentation/t*.txt"):
        path.unlink()
    read = read_voc2007 if year == "2007" else read_voc2012
    with pytest.raises(ValueError, match=rf"Segmentation: has no list {split}\.txt\..*{source}"):
        read(tmp_path, split)


@pytest.mark.parametrize(
    ("lost", "folder"),
    [("SegmentationClass/2007_000039.png", "SegmentationClass"), ("JPEGImages", "JPEGImages")],
)
def test_missing_files_are_counted_and_named(tmp_path: Path, lost: str, folder: str) -> None:
    home = write_voc(tmp_path / "VOC2012")
    if (home / lost).is_dir():
        shutil.rmtree(home / lost)
    else:
        (home / lost).unlink()
    count = 2 if folder == "JPEGImages" else 1
    message = rf"{folder}: {count} of the 2 images .* 'train' names .*2007_000039\. It is in VOC"
    with pytest.raises(ValueError, match=message):
        read_voc2012(tmp_path, "train")


@pytest.mark.parametrize(
    ("split", "message"),
    [("vla", "'vla'; did you mean 'val'"), ("trainaug", "Known: test, train, trainval, val")],
)
def test_an_unknown_split_is_wrong_usage(tmp_path: Path, split: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_voc2007(tmp_path, split)


def test_no_folder_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="voc2012: no folder given"):
        read_voc2012(None, "train")


# --- the real pictures ----------------------------------------------------------------------------


@pytest.mark.parametrize(("split", "count"), [("train", 10), ("val", 4), ("trainval", 14)])
def test_the_real_pairs_are_read(real_data: Path, split: str, count: int) -> None:
    dataset: PairDataset = read_voc2012(real_data / "voc", split)
    assert len(dataset) == count
    for index in range(count):
        sample = dataset[index]
        assert sample.mask is not None
        with Image.open(dataset.pairs[index].mask) as opened:
            np.testing.assert_array_equal(sample.mask, np.asarray(opened))


def test_a_real_mask_comes_with_the_palette_that_the_rule_gives(real_data: Path) -> None:
    with Image.open(real_data / "voc/VOCdevkit/VOC2012/SegmentationClass/2007_000033.png") as mask:
        shipped = mask.getpalette()
    assert shipped == [channel for index in range(256) for channel in voc_color(index)]
