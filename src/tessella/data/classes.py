"""How a person states classes (names, values, colours) turned into a label map."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tessella.data.class_files import CLASS_FILES, StatedClasses, read_classes
from tessella.data.color_table import is_void
from tessella.data.files import is_file, read_text
from tessella.data.images import read_mask_values
from tessella.errors import UsageError
from tessella.labels import MAX_CLASSES, LabelMap, pack
from tessella.palette import Color

_HEX = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")


def labels_from_classes(
    classes: Sequence[str] | Mapping[str, Any], *, ignore: Sequence[Any] | None
) -> LabelMap:
    """The label map of a class list or table.

    Args:
        classes: names in the order of their file values 0, 1, 2, ...; or name -> one of: a value,
            a colour [red, green, blue] or "#rrggbb", or {values: [several of these]}.
        ignore: values or colours that count nowhere; None means 255 when values are indices.

    Raises:
        UsageError: an entry is none of these, or values and colours are mixed.
    """
    if not isinstance(classes, Mapping):
        if not isinstance(classes, Sequence) or isinstance(classes, str) or not classes:
            raise UsageError(f"data.options.classes is {classes!r}; expected a list of names.")
        if repeated := sorted(str(n) for n, times in Counter(classes).items() if times > 1):
            raise UsageError(
                f"data.options.classes lists {', '.join(repeated)} more than once; each name "
                "stands for one value. Remove it, or give {values: [1, 2]} for one class."
            )
        classes = {str(name): index for index, name in enumerate(classes)}
    listed = {str(name): _entries(name, entry) for name, entry in classes.items()}
    ignored = [_entry("ignore", entry) for entry in _ignore_list(ignore) or ()]
    kinds = {isinstance(e, tuple) for e in [*ignored, *(e for es in listed.values() for e in es)]}
    if len(kinds) > 1:
        raise UsageError("data.options.classes mixes single values and colours; use one of them.")
    try:
        if kinds == {True}:
            return LabelMap.from_values(
                {name: [_packed(e) for e in entries] for name, entries in listed.items()},
                colors=[entries[0] for entries in listed.values()],  # type: ignore[misc]
                ignore_values=[_packed(e) for e in ignored],
                encoding="color",
            )
        indices = {name: [_packed(e) for e in entries] for name, entries in listed.items()}
        used = {value for values in indices.values() for value in values}
        default = [] if 255 in used else [255]
        return LabelMap.from_values(
            indices, ignore_values=default if ignore is None else [_packed(e) for e in ignored]
        )
    except ValueError as error:
        raise UsageError(f"data.options.classes: {error}") from error


def _entries(name: object, entry: Any) -> list[int | Color]:
    if isinstance(entry, Mapping):
        values = entry.get("values")
        if set(entry) != {"values"} or not isinstance(values, Sequence) or not values:
            raise UsageError(f"class {name}: {entry!r}; expected {{values: [1, 2]}}.")
        return [_entry(name, value) for value in values]
    return [_entry(name, entry)]


def _entry(name: object, entry: Any) -> int | Color:
    if isinstance(entry, int) and not isinstance(entry, bool):
        return entry
    if isinstance(entry, str) and (match := _HEX.fullmatch(entry)):
        return (int(match[1], 16), int(match[2], 16), int(match[3], 16))
    if isinstance(entry, Sequence) and len(entry) == 3 and all(_is_byte(p) for p in entry):
        return (entry[0], entry[1], entry[2])
    raise UsageError(
        f"class {name}: {entry!r} is neither a value (7), a colour ([128, 64, 0], each 0..255) "
        "nor '#804000'."
    )


def _is_byte(part: Any) -> bool:
    return isinstance(part, int) and not isinstance(part, bool) and 0 <= part <= 255


def _packed(entry: int | Color) -> int:
    return entry if isinstance(entry, int) else pack(entry)


def find_classes(root: Path, masks: Sequence[Path], *, ignore: Sequence[Any] | None) -> LabelMap:
    """The label map that a folder states in `labels.json` or in one of `CLASS_FILES`.

    Files lie in `root`, or between it and the masks (Roboflow writes one beside the masks). Names
    such as void or unlabelled are ignored rather than classes; data.options.classes can say
    otherwise. Where a file gives both values and colours, the masks tell which they hold.

    Args:
        root: the folder of the data.
        masks: some of the mask files.
        ignore: values or colours that count nowhere, beside those that the file says.

    Raises:
        UsageError: it states none; the message proposes classes from the values seen in `masks`.
        ValueError: what it states cannot be read.
    """
    for folder in _folders(root, masks):
        written = folder / "labels.json"
        if is_file(written) and (labels := _read_label_map(written)) is not None:
            if ignore is not None:
                raise UsageError(
                    f"data.options.ignore: {written} says already which values are ignored; add "
                    "them there, or state data.options.classes too."
                )
            return labels
        for name in CLASS_FILES:
            if is_file(folder / name) and (stated := read_classes(folder / name)) is not None:
                return _labels_of(folder / name, stated, masks, ignore=ignore)
    raise UsageError(
        f"{root}: nothing says what the mask values mean. {_proposal(masks)} "
        "Or write the names to classes.txt there, one a line, in the order of the values."
    )


def _folders(root: Path, masks: Sequence[Path]) -> list[Path]:
    """The root, then the folders on the way to the first mask."""
    above = masks[0].parents if masks else ()
    between = [folder for folder in above if root in folder.parents]
    return [root, *reversed(between)]


def _read_label_map(path: Path) -> LabelMap | None:
    """Our own form; None when it is a table of classes of another form."""
    try:
        content = json.loads(read_text(path))
        if not isinstance(content, Mapping) or "file_values" not in content:
            if read_classes(path) is not None:
                return None
            raise ValueError("it has neither file_values nor classes")
        return LabelMap.from_dict(content)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: not a label map ({error}); remove or fix it.") from error


def _labels_of(
    path: Path, stated: StatedClasses, masks: Sequence[Path], *, ignore: Sequence[Any] | None
) -> LabelMap:
    in_colors = bool(stated.colors) and (not stated.values or _hold_colors(masks[:3]))
    also = [_entry("ignore", entry) for entry in _ignore_list(ignore) or ()]
    if any(isinstance(entry, tuple) is not in_colors for entry in also):
        kind = "colours" if in_colors else "single values"
        raise UsageError(f"data.options.ignore is {ignore!r}, but {path} gives {kind}; use those.")
    void = {name for name in (*stated.values, *stated.colors) if is_void(name)}
    try:
        if in_colors:
            colors = {name: c for name, c in stated.colors.items() if name not in void}
            voids = [stated.colors[name] for name in stated.colors if name in void]
            extra = [entry for entry in also if isinstance(entry, tuple) and entry not in voids]
            return LabelMap.from_colors(colors, ignore_colors=[*voids, *extra])
        values = {name: v for name, v in stated.values.items() if name not in void}
        ignored = [v for name, listed in stated.values.items() if name in void for v in listed]
        used = {v for listed in stated.values.values() for v in listed}
        default = [] if 255 in used else [255]
        ignored += default if ignore is None else [_packed(e) for e in also if e not in ignored]
        shown = [stated.colors[name] for name in values if name in stated.colors]
        return LabelMap.from_values(
            values, colors=shown if len(shown) == len(values) else None, ignore_values=ignored
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _hold_colors(masks: Sequence[Path]) -> bool:
    return any(isinstance(value, tuple) for value in _values_in(masks, wants_indices=True))


def _ignore_list(ignore: Sequence[Any] | None) -> Sequence[Any] | None:
    if ignore is not None and (isinstance(ignore, str) or not isinstance(ignore, Sequence)):
        raise UsageError(
            f"data.options.ignore is {ignore!r}; expected a list of values or colours, for "
            f"example [255] or [[255, 255, 255]]."
        )
    return ignore


def _proposal(masks: Sequence[Path]) -> str:
    seen = _values_in(masks, wants_indices=True)
    if any(isinstance(value, tuple) for value in seen):
        # one picture all black reads as the index 0; among colours it is a colour too
        seen = _values_in(masks, wants_indices=False)
    if len(seen) > MAX_CLASSES:
        return (
            f"The masks ({masks[0].name} and others) hold over {MAX_CLASSES} different values; "
            "such masks are photographs, JPEG, or resized with smoothing rather than class masks."
        )
    ignored = {255} if len(seen) > 2 else set()
    entries = [
        f"class_{number}: {list(value) if isinstance(value, tuple) else value}"
        for number, value in enumerate(sorted(seen - ignored, key=_order))
    ]
    return (
        f"{len(masks)} masks hold {len(seen)} values; name them, for example "
        f"'data.options.classes={{{', '.join(entries)}}}'."
    )


def _order(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def _values_in(masks: Sequence[Path], *, wants_indices: bool) -> set[Any]:
    seen: set[Any] = set()
    for path in masks:
        values = read_mask_values(path, wants_indices=wants_indices)
        if values.ndim == 3:
            packed = values.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
            seen |= {(int(v) >> 16, int(v) >> 8 & 255, int(v) & 255) for v in np.unique(packed)}
        else:
            seen |= {int(v) for v in np.unique(values)}
        if len(seen) > MAX_CLASSES + 1:
            break
    return seen
