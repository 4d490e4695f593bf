"""COCO's form: what its categories, objects and images become, and what is refused."""

import copy
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask

from tessella.data.coco import ENTRY, read_coco
from tessella.errors import UsageError

HEIGHT, WIDTH = 4, 8


def box(left: float, top: float, right: float, bottom: float) -> list[float]:
    return [left, top, right, top, right, bottom, left, bottom]


def content_of(*objects: dict[str, Any], files: tuple[str, ...] = ("a.jpg",)) -> dict[str, Any]:
    """One file; each object is on the first image unless it says another."""
    images = [
        {"id": 10 + number, "file_name": file, "height": HEIGHT, "width": WIDTH}
        for number, file in enumerate(files)
    ]
    annotations = [
        {"id": 100 + number, "image_id": 10, "iscrowd": 0} | annotation
        for number, annotation in enumerate(objects)
    ]
    # ids with a gap, not in order, as in COCO's 1..90
    categories = [{"id": 90, "name": "spoon"}, {"id": 3, "name": "table"}, {"id": 7, "name": "cup"}]
    return {"images": images, "annotations": annotations, "categories": categories}


def write(root: Path, content: Any, *, name: str = "train.json") -> Path:
    """The file, and the images that it lists in images/."""
    (root / "images").mkdir(parents=True, exist_ok=True)
    listed = content.get("images", []) if isinstance(content, dict) else []
    for image in listed if isinstance(listed, list) else []:
        if isinstance(image, dict) and isinstance(image.get("file_name"), str):
            place = root / "images" / image["file_name"].replace("\\", "/")
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((HEIGHT, WIDTH, 3), 9, np.uint8)).save(place, "PNG")
    (root / name).write_text(json.dumps(content))
    return root


def mask_of(root: Path, **options: Any) -> np.ndarray:
    mask = read_coco(root, "train", **options)[0].mask
    assert mask is not None
    return mask


TABLE = {"category_id": 3, "segmentation": [box(0, 0, 8, 4)]}
CUP = {"category_id": 7, "segmentation": [box(1, 1, 5, 3)]}
SPOON = {"category_id": 90, "segmentation": [box(2, 1, 3, 2)]}


# --- classes ------------------------------------------------------------------------------------


def test_classes_follow_background_in_the_order_of_their_ids(tmp_path: Path) -> None:
    labels = read_coco(write(tmp_path, content_of(CUP)), "train").labels
    assert labels.names == ("background", "table", "cup", "spoon")
    assert len(set(labels.colors)) == 4


def test_a_mask_holds_the_class_inside_and_background_outside(tmp_path: Path) -> None:
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[1:3, 1:5] = 2
    np.testing.assert_array_equal(mask_of(write(tmp_path, content_of(CUP))), expected)


def test_without_background_the_rest_is_ignored_and_classes_start_at_zero(tmp_path: Path) -> None:
    root = write(tmp_path, content_of(CUP))
    assert read_coco(root, "train", background=None).labels.names == ("table", "cup", "spoon")
    expected = np.full((HEIGHT, WIDTH), 255, np.uint8)
    expected[1:3, 1:5] = 1
    np.testing.assert_array_equal(mask_of(root, background=None), expected)


def test_classes_may_be_chosen_in_an_order_of_ones_own(tmp_path: Path) -> None:
    root = write(tmp_path, content_of(TABLE, CUP))
    options = {"classes": ["cup", "table"]}
    assert read_coco(root, "train", **options).labels.names == ("background", "cup", "table")
    assert mask_of(root, **options)[1, 1] == 1
    assert mask_of(root, **options)[0, 0] == 2


def test_background_stays_where_the_classes_list_it(tmp_path: Path) -> None:
    root = write(tmp_path, content_of(CUP))
    options = {"classes": ["cup", "background"]}
    assert read_coco(root, "train", **options).labels.names == ("cup", "background")
    assert mask_of(root, **options)[0, 0] == 1
    assert mask_of(root, **options)[1, 1] == 0


@pytest.mark.parametrize(("others", "value"), [("background", 0), ("ignore", 255)])
def test_other_objects_are_background_or_ignored(tmp_path: Path, others: str, value: int) -> None:
    root = write(tmp_path, content_of(TABLE, CUP, SPOON))
    mask = mask_of(root, classes=["cup"], others=others)
    # the spoon in the cup is no cup, the cup on the table is one
    assert mask[1].tolist() == [value, 1, value, 1, 1, value, value, value]


