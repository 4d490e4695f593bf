"""CamVid as Cambridge published it: 701 street frames, 960x720, masks in 32 colours.

Brostow, Fauqueur, Cipolla 2009, "Semantic object classes in video". Its authors published no list
of train, val and test; the split here is that of Badrinarayanan et al. 2017 (SegNet),
arXiv:1511.00561, as a rule on frame names: 367 train, 101 val, 233 test. Train and val share the
sequence 0016E5, train and test share 0001TP. Copies that come already split into folders keep
their own split, which is another one.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tessella.data import camvid
from tessella.data.color_table import is_void, read_color_table
from tessella.data.dataset import DatasetEntry
from tessella.data.files import existing_root, files_in, home_of, is_file
from tessella.data.images import IMAGE_SUFFIXES
from tessella.data.pairs import Pair, PairDataset
from tessella.errors import UsageError
from tessella.labels import LabelMap, pack
from tessella.palette import Color
from tessella.suggestion import unknown_name

SPLITS = ("train", "val", "test")

COLORS: dict[str, Color] = {
    "Animal": (64, 128, 64),
    "Archway": (192, 0, 128),
    "Bicyclist": (0, 128, 192),
    "Bridge": (0, 128, 64),
    "Building": (128, 0, 0),
    "Car": (64, 0, 128),
    "CartLuggagePram": (64, 0, 192),
    "Child": (192, 128, 64),
    "Column_Pole": (192, 192, 128),
    "Fence": (64, 64, 128),
    "LaneMkgsDriv": (128, 0, 192),
    "LaneMkgsNonDriv": (192, 0, 64),
    "Misc_Text": (128, 128, 64),
    "MotorcycleScooter": (192, 0, 192),
    "OtherMoving": (128, 64, 64),
    "ParkingBlock": (64, 192, 128),
    "Pedestrian": (64, 64, 0),
    "Road": (128, 64, 128),
    "RoadShoulder": (128, 128, 192),
    "Sidewalk": (0, 0, 192),
    "SignSymbol": (192, 128, 128),
    "Sky": (128, 128, 128),
    "SUVPickupTruck": (64, 128, 192),
    "TrafficCone": (0, 0, 64),
    "TrafficLight": (0, 64, 64),
    "Train": (192, 64, 128),
    "Tree": (128, 128, 0),
    "Truck_Bus": (192, 128, 192),
    "Tunnel": (64, 0, 64),
    "VegetationMisc": (192, 192, 0),
    "Void": (0, 0, 0),
    "Wall": (64, 192, 0),
}
"""The 32 classes of CamVid in the order of its label_colors.txt; Void is ignored."""

GROUPS: dict[str, tuple[str, ...]] = {
    "sky": ("Sky",),
    "building": ("Building", "Archway", "Bridge", "Tunnel", "Wall"),
    "pole": ("Column_Pole", "TrafficCone"),
    "road": ("Road", "LaneMkgsDriv", "LaneMkgsNonDriv"),
    "pavement": ("Sidewalk", "ParkingBlock", "RoadShoulder"),
    "tree": ("Tree", "VegetationMisc"),
    "sign": ("SignSymbol", "Misc_Text", "TrafficLight"),
    "fence": ("Fence",),
    "car": ("Car", "OtherMoving", "SUVPickupTruck", "Train", "Truck_Bus"),
    "pedestrian": ("Pedestrian", "Animal", "CartLuggagePram", "Child"),
    "bicyclist": ("Bicyclist", "MotorcycleScooter"),
}
"""The 11 classes of `camvid.LABELS` out of the 32.

