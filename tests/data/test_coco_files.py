"""The layouts of COCO and of the tools that export its form, in folders and in a zip."""

import zipfile
from pathlib import Path

import pytest

from tessella.data.coco_files import annotation_files, find_annotations, find_images
from tessella.errors import UsageError


def lay_out(root: Path, *names: str, packed: bool = False) -> Path:
    """Empty files of these names below a folder, or in a zip."""
    if packed:
        with zipfile.ZipFile(root.with_suffix(".zip"), "w") as archive:
            for name in names:
                archive.writestr(name, b"x")
        return root.with_suffix(".zip")
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


# Who writes it, what lies there, split, the annotation file, the image a.jpg.
LAYOUTS = [
    ("coco", ["annotations/instances_train2017.json", "train2017/a.jpg", "val2017/a.jpg"], "train"),
    ("images", ["annotations/instances_val2014.json", "images/val2014/a.jpg"], "val"),
    ("cvat", ["annotations/instances_Train.json", "images/Train/a.jpg"], "train"),
    ("yolo", ["annotations/instances_val.json", "images/val/a.jpg", "images/train/a.jpg"], "val"),
    ("roboflow", ["valid/_annotations.coco.json", "valid/a.jpg", "train/a.jpg"], "val"),
    ("mmdet", ["annotations/train.json", "train/a.jpg"], "train"),
    ("top", ["val.json", "images/a.jpg"], "val"),
    ("names", ["annotations_test.json", "test/images/a.jpg"], "test"),
    ("inside", ["train/annotations.json", "train/images/a.jpg"], "train"),
    ("deeper", ["train/annotations/x.json", "train/a.jpg"], "train"),
]
WHOLE_LAYOUTS = [
    ("label studio", ["result.json", "images/a.jpg"]),
    ("roboflow", ["_annotations.coco.json", "a.jpg"]),
    ("cvat", ["annotations/instances_default.json", "images/default/a.jpg"]),
    ("cvat 2", ["annotations/instances_default.json", "images/a.jpg"]),
    ("fiftyone", ["labels.json", "data/a.jpg"]),
    ("labelme", ["annotations.json", "JPEGImages/a.jpg"]),
    ("any name", ["mine.json", "a.jpg"]),
    ("beside another", ["annotations.json", "notes.json", "images/a.jpg"]),
]


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize(("names", "split"), [entry[1:] for entry in LAYOUTS])
@pytest.mark.parametrize("above", ["", "project/", "export/project/"])
def test_each_layout_is_found(
    tmp_path: Path, above: str, names: list[str], split: str, packed: bool
) -> None:
    root = lay_out(tmp_path / "data", *(above + name for name in names), packed=packed)
    file = find_annotations(root, split, None)
    assert file.path == root / (above + names[0])
    assert not file.is_whole
    found = find_images(["a.jpg"], file, split, folder=None)
    assert found == {"a.jpg": root / (above + names[1])}


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("names", [names for _, names in WHOLE_LAYOUTS])
def test_one_file_for_all_splits_is_found(tmp_path: Path, names: list[str], packed: bool) -> None:
    root = lay_out(tmp_path / "data", *names, packed=packed)
    file = find_annotations(root, "val", None)
    assert file.path == root / names[0]
    assert file.is_whole
    assert find_images(["a.jpg"], file, "val", folder=None) == {"a.jpg": root / names[-1]}


@pytest.mark.parametrize("name", ["annotations/instances_train2017.json", "any.json"])
def test_the_file_itself_may_be_given_and_is_whole(tmp_path: Path, name: str) -> None:
    root = lay_out(tmp_path / "data", name, "images/a.jpg")
    file = find_annotations(root / name, "val", None)
    assert (file.path, file.home, file.is_whole) == (root / name, root, True)


@pytest.mark.parametrize(
    ("given", "found", "is_whole"),
    [("my/{split}.json", "my/val.json", False), ("other.json", "other.json", True)],
)
def test_the_file_may_be_named(tmp_path: Path, given: str, found: str, is_whole: bool) -> None:
    root = lay_out(tmp_path / "data", "my/train.json", "my/val.json", "other.json")
    file = find_annotations(root, "val", given)
    assert (file.path, file.is_whole) == (root / found, is_whole)


