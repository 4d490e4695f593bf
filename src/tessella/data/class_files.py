"""The files in which data sets and labelling tools state their classes, each with its reader."""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tessella.data.color_table import read_color_table
from tessella.data.files import read_text
from tessella.data.splits import read_lines
from tessella.palette import Color

_LABELME_IGNORED = "__ignore__"  # the first line of labelme's labels.txt: value -1, saved as 255
_NUMBERED = re.compile(r"([0-9]+)(\s*[:;,\t]\s*| +)(\S.*)")
_THREE_NUMBERS = re.compile(r"[0-9]{1,3}([\s,;]+)[0-9]{1,3}\1[0-9]{1,3}\b")
_VALUE_COLUMNS = {"pixelvalue", "value", "id", "index", "classid", "labelid", "classindex"}
_NAME_COLUMNS = {"class", "name", "classname", "label", "labelname", "category"}
_COLOR_COLUMNS = {"r", "red", "color", "colour", "rgb", "hex"}


class StatedClasses(NamedTuple):
    """What a file says about classes; one of the two, or both, is not empty."""

    values: Mapping[str, Sequence[int]]
    """Class name -> the values in the mask files that stand for it."""

    colors: Mapping[str, Color]
    """Class name -> its colour in the mask files."""


def read_classes(path: Path) -> StatedClasses | None:
    """What one of `CLASS_FILES` says; None when a file of a general name says nothing of classes.

    Raises:
        ValueError: it cannot be read, or a line or entry is not understood.
    """
    return CLASS_FILES[path.name](path)


def _read_names(path: Path) -> StatedClasses:
    """One name a line, in the order of the values; or `7 road`, `7: road`; or with colours."""
    lines = [line for line in read_lines(path) if line != _LABELME_IGNORED]
    if lines and all(_THREE_NUMBERS.search(line) for line in lines):
        return _read_colors(path)
    numbered = [(m[3], int(m[1]), m[2].isspace()) for m in map(_NUMBERED.fullmatch, lines) if m]
    # "2 euro" may be a name; after a mere blank the numbers must count the lines
    counts = all(not blank or value == line for line, (_, value, blank) in enumerate(numbered))
    if lines and len(numbered) == len(lines) and counts:
        return StatedClasses(_unique(path, [(name, value) for name, value, _ in numbered]), {})
    return StatedClasses(_unique(path, [(name, value) for value, name in enumerate(lines)]), {})


def _read_colors(path: Path) -> StatedClasses:
    return StatedClasses({}, read_color_table(path))


def _read_csv(path: Path) -> StatedClasses:
    """A header, then a class a row: its value (Roboflow's `Pixel Value, Class`), colour or both."""
    rows = list(csv.reader(read_text(path).splitlines(), skipinitialspace=True))
    header = [re.sub(r"[\s_]+", "", cell.lower()) for cell in rows[0]] if rows else []
    value_at = [column for column, name in enumerate(header) if name in _VALUE_COLUMNS]
    name_at = [column for column, name in enumerate(header) if name in _NAME_COLUMNS]
    colors = _COLOR_COLUMNS.isdisjoint(header)
    if len(value_at) != 1 or len(name_at) != 1:
        return _read_colors(path)
    found = []
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        value = row[value_at[0]].strip() if len(row) > value_at[0] else ""
        name = row[name_at[0]].strip() if len(row) > name_at[0] else ""
        if not value.isdecimal() or not name:
            raise ValueError(
                f"{path}:{number}: {', '.join(row)!r} is no class with its value; expected a whole "
                f"number for {rows[0][value_at[0]]!r} and a name for {rows[0][name_at[0]]!r}."
            )
        found.append((name, int(value)))
    return StatedClasses(_unique(path, found), {} if colors else read_color_table(path))


