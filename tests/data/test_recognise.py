"""Which data set lies in a folder: every layout of the table, and folders of one's own."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tessella.data import DATASETS
from tessella.data.recognise import CLUES, recognise
from tessella.errors import UsageError


def touch(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


VOC = ("JPEGImages/1.jpg", "SegmentationClass/1.png", "ImageSets/Segmentation/train.txt")
COCO = json.dumps({"images": [], "annotations": [], "categories": []})
LABELME = json.dumps({"shapes": [], "imagePath": "1.jpg"})


def test_every_data_set_that_can_be_told_has_a_clue_and_the_reverse() -> None:
    assert set(CLUES) == {name for name, entry in DATASETS.items() if entry.is_at}


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("camseq", "camseq"),
        ("camvid/mini", "camvid"),
        ("camvid/CamVid-webp", "camvid"),
        ("cityscapes", "cityscapes"),
        ("flowers17", "flowers17"),
        ("stanford2d3ds", "stanford2d3ds"),
        ("voc/VOCdevkit", "voc2012"),
        ("voc/extra/coral", "folder"),
        ("voc/extra/nyud40", "folder"),
        ("voc/extra/pascal_person_part", "folder"),
    ],
)
def test_real_data_is_recognised(real_data: Path, folder: str, name: str) -> None:
    found = recognise(real_data / folder)
    assert (found.name, found.root, found.options) == (name, real_data / folder, {})


@pytest.mark.parametrize(
    ("folder", "name"),
    [("camseq", "camseq"), ("camvid/mini", "camvid"), ("voc/VOCdevkit", "voc2012")],
)
def test_real_data_opens_as_what_it_was_recognised_as(
    real_data: Path, folder: str, name: str
) -> None:
    found = recognise(real_data / folder)
    assert len(DATASETS[name].read(found.root, "train", **found.options)) > 0


def test_a_plain_folder_is_recognised_and_described(tmp_path: Path) -> None:
    touch(tmp_path, "images/train/1.jpg", "masks/train/1.png", "images/train/2.jpg")
    found = recognise(tmp_path)
    assert (found.name, found.root) == ("folder", tmp_path)
    assert found.reason == (
        "1 image has a mask (images/{split}/{name}.jpg with masks/{split}/{name}.png), 1 has "
        "none: a folder of images and masks"
    )


def test_a_zip_is_recognised_like_its_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for file in ("train/0001TP_1.png", "trainannot/0001TP_1.png"):
            archive.writestr(file, b"")
    assert recognise(tmp_path / "x.zip").name == "camvid"


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (["VOC2012/" + file for file in VOC], "voc2012"),
        (["VOC2007/" + file for file in VOC], "voc2007"),
        (["train/0001TP_1.png", "trainannot/0001TP_1.png"], "camvid"),
        (["train/0001TP_1.png", "train_labels/0001TP_1_L.png"], "camvid32"),
        (["0016E5_1.png", "0016E5_1_L.png"], "camseq"),
        (["a_1.png", "a_1_L.png"], "folder"),
        (["manifest.csv", "images/1.jpg", "masks/1.png"], "manifest"),
    ],
)
def test_the_most_special_layout_is_taken(tmp_path: Path, files: list[str], name: str) -> None:
    assert recognise(touch(tmp_path, *files)).name == name


@pytest.mark.parametrize(
    "files",
    [
        ["VOC2012/" + file for file in (*VOC, "labelmap.txt")],
        ["train/street_1.png", "trainannot/street_1.png"],
        ["train/0001TP_1.png", "trainannot/0001TP_1.png", "classes.txt"],
    ],
    ids=["CVAT in VOC's layout", "own frames in CamVid's layout", "own classes"],
)
def test_own_data_in_a_known_layout_is_a_plain_folder(tmp_path: Path, files: list[str]) -> None:
    assert recognise(touch(tmp_path, *files)).name == "folder"


@pytest.mark.parametrize(("content", "name"), [(COCO, "coco"), (LABELME, "labelme")])
@pytest.mark.parametrize("is_file", [True, False])
def test_annotations_in_json_are_told_by_their_content(
    tmp_path: Path, content: str, name: str, *, is_file: bool
) -> None:
    path = tmp_path / "annotations.json"
    path.write_text(content)
    Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(tmp_path / "1.jpg")
    found = recognise(path if is_file else tmp_path)
    assert (found.name, found.options) == (name, {})
    assert found.root == (path if is_file and name == "coco" else tmp_path)


@pytest.mark.parametrize("name", ["list.csv", "list.CSV", "list.tsv", "list.jsonl"])
def test_a_table_is_a_manifest(tmp_path: Path, name: str) -> None:
    found = recognise(touch(tmp_path, name) / name)
    assert (found.name, found.root) == ("manifest", tmp_path / name)


def test_another_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(ValueError, match=r"x\.json: is no annotation file that we know; expected"):
        recognise(tmp_path / "x.json")


def test_what_was_seen_is_told_when_nothing_fits(tmp_path: Path) -> None:
    touch(tmp_path, "photos/1.jpg", "photos/2.jpg", "more/notes.txt", "x.json")
    with pytest.raises(ValueError, match="no data set is recognised") as caught:
        recognise(tmp_path)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path}: ")
    assert (
        "2 image files, 1 JSON files and 1 others, in the folders more, photos; 2 of them" in said
    )
    assert "'data.options.images=photos/{name}.jpg'" in said


def test_several_masks_for_an_image_are_told(tmp_path: Path) -> None:
    touch(tmp_path, "images/1.png", "masks/1.png", "labels/1.png")
    with pytest.raises(ValueError, match="2 masks fit it"):
        recognise(tmp_path)


def test_a_tar_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unpack it first"):
        recognise(touch(tmp_path, "x.tar") / "x.tar")


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no such folder") as caught:
        recognise(tmp_path / "absent")
    assert not isinstance(caught.value, UsageError)