@pytest.mark.parametrize(
    "other", ["captions_train2017.json", "person_keypoints_train2017.json", "panoptic_train.json"]
)
def test_files_of_cocos_other_tasks_are_passed_over(tmp_path: Path, other: str) -> None:
    root = lay_out(tmp_path, f"annotations/{other}", "annotations/instances_train2017.json")
    assert find_annotations(root, "train", None).path.name == "instances_train2017.json"


def test_the_name_of_the_root_states_no_split(tmp_path: Path) -> None:
    root = lay_out(tmp_path / "train", "annotations.json")
    assert annotation_files(root) == (root, {root / "annotations.json": None})


@pytest.mark.parametrize("word", ["trainset", "contest", "evaluate", "retrain", "values"])
def test_a_word_that_only_holds_a_splits_name_states_none(tmp_path: Path, word: str) -> None:
    root = lay_out(tmp_path, f"{word}.json")
    assert annotation_files(root)[1] == {root / f"{word}.json": None}


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a.jpg"], "has no JSON file; expected one annotation file for each split"),
        (["a.json", "b.json"], r"has a\.json, b\.json; expected one .* data\.options\.annotations"),
        (
            ["annotations/instances_val2014.json", "annotations/instances_val2017.json"],
            r"has annotations/instances_val2014\.json, annotations/instances_val2017\.json; expect",
        ),
        (
            ["annotations/instances_train2017.json"],
            r"has annotations/instances_train2017\.json but nothing for the split 'val'; add its "
            r"file, name another split with data\.val_split, or",
        ),
    ],
)
def test_no_file_or_several_are_an_error(tmp_path: Path, names: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        find_annotations(lay_out(tmp_path, *names), "val", None)
    assert str(caught.value).startswith(f"{tmp_path}: ")


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"b_val\.json: there is no such file; correct data"):
        find_annotations(lay_out(tmp_path, "a.json"), "val", "b_{split}.json")


def test_no_root_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="coco: no folder given"):
        find_annotations(None, "val", None)


# --- images -------------------------------------------------------------------------------------


def test_the_folder_with_the_most_images_counts(tmp_path: Path) -> None:
    root = lay_out(tmp_path, "val.json", "a.jpg", "images/a.jpg", "images/b.jpg")
    file = find_annotations(root, "val", None)
    found = find_images(["a.jpg", "b.jpg", "c.jpg"], file, "val", folder=None)
    assert found == {
        "a.jpg": root / "images/a.jpg",
        "b.jpg": root / "images/b.jpg",
        "c.jpg": None,
    }


@pytest.mark.parametrize(
    "listed", ["images/a.jpg", "../images/a.jpg", "/home/me/a.jpg", "C:/me/a.jpg", "x/y/a.jpg"]
)
def test_folders_in_the_listed_names_may_be_another_machines(tmp_path: Path, listed: str) -> None:
    root = lay_out(tmp_path, "annotations/val.json", "images/a.jpg")
    file = find_annotations(root, "val", None)
    assert find_images([listed], file, "val", folder=None) == {listed: root / "images/a.jpg"}


def test_sub_folders_of_the_listed_names_are_kept(tmp_path: Path) -> None:
    root = lay_out(tmp_path, "val.json", "images/x/a.jpg", "images/y/a.jpg")
    file = find_annotations(root, "val", None)
    found = find_images(["x/a.jpg", "y/a.jpg"], file, "val", folder=None)
    assert found == {name: root / "images" / name for name in ("x/a.jpg", "y/a.jpg")}


def test_the_folder_may_be_named(tmp_path: Path) -> None:
    root = lay_out(tmp_path, "val.json", "images/a.jpg", "photos/val/a.jpg")
    file = find_annotations(root, "val", None)
    found = find_images(["a.jpg"], file, "val", folder="photos/{split}")
    assert found == {"a.jpg": root / "photos/val/a.jpg"}


def test_a_named_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    file = find_annotations(lay_out(tmp_path, "val.json"), "val", None)
    with pytest.raises(ValueError, match=r"photos: there is no such folder; correct data\.options"):
        find_images(["a.jpg"], file, "val", folder="photos")


def test_no_image_at_all_is_an_error_that_says_where_we_looked(tmp_path: Path) -> None:
    root = lay_out(tmp_path, "val.json", "images/x.jpg")
    file = find_annotations(root, "val", None)
    with pytest.raises(ValueError, match=r"none of a\.jpg, b\.jpg is there \(2 images.*") as caught:
        find_images(["a.jpg", "b.jpg"], file, "val", folder=None)
    assert f"looked in {root}, {root / 'images'}. Say where" in str(caught.value)