def _read_json(path: Path) -> StatedClasses | None:
    """Names in order, name -> value, value -> name, or entries with a name and an id or colour."""
    try:
        content = json.loads(read_text(path), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: cannot read the JSON ({error}); correct the file.") from error
    is_stated = path.name in ("classes.json", "labels.json")
    for key in ("labels", "classes", "categories", "id2label"):
        inner = content.get(key) if isinstance(content, dict) else None
        if isinstance(inner, (dict, list)):
            is_stated = is_stated or "annotations" not in content  # else it is a COCO file
            content = inner
            break
    if not is_stated:
        return None
    found = _of_content(path, content)
    if found is None:
        raise ValueError(
            f"{path}: its classes are in no form that we know; expected a list of names, names "
            "with their values, or a list of entries with a name and an id or a color."
        )
    return found


def _of_content(path: Path, content: Any) -> StatedClasses | None:
    if isinstance(content, dict):
        return _of_object(path, content)
    entries = content if isinstance(content, list) else []
    if entries and all(isinstance(entry, str) for entry in entries):
        return StatedClasses(_unique(path, [(name, n) for n, name in enumerate(entries)]), {})
    if entries and all(isinstance(entry, dict) for entry in entries):
        return _of_entries(path, entries)
    return None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for name, times in Counter(key for key, _ in pairs).items():
        if times > 1:
            raise ValueError(f"{name!r} stands twice in one object")
    return dict(pairs)


def _of_object(path: Path, content: Mapping[str, Any]) -> StatedClasses | None:
    if not content:
        return None
    if all(key.isdecimal() and isinstance(name, str) for key, name in content.items()):
        return StatedClasses(_unique(path, [(name, int(key)) for key, name in content.items()]), {})
    values = {
        name: entry if isinstance(entry, list) else [entry] for name, entry in content.items()
    }
    if all(_are_values(entry) for entry in content.values()):
        return StatedClasses(values, {})
    if all(_looks_like_color(entry) for entry in content.values()):
        return _read_colors(path)
    return None


def _of_entries(path: Path, entries: Sequence[Mapping[str, Any]]) -> StatedClasses | None:
    names = [entry.get("name", entry.get("title", entry.get("label"))) for entry in entries]
    ids = [entry.get("id", entry.get("value", entry.get("index"))) for entry in entries]
    has_colors = all("color" in entry or "colour" in entry for entry in entries)
    colors = read_color_table(path) if has_colors else {}
    if not all(isinstance(name, str) for name in names):
        return None
    if all(_are_values(value) and not isinstance(value, list) for value in ids):
        pairs = [(str(name), int(str(value))) for name, value in zip(names, ids, strict=True)]
        return StatedClasses(_unique(path, pairs), colors)
    return StatedClasses({}, colors) if colors else None


def _are_values(entry: object) -> bool:
    """One whole number, or a list of one or two (three may be a colour) or more than three."""
    if isinstance(entry, list):
        return bool(entry) and len(entry) != 3 and all(_are_values(e) for e in entry)
    return isinstance(entry, int) and not isinstance(entry, bool)


def _looks_like_color(entry: object) -> bool:
    return isinstance(entry, str) or (isinstance(entry, list) and len(entry) == 3)


def _unique(path: Path, pairs: Sequence[tuple[str, int]]) -> dict[str, list[int]]:
    named: dict[str, list[int]] = {}
    for name, value in pairs:
        if name in named:
            raise ValueError(
                f"{path}: class {name!r} is listed more than once; a class has one line. Remove or "
                "rename one."
            )
        named[name] = [value]
    return named


CLASS_FILES: Mapping[str, Callable[[Path], StatedClasses | None]] = {
    "classes.txt": _read_names,
    "class_names.txt": _read_names,
    "label_colors.txt": _read_colors,
    "class_dict.csv": _read_csv,
    "classes.csv": _read_csv,
    "_classes.csv": _read_csv,
    "labelmap.txt": _read_colors,
    "classes.json": _read_json,
    "labels.json": _read_json,
    "meta.json": _read_json,
    "dataset.json": _read_json,
}
"""File name -> its reader, in the order in which they are looked for."""
