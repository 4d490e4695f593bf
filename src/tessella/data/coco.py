"""Data in COCO's form: one JSON with images, categories and outlines or run lengths of objects.

Lin et al. 2014, "Microsoft COCO: Common Objects in Context", arXiv:1405.0312; the form is at
https://cocodataset.org/#format-data. CVAT, Label Studio, Roboflow, FiftyOne and others export it.
Objects become a mask of classes with the smaller ones over the larger ones, so that a cup on a
table stays visible whichever was annotated first.
"""

import reprlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple, get_args

from tessella.data.annotation_json import pixels, read_json, text
from tessella.data.coco_files import annotation_files, find_annotations, find_images, is_usual
from tessella.data.dataset import DatasetEntry
from tessella.data.files import read_bytes
from tessella.data.groups import groups_of
from tessella.data.images import IMAGE_SUFFIXES
from tessella.data.pairs import Pair, PairDataset
from tessella.data.shapes import (
    Drawing,
    Outline,
    Runs,
    Shape,
    labels_with_ground,
    outline,
    runs,
)
from tessella.data.splits import SPLITS, split_groups
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.suggestion import some, unknown_name

Others = Literal["background", "ignore"]
Crowd = Literal["class", "ignore"]
MissingImages = Literal["refuse", "skip"]

_Id = int | str


class _Picture(NamedTuple):
    """An image of the file."""

    id: _Id
    file: str
    """As written, with slashes."""

    size: tuple[int, int] | None
    """(height, width) in pixels, where stated."""

    where: str


class _Meaning(NamedTuple):
    """What the categories of the file become."""

    labels: LabelMap
    ground: int | None
    """The class index of pixels without an object; None means that they are ignored."""

    values: dict[_Id, int | None]
    """Category id -> class index, or None for ignored."""


def read_coco(
    root: Path | None,
    split: str,
    *,
    annotations: str | None = None,
    images: str | None = None,
    classes: Sequence[str] | None = None,
    background: str | None = "background",
    others: Others = "background",
    crowd: Crowd = "class",
    missing_images: MissingImages = "refuse",
    group_pattern: str | None = None,
    val_share: float = 0.15,
    test_share: float = 0.15,
) -> PairDataset:
    """One split of a data set in COCO's form; images without an object are all background.

    There is a file for each split (`annotations/instances_train2017.json`,
    `train/_annotations.coco.json`, `train.json`), or one for all of them (`annotations.json`,
    `result.json`), whose images are then split by a hash of their names.

    Args:
        root: the folder or zip with the annotation files, or one such file.
        split: train, val or test.
        annotations: the annotation file, from `root` on; `{split}` in it is the split.
        images: folder of the images, from `root` on; `{split}` in it is the split.
        classes: which categories are classes, in the order of their indices; left out, all, in
            the order of their ids.
        background: name of the class of pixels without an object, index 0 unless it is one of the
            categories or of `classes`, which then say its place; None ignores such pixels.
        others: what objects that are not among `classes` are: background, or ignored.
        crowd: whether regions of many objects in one (`iscrowd`) are of their class or ignored.
        missing_images: `skip` leaves out images whose file is not there instead of refusing.
        group_pattern: regular expression; what it matches in a name (or what its first pair of
            brackets matches) is the sample's group.
        val_share: share of validation images where one file holds all splits, 0..1.
        test_share: share of test images where one file holds all splits, 0..1.

    Raises:
        UsageError: an unknown split, class or choice, or no root is given.
        ValueError: no annotation file, or one that is not of this form: objects with boxes only,
            outlines that are none, unknown ids, missing image files.
    """
    if split not in SPLITS:
        raise UsageError(unknown_name("split of coco", split, SPLITS))
    _refuse_choice("others", others, get_args(Others))
    _refuse_choice("crowd", crowd, get_args(Crowd))
    _refuse_choice("missing_images", missing_images, get_args(MissingImages))
    file = find_annotations(root, split, annotations)
    content = read_json(file.path)
    meaning = _meaning(content, file.path, classes=classes, ground=background, others=others)
    pictures = _pictures(content, file.path)
    paths = find_images([picture.file for picture in pictures], file, split, folder=images)
    if missing_images == "refuse":
        _refuse_missing(paths, file.path)
    there = {p: path for p in pictures if (path := paths[p.file]) is not None}
    names = {picture: _name(picture.file) for picture in there}
    groups = dict(zip(names, groups_of(list(names.values()), group_pattern), strict=True))
    if file.is_whole:
        parts = split_groups(groups.values(), val_share=val_share, test_share=test_share)
        names = {
            picture: name for picture, name in names.items() if parts[groups[picture]] == split
        }
    if not names:
        raise ValueError(
            f"{file.path}: the {split} split is empty ({len(pictures)} images are listed); add "
            f"images to it, or name another split with data.{split}_split."
        )
    shapes = _shapes(content, pictures, meaning, file.path, crowd=crowd)
    pairs = [
        Pair(there[p], _drawing(p, shapes[p.id], meaning.ground), name, group=groups[p])
        for p, name in names.items()
    ]
    return PairDataset(pairs, meaning.labels)


