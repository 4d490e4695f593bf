"""Anybody's folder: every layout that people have, and every way to get it wrong."""

import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tessella.data.folder import read_folder
from tessella.data.pairs import PairDataset
from tessella.data.splits import SPLITS

CLASSES = ["ground", "plant"]
GREY_OF = {name: 10 * number for number, name in enumerate("abcdefghijklmnopqrstuvwxyz")}


def write_image(path: Path, *, value: int = 0) -> None:
    """A 3x4 picture of one grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((3, 4, 3), value, np.uint8)).save(path, **lossless(path))


def write_mask(path: Path, *, value: int = 1) -> None:
    """3x4 zeros with one pixel of `value`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((3, 4), np.uint8)
    mask[1, 2] = value
    Image.fromarray(mask).save(path, **lossless(path))


def lossless(path: Path) -> dict[str, bool]:
    return {"lossless": True} if path.suffix == ".webp" else {}


def write_pairs(root: Path, images: str, masks: str, names: Iterable[str]) -> None:
    """Files at the patterns; image X shows the grey of X's last letter, so pairs can be told."""
    for name in names:
        write_image(root / images.format(name=name), value=GREY_OF.get(name[-1], 0))
        write_mask(root / masks.format(name=name))


def in_all_splits(root: Path, **options: Any) -> dict[str, list[str]]:
    return {split: list(read_folder(root, split, **options).names) for split in SPLITS}


def all_names(root: Path, **options: Any) -> list[str]:
    return sorted(sum(in_all_splits(root, **options).values(), []))


TWENTY = [f"frame_{letter}" for letter in "abcdefghijklmnopqrst"]


# --- layouts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("images/{name}.jpg", "masks/{name}.png"),
        ("image/{name}.png", "mask/{name}.png"),
        ("imgs/{name}.webp", "labels/{name}.bmp"),
        ("img/{name}.tif", "label/{name}.tif"),
        ("images/{name}.bmp", "annotations/{name}.webp"),
        ("JPEGImages/{name}.jpeg", "SegmentationClass/{name}.png"),
        ("images/{name}.JPG", "masks/{name}.PNG"),
    ],
)
def test_folders_of_usual_names_are_found(tmp_path: Path, images: str, masks: str) -> None:
    write_pairs(tmp_path, images, masks, TWENTY)
    assert all_names(tmp_path, classes=CLASSES) == TWENTY


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("photos/{name}.jpg", "truth/{name}.png"),
        ("photos/{name}", "truth/{name}"),
        ("photos/{name}.jpg", "truth/{name}"),
        ("./photos/{name}.jpg", "truth/{name}.png"),
    ],
)
def test_patterns_say_where_files_are(tmp_path: Path, images: str, masks: str) -> None:
    write_pairs(tmp_path, "photos/{name}.jpg", "truth/{name}.png", TWENTY)
    assert all_names(tmp_path, classes=CLASSES, images=images, masks=masks) == TWENTY


def test_a_pattern_may_leave_the_root(tmp_path: Path) -> None:
    write_pairs(tmp_path, "photos/{name}.jpg", "truth/{name}.png", TWENTY)
    (tmp_path / "work").mkdir()
    patterns = {"images": "../photos/{name}", "masks": f"{tmp_path.as_posix()}/truth/{{name}}.png"}
    assert all_names(tmp_path / "work", classes=CLASSES, **patterns) == TWENTY


def test_the_root_may_be_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pairs(tmp_path, "{name}.jpg", "{name}.png", TWENTY)
    monkeypatch.chdir(tmp_path)
    patterns = {"images": "{name}.jpg", "masks": "{name}.png"}
    assert all_names(Path(), classes=CLASSES, **patterns) == TWENTY


