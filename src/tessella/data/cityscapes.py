"""Cityscapes: street scenes of 50 cities, 2048x1024, 19 classes that are scored and void.

Cordts et al. 2016, arXiv:1604.01685; ids, names and colours of cityscapesScripts. 2975 train, 500
val and 1525 test frames with fine masks; coarse masks for train, val and 19998 further frames
(train_extra). The original zips are read as they are.
"""

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from jaxtyping import Integer, UInt8

from tessella.data.dataset import DatasetEntry
from tessella.data.files import existing_root, files_below, files_in, home_of
from tessella.data.images import IMAGE_SUFFIXES
from tessella.data.pairs import Pair, PairDataset
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.palette import Color
from tessella.suggestion import unknown_name

logger = logging.getLogger(__name__)

SPLITS = ("train", "val", "test", "train_extra")
CLASS_SETS = (19, 20, 34)

Annotation = Literal["fine", "coarse"]
"""Masks drawn exactly in an hour and a half, or coarsely in seven minutes."""

HOW_TO_GET = (
    "log in at www.cityscapes-dataset.com, download {images} and {masks}, and put them in {root}; "
    "they need not be unpacked."
)
"""What to do when nothing of the data set is there."""

_SPLITS_OF = {"fine": ("train", "val", "test"), "coarse": ("train", "val", "train_extra")}
_PACKAGES = {"fine": "gtFine", "coarse": "gtCoarse"}
_IMAGES = "leftImg8bit"
_SEQUENCE = re.compile(r"(.+_\d+)_\d+")
_LICENSE_PLATE = 255  # id -1 in a byte; the original masks never draw it


class _Kind(NamedTuple):
    name: str
    is_scored: bool
    color: Color


_KINDS = (
    _Kind("unlabeled", False, (0, 0, 0)),
    _Kind("ego vehicle", False, (0, 0, 0)),
    _Kind("rectification border", False, (0, 0, 0)),
    _Kind("out of roi", False, (0, 0, 0)),
    _Kind("static", False, (0, 0, 0)),
    _Kind("dynamic", False, (111, 74, 0)),
    _Kind("ground", False, (81, 0, 81)),
    _Kind("road", True, (128, 64, 128)),
    _Kind("sidewalk", True, (244, 35, 232)),
    _Kind("parking", False, (250, 170, 160)),
    _Kind("rail track", False, (230, 150, 140)),
    _Kind("building", True, (70, 70, 70)),
    _Kind("wall", True, (102, 102, 156)),
    _Kind("fence", True, (190, 153, 153)),
    _Kind("guard rail", False, (180, 165, 180)),
    _Kind("bridge", False, (150, 100, 100)),
    _Kind("tunnel", False, (150, 120, 90)),
    _Kind("pole", True, (153, 153, 153)),
    _Kind("polegroup", False, (153, 153, 153)),
    _Kind("traffic light", True, (250, 170, 30)),
    _Kind("traffic sign", True, (220, 220, 0)),
    _Kind("vegetation", True, (107, 142, 35)),
    _Kind("terrain", True, (152, 251, 152)),
    _Kind("sky", True, (70, 130, 180)),
    _Kind("person", True, (220, 20, 60)),
    _Kind("rider", True, (255, 0, 0)),
    _Kind("car", True, (0, 0, 142)),
    _Kind("truck", True, (0, 0, 70)),
    _Kind("bus", True, (0, 60, 100)),
    _Kind("caravan", False, (0, 0, 90)),
    _Kind("trailer", False, (0, 0, 110)),
    _Kind("train", True, (0, 80, 100)),
    _Kind("motorcycle", True, (0, 0, 230)),
    _Kind("bicycle", True, (119, 11, 32)),
)
"""What the label ids 0..33 stand for. The scored ones, in this order, are the train ids 0..18."""

_SCORED_IDS = tuple(index for index, kind in enumerate(_KINDS) if kind.is_scored)
_VOID_IDS = (*(index for index, kind in enumerate(_KINDS) if not kind.is_scored), _LICENSE_PLATE)


