"""A list of image and mask files: a table (CSV or JSON lines), or plain lists of two columns.

A table has a header and one sample a row; columns for the split and the group are optional. Plain
lists are `train_list.txt` and so on (or `train.txt`), `IMAGE MASK` a line, as PaddleSeg reads
them. Paths are relative to the folder of the list, or absolute; a backslash counts as a slash.
"""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tessella.data.classes import find_classes, labels_from_classes
from tessella.data.dataset import DatasetEntry
from tessella.data.files import existing_home, files_in, is_file, read_text, split_zip, unwrapped
from tessella.data.images import IMAGE_SUFFIXES
from tessella.data.pairs import Pair, PairDataset
from tessella.data.splits import SPLITS, split_groups
from tessella.errors import UsageError
from tessella.suggestion import some, unknown_name

_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")
_PREFERRED = ("manifest.csv", "manifest.tsv", "manifest.jsonl")
_LIST_NAMES = ("{split}_list.txt", "{split}.txt")

_COLUMNS = {
    "image": ("image", "img", "image_path", "img_path", "filename", "file_name", "path"),
    "mask": (
        *("mask", "label", "annotation", "mask_path", "label_path", "annotation_path"),
        *("seg", "segmentation", "target"),
    ),
    "split": ("split", "subset", "set", "fold"),
    "group": (
        *("group", "patient", "sequence", "video", "scene"),
        *("group_id", "patient_id", "sequence_id", "video_id", "scene_id"),
    ),
}
"""What a column of each meaning is usually called, the plainest name first."""

_SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


class _Table(NamedTuple):
    """What a CSV or JSON lines file holds."""

    path: Path
    header: list[str]
    rows: list[tuple[int, dict[str, str]]]
    """(line number, column -> value without blanks around it) for each row."""


class _Line(NamedTuple):
    """One sample as a list states it."""

    path: Path
    number: int
    image: Path
    mask: Path
    split: str | None
    group: str | None