@pytest.mark.parametrize(
    ("images", "masks"),
    [("{name}.png", "{name}_L.png"), ("{name}", "{name}_L"), ("{name}.png", "{name}_L")],
)
def test_masks_with_a_suffix_lie_beside_their_images(
    tmp_path: Path, images: str, masks: str
) -> None:
    write_pairs(tmp_path, "{name}.png", "{name}_L.png", TWENTY)
    (tmp_path / "label_colors.txt").write_text("64 128 64\tAnimal\n")
    assert all_names(tmp_path, classes=CLASSES, images=images, masks=masks) == TWENTY


def test_image_and_mask_of_one_stem_lie_in_one_folder_when_endings_differ(tmp_path: Path) -> None:
    write_pairs(tmp_path, "data/{name}.jpg", "data/{name}.png", TWENTY)
    patterns = {"images": "data/{name}.jpg", "masks": "data/{name}.png"}
    assert all_names(tmp_path, classes=CLASSES, **patterns) == TWENTY


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("images/{split}/{name}.jpg", "masks/{split}/{name}.png"),
        ("{split}/images/{name}.jpg", "{split}/masks/{name}.png"),
        ("images/{split}/{name}.jpg", "masks/{name}.png"),
    ],
)
def test_splits_are_sub_folders_in_either_order(tmp_path: Path, images: str, masks: str) -> None:
    expected = {"train": ["a", "b"], "val": ["c"], "test": ["d"]}
    for split, names in expected.items():
        at = [pattern.replace("{split}", split) for pattern in (images, masks)]
        write_pairs(tmp_path, at[0], at[1], names)
    assert in_all_splits(tmp_path, classes=CLASSES) == expected


def test_splits_in_a_pattern_are_sub_folders_too(tmp_path: Path) -> None:
    write_pairs(tmp_path, "set_train/x/{name}.jpg", "set_train/y/{name}.png", ["a"])
    write_pairs(tmp_path, "set_val/x/{name}.jpg", "set_val/y/{name}.png", ["b"])
    patterns = {"images": "set_{split}/x/{name}", "masks": "set_{split}/y/{name}"}
    assert read_folder(tmp_path, "val", classes=CLASSES, **patterns).names == ("b",)


@pytest.mark.parametrize("folder", ["", "splits"])
def test_lists_say_the_splits_and_their_order(tmp_path: Path, folder: str) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", ["a", "b", "c", "d"])
    lists = {"train": ["d", "a"], "val": ["b"], "test": ["c"]}
    (tmp_path / folder).mkdir(exist_ok=True)
    for split, names in lists.items():
        (tmp_path / folder / f"{split}.txt").write_text("\n".join(names))
    assert in_all_splits(tmp_path, classes=CLASSES) == lists


@pytest.mark.parametrize(
    "line", ["a", "a.jpg", "images/a.jpg", "/else/where/a.jpg /else/where/masks/a.png"]
)
def test_a_list_may_give_more_than_the_name(tmp_path: Path, line: str) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", ["a", "b"])
    (tmp_path / "train.txt").write_text(line)
    assert read_folder(tmp_path, "train", classes=CLASSES).names == ("a",)


def test_only_listed_images_need_a_mask(tmp_path: Path) -> None:
    write_pairs(tmp_path, "JPEGImages/{name}.jpg", "SegmentationClass/{name}.png", ["a", "b"])
    write_image(tmp_path / "JPEGImages/boxes_only.jpg")
    (tmp_path / "train.txt").write_text("b\na\n")
    assert read_folder(tmp_path, "train", classes=CLASSES).names == ("b", "a")


NAMES = (
    *("v1.2.final", "with space", "Straße 7", "日本", "a+b(c)[d]", "UPPER", "{brace}", "100%"),
    "image.png",
)