def labels_of(class_set: int) -> LabelMap:
    """What the label ids in the masks mean.

    Args:
        class_set: 19 for the classes that the benchmark scores, void ignored; 20 for these and
            void as class 19; 34 for all label ids as they are. License plates are void.

    Raises:
        UsageError: another class set.
    """
    if class_set not in CLASS_SETS:
        raise UsageError(
            unknown_name("class_set of cityscapes", str(class_set), map(str, CLASS_SETS))
        )
    if class_set == 34:
        return LabelMap(
            names=tuple(kind.name for kind in _KINDS),
            colors=tuple(kind.color for kind in _KINDS),
            file_values=(*((index, index) for index in range(34)), (_LICENSE_PLATE, 255)),
        )
    names = tuple(_KINDS[index].name for index in _SCORED_IDS)
    colors = tuple(_KINDS[index].color for index in _SCORED_IDS)
    scored = tuple((label_id, index) for index, label_id in enumerate(_SCORED_IDS))
    if class_set == 20:
        void = tuple((label_id, 19) for label_id in _VOID_IDS)
        return LabelMap((*names, "void"), (*colors, (0, 0, 0)), (*scored, *void))
    void = tuple((label_id, 255) for label_id in _VOID_IDS)
    return LabelMap(names, colors, (*scored, *void), ignore_color=(0, 0, 0))


def to_label_ids(
    mask: Integer[np.ndarray, "h w"], *, class_set: int = 19
) -> UInt8[np.ndarray, "h w"]:
    """The label ids of a mask or prediction, as the evaluation server expects them.

    Args:
        mask: class indices of the class set; void and ignored pixels become 0 (unlabeled).
        class_set: 19, 20 or 34, as in `labels_of`.

    Raises:
        UsageError: another class set.
        ValueError: the mask holds values that are neither a class nor 255.
    """
    labels = labels_of(class_set)
    ids = np.zeros(256, np.uint8)
    ids[: labels.num_classes] = {19: _SCORED_IDS, 20: (*_SCORED_IDS, 0), 34: range(34)}[class_set]
    values = np.unique(mask)
    if values.dtype.kind not in "ui":
        raise ValueError(f"the mask holds {values.dtype}; expected class indices, whole numbers.")
    in_set = (values >= 0) & (values < labels.num_classes) | (values == labels.ignore_index)
    if not in_set.all():
        raise ValueError(
            f"the mask holds {', '.join(map(str, values[~in_set][:6]))}; expected class indices "
            f"0..{labels.num_classes - 1} of class_set {class_set}, or 255. Is it of another one?"
        )
    return ids[mask]


def read_cityscapes(
    root: Path | None, split: str, *, annotation: Annotation = "fine", class_set: int = 19
) -> PairDataset:
    """One split, from the folders `leftImg8bit` and `gtFine` or `gtCoarse`, or from their zips.

    Masks are the files `_labelIds.png`. Where a split has none at all but has
    `_labelTrainIds.png`, those are read; they know the class set 19 only.

    Args:
        root: the folder that holds both folders, or both original zips; or one zip of both.
        split: train, val, test (its public masks are empty), or train_extra (coarse only).
        annotation: `fine` or `coarse` masks.
        class_set: 19, 20 or 34 classes, see `labels_of`.

    Raises:
        UsageError: an unknown split, annotation or class set, or no root is given.
        ValueError: the files are not there, or the annotation has no such split.
    """
    if split not in SPLITS:
        raise UsageError(unknown_name("split of cityscapes", split, SPLITS))
    if annotation not in get_args(Annotation):
        known = get_args(Annotation)
        raise UsageError(unknown_name("annotation of cityscapes", str(annotation), known))
    labels = labels_of(class_set)
    root = existing_root("cityscapes", root)
    if split not in _SPLITS_OF[annotation]:
        raise ValueError(
            f"{root}: there are no {annotation} masks of the split {split!r}, only of "
            f"{', '.join(_SPLITS_OF[annotation])}; choose one of these, or the other annotation."
        )
    package = _PACKAGES[annotation]
    _refuse_another_folder(root, split, package)
    images = _images(_split_folder(root, _IMAGES, split))
    folder = _split_folder(root, package, split)
    masks = _files(folder, f"_{package}_labelIds", (".png",))
    if not masks and (train_masks := _files(folder, f"_{package}_labelTrainIds", (".png",))):
        masks, labels = train_masks, _labels_of_train_ids(folder, labels)
    _refuse_missing(images, masks, folder=folder, package=package)
    if split == "test":
        logger.warning(
            "%s: the public masks of the Cityscapes test split are empty; its scores come from "
            "the evaluation server, which takes predictions as tessella.data.cityscapes."
            "to_label_ids gives them.",
            folder,
        )
    pairs = [_pair(key, path, masks[key]) for key, path in images.items()]
    return PairDataset(pairs, labels, official=True)


def _archive(package: str, split: str) -> str:
    if package == "gtCoarse":
        return "gtCoarse.zip (1.3 GB)"
    if package == "gtFine":
        return "gtFine_trainvaltest.zip (241 MB)"
    is_extra = split == "train_extra"
    return (
        f"{_IMAGES}_trainextra.zip (44 GB)" if is_extra else f"{_IMAGES}_trainvaltest.zip (11 GB)"
    )