@pytest.mark.parametrize("name", ["background", "_background_"])
def test_a_category_that_is_the_background_is_class_zero(tmp_path: Path, name: str) -> None:
    content = content_of(CUP)
    content["categories"].append({"id": 0, "name": name, "supercategory": None})
    dataset = read_coco(write(tmp_path, content), "train")
    assert dataset.labels.names == ("background", "table", "cup", "spoon")
    assert mask_of(tmp_path)[0, 0] == 0


def test_roboflows_placeholder_is_no_class(tmp_path: Path) -> None:
    content = content_of(CUP)
    for category in content["categories"]:
        category["supercategory"] = "cup"
    content["categories"].append({"id": 0, "name": "cup", "supercategory": "none"})
    labels = read_coco(write(tmp_path, content), "train").labels
    assert labels.names == ("background", "table", "cup", "spoon")


@pytest.mark.parametrize("supercategory", ["none", None, "thing"])
def test_a_category_zero_of_its_own_is_a_class(tmp_path: Path, supercategory: str | None) -> None:
    content = content_of(CUP)
    content["categories"].append({"id": 0, "name": "fork", "supercategory": supercategory})
    assert read_coco(write(tmp_path, content), "train").labels.names[1] == "fork"


# --- what lies over what ------------------------------------------------------------------------


@pytest.mark.parametrize("objects", [(TABLE, CUP, SPOON), (SPOON, CUP, TABLE), (CUP, TABLE, SPOON)])
def test_smaller_objects_lie_over_larger_ones(tmp_path: Path, objects: Any) -> None:
    mask = mask_of(write(tmp_path, content_of(*objects)))
    assert mask[1].tolist() == [1, 2, 3, 2, 2, 1, 1, 1]


def test_of_equal_objects_the_later_lies_over(tmp_path: Path) -> None:
    spoon = SPOON | {"segmentation": CUP["segmentation"]}
    assert mask_of(write(tmp_path / "1", content_of(CUP, spoon)))[1, 1] == 3
    assert mask_of(write(tmp_path / "2", content_of(spoon, CUP)))[1, 1] == 2


def test_a_wrong_area_in_the_file_changes_nothing(tmp_path: Path) -> None:
    content = content_of(TABLE | {"area": 1}, CUP | {"area": 1e9})
    assert mask_of(write(tmp_path, content))[1, 1] == 2


def test_an_object_of_several_parts_has_all_of_them(tmp_path: Path) -> None:
    cup = CUP | {"segmentation": [box(0, 0, 2, 1), box(1, 0, 3, 1), box(6, 0, 8, 1)]}
    assert mask_of(write(tmp_path, content_of(cup)))[0].tolist() == [2, 2, 2, 0, 0, 0, 2, 2]


# --- run lengths --------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_run_lengths_keep_their_holes(tmp_path: Path, packed: bool) -> None:
    inside = np.zeros((HEIGHT, WIDTH), np.uint8)
    inside[0:3, 1:6] = 1
    inside[1, 3] = 0
    # down the columns: 4 out, then 3 in and 1 out, but for column 3 with its hole
    counts: Any = [4, 3, 1, 3, 1, 1, 1, 1, 1, 3, 1, 3, 9]
    if packed:
        counts = coco_mask.encode(np.asfortranarray(inside))["counts"].decode()
    cup = CUP | {"segmentation": {"size": [HEIGHT, WIDTH], "counts": counts}}
    np.testing.assert_array_equal(mask_of(write(tmp_path, content_of(cup))), inside * 2)


@pytest.mark.parametrize(("crowd", "value"), [("class", 2), ("ignore", 255)])
def test_crowds_are_their_class_or_ignored(tmp_path: Path, crowd: str, value: int) -> None:
    runs = {"size": [HEIGHT, WIDTH], "counts": [0, 4, 28]}
    root = write(tmp_path, content_of(CUP | {"iscrowd": 1, "segmentation": runs}, SPOON))
    assert mask_of(root, crowd=crowd)[1].tolist() == [value, 0, 3, 0, 0, 0, 0, 0]