def test_names_may_hold_dots_spaces_and_any_letter(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", NAMES)
    assert set(all_names(tmp_path, classes=CLASSES)) == set(NAMES)


def test_names_keep_their_sub_folders(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", ["cam a/1", "cam a/2", "b/x/1"])
    assert all_names(tmp_path, classes=CLASSES) == ["b/x/1", "cam a/1", "cam a/2"]


def test_a_folder_for_each_sample_is_a_pattern_too(tmp_path: Path) -> None:
    write_pairs(tmp_path, "{name}/image.png", "{name}/mask.png", TWENTY)
    patterns = {"images": "{name}/image.png", "masks": "{name}/mask.png"}
    assert all_names(tmp_path, classes=CLASSES, **patterns) == TWENTY


def test_a_name_may_occur_twice_in_a_pattern(tmp_path: Path) -> None:
    for name in TWENTY:
        write_pairs(tmp_path / name, "{name}.jpg", "{name}_mask.png", [name])
    patterns = {"images": "{name}/{name}.jpg", "masks": "{name}/{name}_mask.png"}
    assert all_names(tmp_path, classes=CLASSES, **patterns) == TWENTY


def test_linked_folders_are_followed(tmp_path: Path) -> None:
    write_pairs(tmp_path / "disk", "x/{name}.jpg", "y/{name}.png", TWENTY)
    (tmp_path / "data/images").mkdir(parents=True)
    (tmp_path / "data/images/site").symlink_to(tmp_path / "disk/x")
    (tmp_path / "data/masks").mkdir()
    (tmp_path / "data/masks/site").symlink_to(tmp_path / "disk/y")
    assert all_names(tmp_path / "data", classes=CLASSES) == [f"site/{name}" for name in TWENTY]


@pytest.mark.parametrize(
    "stray",
    ["images/._a.jpg", "images/.ipynb_checkpoints/a-checkpoint.jpg", "images/notes.txt"],
)
def test_hidden_and_other_files_are_no_images(tmp_path: Path, stray: str) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", TWENTY)
    (tmp_path / stray).parent.mkdir(exist_ok=True)
    (tmp_path / stray).write_bytes(b"nothing")
    assert all_names(tmp_path, classes=CLASSES) == TWENTY


def test_each_image_meets_its_own_mask(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.png", "masks/{name}.png", ["a", "b", "c"])
    write_mask(tmp_path / "masks/b.png", value=0)
    (tmp_path / "train.txt").write_text("c\nb\na\n")
    dataset = read_folder(tmp_path, "train", classes=CLASSES)
    assert [int(dataset[i].image[0, 0, 0]) for i in range(3)] == [20, 10, 0]
    assert [int(dataset[i].mask.max()) for i in range(3)] == [1, 0, 1]


@pytest.mark.parametrize(
    ("images", "masks", "words"),
    [
        ("images/{}/{name}.jpg", "annotations/{}/{name}.png", ("training", "validation")),
        ("img_dir/{}/{name}.jpg", "ann_dir/{}/{name}.png", ("train", "val")),
        ("{}/{name}.jpg", "{}_masks/{name}_mask.gif", ("Train", "Val")),
        ("{}/{name}_jpg.rf.0.jpg", "{}/{name}_jpg.rf.0_mask.png", ("train", "valid")),
        ("{}/Urban/images_png/{name}.png", "{}/Urban/masks_png/{name}.png", ("Train", "Val")),
        ("images{}/{name}_0000.png", "labels{}/{name}.png", ("Tr", "Val")),
    ],
    ids=["ADE20K", "mmsegmentation", "Carvana", "Roboflow", "LoveDA", "nnU-Net"],
)
def test_the_splits_of_usual_layouts_are_kept(
    tmp_path: Path, images: str, masks: str, words: tuple[str, str]
) -> None:
    for word, names in zip(words, (["1", "2"], ["3"]), strict=True):
        at = [pattern.replace("{}", word) for pattern in (images, masks)]
        write_pairs(tmp_path, at[0], at[1], names)
    parts = {split: read_folder(tmp_path, split, classes=CLASSES) for split in ("train", "val")}
    assert {split: len(part) for split, part in parts.items()} == {"train": 2, "val": 1}
    assert int(parts["val"][0].mask.max()) == 1


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        ("imgs/{name}_img.jpg", "gts/{name}_gt.png"),
        ("images/{name}.jpg", "masks/{name}_mask.png"),
        ("{name}.jpg", "{name}_mask.png"),
        ("{name}.png", "{name}_L.png"),
        ("wrapped/data/images/{name}.jpg", "wrapped/data/masks/{name}.png"),
    ],
)
def test_affixes_need_no_patterns(tmp_path: Path, images: str, masks: str) -> None:
    write_pairs(tmp_path, images, masks, TWENTY)
    assert all_names(tmp_path, classes=CLASSES) == TWENTY


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, file.relative_to(folder.parent))
    return path