def _places(root: Path) -> list[Path]:
    """Where folders of the data set may lie: the root, and the zips in it."""
    zips = [path for path in files_in(root) if path.suffix.lower() == ".zip" and path.is_file()]
    return [root, *(path for path in zips if path.name.startswith((_IMAGES, "gt")))]


def _find(root: Path, marker: str) -> Path | None:
    homes = (home_of(place, (marker,), depth=2) for place in _places(root))
    home = next((home for home in homes if home is not None), None)
    return home / marker if home else None


def _refuse_another_folder(root: Path, split: str, package: str) -> None:
    if not any(_find(root, name) for name in (_IMAGES, *_PACKAGES.values())):
        advice = HOW_TO_GET.format(
            images=_archive(_IMAGES, split), masks=_archive(package, split), root=root
        )
        raise ValueError(f"{root}: neither {_IMAGES}/ nor {package}/ is here; {advice}")


def _split_folder(root: Path, package: str, split: str) -> Path:
    """`PACKAGE/SPLIT` in the root, one or two folders below, or in a zip that lies in the root."""
    folder = _find(root, f"{package}/{split}")
    if folder is None:
        raise ValueError(
            f"{root}: there is no {package}/{split}/CITY/ here or in a zip here; it is in "
            f"{_archive(package, split)} of www.cityscapes-dataset.com. Put that in {root}."
        )
    return folder


def _files(folder: Path, ending: str, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """CITY/FRAME -> file, for the files FRAME + ending + one of the suffixes."""
    found: dict[str, Path] = {}
    for path in files_below(folder):
        if path.suffix.lower() not in suffixes or not path.stem.endswith(ending):
            continue
        key = (path.relative_to(folder).parent / path.stem.removesuffix(ending)).as_posix()
        if key in found:
            raise ValueError(f"{path}: {found[key].name} is the same frame; remove one of them.")
        found[key] = path
    return found


def _images(folder: Path) -> dict[str, Path]:
    images = _files(folder, f"_{_IMAGES}", IMAGE_SUFFIXES)
    if not images:
        raise ValueError(
            f"{folder}: holds no images CITY/..._{_IMAGES}.png; they are in "
            f"{_archive(_IMAGES, folder.name)} of www.cityscapes-dataset.com."
        )
    return images


def _refuse_missing(
    images: Mapping[str, Path], masks: Mapping[str, Path], *, folder: Path, package: str
) -> None:
    if lonely := [key for key in masks if key not in images]:
        logger.warning(
            "%s: masks without an image: %d, first %s; this is a part of the split, so its scores "
            "are not comparable.",
            *(folder, len(lonely), masks[lonely[0]].name),
        )
    if absent := [key for key in images if key not in masks]:
        cities = {key.rpartition("/")[0] for key in masks}
        lost = sorted({key.rpartition("/")[0] for key in absent} - cities)
        whole = f" (all of {', '.join(lost[:5])})" if lost and lost[0] else ""
        raise ValueError(
            f"{folder / absent[0]}_{package}_labelIds.png: is missing, as are the masks of "
            f"{len(absent)} of {len(images)} images in all{whole}; they are in "
            f"{_archive(package, folder.name)} of www.cityscapes-dataset.com."
        )


def _labels_of_train_ids(folder: Path, labels: LabelMap) -> LabelMap:
    if labels.num_classes != 19:
        raise ValueError(
            f"{folder}: has _labelTrainIds.png only, which hold 19 classes and not "
            f"{labels.num_classes}; add the _labelIds.png, or choose data.options.class_set=19."
        )
    values = (*((index, index) for index in range(19)), (255, 255))
    return LabelMap(labels.names, labels.colors, values, ignore_color=labels.ignore_color)


def _pair(key: str, image: Path, mask: Path) -> Pair:
    name = key.rpartition("/")[2]
    match = _SEQUENCE.fullmatch(name)
    return Pair(image, mask, name, group=match[1] if match else name)


def _is_at(root: Path) -> bool:
    has_masks = any(_find(root, package) for package in _PACKAGES.values())
    return has_masks and _find(root, _IMAGES) is not None


ENTRY = DatasetEntry(
    "Cityscapes street scenes, 19 classes, fine or coarse masks (Cordts et al. 2016)",
    read_cityscapes,
    SPLITS[:3],
    unions=SPLITS[3:],
    is_at=_is_at,
)
