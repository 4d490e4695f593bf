"""Images annotated with labelme: a JSON file of outlines beside each image.

https://github.com/wkentaro/labelme, versions 3 to 6, and tools that write its form (AnyLabeling).
Shapes are drawn in the order of the file, each over those before it. By labelme's custom the label
`_background_` is the background and `__ignore__` marks pixels that count nowhere.
"""

import base64
import os
import reprlib
from collections import Counter
from collections.abc import Mapping, Sequence
from math import hypot
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from tessella.data.annotation_json import is_there, pixels, read_json, text, two_points
from tessella.data.dataset import DatasetEntry
from tessella.data.files import existing_home, files_below, is_file, is_folder, read_bytes
from tessella.data.groups import groups_of
from tessella.data.images import IMAGE_SUFFIXES
from tessella.data.pairs import Pair, PairDataset
from tessella.data.shapes import (
    Disc,
    Drawing,
    Figure,
    Outline,
    Patch,
    Shape,
    labels_with_ground,
    outline,
)
from tessella.data.splits import SPLITS, listed_names, read_lines, split_groups
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.suggestion import did_you_mean, some, unknown_name

Others = Literal["refuse", "background", "ignore"]
Thin = Literal["refuse", "skip"]

BACKGROUND = "_background_"
IGNORED = "__ignore__"

_CLASS_LISTS = ("labels.txt", "classes.txt")
_THIN = ("line", "linestrip", "point", "points")
_AREAS = ("polygon", "rectangle", "circle", "mask", "rotation")


class _Labelled(NamedTuple):
    """One shape of a file."""

    label: str
    figure: Figure
    name: str


class _Annotated(NamedTuple):
    """One file."""

    image: Path
    size: tuple[int, int] | None
    shapes: list[_Labelled]


def read_labelme(
    root: Path | None,
    split: str,
    *,
    classes: Sequence[str] | None = None,
    background: str | None = "background",
    others: Others = "refuse",
    thin: Thin = "refuse",
    group_pattern: str | None = None,
    val_share: float = 0.15,
    test_share: float = 0.15,
) -> PairDataset:
    """One split of a folder of labelme's JSON files; an image without one is left out.

    Splits are sub-folders (`train/`, `val/`, `test/`), or lists (`train.txt`, also in `splits/`),
    or, when there is neither, a fixed share of the names by their hash.

    Args:
        root: the folder or zip; all may lie in one folder of it.
        split: train, val or test.
        classes: labels that are classes, in the order of their indices. Left out, `labels.txt`
            or `classes.txt` in the folder says it; without these, all labels of all files count,
            in alphabetical order.
        background: name of the class of pixels that no shape covers, index 0 unless `classes`
            lists it elsewhere; None ignores such pixels.
        others: what a label is that is not among the classes: an error, background, or ignored.
        thin: `skip` leaves out lines and points, which have no area, instead of refusing.
        group_pattern: regular expression; what it matches in a name (or what its first pair of
            brackets matches) is the sample's group.
        val_share: share of validation images when the folder has no splits, 0..1.
        test_share: share of test images when the folder has no splits, 0..1.

    Raises:
        UsageError: an unknown split or choice, or no root is given.
        ValueError: no annotations, one that cannot be read or drawn, an unknown label, or an
            image that is missing.
    """
    if split not in SPLITS:
        raise UsageError(unknown_name("split of labelme", split, SPLITS))
    for option, value, known in (("others", others, Others), ("thin", thin, Thin)):
        if value not in get_args(known):
            choice = f"choice of data.options.{option}"
            raise UsageError(unknown_name(choice, str(value), get_args(known)))
    root = existing_home("labelme", root, except_into=SPLITS)
    files, every = _files(root, split)
    groups = dict(zip(files, groups_of(list(files), group_pattern), strict=True))
    if root == _base(root, split):  # no folders by split
        files = _of_split(root, split, files, groups, val_share=val_share, test_share=test_share)
    names = _class_names(root, classes)
    read = {path: _read(path, thin=thin) for path in (every if names is None else files.values())}
    if names is None:
        drawn_ground = () if background is None else (background, BACKGROUND)
        names = [name for name in _labels_in(root, read) if name not in drawn_ground]
    labels, values = _labels(root, names, background)
    pairs = [
        Pair(read[path].image, _drawing(path, read[path], values, others), name, groups[name])
        for name, path in files.items()
    ]
    _refuse_shared_images(pairs, files)
    return PairDataset(pairs, labels)


# --- which files ----------------------------------------------------------------------------------


def _base(root: Path, split: str) -> Path:
    """The folder of the split; the whole folder where there is none for any split."""
    existing = [part for part in SPLITS if is_folder(root / part)]
    if existing and split not in existing:
        raise ValueError(
            f"{root}: has {', '.join(f'{part}/' for part in existing)} but no {split}/; add it, or "
            f"name another split with data.{split}_split={existing[-1]}."
        )
    return root / split if existing else root


