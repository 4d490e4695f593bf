"""Stanford 2D-3D-S: 70,496 frames of six office areas, 1080x1080, 13 classes.

Armeni, Sax, Zamir, Savarese 2017, "Joint 2D-3D-semantic data for indoor scene understanding",
arXiv:1702.01105. A mask pixel is a 24-bit number R*65536 + G*256 + B, the place of an instance in
assets/semantic_labels.json; `<UNK>` and 0x0D0D0D (no data) are ignored. Areas 5a and 5b are two
halves of one floor, so the usual val and test areas may show the same room; the groups say which.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tessella.data.dataset import DatasetEntry
from tessella.data.files import existing_root, files_in, home_of, is_file, is_folder, read_text
from tessella.data.pairs import Pair, PairDataset
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.palette import distinct_colors
from tessella.suggestion import unknown_name

SPLITS = ("train", "val", "test")
AREAS = ("1", "2", "3", "4", "5a", "5b", "6")
CLASSES = (
    *("beam", "board", "bookcase", "ceiling", "chair", "clutter", "column"),
    *("door", "floor", "sofa", "table", "wall", "window"),
)

NO_DATA = 0x0D0D0D
"""Code of pixels that the 3D model does not cover."""

_UNKNOWN = "<UNK>"
_TABLE = "assets/semantic_labels.json"
_OFFICIAL = {"train": {"1", "2", "3", "4", "6"}, "val": {"5a"}, "test": {"5b"}}
_FRAME = re.compile(r"camera_[0-9a-fA-F]+_(.+)_frame_[^_]+_domain_rgb")


def read_stanford2d3ds(
    root: Path | None,
    split: str,
    *,
    train_areas: Sequence[str] = ("1", "2", "3", "4", "6"),
    val_areas: Sequence[str] = ("5a",),
    test_areas: Sequence[str] = ("5b",),
    every: int = 1,
) -> PairDataset:
    """The frames of the split's areas: `area_1/data/rgb/*_rgb.png`, `.../semantic/*_semantic.png`.

    They are in the order of areas and file names, and named by their file name without ending. A
    group is a room; areas 5a and 5b count as one area 5 there.

    Args:
        root: the folder that holds `assets/` and the areas, or one above it; or a zip of either.
        split: train, val or test.
        train_areas: areas of the train split, of 1, 2, 3, 4, 5a, 5b and 6.
        val_areas: areas of the val split.
        test_areas: areas of the test split.
        every: keep each n-th frame of the split, beginning with the first; neighbours hardly
            differ.

    Raises:
        UsageError: an unknown split or area, an area in two splits, or no root is given.
        ValueError: an area, the class table or a mask is missing.
    """
    if split not in SPLITS:
        raise UsageError(unknown_name("split of stanford2d3ds", split, SPLITS))
    if every < 1:
        raise UsageError(f"data.options.every is {every}; expected 1 (all frames) or more.")
    listed = {"train": train_areas, "val": val_areas, "test": test_areas}
    areas = {part: _checked_areas(part, given) for part, given in listed.items()}
    _refuse_overlap(areas)
    if not areas[split]:
        raise UsageError(f"data.options.{split}_areas is empty; give at least one area.")
    root = existing_root("stanford2d3ds", root)
    home = _home(root)
    labels = _labels(_table_path(root, home))
    pairs = [pair for area in AREAS if area in areas[split] for pair in _frames(home, area)]
    is_official = {part: set(names) for part, names in areas.items()} == _OFFICIAL
    return PairDataset(pairs[::every], labels, official=is_official)


def _checked_areas(split: str, given: Sequence[str]) -> list[str]:
    option = f"data.options.{split}_areas"
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise UsageError(f"{option} is {given!r}; expected a list, for example [1, 5a].")
    areas = [str(area) for area in given]  # YAML reads 1 as a number and 5a as text
    for area in areas:
        if area not in AREAS:
            raise UsageError(f"{option}: {unknown_name('area', area, AREAS)}")
        if areas.count(area) > 1:
            raise UsageError(f"{option} lists area {area} more than once; once is enough.")
    return areas


def _refuse_overlap(areas: Mapping[str, Sequence[str]]) -> None:
    taken: dict[str, str] = {}
    for split, names in areas.items():
        for area in names:
            if area in taken:
                raise UsageError(
                    f"area {area} is in data.options.{taken[area]}_areas and in {split}_areas; a "
                    "model must not be scored on what it was trained on. Keep it in one."
                )
            taken[area] = split


def _home(root: Path) -> Path:
    """The folder that holds the areas."""
    homes = (home_of(root, (f"area_{area}/data",), depth=2) for area in AREAS)
    home = next((home for home in homes if home is not None), None)
    if home is None:
        raise ValueError(
            f"{root}: no folder area_1/data to area_6/data here or below; expected the areas of "
            "2D-3D-S. Request access at the data set's page, buildingparser.stanford.edu."
        )
    return home


def _table_path(root: Path, home: Path) -> Path:
    for folder in (home, root):
        if is_file(folder / _TABLE):
            return folder / _TABLE
    raise ValueError(
        f"{home}: has no {_TABLE}, which says what the numbers in the masks mean; copy the folder "
        "assets of the data set's repository, github.com/alexsax/2D-3D-Semantics, beside the areas."
    )


def _labels(path: Path) -> LabelMap:
    """The place of each instance in the table, and its class: "chair_3_office_12_1" is a chair."""
    try:
        instances = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{path}: cannot read the class table ({error}); copy it again."
        ) from error
    if not isinstance(instances, list) or not instances:
        raise ValueError(f"{path}: is no list of instances; copy the class table again.")
    index_of = {name: index for index, name in enumerate(CLASSES)}
    index_of[_UNKNOWN] = 255
    file_values = [(NO_DATA, 255)]
    for place, instance in enumerate(instances):
        name = instance.split("_")[0] if isinstance(instance, str) else None
        if name not in index_of:
            raise ValueError(
                f"{path}: entry {place} is {str(instance)[:60]!r}; expected class_instance_room_"
                f"number_area with a class of {', '.join(CLASSES)} or {_UNKNOWN}. Copy the class "
                "table again."
            )
        file_values.append((place, index_of[name]))
    return LabelMap(CLASSES, distinct_colors(len(CLASSES)), tuple(file_values), encoding="code")


def _frames(home: Path, area: str) -> list[Pair]:
    folder = home / f"area_{area}" / "data"
    if not is_folder(folder):
        found = ", ".join(a for a in AREAS if is_folder(home / f"area_{a}"))
        raise ValueError(
            f"{home}: area {area} is not here, only {found}; request access at the data set's "
            "page, buildingparser.stanford.edu, or name other areas with data.options.train_areas, "
            "val_areas and test_areas."
        )
    images = _files_ending(folder / "rgb", "_rgb.png")
    masks = {path.name for path in _files_ending(folder / "semantic", "_semantic.png")}
    pairs = []
    for image in images:
        mask = image.name.removesuffix("_rgb.png") + "_semantic.png"
        if mask not in masks:
            raise ValueError(
                f"{image}: has no mask; expected {folder / 'semantic' / mask}. Unpack the area "
                "again, or remove the frame."
            )
        group = f"area_{area.rstrip('ab')}_{_room(image)}"
        pairs.append(Pair(image, folder / "semantic" / mask, image.stem, group))
    return pairs


def _files_ending(folder: Path, ending: str) -> list[Path]:
    files = files_in(folder) if is_folder(folder) else []
    found = [path for path in files if path.name.endswith(ending)]
    if not found:
        raise ValueError(f"{folder}: has no files *{ending}; unpack the area again.")
    return found


def _room(image: Path) -> str:
    frame = _FRAME.fullmatch(image.stem)
    if frame is None:
        raise ValueError(
            f"{image}: its name tells no room; expected camera_0123abcd_office_1_frame_0_domain_"
            "rgb.png. Rename it, or remove it."
        )
    return frame[1]


def _is_at(root: Path) -> bool:
    return any(home_of(root, (f"area_{area}/data/semantic",), depth=2) for area in AREAS)


ENTRY = DatasetEntry(
    "Stanford 2D-3D-S, frames of offices, 13 classes (Armeni et al. 2017)",
    read_stanford2d3ds,
    SPLITS,
    is_at=_is_at,
)
