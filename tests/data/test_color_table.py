"""Tables of class colours: every form that tools ship, and nothing that can be read in two ways."""

import json
import zipfile
from pathlib import Path

import pytest

from tessella.data.color_table import is_void, read_color_table

SKY_AND_CAR = {"Sky": (128, 128, 128), "Parked car": (64, 0, 128)}


def table(folder: Path, text: str, *, name: str = "label_colors.txt") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "128 128 128\tSky\n64 0 128\t\tParked car\n",
        "128\t128\t128\tSky\r\n64\t0\t128\tParked car  \r\n",
        "# the classes\n\n128 128 128 Sky\n\n   64   0 128   Parked car\n\n",
        "128,128, 128,Sky\n64,0,128,Parked car",
        "Sky: 128 128 128\nParked car: 64 0 128\n",
        "Sky: 128, 128, 128\nParked car: 64,0,128\n",
        "Sky 128 128 128\nParked car 64 0 128\n",
        "Sky,128,128,128\nParked car,64,0,128\n",
        'Sky;128;128;128\n"Parked car";64;0;128\n',
        "Sky,#808080\nParked car,#400080\n",
        "#808080 Sky\n#400080 Parked car\n",
        "\ufeff128 128 128 Sky\n64 0 128 Parked car\n",
        "# label:color_rgb:parts:actions\nSky:128,128,128::\nParked car:64,0,128:wheel,door:go\n",
    ],
    ids=range(13),
)
def test_lines_are_read_in_every_form(tmp_path: Path, text: str) -> None:
    read = read_color_table(table(tmp_path, text))
    assert list(read.items()) == list(SKY_AND_CAR.items())


@pytest.mark.parametrize(
    "text",
    [
        "name,r,g,b\nSky,128,128,128\nParked car,64,0, 128\n",
        "class,red,green,blue\nSky,128,128,128\nParked car,64,0,128\n",
        "b;g;r;Class Name\n128;128;128;Sky\n128;0;64;Parked car\n",
        "id\tcolour\tlabel\n0\t#808080\tSky\n1\t#400080\tParked car\n",
        'Name,RGB\nSky,"128,128,128"\n"Parked car","64, 0, 128"\n',
        "name,r,g,b,\nSky,128,128,128,\nParked car,64,0,128,\n",
        "\n# made by hand\nname, r, g, b\nSky, 128, 128, 128\n\nParked car, 64, 0, 128\n",
    ],
    ids=range(7),
)
def test_a_header_says_the_columns(tmp_path: Path, text: str) -> None:
    read = read_color_table(table(tmp_path, text, name="class_dict.csv"))
    assert list(read.items()) == list(SKY_AND_CAR.items())


@pytest.mark.parametrize(
    "content",
    [
        [
            {"name": "Sky", "color": [128, 128, 128], "trainId": 0},
            {"title": "Parked car", "colour": "#400080"},
        ],
        {"Sky": [128, 128, 128], "Parked car": "#400080"},
        {
            "classes": [
                {"title": "Sky", "shape": "bitmap", "color": "#808080"},
                {"title": "Parked car", "shape": "polygon", "color": "#400080"},
            ],
            "tags": [],
        },
        {
            "labels": [
                {"label": 1, "name": "Sky", "rgb": [128, 128, 128]},
                {"label": 2, "name": "Parked car", "rgb": [64, 0, 128]},
            ]
        },
        {"classes": {"Sky": [128, 128, 128], "Parked car": [64, 0, 128]}},
    ],
    ids=["list", "mapping", "supervisely", "labels", "mapping-below"],
)
def test_json_is_read_in_every_form(tmp_path: Path, content: object) -> None:
    read = read_color_table(table(tmp_path, json.dumps(content), name="meta.json"))
    assert list(read.items()) == list(SKY_AND_CAR.items())


def test_a_table_in_a_zip_is_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a/label_colors.txt", "1 2 3 Sky\n")
    assert read_color_table(tmp_path / "x.zip/a/label_colors.txt") == {"Sky": (1, 2, 3)}


@pytest.mark.parametrize("text", ["1 2 3\t2 wheels", "2 wheels: 1 2 3", "2 wheels,1,2,3"])
def test_a_name_may_begin_with_a_number_where_a_mark_parts_it(tmp_path: Path, text: str) -> None:
    assert read_color_table(table(tmp_path, text)) == {"2 wheels": (1, 2, 3)}


@pytest.mark.parametrize("text", ["1 2 3 3D-box", "1 2 3 2-wheeler"])
def test_a_word_with_a_digit_is_a_name(tmp_path: Path, text: str) -> None:
    assert read_color_table(table(tmp_path, text)) == {text[6:]: (1, 2, 3)}