def _files(root: Path, split: str) -> tuple[dict[str, Path], list[Path]]:
    """Name -> file of the split (of all where no folder states it), and the files of all splits."""
    base = _base(root, split)
    bases = [root] if base == root else [root / part for part in SPLITS if is_folder(root / part)]
    every = [
        path for place in bases for path in files_below(place) if path.suffix.lower() == ".json"
    ]
    mine = [path for path in every if path.is_relative_to(base)]
    if not mine:
        raise ValueError(
            f"{base}: has no JSON files; expected one of labelme's for each annotated image."
        )
    return {path.relative_to(base).with_suffix("").as_posix(): path for path in mine}, every


def _of_split(
    root: Path,
    split: str,
    files: Mapping[str, Path],
    groups: Mapping[str, str],
    *,
    val_share: float,
    test_share: float,
) -> dict[str, Path]:
    listed = listed_names(root, split)
    if listed is None:
        parts = split_groups(groups.values(), val_share=val_share, test_share=test_share)
        chosen = [name for name in files if parts[groups[name]] == split]
    else:
        # lists made elsewhere often carry folders of their own, and endings
        names = [name.removesuffix(".json") for name in listed]
        chosen = [name if name in files else PurePosixPath(name).name for name in names]
        if absent := [n for n, here in zip(listed, chosen, strict=True) if here not in files]:
            raise ValueError(
                f"{root}: the list of split {split!r} names {len(absent)} samples that have no "
                f"JSON file here: {some(absent)}; annotate them, or remove them from the list."
            )
        if len(set(chosen)) < len(chosen):
            raise ValueError(
                f"{root}: the list of split {split!r} names one sample in different ways; list "
                "each once."
            )
    if not chosen:
        raise ValueError(
            f"{root}: the {split} split is empty ({len(files)} annotated images in all); add "
            f"images to it, or name another split with data.{split}_split."
        )
    return {name: files[name] for name in chosen}


def _refuse_shared_images(pairs: Sequence[Pair], files: Mapping[str, Path]) -> None:
    first: dict[Path, str] = {}
    for pair in pairs:
        other = first.setdefault(pair.image, pair.name)
        if other != pair.name:
            raise ValueError(
                f"{files[pair.name]}: annotates {pair.image.name}, and so does {files[other]}; "
                "an image has one annotation. Correct imagePath, or remove one of them."
            )


# --- one file -------------------------------------------------------------------------------------


def _read(path: Path, *, thin: Thin) -> _Annotated:
    content = read_json(path)
    records = content.get("shapes") if isinstance(content, dict) else None
    if not isinstance(records, list):
        raise ValueError(
            f"{path}: has no list of shapes, so it is none of labelme's files; move it elsewhere."
        )
    shapes = []
    for number, record in enumerate(records):
        if not isinstance(record, dict):
            raise ValueError(
                f"{path}: shape {number} is {reprlib.repr(record)}; expected an object with label "
                "and points. Save the file again."
            )
        label = text(record, "label", where=f"{path}: shape {number}")
        name = f"shape {number} ({reprlib.repr(label)})"
        figure = _figure(record, f"{path}: {name}", thin)
        if figure is not None:
            shapes.append(_Labelled(label, figure, name))
    size = pixels(content.get("imageHeight"), content.get("imageWidth"), where=f"{path}: image")
    return _Annotated(_image(path, content), size, shapes)


def _image(path: Path, content: Mapping[str, Any]) -> Path:
    """The image file as written, else of that name beside, else of the JSON file's name beside."""
    written = text(content, "imagePath", where=str(path)) if content.get("imagePath") else ""
    file = PurePosixPath(written.replace("\\", "/"))
    places = (
        [Path(os.path.normpath(path.parent / file)), path.parent / file.name] if written else []
    )
    places += [path.with_suffix(suffix) for suffix in IMAGE_SUFFIXES]
    places += [path.with_suffix(suffix.upper()) for suffix in IMAGE_SUFFIXES]
    for place in places:
        if is_there(place):
            return place
    how = "; it is inside the JSON, where it is not read" if content.get("imageData") else ""
    raise ValueError(
        f"{path}: its image {written or path.stem!r} is not there{how}. Put the image file beside "
        "it (labelme_export_json writes one that is inside)."
    )


