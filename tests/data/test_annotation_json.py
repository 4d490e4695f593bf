"""What an annotation tool's JSON may hold, and what is said when it holds something else."""

from pathlib import Path

import numpy as np
import pytest

from tessella.data.annotation_json import (
    finite_numbers,
    is_there,
    pixels,
    read_json,
    text,
    two_points,
)


def test_json_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"a": [1, 2.5, "\xc3\xa9"]}')
    assert read_json(tmp_path / "a.json") == {"a": [1, 2.5, "é"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1,\n "b": }', "line 2, column 7: Expecting value; this is not JSON"),
        ("", "line 1, column 1: Expecting value"),
        ('{"a": 1', r"line 1, column 8: Expecting ',' delimiter"),
        ("[" * 100_000, "cannot be read as JSON .*recursion"),
        ("9" * 5000, "cannot be read as JSON .*digits"),
        (b"\xff\xfe{", "byte 0 is not UTF-8"),
    ],
)
def test_what_is_not_json_is_an_error_that_says_where(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ValueError, match=message) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.json: cannot be read: No such file"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("value", [None, "", " ", 7, ["a"], "a\0b", "\ud800"])
def test_what_is_no_name_is_an_error(value: object) -> None:
    with pytest.raises(ValueError, match="^x: its label is .*; expected a name"):
        text({"label": value}, "label", where="x")


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [(3, 5, (3, 5)), (3.0, 5, (3, 5)), (None, None, None)],
)
def test_a_size_is_whole_pixels_or_not_stated(
    height: object, width: object, expected: tuple[int, int] | None
) -> None:
    assert pixels(height, width, where="x") == expected


@pytest.mark.parametrize("side", [0, -3, 2.5, "3", True, None, [3], float("nan"), 10**400])
def test_what_is_no_size_is_an_error(side: object) -> None:
    with pytest.raises(ValueError, match=r"^x: has the size .*x5 \(height x width\); expected"):
        pixels(side, 5, where="x")


def test_whole_numbers_become_floating_point() -> None:
    numbers = finite_numbers([[1, 2], [3, 4]], where="x")
    assert numbers.dtype == np.float64
    assert numbers.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "values", [None, 5, "12", {}, ["1", "2"], [1, None], [[1, 2], [3]], [True], [10**400], [{}]]
)
def test_what_is_no_list_of_numbers_is_an_error(values: object) -> None:
    with pytest.raises(ValueError, match="^x: expected a list of numbers, got "):
        finite_numbers(values, where="x")


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_is_not_finite_is_an_error(odd: float) -> None:
    with pytest.raises(ValueError, match="^x: .* not finite; draw it again"):
        finite_numbers([1, odd], where="x")


@pytest.mark.parametrize("points", [[], [[1, 2]], [1, 2, 3, 4], [[1, 2], [3, 4], [5, 6]]])
def test_two_points_are_two(points: object) -> None:
    with pytest.raises(
        ValueError, match=r"^x: a circle has two points \[\[x, y\], \[x, y\]\], got"
    ):
        two_points(points, kind="circle", where="x")


@pytest.mark.parametrize("name", ["a" * 10_000, "a\0b", "\ud800", "absent"])
def test_what_can_be_no_path_is_not_there(tmp_path: Path, name: str) -> None:
    assert not is_there(tmp_path / name)