The SegNet paper gives only the 11 names; which of the 32 each takes in is written out in the
SegNet example of MathWorks' Computer Vision Toolbox, which says that it follows the paper.
"""

_STILLS = ("701_StillsRaw_full", "LabeledApproved_full")
_TABLES = ("label_colors.txt", "class_dict.csv")
_FRAME = re.compile(r"(0001TP|0006R0|0016E5|Seq05VD)_f?([0-9]+)")


def read_camvid32(root: Path | None, split: str, *, class_set: int = 32) -> PairDataset:
    """One split of `701_StillsRaw_full/` and `LabeledApproved_full/`, or of `train/` and so on.

    Masks are `X_L.png` beside or in a folder beside the images `X.png`; with folders by split they
    are `train_labels/`, `val_labels/` and `test_labels/`. The colours are those of
    label_colors.txt or class_dict.csv where one is there, else CamVid's own.

    Args:
        root: the folder that holds these, or one above it; or a zip of either.
        split: train, val or test.
        class_set: 32 for CamVid's classes (31 and void), 11 for those of the data set `camvid`.

    Raises:
        UsageError: the split or class set is unknown, or no root is given.
        ValueError: the folder is not CamVid, or an image has no mask.
    """
    if split not in SPLITS:
        raise UsageError(unknown_name("split of camvid32", split, SPLITS))
    root = existing_root("camvid32", root)
    stills = home_of(root, _STILLS, depth=2)
    folders = (split, f"{split}_labels")
    home = stills or home_of(root, folders, depth=2)
    if home is None:
        raise ValueError(
            f"{root}: neither {_STILLS[0]}/ and {_STILLS[1]}/ nor {folders[0]}/ and {folders[1]}/ "
            "are here or below; expected CamVid with masks in colours. For the copy with "
            f"{split}annot/ and grey masks take the data set camvid."
        )
    images, masks = (home / folder for folder in (_STILLS if stills else folders))
    labels = find_labels((home, masks), class_set=class_set)
    pairs = pair_frames(images_in(images), masks_in(masks))
    chosen = [pair for pair in pairs if not stills or _split_of(pair) == split]
    if not chosen:
        raise ValueError(f"{images}: the {split} split is empty; expected frames of CamVid.")
    return PairDataset(chosen, labels, official=True)


def images_in(folder: Path) -> list[Path]:
    """The images of a folder that are not masks `X_L`, in order."""
    files = (path for path in files_in(folder) if path.suffix.lower() in IMAGE_SUFFIXES)
    return [path for path in files if not path.stem.endswith("_L")]


def masks_in(folder: Path) -> list[Path]:
    """The masks `X_L.png` of a folder, in order."""
    files = (path for path in files_in(folder) if path.suffix.lower() == ".png")
    return [path for path in files if path.stem.endswith("_L")]


def pair_frames(images: Sequence[Path], masks: Iterable[Path]) -> list[Pair]:
    """Image `X` with mask `X_L`, in the order of the images; the group is the name before "_".

    Raises:
        ValueError: an image has no mask, or a mask has no image.
    """
    mask_of = {path.stem.removesuffix("_L"): path for path in masks}
    for image in images:
        if image.stem not in mask_of:
            raise ValueError(
                f"{image}: has no mask; expected a file {image.stem}_L.png. Add it, or remove the "
                "image."
            )
    if lonely := sorted(mask_of.keys() - {image.stem for image in images}):
        raise ValueError(
            f"{mask_of[lonely[0]]}: {len(lonely)} masks have no image; expected an image "
            f"{lonely[0]}.png. Add the images, or remove the masks."
        )
    return [Pair(p, mask_of[p.stem], p.stem, group=p.stem.split("_")[0]) for p in images]


def find_labels(folders: Iterable[Path], *, class_set: int) -> LabelMap:
    """The label map of a colour table in one of the folders, or of CamVid's own colours.

    Args:
        folders: where label_colors.txt or class_dict.csv may lie, first come first.
        class_set: 32 keeps the classes of the table, 11 groups them by `GROUPS`.

    Raises:
        UsageError: another class set.
        ValueError: the table cannot be read, or holds names that `GROUPS` does not know.
    """
    if class_set not in (11, 32):
        raise UsageError(
            f"data.options.class_set is {class_set!r}; expected 32 (all classes) or 11 (the "
            "grouping of the SegNet tutorial)."
        )
    places = (folder / name for folder in folders for name in _TABLES)
    table = next((place for place in places if is_file(place)), None)
    colors = COLORS if table is None else read_color_table(table)
    void = [color for name, color in colors.items() if is_void(name)]
    classes = {name: color for name, color in colors.items() if not is_void(name)}
    if not classes:
        raise ValueError(f"{table}: names no class beside void; expected the names of CamVid.")
    if class_set == 11:
        return _grouped(classes, void, where=str(table))
    return LabelMap.from_colors(classes, ignore_colors=void)


def _grouped(classes: Mapping[str, Color], void: Iterable[Color], *, where: str) -> LabelMap:
    grouped = {name for members in GROUPS.values() for name in members}
    if unknown := [name for name in classes if name not in grouped]:
        raise ValueError(
            f"{where}: {', '.join(unknown[:5])} cannot be grouped into 11 classes; expected the "
            "names of CamVid. Take data.options.class_set=32 for classes of your own."
        )
    values = {
        group: [pack(classes[name]) for name in members if name in classes]
        for group, members in GROUPS.items()
    }
    return LabelMap.from_values(
        values,
        colors=camvid.LABELS.colors,
        ignore_values=[pack(color) for color in void],
        encoding="color",
    )


def _split_of(pair: Pair) -> str:
    """SegNet's split: val is the clip of CamSeq01, test is Seq05VD and the end of 0001TP."""
    frame = _FRAME.fullmatch(pair.name)
    if frame is None:
        raise ValueError(
            f"{pair.image}: is no frame of CamVid; expected a name such as 0001TP_006690, of the "
            "sequences 0001TP, 0006R0, 0016E5 or Seq05VD. Remove it."
        )
    sequence, number = frame[1], int(frame[2])
    if sequence == "0016E5" and 7959 <= number <= 8159:
        return "val"
    if sequence == "Seq05VD" or (sequence == "0001TP" and number >= 8550):
        return "test"
    return "train"


def _is_at(root: Path) -> bool:
    if home_of(root, _STILLS, depth=2):
        return True
    home = home_of(root, ("train", "train_labels"), depth=2)
    return home is not None and any(_FRAME.fullmatch(p.stem) for p in images_in(home / "train"))


ENTRY = DatasetEntry(
    "CamVid street frames in their 32 original classes (Brostow et al. 2009)",
    read_camvid32,
    SPLITS,
    is_at=_is_at,
)
