"""Pascal VOC 2007 and 2012, segmentation: 20 kinds of objects and background, in the devkit layout.

Everingham et al. 2010, "The Pascal Visual Object Classes (VOC) Challenge"; 2007 has 209 train,
213 val and 210 test images, 2012 has 1464 train and 1449 val. The white-ish band around objects
(255) is no class: it is ignored.
"""

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from tessella.data.dataset import DatasetEntry
from tessella.data.files import existing_root, files_in, folders_in, is_file, is_folder, read_text
from tessella.data.images import IMAGE_SUFFIXES, read_mask_values
from tessella.data.pairs import Pair, PairDataset
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.palette import Color
from tessella.suggestion import some, unknown_name

SPLITS = ("train", "val", "test")

NAMES = (
    *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair"),
    *("cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
"""The devkit's own names, in the order of the indices in the masks."""

_LISTS = {
    "train": (("train",),),
    "val": (("val",),),
    "test": (("test",),),
    "trainval": (("trainval",), ("train", "val")),
    "trainaug": (("trainaug",), ("train_aug",)),
}
"""Split -> the lists that make it, in the order of preference."""

_SOURCES = {
    ("2007", "test"): "It is in VOCtest_06-Nov-2007.tar.",
    ("2007", "train"): "It is in VOCtrainval_06-Nov-2007.tar.",
    ("2012", "train"): "It is in VOCtrainval_11-May-2012.tar.",
    ("2012", "test"): (
        "The test images come from the evaluation server, their masks are not public: send "
        "predictions there, or use the split val."
    ),
    ("2012", "trainaug"): (
        "It is no part of VOC: it comes with the masks of the Semantic Boundaries Dataset, in "
        "SegmentationClassAug; say data.options.masks_folder=SegmentationClassAug."
    ),
}

_DEPTH = 3
_YEAR = re.compile(r"(?:voc[-_ ]?|^)(20\d\d)(?!\d)", re.IGNORECASE)
_CLASS_IS_HERE = ("1", "0", "-1")  # the second column of the devkit's lists of one class


def voc_color(index: int) -> Color:
    """The colour of a class index 0..255 in the VOC palette.

    Bits 0, 3, 6 of the index are the highest bits of red, downwards; 1, 4, 7 are green's and
    2, 5 are blue's (VOCdevkit, VOClabelcolormap.m).
    """
    channels = [0, 0, 0]
    for bit in range(8):
        channels[bit % 3] |= (index >> bit & 1) << 7 - bit // 3
    return (channels[0], channels[1], channels[2])


_COLORS = tuple(voc_color(index) for index in range(len(NAMES)))
_VOID_COLOR = voc_color(255)

LABELS = replace(LabelMap.from_names(NAMES, colors=_COLORS), ignore_color=_VOID_COLOR)
"""The masks as the devkit ships them: palette indices, 255 ignored."""

COLOR_LABELS = replace(
    LabelMap.from_colors(dict(zip(NAMES, _COLORS, strict=True)), ignore_colors=[_VOID_COLOR]),
    ignore_color=_VOID_COLOR,
)
"""The same classes for masks that somebody saved as RGB in the colours of the palette."""


def read_voc2007(
    root: Path | None, split: str, *, masks_folder: str = "SegmentationClass"
) -> PairDataset:
    """One split of VOC 2007.

    Args:
        root: the folder `VOC2007` of the devkit, or one above it; or a zip of either.
        split: train, val, test, or trainval, which is the first two.
        masks_folder: the folder beside `JPEGImages` that holds the masks.

    Raises:
        UsageError: the split is unknown or no root is given.
        ValueError: the folder is not VOC 2007, or a list, an image or a mask is missing.
    """
    return _read("2007", root, split, masks_folder=masks_folder)


def read_voc2012(
    root: Path | None, split: str, *, masks_folder: str = "SegmentationClass"
) -> PairDataset:
    """One split of VOC 2012.

    Args:
        root: the folder `VOC2012` of the devkit, or one above it; or a zip of either.
        split: train, val, test (whose masks are not public), trainval, or trainaug: train and
            the images that Hariharan et al. 2011 annotated (SBD), where their list is here.
        masks_folder: the folder beside `JPEGImages` that holds the masks; SegmentationClassAug
            for trainaug.

    Raises:
        UsageError: the split is unknown or no root is given.
        ValueError: the folder is not VOC 2012, or a list, an image or a mask is missing.
    """
    return _read("2012", root, split, masks_folder=masks_folder)


def _read(year: str, root: Path | None, split: str, *, masks_folder: str) -> PairDataset:
    known = SPLITS + _ENTRIES[year].unions
    if split not in known:
        raise UsageError(unknown_name(f"split of voc{year}", split, known))
    home, lists = _home(existing_root(f"voc{year}", root), year, split)
    names = _listed_names(lists, masks_folder)
    images = _files_by_stem(home / "JPEGImages", IMAGE_SUFFIXES)
    masks = _files_by_stem(home / masks_folder, (".png",))
    for folder, found in (("JPEGImages", images), (masks_folder, masks)):
        if absent := [name for name in names if name not in found]:
            raise ValueError(
                f"{home / folder}: {len(absent)} of the {len(names)} images that the list of "
                f"split {split!r} names have no file here: {some(absent)}. "
                f"{_source(year, split)}"
            )
    pairs = [Pair(images[name], masks[name], name, group=name) for name in names]
    return PairDataset(pairs, _labels_of([masks[name] for name in names]), official=True)


def _home(root: Path, year: str, split: str) -> tuple[Path, list[Path]]:
    """The year's folder that has the split's list (2007 comes in two parts), and its lists."""
    found = _devkit_folders(root)
    of_year = [folder for folder in found if _is_of_year(folder, root, year)]
    if not of_year:
        others = f"only {some([str(folder) for folder in found])}" if found else "none is here"
        raise ValueError(
            f"{root}: expected a folder VOC{year} with JPEGImages, SegmentationClass and "
            f"ImageSets/Segmentation, here or below; {others}. {_source(year, split)} "
            "Unpack it, and give the folder that holds VOCdevkit."
        )
    listing = {folder: lists for folder in of_year if (lists := _lists(folder, split))}
    if not listing:
        raise ValueError(
            f"{of_year[0] / 'ImageSets/Segmentation'}: has no list {_LISTS[split][0][0]}.txt. "
            f"{_source(year, split)}"
        )
    if len(listing) > 1:
        raise ValueError(
            f"{root}: several folders hold the split {split!r} of VOC {year}: "
            f"{some([str(folder) for folder in listing])}; give the one that you mean."
        )
    return next(iter(listing.items()))


def _devkit_folders(root: Path) -> list[Path]:
    """Every folder, `root` or below, that holds lists for segmentation."""
    found: list[Path] = []
    level = [root]
    for depth in range(_DEPTH + 1):
        here = [folder for folder in level if is_folder(folder / "ImageSets" / "Segmentation")]
        found += here
        if depth < _DEPTH:
            level = [
                inner for folder in level if folder not in here for inner in folders_in(folder)
            ]
    return found


def _is_of_year(folder: Path, root: Path, year: str) -> bool:
    # the root itself may have any name, unless that name is another year's
    years = _YEAR.findall(Path(os.path.abspath(folder)).name)
    return year in years or (folder == root and not years)


def _lists(home: Path, split: str) -> list[Path]:
    for names in _LISTS[split]:
        paths = [home / "ImageSets" / "Segmentation" / f"{name}.txt" for name in names]
        if all(is_file(path) for path in paths):
            return paths
    return []


def _source(year: str, split: str) -> str:
    return _SOURCES.get((year, split)) or _SOURCES[year, "train"]


def _listed_names(lists: Sequence[Path], masks_folder: str) -> list[str]:
    names = [name for path in lists for name in _names_in(path, masks_folder)]
    listed_in = " and ".join(str(path) for path in lists)
    if not names:
        raise ValueError(f"{listed_in}: the list is empty; expected one image name a line.")
    if repeated := [name for name, times in Counter(names).items() if times > 1]:
        raise ValueError(f"{listed_in}: {some(repeated)} listed more than once; once is enough.")
    return names


def _names_in(path: Path, masks_folder: str) -> list[str]:
    """The names of a list; of a second column the meaning is checked, and it says nothing more."""
    names = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        columns = line.split()
        if not columns:
            continue
        name = _name_of(columns[0], folder="JPEGImages")
        rest = columns[1:]
        is_known = not rest or (
            len(rest) == 1
            and (rest[0] in _CLASS_IS_HERE or _name_of(rest[0], folder=masks_folder) == name)
        )
        if name is None or not is_known:
            raise ValueError(
                f"{path}, line {number}: {line.strip()!r}; expected an image name, perhaps with 1 "
                f"or -1 after it, or JPEGImages/NAME.jpg {masks_folder}/NAME.png; if the masks lie "
                "elsewhere, say so with data.options.masks_folder."
            )
        names.append(name)
    return names


def _name_of(text: str, *, folder: str) -> str | None:
    """The image name in NAME, NAME.jpg or /FOLDER/NAME.jpg; None in another folder."""
    place = PurePosixPath(text)
    if "/" in text and place.parent.name != folder:
        return None
    return place.stem if place.suffix.lower() in IMAGE_SUFFIXES else place.name


def _files_by_stem(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    # backwards, so that of X.jpg and X.png the devkit's own, X.jpg, stays
    paths = reversed(files_in(folder) if is_folder(folder) else [])
    return {path.stem: path for path in paths if path.suffix.lower() in suffixes}


def _labels_of(masks: Sequence[Path]) -> LabelMap:
    """How these masks hold the classes; the first that is not all background says it."""
    for path in masks[:20]:
        values = read_mask_values(path, wants_indices=True)
        if values.ndim == 3:
            return COLOR_LABELS
        if values.any():
            # grey in RGB reads as values: the only grey colours are background's and tvmonitor's
            return COLOR_LABELS if np.isin(values, (0, 128)).all() else LABELS
    return LABELS


def _is_at(root: Path, year: str) -> bool:
    return any(_is_of_year(folder, root, year) for folder in _devkit_folders(root))


VOC2007 = DatasetEntry(
    "Pascal VOC 2007 segmentation, 20 objects and background (Everingham et al. 2010)",
    read_voc2007,
    SPLITS,
    unions=("trainval",),
    is_at=lambda root: _is_at(root, "2007"),
)

VOC2012 = DatasetEntry(
    "Pascal VOC 2012 segmentation, 20 objects and background (Everingham et al. 2010)",
    read_voc2012,
    SPLITS,
    unions=("trainval", "trainaug"),
    is_at=lambda root: _is_at(root, "2012"),
)

_ENTRIES = {"2007": VOC2007, "2012": VOC2012}