@pytest.mark.parametrize(
    "patterns", [{}, {"images": "data/images/{name}", "masks": "data/masks/{name}"}]
)
def test_a_zip_is_read_like_its_folder(tmp_path: Path, patterns: dict[str, str]) -> None:
    write_pairs(tmp_path / "data", "images/{name}.png", "masks/{name}.png", ["a", "b", "c"])
    (tmp_path / "data/classes.txt").write_text("ground\nplant\n")
    (tmp_path / "data/train.txt").write_text("c\na\n")
    options: dict[str, Any] = {**patterns}
    if patterns:  # with patterns the zip itself is the folder of the data
        options |= {"classes": CLASSES, "val_share": 0, "test_share": 0}
    dataset = read_folder(zipped(tmp_path / "data"), "train", **options)
    assert dataset.names == (("a", "b", "c") if patterns else ("c", "a"))
    assert dataset.labels.names == ("ground", "plant")
    np.testing.assert_array_equal(dataset[0].mask, [[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])


def test_vocs_lists_say_the_splits(tmp_path: Path) -> None:
    write_pairs(tmp_path, "JPEGImages/{name}.jpg", "SegmentationClass/{name}.png", ["a", "b", "c"])
    lists = {"train": ["c", "a"], "val": ["b"]}
    (tmp_path / "ImageSets/Segmentation").mkdir(parents=True)
    for split, names in lists.items():
        (tmp_path / f"ImageSets/Segmentation/{split}.txt").write_text("\n".join(names))
    parts = {split: list(read_folder(tmp_path, split, classes=CLASSES).names) for split in lists}
    assert parts == lists


@pytest.mark.parametrize(
    "line", ["21_training", "21", "images/21_training.tif", "21_training.tif 21.gif"]
)
def test_a_list_may_name_the_file_where_the_sample_is_called_shorter(
    tmp_path: Path, line: str
) -> None:
    write_pairs(tmp_path, "images/{name}_training.tif", "masks/{name}_manual1.gif", ["21", "22"])
    (tmp_path / "train.txt").write_text(f"{line}\n")
    assert read_folder(tmp_path, "train", classes=CLASSES).names == ("21",)


# --- held-out shares ----------------------------------------------------------------------------


def test_without_splits_every_image_is_in_exactly_one(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", TWENTY)
    parts = in_all_splits(tmp_path, classes=CLASSES)
    # 15 % of 20 is 3 each
    assert {split: len(names) for split, names in parts.items()} == {
        "train": 14,
        "val": 3,
        "test": 3,
    }
    assert sorted(sum(parts.values(), [])) == TWENTY


def test_held_out_shares_are_the_same_every_time_and_anywhere(tmp_path: Path) -> None:
    write_pairs(tmp_path / "one", "images/{name}.jpg", "masks/{name}.png", TWENTY)
    write_pairs(tmp_path / "two", "img/{name}.png", "label/{name}.bmp", reversed(TWENTY))
    first = in_all_splits(tmp_path / "one", classes=CLASSES)
    assert in_all_splits(tmp_path / "two", classes=CLASSES) == first


def test_held_out_shares_are_as_asked(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", TWENTY)
    shares = {"val_share": 0.5, "test_share": 0}
    assert len(read_folder(tmp_path, "val", classes=CLASSES, **shares)) == 10
    assert len(read_folder(tmp_path, "train", classes=CLASSES, **shares)) == 10


VIDEOS = [f"video{video}_{frame}" for video in range(4) for frame in range(5)]


@pytest.mark.parametrize("pattern", ["^video[0-9]", "^(video[0-9])_[0-9]+$", "^(?:video)([0-9]).*"])
def test_held_out_shares_cut_no_group(tmp_path: Path, pattern: str) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", VIDEOS)
    parts = in_all_splits(tmp_path, classes=CLASSES, group_pattern=pattern)
    # four videos: one to test, one to val, two to train
    assert {split: len(names) for split, names in parts.items()} == {
        "train": 10,
        "val": 5,
        "test": 5,
    }
    videos = {split: {name.split("_")[0] for name in names} for split, names in parts.items()}
    assert not videos["train"] & videos["val"]
    assert not videos["train"] & videos["test"]
    assert not videos["val"] & videos["test"]


def test_groups_are_what_the_pattern_matches_and_else_the_name(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", ["p1_a", "p1_b", "odd"])
    (tmp_path / "train.txt").write_text("p1_a\np1_b\nodd\n")
    dataset = read_folder(tmp_path, "train", classes=CLASSES, group_pattern="^p[0-9]+")
    assert dataset.groups == ("p1", "p1", "odd")


def test_in_a_pattern_with_brackets_the_first_pair_says_the_group(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", ["p1_a_x", "p2_a_y"])
    (tmp_path / "train.txt").write_text("p1_a_x\np2_a_y\n")
    dataset = read_folder(tmp_path, "train", classes=CLASSES, group_pattern="^(p[0-9]+)_(.*)$")
    assert dataset.groups == ("p1", "p2")


def test_without_a_pattern_every_sample_is_its_own_group(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", ["p1_a", "p1_b"])
    (tmp_path / "train.txt").write_text("p1_a\np1_b\n")
    assert read_folder(tmp_path, "train", classes=CLASSES).groups == ("p1_a", "p1_b")


# --- classes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "classes",
    [
        ["ground", "plant"],
        {"ground": 0, "plant": 1},
        {"ground": [0, 0, 0], "plant": [1, 1, 1]},
        {"ground": "#000000", "plant": "#010101"},
        {"ground": {"values": [0, 7]}, "plant": 1},
    ],
    ids=["list", "values", "colours", "hexadecimal", "several values"],
)
def test_classes_are_stated_in_any_form(tmp_path: Path, classes: Any) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", TWENTY)
    dataset = read_folder(tmp_path, "val", classes=classes)
    assert dataset.labels.names == ("ground", "plant")
    np.testing.assert_array_equal(dataset[0].mask, [[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])


def test_ignored_values_become_255(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", TWENTY)
    sample = read_folder(tmp_path, "val", classes=["ground"], ignore=[1])[0]
    np.testing.assert_array_equal(sample.mask, [[0, 0, 0, 0], [0, 0, 255, 0], [0, 0, 0, 0]])


def test_classes_are_found_in_the_folder(tmp_path: Path) -> None:
    write_pairs(tmp_path, "images/{name}.jpg", "masks/{name}.png", TWENTY)
    (tmp_path / "classes.txt").write_text("ground\nplant\n")
    assert read_folder(tmp_path, "val").labels.names == ("ground", "plant")


def test_roboflows_classes_are_found_in_each_split(tmp_path: Path) -> None:
    for split, names in (("train", ["a", "b"]), ("valid", ["c"])):
        write_pairs(tmp_path / split, "{name}.jpg", "{name}_mask.png", names)
        (tmp_path / split / "_classes.csv").write_text("Pixel Value, Class\n0, soil\n1, crack\n")
    dataset = read_folder(tmp_path, "val")
    assert (dataset.names, dataset.labels.names) == (("c",), ("soil", "crack"))


def test_cvats_masks_are_read_by_its_own_colours(tmp_path: Path) -> None:
    write_pairs(tmp_path, "JPEGImages/{name}.png", "SegmentationClass/{name}.png", ["a", "b", "c"])
    for name in "abc":
        mask = np.zeros((3, 4, 3), np.uint8)
        mask[1, 2] = (250, 50, 83)
        Image.fromarray(mask).save(tmp_path / f"SegmentationClass/{name}.png")
    (tmp_path / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:250,50,83::\n"
    )
    (tmp_path / "ImageSets/Segmentation").mkdir(parents=True)
    (tmp_path / "ImageSets/Segmentation/default.txt").write_text("a\nb\nc\n")
    sample = read_folder(tmp_path, "train")[0]
    np.testing.assert_array_equal(sample.mask, [[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])


def test_labelmes_voc_export_is_read_with_its_names(tmp_path: Path) -> None:
    write_pairs(tmp_path, "JPEGImages/{name}.jpg", "SegmentationClassPNG/{name}.png", TWENTY)
    for name in TWENTY:
        write_image(tmp_path / f"SegmentationClassVisualization/{name}.jpg")
    (tmp_path / "class_names.txt").write_text("__ignore__\n_background_\nperson\n")
    assert all_names(tmp_path) == TWENTY
    assert read_folder(tmp_path, "val").labels.names == ("_background_", "person")


# --- real folders -------------------------------------------------------------------------------


def camseq(real_data: Path, **options: Any) -> PairDataset:
    colors = [line.split("\t") for line in _camseq_lines(real_data) if line.strip()]
    classes = {
        parts[-1].strip(): [int(part) for part in parts[0].split()]
        for parts in colors
        if parts[-1].strip() != "Void"
    }
    return read_folder(
        real_data / "camseq/CamSeq01-rebuilt",
        "train",
        images="{name}.png",
        masks="{name}_L.png",
        classes=classes,
        ignore=[[0, 0, 0]],
        **options,
    )


def _camseq_lines(real_data: Path) -> list[str]:
    path = real_data / "camseq/CamSeq01-rebuilt/label_colors.txt"
    return path.read_text(encoding="utf-8").splitlines()


def test_camseq_is_read_by_patterns_and_its_own_colour_table(real_data: Path) -> None:
    dataset = camseq(real_data, val_share=0, test_share=0)
    assert len(dataset) == 16
    assert dataset.labels.num_classes == 31  # 32 with Void, which is ignored
    sample = dataset[0]
    assert sample.image.shape == (360, 480, 3)
    # SOURCE.md there: only 12 of the 32 colours occur, Void being one
    present = set(np.unique(np.stack([dataset[i].mask for i in range(16)])).tolist())
    assert len(present - {255}) <= 11


VOC_CLASSES = [f"class {index}" for index in range(21)]


@pytest.mark.parametrize(("split", "count"), [("train", 10), ("val", 4)])
def test_voc_is_read_with_its_lists_copied_beside_it(
    real_data: Path, tmp_path: Path, split: str, count: int
) -> None:
    voc = real_data / "voc/VOCdevkit/VOC2012"
    for name in ("JPEGImages", "SegmentationClass"):
        (tmp_path / name).symlink_to(voc / name)
    (tmp_path / "splits").symlink_to(voc / "ImageSets/Segmentation")
    (tmp_path / "classes.txt").write_text("\n".join(VOC_CLASSES))
    with pytest.raises(ValueError, match="has a list for train, val but no test.txt"):
        read_folder(tmp_path, "test")
    dataset = read_folder(tmp_path, split)
    assert len(dataset) == count
    assert set(np.unique(dataset[0].mask)) <= {*range(21), 255}


def test_camseq_is_read_with_nothing_stated(real_data: Path) -> None:
    dataset = read_folder(real_data / "camseq/CamSeq01-rebuilt", "train", val_share=0, test_share=0)
    stated = camseq(real_data, val_share=0, test_share=0)
    assert dataset.labels.names == stated.labels.names
    assert dataset.names == stated.names
    np.testing.assert_array_equal(dataset[3].mask, stated[3].mask)