# --- images and splits --------------------------------------------------------------------------


def test_an_image_without_objects_is_all_background(tmp_path: Path) -> None:
    dataset = read_coco(write(tmp_path, content_of(CUP, files=("a.jpg", "b.jpg"))), "train")
    assert dataset.names == ("a", "b")
    np.testing.assert_array_equal(dataset[1].mask, np.zeros((HEIGHT, WIDTH)))


def test_objects_go_to_their_image(tmp_path: Path) -> None:
    content = content_of(CUP | {"image_id": 11}, files=("a.jpg", "b.jpg"))
    dataset = read_coco(write(tmp_path, content), "train")
    assert [sample.mask.max() for sample in dataset if sample.mask is not None] == [0, 2]


@pytest.mark.parametrize(
    ("file", "name"), [("x/a.jpg", "x/a"), ("x\\a.jpg", "x/a"), ("a.rf.1.jpg", "a.rf.1")]
)
def test_a_sample_is_named_by_its_file(tmp_path: Path, file: str, name: str) -> None:
    dataset = read_coco(write(tmp_path, content_of(CUP, files=(file,))), "train")
    assert dataset.names == (name,)
    assert dataset[0].image.shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("listed", ["/home/me/a.jpg", "C:\\me\\a.jpg", "../../a.jpg"])
def test_folders_of_another_machine_are_no_part_of_the_name(tmp_path: Path, listed: str) -> None:
    content = content_of(CUP)
    write(tmp_path, content)
    content["images"][0]["file_name"] = listed
    (tmp_path / "train.json").write_text(json.dumps(content))
    assert read_coco(tmp_path, "train").names == ("a",)


def test_a_file_without_splits_is_split_by_hash_and_nothing_is_lost(tmp_path: Path) -> None:
    files = tuple(f"{number}.jpg" for number in range(20))
    write(tmp_path, content_of(CUP, files=files), name="annotations.json")
    options = {"val_share": 0.25, "test_share": 0.1}
    splits = [read_coco(tmp_path, split, **options).names for split in ("train", "val", "test")]
    assert [len(names) for names in splits] == [13, 5, 2]
    assert {name for names in splits for name in names} == {str(number) for number in range(20)}


def test_a_group_is_never_cut_by_the_split_by_hash(tmp_path: Path) -> None:
    files = tuple(f"v{number % 5}_{number}.jpg" for number in range(20))
    write(tmp_path, content_of(CUP, files=files), name="annotations.json")
    options = {"group_pattern": "^v[0-9]", "val_share": 0.2, "test_share": 0.2}
    splits = {s: read_coco(tmp_path, s, **options) for s in ("train", "val", "test")}
    groups = {split: {pair.group for pair in found.pairs} for split, found in splits.items()}
    assert {split: len(found) for split, found in groups.items()} == {
        "train": 3,
        "val": 1,
        "test": 1,
    }
    assert len(set().union(*groups.values())) == 5


def test_each_split_is_its_own_file(tmp_path: Path) -> None:
    write(tmp_path, content_of(CUP), name="train.json")
    write(tmp_path, content_of(CUP, files=("b.jpg", "c.jpg")), name="val.json")
    assert read_coco(tmp_path, "train").names == ("a",)
    assert read_coco(tmp_path, "val").names == ("b", "c")


def test_a_zip_is_read_like_its_folder(tmp_path: Path) -> None:
    root = write(tmp_path / "data", content_of(TABLE, CUP, files=("x/a.jpg", "b.jpg")))
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in root.rglob("*.*"):
            archive.write(path, path.relative_to(tmp_path))
    folder, packed = read_coco(root, "train"), read_coco(tmp_path / "data.zip", "train")
    assert packed.names == folder.names == ("x/a", "b")
    np.testing.assert_array_equal(packed[0].mask, folder[0].mask)
    np.testing.assert_array_equal(packed[0].image, folder[0].image)
    assert ENTRY.is_at is not None
    assert ENTRY.is_at(root)
    assert ENTRY.is_at(tmp_path / "data.zip")


@pytest.mark.parametrize("content", [{"shapes": [], "imagePath": "a.jpg"}, {}, []])
def test_another_json_is_not_taken_for_it(tmp_path: Path, content: object) -> None:
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert ENTRY.is_at is not None
    assert not ENTRY.is_at(tmp_path)


