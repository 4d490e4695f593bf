"""Tables that say which colour in a mask is which class: text, CSV or JSON, as tools ship them."""

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tessella.data.files import read_text
from tessella.palette import Color

_FORMS = (
    "expected 'R G B Name', 'Name: R G B' or 'Name,R,G,B' (each 0..255), or 'Name,#rrggbb'; or a "
    "header such as name,r,g,b in the first line"
)
_VOID = {
    *("void", "unlabelled", "unlabeled", "unknown", "unk", "ignore", "ignored"),
    *("dontcare", "unannotated"),
}
_NAMES = ("name", "classname", "labelname", "title", "class", "label")
_CHANNELS = (("r", "red"), ("g", "green"), ("b", "blue"))
_COLORS = ("color", "colour", "rgb", "hex")

_NUMBERS = re.compile(
    r"[\[(]?\s*" + r"(?:\s*[,;]\s*|\s+)".join([r"([0-9]{1,3})"] * 3) + r"\s*[\])]?"
)
_HEX = re.compile(r"#([0-9a-fA-F]{6})")
_WITH_COLON = re.compile(r"([^:]+):([^:]+)(?::[^:]*:[^:]*)?")  # the rest: CVAT's parts and actions


class _Row(NamedTuple):
    place: str
    """Where it stands: the file and the line or entry."""

    name: str
    color: Color


class _Header(NamedTuple):
    delimiter: str
    width: int
    """How many columns there are."""

    name: int
    """The column of the names."""

    color: tuple[int, ...]
    """One column that holds whole colours, or those of red, green and blue."""


def read_color_table(path: Path) -> dict[str, Color]:
    """Class name -> its colour in the masks, in the order of the file.

    Read are lines `R G B Name` (CamVid's label_colors.txt), lines that begin with the name
    (`Name: R G B`, `Name,R,G,B`, CVAT's labelmap.txt), CSV with a header in any order, and JSON: a
    list of {name, color}, the same under "classes" (Supervisely's meta.json) or "labels", or a
    mapping of names to colours. Colours are three numbers in 0..255 or "#rrggbb". Blank lines and
    lines that begin with # are passed over.

    Raises:
        ValueError: the file cannot be read, a line is none of these or can be read in two ways,
            or a name or colour stands there twice; the message names the lines.
    """
    try:
        text = read_text(path)
    except OSError as error:
        raise ValueError(
            f"{path}: cannot read the colour table ({error.strerror}); check that it is there."
        ) from error
    is_json = path.suffix.lower() == ".json" or text.lstrip()[:1] in ("[", "{")
    table = _without_repeats(_json_rows(path, text) if is_json else _text_rows(path, text))
    if not table:
        raise ValueError(f"{path}: the colour table is empty; {_FORMS}.")
    return table


def is_void(name: str) -> bool:
    """Whether a class name says that its pixels count nowhere: Void, unlabelled, don't care.

    Background is a class like any other.
    """
    return re.sub(r"[\W_]+", "", name.lower()) in _VOID


def _without_repeats(rows: Iterator[_Row]) -> dict[str, Color]:
    table: dict[str, Color] = {}
    places: dict[str | Color, str] = {}
    for row in rows:
        for kind, item in (("class", row.name), ("colour", row.color)):
            if item in places:
                raise ValueError(
                    f"{row.place}: {kind} {item!r} stands before at {places[item]}; a class has "
                    "one line and a colour of its own. Remove or change one of them."
                )
            places[item] = row.place
        table[row.name] = row.color
    return table