def _refuse_choice(option: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise UsageError(unknown_name(f"choice of data.options.{option}", str(value), known))


# --- images ---------------------------------------------------------------------------------------


def _pictures(content: Any, path: Path) -> list[_Picture]:
    pictures = []
    for number, record in enumerate(_records(content, "images", path)):
        where = f"{path}: image {number} of the list"
        file = text(record, "file_name", where=where).replace("\\", "/")
        size = pixels(record.get("height"), record.get("width"), where=f"{where} ({file})")
        pictures.append(_Picture(_id(record, "id", where), file, size, f"{path}: image {file}"))
    if not pictures:
        raise ValueError(f"{path}: lists no images; export the file again.")
    _refuse_repeats("image id", [picture.id for picture in pictures], path)
    _refuse_repeats("image file", [picture.file for picture in pictures], path)
    return pictures


def _refuse_missing(paths: Mapping[str, Path | None], path: Path) -> None:
    if missing := [file for file, place in paths.items() if place is None]:
        folder = next(place for place in paths.values() if place is not None).parent
        raise ValueError(
            f"{path}: {len(missing)} of {len(paths)} images are not there: {some(missing)}; "
            f"others are in {folder}. Add them, or leave them out with "
            "data.options.missing_images=skip."
        )


def _name(file: str) -> str:
    """The sample's name: the file's without its ending; its folders only where they lie below."""
    path = PurePosixPath(file)
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        path = PurePosixPath(path.name)
    return str(path.with_suffix("") if path.suffix.lower() in IMAGE_SUFFIXES else path)


# --- classes --------------------------------------------------------------------------------------


def _meaning(
    content: Any, path: Path, *, classes: Sequence[str] | None, ground: str | None, others: Others
) -> _Meaning:
    categories = _categories(content, path)
    if ground is not None:  # labelme's name for it, in files converted from there
        categories = {i: ground if n == "_background_" else n for i, n in categories.items()}
    names = list(categories.values())
    _refuse_repeats("category", names, path)
    if classes is not None:
        known = dict.fromkeys([*names, *([] if ground is None else [ground])])
        names = _chosen(classes, list(known))
    try:
        labels, index = labels_with_ground(names, ground)
    except ValueError as error:
        raise ValueError(
            f"{path}: has {len(categories)} categories: {error} Say which with "
            "data.options.classes."
        ) from error
    rest = index if others == "background" else None
    indices = {name: number for number, name in enumerate(labels.names)}
    return _Meaning(labels, index, {i: indices.get(n, rest) for i, n in categories.items()})


def _categories(content: Any, path: Path) -> dict[_Id, str]:
    """Id -> name in the order of the ids, without the placeholder that Roboflow adds as id 0."""
    records = _records(content, "categories", path)
    if not records:
        raise ValueError(f"{path}: lists no categories; export the file again.")
    found: dict[_Id, str] = {}
    for number, record in enumerate(records):
        where = f"{path}: category {number} of the list"
        found[_id(record, "id", where)] = text(record, "name", where=where)
    _refuse_repeats("category id", [record["id"] for record in records], path)
    first = next((record for record in records if record["id"] == 0), None)
    if first is not None and first.get("supercategory") == "none" and len(records) > 1:
        parents = [record.get("supercategory") for record in records if record is not first]
        if all(parent == first["name"] for parent in parents):
            del found[0]
    return dict(sorted(found.items(), key=lambda item: (isinstance(item[0], str), item[0])))


def _chosen(classes: Sequence[str], known: Sequence[str]) -> list[str]:
    if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
        raise UsageError(f"data.options.classes is {classes!r}; expected a list of names.")
    for name in classes:
        if name not in known:
            raise UsageError(unknown_name("category", name, known))
        if list(classes).count(name) > 1:
            raise UsageError(f"data.options.classes: {name} is listed more than once.")
    return list(classes)


# --- objects --------------------------------------------------------------------------------------


def _shapes(
    content: Any, pictures: Sequence[_Picture], meaning: _Meaning, path: Path, *, crowd: Crowd
) -> dict[_Id, list[Shape]]:
    """Image id -> what lies in it, in the order of the file."""
    where = {picture.id: picture.where for picture in pictures}
    shapes: dict[_Id, list[Shape]] = {picture.id: [] for picture in pictures}
    bare = []
    for number, record in enumerate(_records(content, "annotations", path)):
        name = f"annotation {reprlib.repr(record['id']) if 'id' in record else f'no. {number}'}"
        image = _known_id(record, "image_id", where, f"{path}: {name}")
        category = _known_id(record, "category_id", meaning.values, f"{path}: {name}")
        place = f"{where[image]}, {name}"
        is_crowd = record.get("iscrowd")
        if is_crowd not in (0, 1, None):
            raise ValueError(f"{place}: iscrowd is {reprlib.repr(is_crowd)}; expected 0 or 1.")
        if figures := _figures(record, place):
            value = None if is_crowd and crowd == "ignore" else meaning.values[category]
            shapes[image].append(Shape(value, figures, name))
        else:
            bare.append(place)
    if bare:
        raise ValueError(
            f"{bare[0]}: has a box only, no outline, and so have {len(bare) - 1} more; masks "
            "cannot be drawn from boxes. Export polygons or run lengths (instance segmentation)."
        )
    _refuse_shares([shape for drawn in shapes.values() for shape in drawn], path)
    return shapes


def _figures(record: Mapping[str, Any], where: str) -> tuple[Outline | Runs, ...]:
    if "segments_info" in record:
        raise ValueError(f"{where}: is in COCO's panoptic form; give the file of instances.")
    segmentation = record.get("segmentation")
    if isinstance(segmentation, dict):
        return (runs(segmentation, where=where),)
    if segmentation is not None and not isinstance(segmentation, list):
        raise ValueError(
            f"{where}: its segmentation is {reprlib.repr(segmentation)}; expected a list of "
            "outlines, or run lengths. Export the file again."
        )
    return tuple(outline(part, where=where) for part in segmentation or () if part != [])


def _refuse_shares(shapes: Iterable[Shape], path: Path) -> None:
    outlines = [f for shape in shapes for f in shape.figures if isinstance(f, Outline)]
    if outlines and all(figure.largest <= 1 for figure in outlines):
        raise ValueError(
            f"{path}: all outlines lie within 0..1, as if in shares of the image; expected pixels. "
            "Multiply x by the width and y by the height."
        )


def _drawing(picture: _Picture, shapes: Sequence[Shape], ground: int | None) -> Drawing:
    smaller_over_larger = sorted(shapes, key=lambda shape: -shape.area)
    return Drawing(tuple(smaller_over_larger), ground, picture.size, picture.where)


# --- values of the file ---------------------------------------------------------------------------


def _records(content: Any, key: str, path: Path) -> list[dict[str, Any]]:
    listed = content.get(key) if isinstance(content, dict) else None
    if not isinstance(listed, list) or not all(isinstance(record, dict) for record in listed):
        raise ValueError(
            f"{path}: has no list of {key}; expected COCO's form for instances, with images, "
            "annotations and categories. Export it so, or name the file with "
            "data.options.annotations."
        )
    return listed


def _id(record: Mapping[str, Any], key: str, where: str) -> _Id:
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{where}: its {key} is {reprlib.repr(value)}; expected a whole number.")
    return value


def _known_id(record: Mapping[str, Any], key: str, known: Mapping[_Id, Any], where: str) -> _Id:
    value = _id(record, key, where)
    if value not in known:
        raise ValueError(
            f"{where}: its {key} is {value!r}, which the file does not list; add it there, or "
            "remove the annotation."
        )
    return value


def _refuse_repeats(kind: str, items: Sequence[_Id], path: Path) -> None:
    if repeated := [str(item) for item, times in Counter(items).items() if times > 1]:
        raise ValueError(
            f"{path}: {kind} {some(repeated)} is there more than once; rename or remove one."
        )


def _is_at(root: Path) -> bool:
    _, files = annotation_files(root)
    path = next((path for path in files if is_usual(path)), next(iter(files), None))
    if path is None:
        return False
    content = read_bytes(path)
    return all(word in content for word in (b'"images"', b'"annotations"', b'"categories"'))


ENTRY = DatasetEntry(
    "Your own images with a JSON in COCO's form (CVAT, Label Studio, Roboflow, FiftyOne)",
    read_coco,
    SPLITS,
    is_at=_is_at,
)
