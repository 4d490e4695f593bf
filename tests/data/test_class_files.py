"""The files in which tools state classes, in each tool's own form."""

import json
from pathlib import Path
from typing import Any

import pytest

from tessella.data.class_files import CLASS_FILES, StatedClasses, read_classes


def stated(folder: Path, name: str, content: str) -> StatedClasses | None:
    (folder / name).write_text(content, encoding="utf-8")
    return read_classes(folder / name)


def values(folder: Path, name: str, content: str) -> dict[str, list[int]]:
    said = stated(folder, name, content)
    assert said is not None
    assert said.colors == {}
    return {name: list(listed) for name, listed in said.values.items()}


SKY_ROAD = {"sky": [0], "road": [1]}


@pytest.mark.parametrize("name", ["classes.txt", "class_names.txt"])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("sky\n\n  open road \n", {"sky": [0], "open road": [1]}),
        ("__ignore__\n_background_\nperson\n", {"_background_": [0], "person": [1]}),
        ("_background_\nperson\n", {"_background_": [0], "person": [1]}),
        ("0 sky\n1 road\n", SKY_ROAD),
        ("0: sky\n7: road\n", {"sky": [0], "road": [7]}),
        ("7,road\n0,sky\n", {"road": [7], "sky": [0]}),
        ("1 euro\n2 euro\n", {"1 euro": [0], "2 euro": [1]}),
        ("2 doors\nsky\n", {"2 doors": [0], "sky": [1]}),
    ],
    ids=[
        *("names", "labelme", "labelme without ignore", "counted", "numbered", "with commas"),
        *("names that begin with numbers", "one of them"),
    ],
)
def test_a_text_lists_names(
    tmp_path: Path, name: str, content: str, expected: dict[str, list[int]]
) -> None:
    assert values(tmp_path, name, content) == expected


COLORS = {"sky": (128, 128, 128), "road": (128, 64, 128)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("label_colors.txt", "128 128 128\tsky\n128 64 128\t\troad\n"),
        ("class_dict.csv", "name,r,g,b\nsky,128,128,128\nroad,128,64,128\n"),
        ("classes.csv", "name,r,g,b\nsky,128,128,128\nroad,128,64,128\n"),
        ("classes.txt", "sky 128 128 128\nroad 128 64 128\n"),
        (
            "labelmap.txt",
            "# label:color_rgb:parts:actions\nsky:128,128,128::\nroad:128,64,128::\n",
        ),
        (
            "meta.json",
            '{"classes": [{"title": "sky", "color": "#808080"},'
            ' {"title": "road", "color": "#804080"}]}',
        ),
        ("classes.json", '{"sky": [128, 128, 128], "road": "#804080"}'),
    ],
)
def test_a_colour_table_gives_colours(tmp_path: Path, name: str, content: str) -> None:
    assert stated(tmp_path, name, content) == StatedClasses({}, COLORS)


@pytest.mark.parametrize("name", ["_classes.csv", "classes.csv", "class_dict.csv"])
@pytest.mark.parametrize(
    "content",
    [
        "Pixel Value, Class\n0, sky\n1, road\n",
        "id,name\n0,sky\n1,road\n",
        "Name;ignored\n".replace(";", ",").replace("ignored", "Label ID") + "sky,0\n\nroad,1\n",
    ],
    ids=["Roboflow", "id and name", "the other way round"],
)
def test_a_table_gives_values(tmp_path: Path, name: str, content: str) -> None:
    assert values(tmp_path, name, content) == SKY_ROAD


def test_a_table_may_give_values_and_colours(tmp_path: Path) -> None:
    said = stated(tmp_path, "classes.csv", "id,name,r,g,b\n0,sky,128,128,128\n1,road,128,64,128\n")
    assert said == StatedClasses(SKY_ROAD, COLORS)


@pytest.mark.parametrize("name", ["classes.json", "labels.json", "dataset.json"])
@pytest.mark.parametrize(
    "classes",
    [
        {"sky": 0, "road": 1},
        {"0": "sky", "1": "road"},
        ["sky", "road"],
        [{"id": 0, "name": "sky"}, {"id": 1, "name": "road"}],
    ],
    ids=["nnU-Net", "nnU-Net before 2", "names", "entries"],
)
def test_json_gives_values(tmp_path: Path, name: str, classes: Any) -> None:
    content = json.dumps({"channel_names": {"0": "R"}, "labels": classes})
    assert values(tmp_path, name, content) == SKY_ROAD


def test_json_may_give_several_values_to_a_class(tmp_path: Path) -> None:
    content = '{"labels": {"background": 0, "tumour": [1, 2]}}'
    assert values(tmp_path, "dataset.json", content) == {"background": [0], "tumour": [1, 2]}


def test_json_entries_may_have_ids_and_colours(tmp_path: Path) -> None:
    entries = [{"id": 0, "name": "sky", "color": [128, 128, 128]}]
    said = stated(tmp_path, "classes.json", json.dumps(entries))
    assert said == StatedClasses({"sky": [0]}, {"sky": (128, 128, 128)})


@pytest.mark.parametrize(
    "content",
    ['{"author": "me"}', "[]", "{}", '{"images": [], "annotations": [], "categories": []}'],
)
def test_a_file_of_a_general_name_may_say_nothing_of_classes(tmp_path: Path, content: str) -> None:
    assert stated(tmp_path, "dataset.json", content) is None


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "_classes.csv",
            "Pixel Value, Class\n0, sky\nx, road\n",
            r"\.csv:3: 'x, road' is no class",
        ),
        ("_classes.csv", "Pixel Value, Class\n-1, sky\n", "'-1, sky' is no class with its value"),
        ("_classes.csv", "Pixel Value, Class\n0\n", "is no class with its value"),
        ("_classes.csv", "Pixel Value, Class\n0, a\n1, a\n", "class 'a' is listed more than once"),
        ("classes.csv", "", "colour table is empty"),
        ("classes.csv", "filename,a,b\nx.jpg,1,0\n", "is no class with its colour"),
        ("class_names.txt", "a\na\n", "class 'a' is listed more than once"),
        ("dataset.json", "{", "cannot read the JSON"),
        ("dataset.json", '{"labels": {"a": 0, "a": 1}}', "'a' stands twice in one object"),
        ("dataset.json", '{"labels": {"a": [1, 2, "x"]}}', "expected a name and a color"),
        ("classes.json", '{"labels": {"a": null}}', "in no form that we know"),
        ("classes.json", "7", "in no form that we know"),
        ("classes.json", '[{"id": 1}]', "in no form that we know"),
    ],
)
def test_what_is_not_understood_is_an_error_that_names_the_file(
    tmp_path: Path, name: str, content: str, told: str
) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        stated(tmp_path, name, content)
    assert str(caught.value).startswith(f"{tmp_path / name}")


@pytest.mark.parametrize("name", CLASS_FILES)
def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes("Straße".encode("latin-1"))
    with pytest.raises(ValueError, match="UTF-8") as caught:
        read_classes(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