def _text_rows(path: Path, text: str) -> Iterator[_Row]:
    numbered = [(f"{path}:{n}", line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    lines = [(place, line) for place, line in numbered if line and not _is_comment(line)]
    header = _header(*lines[0]) if lines else None
    for place, line in lines[1:] if header else lines:
        readings = [_cells_reading(line, header)] if header else _line_readings(line)
        named = {reading for reading in readings if reading is not None}
        if len(named) != 1:
            what = "can be read in more than one way" if named else "is no class with its colour"
            wanted = f"expected {header.width} cells as in the header" if header else _FORMS
            raise ValueError(f"{place}: {line!r} {what}; {wanted}.")
        yield _Row(place, *named.pop())


def _is_comment(line: str) -> bool:
    return line.startswith("#") and not re.match(r"#[0-9a-fA-F]{6}[\s,;]", line)


def _line_readings(line: str) -> Iterator[tuple[str, Color] | None]:
    """Every way to read a line without a header; more than one makes it ambiguous."""
    if match := _WITH_COLON.fullmatch(line):
        yield _reading(match[1], match[2])
    for delimiter in "\t;,":
        cells = [cell.strip() for cell in line.split(delimiter) if cell.strip()]
        if len(cells) == 4:
            yield _reading(cells[0], " ".join(cells[1:]))
            yield _reading(cells[3], " ".join(cells[:3]))
        elif len(cells) == 2:
            yield _reading(*cells)
            yield _reading(cells[1], cells[0])
    for width in (1, 3):
        before, after = line.split(None, width), line.rsplit(None, width)
        # a fourth number beside the three may be an index, and then they are not red, green, blue
        if len(before) == width + 1 and not re.match(r"[0-9]+(?:[\s,;]|$)", before[-1]):
            yield _reading(before[-1], " ".join(before[:-1]))
        if len(after) == width + 1 and not re.search(r"(?:^|[\s,;])[0-9]+[,;:]?$", after[0]):
            yield _reading(after[0], " ".join(after[1:]))


def _reading(name: str, color: str) -> tuple[str, Color] | None:
    name = name.strip(' \t,;:"')
    found = _color(color.strip().strip('"'))
    # a name of numbers is more likely an index, or another colour
    return None if found is None or re.fullmatch(r"[0-9\s.,;]*", name) else (name, found)


def _color(text: object) -> Color | None:
    """A colour of a table: "#rrggbb", "R G B" or a list of three; None when it is neither."""
    if isinstance(text, str):
        if match := _HEX.fullmatch(text.strip()):
            value = int(match[1], 16)
            return value >> 16, value >> 8 & 255, value & 255
        match = _NUMBERS.fullmatch(text.strip())
        parts: Sequence[Any] = [int(part) for part in match.groups()] if match else []
    else:
        parts = text if isinstance(text, list) else []
    if len(parts) != 3 or not all(type(part) is int and 0 <= part <= 255 for part in parts):
        return None
    return parts[0], parts[1], parts[2]


def _header(place: str, line: str) -> _Header | None:
    """The columns that a first line names, if it names any."""
    for delimiter in ",;\t":
        cells = [re.sub(r"[\s_\"]+", "", cell.lower()) for cell in line.split(delimiter)]
        names = [known for known in _NAMES if known in cells]
        channels = [cells.index(c) for both in _CHANNELS for c in both if c in cells]
        colors = channels if len(channels) == 3 else [cells.index(c) for c in _COLORS if c in cells]
        if not names or not colors:
            continue
        used = [cells[column] for column in colors] + names[:1]
        if any(cells.count(c) > 1 for c in used) or (len(names) > 1 and names[0] != "name"):
            raise ValueError(
                f"{place}: the header {line!r} has two columns for one thing; keep one for the "
                "names and one each for r, g and b."
            )
        whole = tuple(colors) if len(channels) == 3 else (colors[0],)
        return _Header(delimiter, len(cells), cells.index(names[0]), whole)
    return None


def _cells_reading(line: str, header: _Header) -> tuple[str, Color] | None:
    try:
        cells = next(csv.reader([line], delimiter=header.delimiter, skipinitialspace=True))
    except csv.Error:
        return None
    while len(cells) > header.width and not cells[-1].strip():
        cells.pop()
    if len(cells) != header.width:
        return None
    name = cells[header.name].strip()
    color = _color(" ".join(cells[column] for column in header.color))
    return None if color is None or not name else (name, color)


def _json_rows(path: Path, text: str) -> Iterator[_Row]:
    try:
        content = json.loads(text, object_pairs_hook=_object_without_repeats)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: cannot read the JSON ({error}); correct the file.") from error
    for key in ("classes", "labels", "categories"):
        if isinstance(content, Mapping) and _is_table(content.get(key)):
            content = content[key]
    if isinstance(content, Mapping):
        entries = [{"name": name, "color": color} for name, color in content.items()]
    else:
        entries = content if isinstance(content, list) else []
    for number, entry in enumerate(entries, 1):
        reading = _json_reading(entry)
        if reading is None:
            raise ValueError(
                f"{path}: entry {number} is {json.dumps(entry)[:80]}; expected a name and a "
                'color, [r, g, b] (each 0..255) or "#rrggbb".'
            )
        yield _Row(f"{path}: entry {number}", *reading)


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} stands twice in one object, {found[key]} and {value}")
        found[key] = value
    return found


def _is_table(content: object) -> bool:
    if isinstance(content, list):
        return all(isinstance(entry, Mapping) for entry in content)
    return isinstance(content, Mapping)


def _json_reading(entry: object) -> tuple[str, Color] | None:
    if not isinstance(entry, Mapping):
        return None
    names = [entry[key].strip() for key in _NAMES if isinstance(entry.get(key), str)]
    colors = [_color(entry[key]) for key in _COLORS if key in entry]
    if not names or not names[0] or not colors or colors[0] is None:
        return None
    return names[0], colors[0]
