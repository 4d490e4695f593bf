"""CamVid as the SegNet tutorial ships it: 701 street frames, 480x360, 11 classes and void.

Brostow et al. 2009, "Semantic object classes in video"; split and class grouping of
Badrinarayanan et al. 2017 (SegNet), arXiv:1511.00561. 367 train, 101 val and 233 test frames;
train and val share the sequence 0016E5, train and test share 0001TP.
"""

from pathlib import Path

from tessella.data.dataset import DatasetEntry
from tessella.data.files import existing_root, files_in, home_of, is_file, is_folder
from tessella.data.pairs import Pair, PairDataset
from tessella.data.splits import read_lines
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.suggestion import unknown_name

SPLITS = ("train", "val", "test")

LABELS = LabelMap(
    names=(
        *("sky", "building", "pole", "road", "pavement", "tree"),
        *("sign", "fence", "car", "pedestrian", "bicyclist"),
    ),
    colors=(
        *((128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (0, 0, 192)),
        *((128, 128, 0), (192, 128, 128), (64, 64, 128), (64, 0, 128), (64, 64, 0)),
        (0, 128, 192),
    ),
    file_values=(*((index, index) for index in range(11)), (11, 255)),
    ignore_color=(0, 0, 0),
)
"""Indices and colours of the SegNet tutorial; 11 is void and ignored."""

_IMAGE_SUFFIXES = (".png", ".webp", ".jpg")


def read_camvid(root: Path | None, split: str) -> PairDataset:
    """One split: `train/`, `trainannot/` and so on, with the lists `train.txt` where they exist.

    Args:
        root: the folder that holds `train/`, or one above it; or a zip of either.
        split: train, val or test.

    Raises:
        UsageError: the split is unknown or no root is given.
        ValueError: the folder is not CamVid, or an image has no mask.
    """
    if split not in SPLITS:
        raise UsageError(unknown_name("split of camvid", split, SPLITS))
    home = _home(existing_root("camvid", root), split)
    stems = _listed_stems(home, split)
    pairs = [_pair(home, split, stem) for stem in stems]
    if not pairs:
        raise ValueError(f"{home / split}: the {split} split is empty; expected CamVid frames.")
    return PairDataset(pairs, LABELS, official=True)


def _home(root: Path, split: str) -> Path:
    # one home for all splits: of two copies side by side one may lack a split that the other has
    home = home_of(root, ("train", "trainannot"), depth=2) or root
    if not (is_folder(home / split) and is_folder(home / f"{split}annot")):
        home = home_of(root, (split, f"{split}annot"), depth=2) if home == root else None
    if home is None:
        raise ValueError(
            f"{root}: no folders {split}/ and {split}annot/ here or below; expected the layout of "
            f"the SegNet tutorial: {split}/ with images and {split}annot/ with masks."
        )
    return home


def _listed_stems(home: Path, split: str) -> list[str]:
    """Frame names from the list (absolute paths of another machine: the stems count), or a scan."""
    listing = home / f"{split}.txt"
    if is_file(listing):
        return [Path(line.split()[0]).stem for line in read_lines(listing)]
    return sorted(p.stem for p in files_in(home / split) if p.suffix.lower() in _IMAGE_SUFFIXES)


def _pair(home: Path, split: str, stem: str) -> Pair:
    images = [home / split / f"{stem}{suffix}" for suffix in _IMAGE_SUFFIXES]
    image = next((path for path in images if is_file(path)), None)
    if image is None:
        raise ValueError(f"{home / split}: frame {stem} is listed but has no image file here.")
    mask = home / f"{split}annot" / f"{stem}.png"
    if not is_file(mask):
        raise ValueError(f"{image}: has no mask; expected {mask}.")
    return Pair(image, mask, stem, group=stem.split("_")[0])


def _is_at(root: Path) -> bool:
    return home_of(root, ("train", "trainannot"), depth=2) is not None


ENTRY = DatasetEntry(
    "CamVid street frames, 11 classes, split of the SegNet tutorial (Brostow et al. 2009)",
    read_camvid,
    SPLITS,
    is_at=_is_at,
)
