"""Which data set of the table lies in a folder, zip or file, told by what is in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tessella.data import DATASETS
from tessella.data.class_files import CLASS_FILES
from tessella.data.files import existing_root, files_below, is_file, read_bytes
from tessella.data.images import IMAGE_SUFFIXES
from tessella.data.layout import Layout, find_layout

CLUES: Mapping[str, str] = {
    "cityscapes": "leftImg8bit and gtFine (or gtCoarse): Cityscapes layout",
    "voc2012": "JPEGImages, SegmentationClass and ImageSets/Segmentation: Pascal VOC 2012 layout",
    "voc2007": "JPEGImages, SegmentationClass and ImageSets/Segmentation: Pascal VOC 2007 layout",
    "stanford2d3ds": "area_1/data/semantic or another area: Stanford 2D-3D-S layout",
    "flowers17": "photographs and trimaps of the same names: Oxford 17 Flowers layout",
    "camvid": "train and trainannot: CamVid in the layout of the SegNet tutorial",
    "camvid32": "frames with colour masks X_L.png: CamVid with its 32 classes",
    "camseq": "frames X.png of sequence 0016E5 beside masks X_L.png: CamSeq01 layout",
    "manifest": "a list of image and mask files: manifest",
    "coco": "a JSON with images, annotations and categories: COCO's form",
    "labelme": "JSON files with shapes and imagePath: labelme's form",
}
"""Data set -> what it is recognised by, the most special first: the first that fits is taken."""

# Layouts that people use for classes of their own; then a file beside it lists these, or the files
# are not called like the original's frames.
_BORROWED = ("voc2012", "voc2007", "camvid")
_CAMVID_SEQUENCES = ("0001TP_", "0006R0_", "0016E5_", "Seq05VD_")
_TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")


@dataclass(frozen=True)
class Recognised:
    """A data set and how to open it."""

    name: str
    """A key of `DATASETS`."""

    root: Path
    """What its reader is to be given: the path asked about, or the folder of that file."""

    reason: str
    """One sentence that says by what it was recognised."""

    options: dict[str, Any] = field(default_factory=dict)
    """Options of its reader."""

    layout: Layout | None = field(default=None, compare=False, repr=False)
    """Of a plain folder: what lies in it, so that nobody need look again."""


def recognise(root: Path) -> Recognised:
    """The data set at `root`: the most special one of the table that fits, else a plain folder.

    Args:
        root: a folder, a zip, or a file: .json (COCO or labelme), .csv or .jsonl (manifest).

    Raises:
        ValueError: there is nothing, or nothing that fits, or several masks for one image; the
            message says what was seen and what to do.
    """
    if is_file(root) and root.suffix.lower() in (".json", *_TABLES):
        return _recognise_file(root)
    root = existing_root("data", root)
    for name, clue in CLUES.items():
        is_at = DATASETS[name].is_at
        if is_at is None or not is_at(root):
            continue
        if name not in _BORROWED or not _is_borrowed(name, root):
            return Recognised(name, root, clue)
    layout = find_layout(root)
    if not layout.pairs:
        raise ValueError(_nothing_fits(root, layout))
    return Recognised("folder", root, _clue_of(layout), layout=layout)


def _recognise_file(path: Path) -> Recognised:
    if path.suffix.lower() in _TABLES:
        return Recognised("manifest", path, f"{path.name} is a table: {CLUES['manifest']}")
    content = read_bytes(path)
    if b'"shapes"' in content and b'"imagePath"' in content:
        return Recognised("labelme", path.parent, f"{path.name} has shapes: {CLUES['labelme']}")
    if b'"images"' in content and b'"annotations"' in content:
        return Recognised("coco", path, f"{path.name} is {CLUES['coco']}")
    raise ValueError(
        f"{path}: is no annotation file that we know; expected COCO's form (images, annotations, "
        "categories) or labelme's (shapes, imagePath). Export it in one of them, or give the "
        "folder with images and masks."
    )


def _is_borrowed(name: str, root: Path) -> bool:
    """Whether only the layout is that data set's, the images and classes somebody's own."""
    names = [path.name for path in files_below(root)]
    if any(file in CLASS_FILES for file in names):
        return True
    return name == "camvid" and not any(file.startswith(_CAMVID_SEQUENCES) for file in names)


def _clue_of(layout: Layout) -> str:
    images = _counted(len(layout.pairs), "image has", "images have")
    lonely = ""
    if layout.lonely_images:
        lonely = f", {_counted(len(layout.lonely_images), 'has', 'have')} none"
    return (
        f"{images} a mask ({layout.images} with {layout.masks}){lonely}: a folder of images and "
        "masks"
    )


def _counted(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def _nothing_fits(root: Path, layout: Layout) -> str:
    files = files_below(root)
    num_images = sum(path.suffix.lower() in IMAGE_SUFFIXES for path in files)
    num_json = sum(path.suffix.lower() == ".json" for path in files)
    folders = sorted({path.relative_to(root).parts[0] for path in files if path.parent != root})
    listed = ", ".join(folders[:8]) + (", ..." if len(folders) > 8 else "")
    return (
        f"{root}: no data set is recognised: {num_images} image files, {num_json} JSON files and "
        f"{len(files) - num_images - num_json} others, in the folders {listed or '(none)'}; "
        f"{len(layout.lonely_images)} of them look like images, {len(layout.lonely_masks)} like "
        "masks, and no two belong together. Expected images/ and masks/ with the same names, "
        "X_mask.png beside X.jpg, or annotations of COCO or labelme. Say where the files are, for "
        "example 'data.name=folder', 'data.options.images=photos/{name}.jpg' and "
        "'data.options.masks=truth/{name}.png'."
    )
