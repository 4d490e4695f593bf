"""Labelme's files, in its own form: shapes, labels, images, splits, and what is refused."""

import base64
import copy
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tessella.data.labelme import ENTRY, read_labelme
from tessella.errors import UsageError

HEIGHT, WIDTH = 4, 8


def shape_of(label: str, *points: tuple[float, float], kind: str | None = "polygon") -> Any:
    """As labelme 5 writes it."""
    return {
        "label": label,
        "points": [list(point) for point in points],
        "group_id": None,
        "description": "",
        "shape_type": kind,
        "flags": {},
        "mask": None,
    }


def box(label: str, left: float, top: float, right: float, bottom: float) -> Any:
    return shape_of(label, (left, top), (right, bottom), kind="rectangle")


def file_of(*shapes: Any, image: str = "a.jpg") -> dict[str, Any]:
    return {
        "version": "5.4.1",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": image,
        "imageData": None,
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
    }


def write(root: Path, *, name: str = "a", content: Any = None, image: str | None = None) -> Path:
    """`name`.json and an image file beside it."""
    place = root / f"{name}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    picture = place.parent / (image or f"{place.stem}.jpg")
    picture.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((HEIGHT, WIDTH, 3), 9, np.uint8)).save(picture, "PNG")
    given = file_of(CUP, image=f"{place.stem}.jpg") if content is None else content
    place.write_text(json.dumps(given))
    return root


CUP = shape_of("cup", (1, 1), (5, 1), (5, 3), (1, 3))
TRAIN = {"val_share": 0.0, "test_share": 0.0}


def read(root: Path, **options: Any) -> Any:
    return read_labelme(root, "train", **(TRAIN | options))


def mask_of(root: Path, *shapes: Any, **options: Any) -> np.ndarray:
    mask = read(write(root, content=file_of(*shapes)), **options)[0].mask
    assert isinstance(mask, np.ndarray)
    return mask


# --- shapes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape",
    [
        CUP,
        CUP | {"shape_type": None},
        {"label": "cup", "points": CUP["points"]},  # version 3
        CUP | {"shape_type": "rotation"},
        box("cup", 1, 1, 5, 3),
        box("cup", 5, 3, 1, 1),
        box("cup", 1, 3, 5, 1),
        CUP | {"shape_type": "rectangle"},  # AnyLabeling: four corners
    ],
)
def test_polygons_and_rectangles_cover_the_centres_inside(tmp_path: Path, shape: Any) -> None:
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[1:3, 1:5] = 1
    np.testing.assert_array_equal(mask_of(tmp_path, shape), expected)


def test_a_circle_is_a_centre_and_a_point_of_its_rim(tmp_path: Path) -> None:
    # radius 1.6: centres at most 1.5 away along an axis, or one beside each way
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[0:4, 2:4] = expected[1:3, 1:5] = 1
    mask = mask_of(tmp_path, shape_of("cup", (3, 2), (3, 3.6), kind="circle"))
    np.testing.assert_array_equal(mask, expected)


def test_a_mask_is_a_picture_between_two_corner_pixels(tmp_path: Path) -> None:
    inside = np.array([[True, False, True], [True, True, True]])
    stream = io.BytesIO()
    Image.fromarray(inside).save(stream, "PNG")
    shape = shape_of("cup", (4.0, 1.0), (6.0, 2.0), kind="mask")
    shape["mask"] = base64.b64encode(stream.getvalue()).decode()
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[1:3, 4:7] = inside
    np.testing.assert_array_equal(mask_of(tmp_path, shape), expected)


def test_later_shapes_lie_over_earlier_ones_whatever_their_size(tmp_path: Path) -> None:
    small, large = box("a", 2, 1, 4, 3), box("b", 0, 0, 8, 4)
    assert mask_of(tmp_path / "1", large, small)[1].tolist() == [2, 2, 1, 1, 2, 2, 2, 2]
    assert mask_of(tmp_path / "2", small, large)[1].tolist() == [2] * 8