def _figure(record: Mapping[str, Any], where: str, thin: Thin) -> Figure | None:
    """The shape's figure; None for one without area that is to be skipped."""
    kind = record.get("shape_type")
    if kind is None:  # not stated before version 4
        kind = "polygon"
    points = record.get("points")
    if kind in _THIN:
        if thin == "skip":
            return None
        raise ValueError(
            f"{where}: a {kind} has no area; make it a polygon, or leave out all such shapes with "
            "data.options.thin=skip."
        )
    if kind == "circle":
        (x, y), (rim_x, rim_y) = two_points(points, kind="circle", where=where)
        return Disc(float(x), float(y), hypot(rim_x - x, rim_y - y))
    if kind == "mask":
        return _patch(points, record.get("mask"), where)
    if kind == "rectangle" and isinstance(points, list) and len(points) == 2:
        (x1, y1), (x2, y2) = two_points(points, kind="rectangle", where=where)
        return Outline(np.array([x1, y1, x2, y1, x2, y2, x1, y2]).tobytes())
    if kind in _AREAS:  # AnyLabeling gives all four corners of a rectangle
        return outline(points, where=where)
    raise ValueError(
        f"{where}: shape_type is {reprlib.repr(kind)}; known are {', '.join(_AREAS + _THIN)}. Make "
        "it a polygon."
    )


def _patch(points: Any, written: object, where: str) -> Patch:
    (left, top), (right, bottom) = two_points(points, kind="mask", where=where)
    if not (left <= right and top <= bottom and max(-left, -top, right, bottom) < 1 << 31):
        raise ValueError(
            f"{where}: its mask spans {reprlib.repr(points)}; expected the upper left and the "
            "lower right pixel. Save the file again."
        )
    try:
        content = base64.b64decode(written, validate=True) if isinstance(written, str) else b""
    except ValueError:
        content = b""
    if not content:
        raise ValueError(
            f"{where}: its mask is {reprlib.repr(written)}; expected a PNG in base64. Save the "
            "file again."
        )
    # both corner pixels are inside
    height, width = round(bottom - top) + 1, round(right - left) + 1
    return Patch(int(left), int(top), height, width, content)


# --- classes --------------------------------------------------------------------------------------


def _class_names(root: Path, classes: Sequence[str] | None) -> list[str] | None:
    """What the user or a file in the folder states; None where neither does."""
    if classes is not None:
        if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
            raise UsageError(f"data.options.classes is {classes!r}; expected a list of names.")
        return list(classes)
    listing = next((root / name for name in _CLASS_LISTS if is_file(root / name)), None)
    return None if listing is None else read_lines(listing)


def _labels_in(root: Path, read: Mapping[Path, _Annotated]) -> list[str]:
    """All labels of all splits, so that the classes of each split are the same."""
    seen = sorted({shape.label for file in read.values() for shape in file.shapes})
    if not seen:
        raise ValueError(
            f"{root}: there is no shape in any of {len(read)} files; annotate something, or say "
            "what the classes are with data.options.classes."
        )
    times = Counter(label.strip().lower() for label in seen)
    if alike := [label for label in seen if times[label.strip().lower()] > 1]:
        raise ValueError(
            f"{root}: the labels {', '.join(map(repr, alike))} differ in case or blanks only; "
            "rename them, or say which are classes with data.options.classes."
        )
    return seen


def _labels(
    root: Path, names: Sequence[str], background: str | None
) -> tuple[LabelMap, dict[str | None, int | None]]:
    """The label map, and label -> class index or None for ignored; key None: no shape at all."""
    if background is not None:
        names = [background if name == BACKGROUND else name for name in names]
    try:
        labels, ground = labels_with_ground([n for n in names if n != IGNORED], background)
    except ValueError as error:
        raise ValueError(f"{root}: classes: {error} See data.options.classes.") from error
    values: dict[str | None, int | None] = {name: i for i, name in enumerate(labels.names)}
    if background is not None:
        values[BACKGROUND] = ground
    return labels, {**values, IGNORED: None, None: ground}


def _drawing(
    path: Path, file: _Annotated, values: Mapping[str | None, int | None], others: Others
) -> Drawing:
    shapes = []
    for shape in file.shapes:
        if others == "refuse" and shape.label not in values:
            known = [name for name in values if name is not None]
            raise ValueError(
                f"{path}: {shape.name} has a label that is no class"
                f"{did_you_mean(shape.label, known) or '.'} Classes: {some(known)}. Add it to "
                "data.options.classes, or say what other labels are with data.options.others."
            )
        rest = values[None] if others == "background" else None
        value = values.get(shape.label, rest)
        shapes.append(Shape(value, (shape.figure,), shape.name))
    where = f"{path}: image {file.image.name}"
    return Drawing(tuple(shapes), values[None], file.size, where)


def _is_at(root: Path) -> bool:
    path = next((path for path in files_below(root) if path.suffix.lower() == ".json"), None)
    content = b"" if path is None else read_bytes(path)
    return b'"shapes"' in content and b'"imagePath"' in content


ENTRY = DatasetEntry(
    "Your own images annotated with labelme (or AnyLabeling): a JSON of outlines beside each",
    read_labelme,
    SPLITS,
    is_at=_is_at,
)
