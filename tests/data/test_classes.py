"""What people write for classes, and what is proposed to those who write nothing."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tessella.data.classes import find_classes, labels_from_classes
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.yaml_text import parse_scalar

IGNORED = 255


def decoded(labels: LabelMap, values: Any) -> list[list[int]]:
    array = np.array([values], np.uint8 if labels.encoding == "color" else np.uint16)
    return labels.decode(array, where="test").tolist()


# --- stated -------------------------------------------------------------------------------------


def test_a_list_names_the_values_0_1_2_and_255_is_ignored() -> None:
    labels = labels_from_classes(["sky", "road", "car"], ignore=None)
    assert labels.names == ("sky", "road", "car")
    assert decoded(labels, [0, 1, 2, 255]) == [[0, 1, 2, IGNORED]]


def test_a_table_gives_each_name_its_value() -> None:
    labels = labels_from_classes({"road": 7, "sky": 23}, ignore=None)
    assert decoded(labels, [23, 7, 255]) == [[1, 0, IGNORED]]


def test_several_values_make_one_class() -> None:
    labels = labels_from_classes({"flat": {"values": [7, 8]}, "sky": 23}, ignore=None)
    assert decoded(labels, [8, 7, 23]) == [[0, 0, 1]]


@pytest.mark.parametrize("color", [[128, 64, 0], (128, 64, 0), "#804000"])
def test_a_colour_is_three_numbers_or_hexadecimal(color: Any) -> None:
    labels = labels_from_classes({"soil": color, "water": "#0000Ff"}, ignore=None)
    assert labels.colors == ((128, 64, 0), (0, 0, 255))
    assert decoded(labels, [[128, 64, 0], [0, 0, 255]]) == [[0, 1]]


def test_several_colours_make_one_class_which_is_shown_in_the_first() -> None:
    labels = labels_from_classes({"soil": {"values": ["#804000", [1, 2, 3]]}}, ignore=None)
    assert labels.colors == ((128, 64, 0),)
    assert decoded(labels, [[1, 2, 3], [128, 64, 0]]) == [[0, 0]]


def test_among_values_ignore_replaces_255() -> None:
    labels = labels_from_classes(["sky", "road"], ignore=[9, 10])
    assert decoded(labels, [9, 1, 10]) == [[IGNORED, 1, IGNORED]]
    with pytest.raises(ValueError, match="neither a class nor ignored: 255"):
        decoded(labels, [255])


def test_among_colours_ignore_lists_colours() -> None:
    labels = labels_from_classes({"soil": "#804000"}, ignore=[[255, 255, 255], "#000000"])
    assert decoded(labels, [[0, 0, 0], [255, 255, 255], [128, 64, 0]]) == [[IGNORED, IGNORED, 0]]


def test_255_may_be_a_class() -> None:
    labels = labels_from_classes({"background": 0, "flower": 255}, ignore=None)
    assert decoded(labels, [0, 255]) == [[0, 1]]


def test_white_is_not_ignored_unless_told() -> None:
    labels = labels_from_classes({"soil": "#804000"}, ignore=None)
    with pytest.raises(ValueError, match=r"\(255, 255, 255\)"):
        decoded(labels, [[255, 255, 255]])


@pytest.mark.parametrize(
    ("classes", "ignore", "told"),
    [
        ("sky, road", None, "data.options.classes is 'sky, road'; expected a list of names"),
        (7, None, "data.options.classes is 7; expected a list"),
        ([], None, "expected a list of names"),
        ({}, None, "has 1..254 classes, got 0"),
        (["sky", "road", "sky"], None, "lists sky more than once"),
        ({"sky": 0, "road": "#804000"}, None, "mixes single values and colours"),
        ({"sky": 0}, ["#ffffff"], "mixes single values and colours"),
        ({"sky": 0, "road": 0}, None, "file value listed more than once: 0"),
        ({"sky": 0}, [0], "file value listed more than once: 0"),
        ({"sky": None}, None, "class sky: None is neither a value"),
        ({"sky": True}, None, "class sky: True is neither a value"),
        ({"sky": "#12345"}, None, "class sky: '#12345' is neither a value"),
        ({"sky": [1, 2]}, None, r"class sky: \[1, 2\] is neither a value"),
        ({"sky": [0, 300, 0]}, None, "each 0..255"),
        ({"sky": [1, 2, 3]}, [[0, 300, 0]], "class ignore: .* each 0..255"),
        ({"sky": -1}, None, r"file value -1 is outside 0\.\.65535"),
        ({"sky": 70000}, None, r"file value 70000 is outside 0\.\.65535"),
        ({"sky": {"values": []}}, None, r"expected \{values: \[1, 2\]\}"),
        ({"sky": {"values": []}, "sea": "#0000ff"}, None, r"expected \{values: \[1, 2\]\}"),
        ({"sky": {"values": 7}}, None, r"expected \{values: \[1, 2\]\}"),
        ({"sky": {"value": [7]}}, None, r"expected \{values: \[1, 2\]\}"),
        (["sky"], 255, r"data.options.ignore is 255; expected a list .* for example \[255\]"),
        (["sky"], "#ffffff", "data.options.ignore is '#ffffff'; expected a list"),
        ([f"class {i}" for i in range(255)], None, "has 1..254 classes, got 255"),
    ],
)
def test_classes_that_make_no_sense_are_refused(classes: Any, ignore: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        labels_from_classes(classes, ignore=ignore)


# --- found in the folder ------------------------------------------------------------------------


def test_classes_txt_names_the_values_in_order(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("sky\n  open road \n\nauto\n", encoding="utf-8")
    assert find_classes(tmp_path, [], ignore=None).names == ("sky", "open road", "auto")


def test_classes_txt_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("Straße\nHimmel\n", encoding="utf-8-sig")
    assert find_classes(tmp_path, [], ignore=None).names == ("Straße", "Himmel")


def test_classes_txt_of_another_encoding_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    path.write_text("Straße\n", encoding="latin-1")
    with pytest.raises(ValueError, match="byte 4 is not UTF-8 text; save the file as UTF-8") as e:
        find_classes(tmp_path, [], ignore=None)
    assert str(e.value).startswith(f"{path}: ")


def test_ignore_goes_with_classes_txt(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("sky\nroad\n", encoding="utf-8")
    assert decoded(find_classes(tmp_path, [], ignore=[7]), [0, 7]) == [[0, IGNORED]]


def test_labels_json_is_taken_whole(tmp_path: Path) -> None:
    labels = LabelMap.from_colors({"soil": (128, 64, 0)}, ignore_colors=[(0, 0, 0)])
    (tmp_path / "labels.json").write_text(json.dumps(labels.to_dict()), encoding="utf-8")
    (tmp_path / "classes.txt").write_text("not\nasked\n", encoding="utf-8")
    assert find_classes(tmp_path, [], ignore=None) == labels


def test_labels_json_and_ignore_contradict_each_other(tmp_path: Path) -> None:
    labels = LabelMap.from_names(["sky"])
    (tmp_path / "labels.json").write_text(json.dumps(labels.to_dict()), encoding="utf-8")
    with pytest.raises(UsageError, match="data.options.ignore: .*labels.json says already"):
        find_classes(tmp_path, [], ignore=[7])


@pytest.mark.parametrize("content", ["{", "[]", '{"names": ["sky"]}'])
def test_a_labels_json_that_is_none_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "labels.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="not a label map .* remove or fix it") as caught:
        find_classes(tmp_path, [], ignore=None)
    assert str(caught.value).startswith(f"{path}: ")


# --- in the files of other tools ------------------------------------------------------------------

SKY_AND_VOID = {
    "label_colors.txt": "128 128 128\tsky\n0 0 0\tVoid\n",
    "class_dict.csv": "name,r,g,b\nsky,128,128,128\nunlabelled,0,0,0\n",
    "labelmap.txt": "# label:color_rgb:parts:actions\nsky:128,128,128::\nignore:0,0,0::\n",
}


@pytest.mark.parametrize("name", SKY_AND_VOID)
def test_void_colours_of_a_table_are_ignored(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(SKY_AND_VOID[name])
    labels = find_classes(tmp_path, [], ignore=None)
    assert (labels.names, labels.colors) == (("sky",), ((128, 128, 128),))
    assert decoded(labels, [[128, 128, 128], [0, 0, 0]]) == [[0, IGNORED]]


def test_further_colours_are_ignored_when_told(tmp_path: Path) -> None:
    (tmp_path / "label_colors.txt").write_text(SKY_AND_VOID["label_colors.txt"])
    labels = find_classes(tmp_path, [], ignore=["#ffffff", [0, 0, 0]])
    assert decoded(labels, [[255, 255, 255], [0, 0, 0]]) == [[IGNORED, IGNORED]]


def test_void_values_of_a_table_are_ignored_and_255_too(tmp_path: Path) -> None:
    (tmp_path / "_classes.csv").write_text("Pixel Value, Class\n0, void\n1, road\n2, sky\n")
    labels = find_classes(tmp_path, [], ignore=None)
    assert labels.names == ("road", "sky")
    assert decoded(labels, [0, 1, 2, 255]) == [[IGNORED, 0, 1, IGNORED]]


def test_ignore_replaces_255_beside_a_table_of_values(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text('{"labels": {"background": 0, "road": 1, "ignore": 2}}')
    labels = find_classes(tmp_path, [], ignore=[9, 2])
    assert decoded(labels, [0, 1, 2, 9]) == [[0, 1, IGNORED, IGNORED]]
    with pytest.raises(ValueError, match="neither a class nor ignored: 255"):
        decoded(labels, [255])


def test_void_in_a_list_of_names_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("Unlabelled\nsky\n")
    labels = find_classes(tmp_path, [], ignore=None)
    assert decoded(labels, [0, 1, 255]) == [[IGNORED, 0, IGNORED]]


def test_labelmes_ignored_first_line_is_no_class(tmp_path: Path) -> None:
    (tmp_path / "class_names.txt").write_text("__ignore__\n_background_\nperson\n")
    labels = find_classes(tmp_path, [], ignore=None)
    assert labels.names == ("_background_", "person")
    assert decoded(labels, [0, 1, 255]) == [[0, 1, IGNORED]]


@pytest.mark.parametrize("ignore", [[0], [[0, 0, 0]]])
def test_ignored_values_beside_colours_and_the_reverse_are_wrong_usage(
    tmp_path: Path, ignore: Any
) -> None:
    name = "class_dict.csv" if ignore == [0] else "classes.txt"
    (tmp_path / name).write_text("name,r,g,b\nsky,128,128,128\n" if ignore == [0] else "sky\n")
    with pytest.raises(UsageError, match=rf"data.options.ignore is .*{name} gives"):
        find_classes(tmp_path, [], ignore=ignore)


@pytest.mark.parametrize("in_colors", [True, False])
def test_where_a_table_gives_both_the_masks_tell_which_they_hold(
    tmp_path: Path, *, in_colors: bool
) -> None:
    (tmp_path / "classes.csv").write_text("id,name,r,g,b\n7,sky,0,0,255\n9,road,0,255,0\n")
    mask = np.array([[[0, 0, 255], [0, 255, 0]]] if in_colors else [[7, 9]], np.uint8)
    paths = write_masks(tmp_path, mask)
    labels = find_classes(tmp_path, paths, ignore=None)
    assert labels.decode(mask, where="test").tolist() == [[0, 1]]
    assert labels.colors == ((0, 0, 255), (0, 255, 0))


def test_a_file_between_the_root_and_the_masks_is_found(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train/_classes.csv").write_text("Pixel Value, Class\n0, background\n1, crack\n")
    labels = find_classes(tmp_path, [tmp_path / "train/x_mask.png"], ignore=None)
    assert labels.names == ("background", "crack")


def test_labels_json_of_another_form_is_a_table_of_classes(tmp_path: Path) -> None:
    (tmp_path / "labels.json").write_text('{"0": "sky", "3": "road"}')
    labels = find_classes(tmp_path, [], ignore=[9])
    assert decoded(labels, [0, 3, 9]) == [[0, 1, IGNORED]]


def test_a_general_file_that_says_nothing_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text('{"author": "me"}')
    with pytest.raises(UsageError, match="nothing says what the mask values mean"):
        find_classes(tmp_path, [], ignore=None)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("Pixel Value, Class\n0, a\n0, b\n", "file value listed more than once: 0"),
        ("Pixel Value, Class\n70000, a\n", "file value 70000 is outside"),
        ("Pixel Value, Class\n0, void\n", "has 1..254 classes, got 0"),
    ],
)
def test_a_table_that_makes_no_label_map_is_refused_by_name(
    tmp_path: Path, content: str, told: str
) -> None:
    path = tmp_path / "_classes.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=told) as caught:
        find_classes(tmp_path, [], ignore=None)
    assert str(caught.value).startswith(f"{path}: ")


# --- proposed -----------------------------------------------------------------------------------


def write_masks(folder: Path, *masks: np.ndarray) -> list[Path]:
    paths = [folder / f"mask{number}.png" for number in range(len(masks))]
    for path, mask in zip(paths, masks, strict=True):
        Image.fromarray(mask).save(path)
    return paths


def proposal(folder: Path, masks: Sequence[Path]) -> Any:
    """What a person would paste: the value of the quoted key=value in the message, as YAML."""
    with pytest.raises(UsageError, match="nothing says what the mask values mean") as caught:
        find_classes(folder, masks, ignore=None)
    assert str(caught.value).startswith(f"{folder}: ")
    assert "Or write the names to classes.txt" in str(caught.value)
    option = str(caught.value).split("'")[1]
    key, _, value = option.partition("=")
    assert key == "data.options.classes"
    return parse_scalar(value, where="pasted")


def test_the_proposal_names_every_value_seen_except_255(tmp_path: Path) -> None:
    masks = write_masks(tmp_path, np.array([[0, 7]], np.uint8), np.array([[9, 255]], np.uint8))
    assert proposal(tmp_path, masks) == {"class_0": 0, "class_1": 7, "class_2": 9}


def test_of_two_values_255_is_a_class_and_not_ignored(tmp_path: Path) -> None:
    masks = write_masks(tmp_path, np.array([[0, 255]], np.uint8))
    assert proposal(tmp_path, masks) == {"class_0": 0, "class_1": 255}


def test_colours_are_proposed_as_colours_white_included(tmp_path: Path) -> None:
    masks = write_masks(
        tmp_path, np.array([[[255, 255, 255], [0, 0, 255]], [[0, 255, 0], [0, 0, 255]]], np.uint8)
    )
    assert proposal(tmp_path, masks) == {
        "class_0": [0, 0, 255],
        "class_1": [0, 255, 0],
        "class_2": [255, 255, 255],
    }


def mixed_colors() -> list[np.ndarray]:
    """An all-black RGB mask looks like grey 0; the other shows that these are colours."""
    return [np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), (0, 0, 255), np.uint8)]


@pytest.mark.parametrize(
    "masks",
    [
        [np.array([[0, 7, 255, 9]], np.uint8)],
        [np.array([[0, 255]], np.uint8)],
        [np.array([[7, 26001]], np.uint16)],
        [np.array([[[255, 255, 255], [0, 0, 255], [0, 255, 0]]], np.uint8)],
        mixed_colors(),
        [np.arange(254, dtype=np.uint8)[None]],
    ],
    ids=["indices", "0 and 255", "16-bit", "colours", "one mask all black", "254 values"],
)
def test_the_proposal_reads_the_masks_that_it_came_from(
    tmp_path: Path, masks: list[np.ndarray]
) -> None:
    paths = write_masks(tmp_path, *masks)
    labels = labels_from_classes(proposal(tmp_path, paths), ignore=None)
    for mask in masks:
        labels.decode(mask, where="test")  # an unlisted value would raise


def test_masks_with_hundreds_of_values_are_told_apart_from_class_masks(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    paths = write_masks(tmp_path, noise)
    with pytest.raises(UsageError, match=r"mask0\.png.*over 254 different values.*photographs"):
        find_classes(tmp_path, paths, ignore=None)