def test_an_image_of_another_size_is_an_error(tmp_path: Path) -> None:
    content = content_of(CUP)
    content["images"][0]["width"] = 9
    dataset = read_coco(write(tmp_path, content), "train")
    with pytest.raises(
        ValueError,
        match=r"train\.json: image a\.jpg: was annotated at 4x9 .* but the image file is 4x8",
    ):
        dataset[0]


def test_a_size_that_is_not_stated_is_not_compared(tmp_path: Path) -> None:
    content = content_of(CUP)
    del content["images"][0]["width"], content["images"][0]["height"]
    assert mask_of(write(tmp_path, content)).max() == 2


def test_missing_images_are_counted_and_named(tmp_path: Path) -> None:
    files = tuple(f"{number}.jpg" for number in range(8))
    root = write(tmp_path, content_of(CUP, files=files))
    for number in range(1, 8):
        (root / f"images/{number}.jpg").unlink()
    with pytest.raises(
        ValueError, match=r"7 of 8 images are not there: 1\.jpg, .*, 5\.jpg, \.\.\.; .*images\."
    ):
        read_coco(root, "train")
    assert read_coco(root, "train", missing_images="skip").names == ("0",)


# --- wrong usage --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": ["cap"]}, "no category is called 'cap'; did you mean 'cup'.*background, cup"),
        ({"classes": "cup"}, "data.options.classes is 'cup'; expected a list of names"),
        ({"classes": [7]}, r"data.options.classes is \[7\]; expected a list of names"),
        ({"classes": ["cup", "cup"]}, "cup is listed more than once"),
        ({"others": "ignored"}, "data.options.others is called 'ignored'; did you mean 'ignore'"),
        ({"crowd": "skip"}, "data.options.crowd is called 'skip'.*Known: class, ignore"),
        ({"missing_images": "ok"}, "data.options.missing_images is called 'ok'"),
        ({"val_share": 2.0}, "val_share is 2.0"),
    ],
)
def test_wrong_options_are_wrong_usage(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    write(tmp_path, content_of(CUP), name="annotations.json")
    with pytest.raises(UsageError, match=message):
        read_coco(tmp_path, "train", **options)


# --- what is refused ----------------------------------------------------------------------------


def changed(**parts: Any) -> dict[str, Any]:
    return content_of(CUP) | parts


IMAGE = content_of()["images"][0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "has no list of categories; expected COCO's form for instances"),
        (changed(categories=None), "has no list of categories"),
        (changed(categories=[]), "lists no categories"),
        (changed(images=[]), "lists no images"),
        (changed(images=[7]), "has no list of images"),
        (changed(annotations={}), "has no list of annotations"),
        (changed(images=[IMAGE, IMAGE | {"id": 11}]), r"image file a\.jpg is there more than once"),
        (changed(images=[IMAGE, IMAGE | {"file_name": "b.jpg"}]), "image id 10 is there more than"),
        (changed(images=[IMAGE | {"id": None}]), "image 0 of the list: its id is None; expected"),
        (changed(images=[IMAGE | {"file_name": 7}]), "image 0 of the list: its file_name is 7"),
        (changed(images=[IMAGE | {"height": 0}]), r"image 0 of the list \(a.jpg\): has the size"),
        (changed(categories=[{"id": 7}]), "category 0 of the list: its name is None"),
        (changed(categories=[{"name": "cup"}]), "category 0 of the list: its id is None"),
        (changed(categories=[{"id": 7, "name": "a"}] * 2), "category id 7 is there more than once"),
        (
            changed(categories=[{"id": 7, "name": "a"}, {"id": 8, "name": "a"}]),
            "category a is there more than once",
        ),
        (
            changed(categories=[{"id": i, "name": f"c{i}"} for i in range(300)]),
            r"has 300 categories: .* 1\.\.254 classes, got 301; .* data\.options\.classes",
        ),
        (content_of(CUP | {"image_id": 99}), "annotation 100: its image_id is 99, which the file"),
        (content_of(CUP | {"image_id": "10"}), "annotation 100: its image_id is '10', which"),
        (content_of(CUP | {"category_id": 4}), "annotation 100: its category_id is 4, which the"),
        (content_of(CUP | {"category_id": None}), "annotation 100: its category_id is None; expec"),
        (content_of(CUP | {"iscrowd": 2}), r"a\.jpg, annotation 100: iscrowd is 2; expected 0"),
        (content_of(CUP | {"segmentation": "x"}), r"annotation 100: its segmentation is 'x'"),
        (
            content_of(CUP | {"segmentation": [[1, 1, 2, 2]]}),
            r"a\.jpg, annotation 100: .* 2 points",
        ),
        (content_of(CUP | {"segmentation": [7]}), "annotation 100: expected a list of numbers"),
        (content_of(CUP | {"segmentation": {}}), "annotation 100: its run lengths have the size"),
        (content_of(CUP | {"segments_info": []}), "annotation 100: is in COCO's panoptic form"),
        (
            content_of(CUP | {"segmentation": [box(0.1, 0.2, 1, 0.9)]}),
            r"all outlines lie within 0\.\.1, as if in shares of the image; expected pixels",
        ),
    ],
)
def test_what_is_not_as_it_should_be_is_an_error(
    tmp_path: Path, content: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_coco(write(tmp_path, content), "train")
    assert str(caught.value).startswith(f"{tmp_path / 'train.json'}: ")


@pytest.mark.parametrize("segmentation", [None, [], [[]]])
def test_boxes_only_are_an_error_that_says_so(tmp_path: Path, segmentation: object) -> None:
    bare = {"category_id": 7, "bbox": [1, 1, 4, 2], "segmentation": segmentation}
    with pytest.raises(
        ValueError,
        match=r"a\.jpg, annotation 101: has a box only, no outline, and so have 1 more; masks cann",
    ):
        read_coco(write(tmp_path, content_of(CUP, bare, bare)), "train")


def test_an_outline_outside_of_its_image_is_an_error(tmp_path: Path) -> None:
    far = CUP | {"segmentation": [box(20, 1, 30, 3)]}
    dataset = read_coco(write(tmp_path, content_of(far)), "train")
    with pytest.raises(ValueError, match=r"a\.jpg, annotation 100: lies outside of its image"):
        dataset[0]


def test_what_is_not_json_is_an_error(tmp_path: Path) -> None:
    (write(tmp_path, content_of(CUP)) / "train.json").write_text('{"images": [,')
    with pytest.raises(ValueError, match=r"train\.json: line 1, column 13: Expecting value"):
        read_coco(tmp_path, "train")


PLACES = [
    *(("images",), ("images", 0), ("images", 0, "id"), ("images", 0, "file_name")),
    *(("images", 0, "height"), ("annotations",), ("annotations", 0), ("annotations", 0, "id")),
    *(("annotations", 0, "image_id"), ("annotations", 0, "category_id")),
    *(("annotations", 0, "segmentation"), ("annotations", 0, "segmentation", 0)),
    *(("annotations", 0, "segmentation", 0, 0), ("annotations", 0, "iscrowd")),
    *(("annotations", 1, "segmentation", "size"), ("annotations", 1, "segmentation", "counts")),
    *(("categories",), ("categories", 0), ("categories", 0, "id"), ("categories", 0, "name")),
    *(("categories", 0, "supercategory"), ()),
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(place=st.sampled_from(PLACES), value=ANYTHING)
def test_any_value_anywhere_is_read_or_a_value_error_that_names_the_file(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[str | int, ...], value: Any
) -> None:
    runs = {"size": [HEIGHT, WIDTH], "counts": [0, 4, 28]}
    content: Any = copy.deepcopy(content_of(CUP, SPOON | {"segmentation": runs}))
    root = write(tmp_path_factory.mktemp("coco"), content)
    inner = content
    for step in place[:-1]:
        inner = inner[step]
    if place:
        inner[place[-1]] = value
    else:
        content = value
    (root / "train.json").write_text(json.dumps(content))
    try:
        dataset = read_coco(root, "train")
        masks = [sample.mask for sample in dataset]
    except ValueError as error:
        assert str(root / "train.json") in str(error)  # noqa: PT017
    else:
        assert all(mask is not None and mask.shape == (HEIGHT, WIDTH) for mask in masks)