@pytest.mark.parametrize(
    "line",
    [
        "7 128 64 128 road",  # the first number is an index: (7, 128, 64) would be wrong
        "road 7 128 64 128",
        "7,128,64,128",
        "7: 128 64 128",
        "1 2 3: 4 5 6",
        "1 2 3\t4 5 6",
        "7 128 64 128",
        "128 64 road",
        "road",
        "256 0 0 road",
        "-1 0 0 road",
        "0.5 0.5 0.5 road",
        "road,#12345",
        "road,1,2,3,4",
        "128,64,128,road,paved",
        "person:::",
        "r g b name",
        "name,r,g",
    ],
)
def test_a_line_that_is_no_class_with_its_colour_is_named(tmp_path: Path, line: str) -> None:
    path = table(tmp_path, f"# comment\n\n{line}\n")
    with pytest.raises(ValueError, match=r"label_colors\.txt:3: .* is no class with its colour"):
        read_color_table(path)


def test_a_line_with_two_readings_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path, "1 2 3 sky\n#102030 #405060\n")
    with pytest.raises(ValueError, match=r"txt:2: .* can be read in more than one way"):
        read_color_table(path)


@pytest.mark.parametrize("row", ["wall, brick,1,2,3", "wall,1,2", "wall,1,2,x", ",1,2,3"])
def test_a_row_that_does_not_fit_the_header_is_named(tmp_path: Path, row: str) -> None:
    path = table(tmp_path, f"name,r,g,b\nsky,9,9,9\n{row}\n", name="a.csv")
    with pytest.raises(ValueError, match=r"a\.csv:3: .*expected 4 cells as in the header"):
        read_color_table(path)


@pytest.mark.parametrize("header", ["name,name,r,g,b", "class,label,r,g,b", "name,r,r,g,b"])
def test_a_header_with_two_columns_for_one_thing_is_refused(tmp_path: Path, header: str) -> None:
    path = table(tmp_path, f"{header}\na,b,1,2,3\n", name="a.csv")
    with pytest.raises(ValueError, match=r"a\.csv:1: the header .* two columns for one thing"):
        read_color_table(path)


@pytest.mark.parametrize(
    ("second", "what"), [("4 5 6 Sky", "class 'Sky'"), ("1 2 3 Car", r"colour \(1, 2, 3\)")]
)
def test_a_repeated_name_or_colour_names_both_lines(tmp_path: Path, second: str, what: str) -> None:
    path = table(tmp_path, f"1 2 3 Sky\n\n{second}\n")
    with pytest.raises(ValueError, match=rf"txt:3: {what} stands before at .*txt:1"):
        read_color_table(path)


def test_a_repeated_name_in_json_names_both_entries(tmp_path: Path) -> None:
    entries = [{"name": "Sky", "color": [n, n, n]} for n in range(2)]
    path = table(tmp_path, json.dumps(entries), name="a.json")
    with pytest.raises(ValueError, match="entry 2: class 'Sky' stands before at .*entry 1"):
        read_color_table(path)


def test_a_name_twice_in_one_json_object_is_an_error(tmp_path: Path) -> None:
    path = table(tmp_path, '{"Sky": [1, 2, 3], "Sky": [4, 5, 6]}', name="a.json")
    with pytest.raises(ValueError, match="'Sky' stands twice in one object"):
        read_color_table(path)


@pytest.mark.parametrize(
    "entry",
    [
        '{"name": "a"}',
        '{"color": [1, 2, 3]}',
        '{"name": "a", "color": [1, 2]}',
        '{"name": "a", "color": [1, 2, 256]}',
        '{"name": "a", "color": [1, 2, 3.0]}',
        '{"name": "a", "color": [true, false, true]}',
        '{"name": " ", "color": [1, 2, 3]}',
        "[1, 2, 3]",
        "7",
    ],
)
def test_a_json_entry_without_name_or_colour_is_named(tmp_path: Path, entry: str) -> None:
    path = table(tmp_path, f"[{entry}]", name="a.json")
    with pytest.raises(ValueError, match=r"a\.json: entry 1 is .*expected a name and a color"):
        read_color_table(path)


@pytest.mark.parametrize("text", ["[", "{", "[" * 100_000, '{"a": [1,2,3}'], ids=range(4))
def test_damaged_json_is_one_clear_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"a\.json: cannot read the JSON"):
        read_color_table(table(tmp_path, text, name="a.json"))


@pytest.mark.parametrize("text", ["", "\n\n", "# 1 2 3 sky\n"], ids=["empty", "blank", "comment"])
def test_a_table_without_classes_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="the colour table is empty"):
        read_color_table(table(tmp_path, text))


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"x\.txt: cannot read the colour table"):
        read_color_table(tmp_path / "x.txt")


@pytest.mark.parametrize(
    "name",
    ["Void", "void", "unlabelled", "Unlabeled", "<UNK>", "unknown", "ignore", "don't care"],
)
def test_names_that_count_nowhere(name: str) -> None:
    assert is_void(name)


@pytest.mark.parametrize("name", ["background", "other", "Sky", "avoid", "_background_", ""])
def test_background_and_the_rest_are_classes(name: str) -> None:
    assert not is_void(name)


# --- real tables --------------------------------------------------------------------------------


def test_camvids_two_tables_agree(real_data: Path) -> None:
    text = read_color_table(real_data / "camseq/CamSeq01-rebuilt/label_colors.txt")
    rows = read_color_table(real_data / "camseq/class_dict.csv")
    assert len(text) == 32
    assert list(text.items()) == list(rows.items())