def test_labels_of_labelmes_custom_are_background_and_ignored(tmp_path: Path) -> None:
    shapes = [
        box("cup", 0, 0, 8, 4),
        box("_background_", 1, 0, 3, 4),
        box("__ignore__", 5, 0, 7, 4),
    ]
    mask = mask_of(tmp_path, *shapes)
    assert mask[0].tolist() == [1, 0, 0, 1, 1, 255, 255, 1]
    assert read(tmp_path).labels.names == ("background", "cup")


def test_without_background_the_rest_is_ignored(tmp_path: Path) -> None:
    assert mask_of(tmp_path, CUP, background=None)[1].tolist() == [255, 0, 0, 0, 0, 255, 255, 255]
    assert read(tmp_path, background=None).labels.names == ("cup",)


@pytest.mark.parametrize("kind", ["line", "linestrip", "point", "points"])
def test_shapes_without_area_are_refused_or_left_out(tmp_path: Path, kind: str) -> None:
    thin = shape_of("rim", (1, 1), (2, 2), kind=kind)
    with pytest.raises(
        ValueError,
        match=rf"shape 1 \('rim'\): a {kind} has no area; make it a polygon, .*thin=skip",
    ):
        mask_of(tmp_path, CUP, thin)
    assert mask_of(tmp_path, CUP, thin, thin="skip").max() == 1
    assert read(tmp_path, thin="skip").labels.names == ("background", "cup")


# --- classes ------------------------------------------------------------------------------------


def test_the_labels_of_all_splits_are_the_classes_in_alphabetical_order(tmp_path: Path) -> None:
    write(tmp_path, name="train/a", content=file_of(box("pan", 0, 0, 4, 4)))
    write(tmp_path, name="val/b", content=file_of(box("bowl", 0, 0, 4, 4), image="b.jpg"))
    for split in ("train", "val"):
        assert read_labelme(tmp_path, split).labels.names == ("background", "bowl", "pan")
    assert read_labelme(tmp_path, "train")[0].mask.max() == 2  # type: ignore[union-attr]


def test_without_background_its_label_is_a_class_like_others(tmp_path: Path) -> None:
    shapes = (box("apple", 0, 0, 4, 4), box("_background_", 4, 0, 6, 4))
    mask = mask_of(tmp_path, *shapes, background=None)
    assert read(tmp_path, background=None).labels.names == ("_background_", "apple")
    assert mask[0].tolist() == [1, 1, 1, 1, 0, 0, 255, 255]