def read_manifest(
    root: Path | None,
    split: str,
    *,
    classes: Sequence[str] | Mapping[str, Any] | None = None,
    ignore: Sequence[Any] | None = None,
    image_column: str | None = None,
    mask_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    val_share: float = 0.15,
    test_share: float = 0.15,
) -> PairDataset:
    """One split of a list of image and mask files.

    Args:
        root: a .csv, .tsv or .jsonl file, or the folder or zip that holds just one (or
            `manifest.csv`, `manifest.jsonl`) or plain lists; all may lie in one folder of it.
        split: train, val or test.
        classes: names for file values 0, 1, 2, ..., or name -> value, [red, green, blue] or
            "#rrggbb". Left out, `classes.txt` or `labels.json` beside the list says it.
        ignore: file values or colours of pixels that count nowhere; 255 unless told otherwise.
        image_column: the column of image paths; left out, the one of a usual name (image, ...).
        mask_column: the column of mask paths (mask, label, ...).
        split_column: the column of splits (split, ...); a table without one is split by the
            hash of the groups.
        group_column: the column of groups (group, patient, ...); without one each image is its
            own group.
        val_share: share of validation groups in a table that states no splits, 0..1.
        test_share: share of test groups in a table that states no splits, 0..1.

    Raises:
        UsageError: an unknown split or column, or no root is given.
        ValueError: there is no list, a line of it is not as described, or files are missing.
    """
    if split not in SPLITS:
        raise UsageError(unknown_name("split of a manifest", split, SPLITS))
    options = (image_column, mask_column, split_column, group_column)
    lines = _lines(root, split, dict(zip(_COLUMNS, options, strict=True)))
    _refuse_confusion(lines)
    names = _names([line.image for line in lines])
    groups = [line.group or name for line, name in zip(lines, names, strict=True)]
    parts = split_groups(groups, val_share=val_share, test_share=test_share)
    where = [line.split or parts[group] for line, group in zip(lines, groups, strict=True)]
    chosen = [index for index, part in enumerate(where) if part == split]
    if not chosen:
        counts = ", ".join(f"{part} has {count}" for part, count in Counter(where).items())
        raise ValueError(
            f"{root}: the {split} split is empty ({counts or 'there are no lines'}); add samples "
            f"to it, or name another split with data.{split}_split."
        )
    _refuse_missing([lines[index] for index in chosen], split)
    pairs = [Pair(lines[i].image, lines[i].mask, names[i], groups[i]) for i in chosen]
    if classes is not None:
        return PairDataset(pairs, labels_from_classes(classes, ignore=ignore))
    masks = [lines[index].mask for index in chosen[:: max(1, len(chosen) // 20)]]
    return PairDataset(pairs, find_classes(lines[0].path.parent, masks, ignore=ignore))


def _lines(root: Path | None, split: str, columns: Mapping[str, str | None]) -> list[_Line]:
    """All samples of all splits, from the table or the plain lists at `root`."""
    if root is not None and is_file(root):
        if root.suffix.lower() not in (*_TABLES, ".txt"):
            raise ValueError(f"{root}: is none of {', '.join(_TABLES)}; save it as one of these.")
        return _table_lines(root, columns)
    root = existing_home("manifest", root)
    preferred = [root / name for name in _PREFERRED if is_file(root / name)]
    if not preferred and (lists := _plain_lists(root)):
        here = ", ".join(path.name for path in lists.values())
        if given := [kind for kind, name in columns.items() if name is not None]:
            raise UsageError(
                f"data.options.{given[0]}_column: {root} has plain lists ({here}), which name no "
                "columns; leave the option out."
            )
        if split not in lists:
            raise ValueError(
                f"{root}: has {here} but no list for the split {split!r}; add it, an image and a "
                "mask a line."
            )
        return [line for part, path in lists.items() for line in _list_lines(path, part)]
    found = preferred or [p for p in files_in(root) if p.suffix.lower() in _TABLES]
    if len(found) == 1:
        return _table_lines(found[0], columns)
    seen = f"holds {', '.join(p.name for p in found[:5])}" if found else "holds no table or lists"
    raise ValueError(
        f"{root}: {seen}; expected one manifest.csv or manifest.jsonl, or train_list.txt and "
        "val_list.txt. Give the file itself if its name is another one."
    )


def _plain_lists(root: Path) -> dict[str, Path]:
    """Split -> its list; a `train.txt` of one column is another tool's list of names."""
    for pattern in _LIST_NAMES:
        paths = {split: root / pattern.format(split=split) for split in SPLITS}
        found = {split: path for split, path in paths.items() if is_file(path)}
        is_plain = "_list" in pattern or all(_has_two_columns(p) for p in found.values())
        if found and is_plain:
            return found
    return {}


def _has_two_columns(path: Path) -> bool:
    first = next((line for line in read_text(path).split("\n") if line.strip()), "")
    return len(_columns_of(first)) == 2


def _list_lines(path: Path, split: str) -> list[_Line]:
    lines = []
    for number, text in enumerate(read_text(path).split("\n"), start=1):
        columns = _columns_of(text)
        if not any(columns):
            continue
        if len(columns) != 2 or not all(columns):
            raise ValueError(
                f"{path}, line {number}: {text.strip()!r} has {len(columns)} columns; expected "
                "two, the image and its mask, with a blank, comma or tab between. Paths that "
                "hold blanks need a tab or comma."
            )
        image, mask = (_path(path.parent, column) for column in columns)
        lines.append(_Line(path, number, image, mask, split, None))
    return lines


def _columns_of(text: str) -> list[str]:
    separator = next((mark for mark in "\t,;" if mark in text), None)
    return [column.strip() for column in text.strip().split(separator)]


def _table_lines(path: Path, columns: Mapping[str, str | None]) -> list[_Line]:
    is_json = path.suffix.lower() in (".jsonl", ".ndjson")
    table = _read_jsonl(path) if is_json else _read_csv(path)
    if not table.rows:
        raise ValueError(f"{path}: holds no samples; expected one a line.")
    at = {kind: _find_column(table, kind, columns) for kind in columns}
    image, mask = at["image"], at["mask"]
    if image is None or mask is None:
        kind = "mask" if image else "image"
        free = [name for name in table.header if name not in columns.values()]
        raise ValueError(
            f"{path}: no column of {kind}s among {some(free)}; call it {kind!r}, or name "
            f"it with data.options.{kind}_column. Plain lists without a header are read from "
            "their folder, as train_list.txt."
        )
    for kind, column in at.items():
        if twice := [k for k, other in at.items() if k != kind and column and other == column]:
            raise UsageError(
                f"data.options.{kind}_column: {column!r} is the column of {twice[0]}s too; "
                "each needs its own."
            )
    splits = _splits(table, at["split"])
    lines = []
    for (number, row), split in zip(table.rows, splits, strict=True):
        for kind, column in at.items():
            if column is not None and not row.get(column):
                raise ValueError(
                    f"{path}, line {number}: has no {kind} (column {column!r}); fill it in, or "
                    "remove the line."
                )
        places = _path(path.parent, row[image]), _path(path.parent, row[mask])
        group = None if at["group"] is None else row[at["group"]]
        lines.append(_Line(path, number, places[0], places[1], split, group))
    return lines


def _find_column(table: _Table, kind: str, columns: Mapping[str, str | None]) -> str | None:
    given = columns[kind]
    taken = {_plain(name) for name in columns.values() if name is not None}
    if given is not None:
        fitting = [name for name in table.header if name == given] or [
            name for name in table.header if _plain(name) == _plain(given)
        ]
        if not fitting:
            raise UsageError(unknown_name(f"column of {table.path.name}", given, table.header))
    else:
        usual = set(_COLUMNS[kind]) - taken
        fitting = [name for name in table.header if _plain(name) in usual]
        fitting = [name for name in fitting if _plain(name) == kind] or fitting
    if len(set(fitting)) > 1:
        raise UsageError(
            f"{table.path}: {' and '.join(fitting)} may each be the column of {kind}s; say which "
            f"with data.options.{kind}_column."
        )
    if len(fitting) > 1:
        raise ValueError(f"{table.path}: has the column {fitting[0]!r} twice; rename one.")
    return fitting[0] if fitting else None


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _splits(table: _Table, column: str | None) -> list[str | None]:
    if column is None:
        return [None] * len(table.rows)
    words = [row.get(column, "") for _, row in table.rows]
    unknown = [word for word in words if word and word.lower() not in _SPLIT_WORDS]
    if unknown:
        raise ValueError(
            f"{table.path}: column {column!r} holds {some(list(dict.fromkeys(unknown)))}; "
            f"expected {', '.join(_SPLIT_WORDS)}. Rename them, or name another column with "
            "data.options.split_column."
        )
    return [_SPLIT_WORDS.get(word.lower()) for word in words]


def _read_csv(path: Path) -> _Table:
    text = read_text(path)
    number = 1
    rows: list[tuple[int, list[str]]] = []
    try:
        first = [next((line for line in text.splitlines() if line.strip()), "")]
        delimiter = max(",;\t", key=lambda mark: len(next(csv.reader(first, delimiter=mark))))
        stream = io.StringIO(text, newline="")
        reader = csv.reader(stream, delimiter=delimiter, skipinitialspace=True, strict=True)
        for values in reader:
            if any(value.strip() for value in values):
                rows.append((number, [value.strip() for value in values]))
            number = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{path}, line {number}: cannot be read ({error}); check the quotation marks, and "
            "save it as CSV again."
        ) from error
    header = rows[0][1] if rows else []
    for number, values in rows[1:]:
        if len(values) != len(header):
            raise ValueError(
                f"{path}, line {number}: has {len(values)} values but the header names "
                f"{len(header)} columns; put values that hold {delimiter!r} in quotation marks."
            )
    # a name that is there twice is refused where it matters, in `_find_column`
    return _Table(path, header, [(n, dict(zip(header, v, strict=True))) for n, v in rows[1:]])


def _read_jsonl(path: Path) -> _Table:
    rows: list[tuple[int, dict[str, str]]] = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            content = json.loads(line, object_pairs_hook=_without_repeats)
            if not isinstance(content, dict):
                raise ValueError(f"a {type(content).__name__} and not an object")
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{path}, line {number}: is not a JSON object ({error}); expected one a line, for "
                'example {"image": "a.jpg", "mask": "a.png"}.'
            ) from error
        rows.append((number, {k: "" if v is None else str(v).strip() for k, v in content.items()}))
    header = list(dict.fromkeys(key for _, row in rows for key in row))
    return _Table(path, header, rows)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if repeated := [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]:
        raise ValueError(f"{repeated[0]!r} is there twice")
    return dict(pairs)


def _path(folder: Path, text: str) -> Path:
    path = folder / text.replace("\\", "/")
    # a zip knows no ".."; on a disk the system resolves it, after the links before it
    return Path(os.path.normpath(path)) if ".." in text and split_zip(folder) else path


def _refuse_confusion(lines: Sequence[_Line]) -> None:
    """An image is listed once, and is not its own mask."""
    seen: dict[tuple[Path, str], _Line] = {}
    for line in lines:
        where = f"{line.path}, line {line.number}: {line.image}"
        image = os.path.normpath(line.image)
        if image == os.path.normpath(line.mask):
            raise ValueError(f"{where} is both the image and its mask; name the mask.")
        first = seen.setdefault((line.path, image), line)
        if first is not line:
            raise ValueError(
                f"{where} is in line {first.number} too; an image is listed once, with one mask. "
                "Remove one of the lines."
            )


def _refuse_missing(lines: Sequence[_Line], split: str) -> None:
    wanted = [(line, path) for line in lines for path in (line.image, line.mask)]
    absent = [f"{path} (line {line.number})" for line, path in wanted if not _is_there(path)]
    if absent:
        raise ValueError(
            f"{lines[0].path}: {len(absent)} of the {len(wanted)} files of the {split} split are "
            f"not there: {some(absent)}. Paths start at the folder of the list, "
            f"{lines[0].path.parent}; correct them, or remove the lines."
        )


def _is_there(path: Path) -> bool:
    try:
        return is_file(path)
    except OSError:  # too long to be a path: some other text
        return False


def _names(images: Sequence[Path]) -> list[str]:
    """The image paths from the folder that all share, without their endings."""
    paths = [os.path.abspath(path) for path in images]
    shared = os.path.commonpath([os.path.dirname(path) for path in paths]) if paths else ""
    names = [Path(path).relative_to(shared) for path in paths]
    return [
        (name.with_suffix("") if name.suffix.lower() in IMAGE_SUFFIXES else name).as_posix()
        for name in names
    ]


def _is_at(root: Path) -> bool:
    root = unwrapped(root)
    lists = [root / f"{split}_list.txt" for split in SPLITS]
    has_lists = any(is_file(path) and _has_two_columns(path) for path in lists)
    return has_lists or any(is_file(root / name) for name in _PREFERRED)


ENTRY = DatasetEntry(
    "Your own list of image and mask files: CSV, JSON lines, or plain two-column lists",
    read_manifest,
    SPLITS,
    is_at=_is_at,
)