@pytest.mark.parametrize("label", ["background", "_background_"])
def test_background_comes_first_also_where_it_is_drawn(tmp_path: Path, label: str) -> None:
    mask = mask_of(tmp_path, box("apple", 0, 0, 8, 4), box(label, 2, 0, 4, 4))
    assert read(tmp_path).labels.names == ("background", "apple")
    assert mask[0].tolist() == [1, 1, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("name", ["labels.txt", "classes.txt"])
def test_a_list_in_the_folder_says_the_classes(tmp_path: Path, name: str) -> None:
    root = write(tmp_path)
    (root / name).write_text("__ignore__\n_background_\nspoon\ncup\n")
    assert read(root).labels.names == ("background", "spoon", "cup")
    assert read(root)[0].mask.max() == 2


@pytest.mark.parametrize(
    ("classes", "background", "names"),
    [
        (["pan", "cup"], "background", ("background", "pan", "cup")),
        (["cup", "_background_"], "rest", ("cup", "rest")),
        (["cup", "__ignore__"], "background", ("background", "cup")),
        (["_background_", "cup"], None, ("_background_", "cup")),
    ],
)
def test_classes_may_be_given(
    tmp_path: Path, classes: list[str], background: str | None, names: tuple[str, ...]
) -> None:
    root = write(tmp_path)
    dataset = read(root, classes=classes, background=background)
    assert dataset.labels.names == names
    assert dataset[0].mask[1, 1] == names.index("cup")


def test_another_label_is_refused_with_the_closest_class(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError,
        match=r"a\.json: shape 1 \('cap'\) has a label that is no class; did you mean 'cup'\? Clas",
    ):
        mask_of(tmp_path, CUP, box("cap", 0, 0, 8, 1), classes=["cup"])


@pytest.mark.parametrize(("others", "value"), [("background", 0), ("ignore", 255)])
def test_other_labels_may_be_background_or_ignored(tmp_path: Path, others: str, value: int) -> None:
    mask = mask_of(tmp_path, CUP, box("cap", 0, 0, 2, 4), classes=["cup"], others=others)
    assert mask[1].tolist() == [value, value, 1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize("other", ["Cup", "cup ", "CUP"])
def test_labels_that_hardly_differ_are_refused(tmp_path: Path, other: str) -> None:
    with pytest.raises(ValueError, match="the labels .*'cup'.* differ in case or blanks only"):
        mask_of(tmp_path, CUP, box(other, 0, 0, 2, 4))


def test_no_shape_at_all_is_refused_unless_the_classes_are_given(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no shape in any of 1 files; annotate"):
        mask_of(tmp_path)
    np.testing.assert_array_equal(mask_of(tmp_path, classes=["cup"]), np.zeros((HEIGHT, WIDTH)))


# --- images -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "written", "image"),
    [
        ("labels/a", "../images/a.jpg", "../images/a.jpg"),
        ("labels/a", "..\\images\\a.jpg", "../images/a.jpg"),
        ("a", "C:\\Users\\me\\a.jpg", "a.jpg"),
        ("a", "/home/me/b.png", "b.png"),
        ("a", "other.jpg", "a.png"),
        ("a", "a.jpg", "a.JPG"),
        ("a", "photo of mine.jpg", "photo of mine.jpg"),
        ("a", None, "a.jpg"),
    ],
)
def test_the_image_is_where_it_is_written_or_beside(
    tmp_path: Path, name: str, written: str | None, image: str
) -> None:
    content = file_of(CUP) | {"imagePath": written}
    dataset = read(write(tmp_path, name=name, content=content, image=image))
    assert dataset.names == (name,)
    assert dataset[0].image.shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    ("data", "how"), [(None, "there. Put the image file"), ("aGk=", "there; it is inside the JSON")]
)
def test_a_missing_image_is_an_error(tmp_path: Path, data: str | None, how: str) -> None:
    write(tmp_path, content=file_of(CUP) | {"imageData": data})
    (tmp_path / "a.jpg").unlink()
    with pytest.raises(ValueError, match=rf"a\.json: its image 'a\.jpg' is not {how}"):
        read(tmp_path)


def test_two_files_for_one_image_are_an_error(tmp_path: Path) -> None:
    write(write(tmp_path), name="b")
    (tmp_path / "b.json").write_text(json.dumps(file_of(CUP)))
    with pytest.raises(
        ValueError, match=r"b\.json: annotates a\.jpg, and so does .*a\.json; an im"
    ):
        read(tmp_path)


def test_an_image_of_another_size_is_an_error(tmp_path: Path) -> None:
    root = write(tmp_path, content=file_of(CUP) | {"imageWidth": 9})
    with pytest.raises(
        ValueError, match=r"a\.json: image a\.jpg: was annotated at 4x9 .* image file is 4x8"
    ):
        read(root)[0]


def test_version_3_states_no_size(tmp_path: Path) -> None:
    content = file_of(CUP)
    del content["imageHeight"], content["imageWidth"]
    assert read(write(tmp_path, content=content))[0].mask.max() == 1


# --- splits -------------------------------------------------------------------------------------


def write_many(root: Path, count: int, *, folder: str = "") -> Path:
    for number in range(count):
        write(root, name=f"{folder}v{number % 5}_{number:02}")
    return root


def test_without_folders_and_lists_a_hash_splits_and_nothing_is_lost(tmp_path: Path) -> None:
    root = write_many(tmp_path, 20)
    splits = [
        read_labelme(root, split, val_share=0.25, test_share=0.1).names
        for split in ("train", "val", "test")
    ]
    assert [len(names) for names in splits] == [13, 5, 2]
    assert len({name for names in splits for name in names}) == 20


def test_groups_are_not_cut(tmp_path: Path) -> None:
    root = write_many(tmp_path, 20)
    splits = {
        split: read_labelme(root, split, group_pattern=r"^(v\d)_", val_share=0.2, test_share=0.2)
        for split in ("train", "val", "test")
    }
    assert [len(set(dataset.groups)) for dataset in splits.values()] == [3, 1, 1]
    assert {group for d in splits.values() for group in d.groups} == {f"v{n}" for n in range(5)}


def test_folders_are_splits(tmp_path: Path) -> None:
    write_many(write_many(tmp_path, 3, folder="train/x/"), 2, folder="val/")
    assert read_labelme(tmp_path, "train").names == ("x/v0_00", "x/v1_01", "x/v2_02")
    assert read_labelme(tmp_path, "val").names == ("v0_00", "v1_01")
    with pytest.raises(ValueError, match=r"has train/, val/ but no test/; .*data\.test_split=val"):
        read_labelme(tmp_path, "test")


def test_lists_are_splits(tmp_path: Path) -> None:
    root = write_many(tmp_path, 3)
    (root / "train.txt").write_text("images/v2_02.jpg\nv0_00\n")
    (root / "val.txt").write_text("v1_01.json\n")
    assert read_labelme(root, "train").names == ("v2_02", "v0_00")
    assert read_labelme(root, "val").names == ("v1_01",)


@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ("v0_00\nv9_99\n", "list of split 'train' names 1 samples that have no JSON file .*v9_99"),
        ("v0_00\nx/v0_00\n", "names one sample in different ways"),
        ("", "the train split is empty"),
    ],
)
def test_lists_that_do_not_fit_are_an_error(tmp_path: Path, listed: str, message: str) -> None:
    (write_many(tmp_path, 1) / "train.txt").write_text(listed)
    with pytest.raises(ValueError, match=message):
        read_labelme(tmp_path, "train")


def test_a_zip_is_read_like_its_folder(tmp_path: Path) -> None:
    root = write(write_many(tmp_path / "data", 3), name="y", content=file_of(CUP, image="y.jpg"))
    with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
        for path in root.rglob("*.*"):
            archive.write(path, path.relative_to(root))
    folder, packed = read(root), read(tmp_path / "data.zip")
    assert packed.names == folder.names
    np.testing.assert_array_equal(packed[3].mask, folder[3].mask)
    np.testing.assert_array_equal(packed[3].image, folder[3].image)
    assert ENTRY.is_at is not None
    assert ENTRY.is_at(root)
    assert ENTRY.is_at(tmp_path / "data.zip")


@pytest.mark.parametrize("content", [None, "{}", '{"images": [], "annotations": []}'])
def test_another_folder_is_not_taken_for_it(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "a.json").write_text(content)
    assert ENTRY.is_at is not None
    assert not ENTRY.is_at(tmp_path)


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": "cup"}, "data.options.classes is 'cup'; expected a list of names"),
        ({"others": "skip"}, "data.options.others is called 'skip'.*background, ignore, refuse"),
        ({"thin": "drop"}, "data.options.thin is called 'drop'.*refuse, skip"),
        ({"group_pattern": "("}, r"group_pattern '\(': "),
        ({"group_pattern": "zzz"}, r"group_pattern 'zzz' matches none of the names \(a\)"),
        ({"val_share": 2.0}, "val_share is 2.0"),
    ],
)
def test_wrong_options_are_wrong_usage(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        read(write(tmp_path), **options)


def test_a_folder_without_annotations_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no JSON files; expected one of labelme's for each"):
        read(tmp_path)


@pytest.mark.parametrize("classes", [["cup", "cup"], [f"c{n}" for n in range(300)]])
def test_classes_that_are_no_label_map_are_an_error(tmp_path: Path, classes: list[str]) -> None:
    with pytest.raises(ValueError, match="classes: .*(cup listed more than once|got 301)"):
        read(write(tmp_path), classes=classes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "has no list of shapes, so it is none of labelme's files"),
        ({"images": []}, "has no list of shapes, so it is none of labelme's files"),
        (file_of(7), "shape 0 is 7; expected an object with label and points"),
        (file_of(CUP | {"label": ""}), "shape 0: its label is ''; expected a name"),
        (file_of(CUP | {"label": 3}), "shape 0: its label is 3; expected a name"),
        (file_of(shape_of("cup", (1, 1), (2, 2))), r"shape 0 \('cup'\): its outline has 2 points"),
        (file_of(CUP | {"points": None}), r"shape 0 \('cup'\): expected a list of numbers, got N"),
        (file_of(CUP | {"shape_type": "star"}), "shape_type is 'star'; known are polygon, rect"),
        (file_of(CUP | {"shape_type": []}), r"shape_type is \[\]; known are"),
        (file_of(CUP | {"shape_type": "circle"}), "a circle has two points"),
        (file_of(shape_of("cup", (1, 1), kind="rectangle")), "its outline has 1 points"),
        (file_of(box("cup", 1, 1, 2, 2) | {"shape_type": "mask"}), "its mask is None; expected a"),
        (
            file_of(box("cup", 1, 1, 2, 2) | {"shape_type": "mask", "mask": "?"}),
            r"its mask is '\?'; expected a PNG in base64",
        ),
        (
            file_of(box("cup", 3, 1, 2, 2) | {"shape_type": "mask", "mask": "aGk="}),
            r"its mask spans \[\[3, 1\], \[2, 2\]\]; expected the upper left",
        ),
        (file_of(CUP) | {"imageHeight": "4"}, "image: has the size '4'x8"),
        (file_of(CUP) | {"imagePath": 7}, "its imagePath is 7; expected a name"),
    ],
)
def test_what_is_not_as_it_should_be_is_an_error(
    tmp_path: Path, content: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read(write(tmp_path, content=content))
    assert str(caught.value).startswith(f"{tmp_path / 'a.json'}: ")


def test_a_shape_outside_of_its_image_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.json: image a\.jpg, shape 1 \('cup'\): lies outside"):
        mask_of(tmp_path, CUP, box("cup", 20, 1, 30, 3))


PLACES = [
    *((), ("shapes",), ("shapes", 0), ("shapes", 0, "label"), ("shapes", 0, "points")),
    *(("shapes", 0, "points", 0), ("shapes", 0, "points", 0, 1), ("shapes", 0, "shape_type")),
    *(("shapes", 1, "points"), ("shapes", 1, "points", 0, 0), ("shapes", 2, "points")),
    *(("shapes", 2, "points", 0, 0), ("shapes", 2, "mask"), ("imagePath",), ("imageData",)),
    *(("imageHeight",), ("imageWidth",)),
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
    stream = io.BytesIO()
    Image.fromarray(np.ones((2, 3), bool)).save(stream, "PNG")
    picture = box("cup", 1, 1, 3, 2) | {"shape_type": "mask"}
    picture["mask"] = base64.b64encode(stream.getvalue()).decode()
    circle = shape_of("cup", (3, 2), (3, 3), kind="circle")
    content: Any = copy.deepcopy(file_of(CUP, circle, picture))
    inner = content
    for step in place[:-1]:
        inner = inner[step]
    if place:
        inner[place[-1]] = value
    else:
        content = value
    root = write(tmp_path_factory.mktemp("labelme"), content=content)
    try:
        mask = read(root, classes=["cup"])[0].mask
    except ValueError as error:
        assert str(root / "a.json") in str(error)  # noqa: PT017
    else:
        assert mask.shape == (HEIGHT, WIDTH)
        assert set(np.unique(mask)) <= {0, 1}
