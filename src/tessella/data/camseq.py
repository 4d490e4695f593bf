"""CamSeq01, also called CamSeq2007: one clip of 101 street frames, 960x720, masks in 32 colours.

Fauqueur, Brostow, Cipolla 2007, "Assisted video object labeling by joint tracking of regions and
keypoints". Neighbouring frames hardly differ, so the clip is cut in time, never at random, and
frames beside a cut are left out. All splits are of one clip and so share one group: a score here
says little about another street.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from tessella.data.camvid32 import find_labels, images_in, masks_in, pair_frames
from tessella.data.dataset import DatasetEntry
from tessella.data.files import existing_root, folders_in
from tessella.data.pairs import Pair, PairDataset
from tessella.errors import UsageError
from tessella.suggestion import unknown_name

SPLITS = ("train", "val", "test")

_FRAMES_BESIDE_A_CUT = 5


def read_camseq(
    root: Path | None, split: str, *, gap: int | None = None, class_set: int = 32
) -> PairDataset:
    """One part of the clip: the first 70 % of its frames, half of the rest, the other half.

    Images `X.png` and masks `X_L.png` lie in one folder. The colours are those of label_colors.txt
    there, else CamVid's own. Of 101 frames 70, 15 and 16 are train, val and test; then the last
    `gap` frames of train and of val are left out.

    Args:
        root: the folder that holds the frames, or one above it; or a zip of either.
        split: train, val or test.
        gap: frames left out before each cut. None leaves out 5, or a third of the shortest part
            (at least 1) where that is less; 0 gives the whole parts, near duplicates at the cuts.
        class_set: 32 for CamVid's classes (31 and void), 11 for those of the data set `camvid`.

    Raises:
        UsageError: the split or class set is unknown, the gap leaves nothing, or no root is given.
        ValueError: there are no frames, an image has no mask, or they are of several clips.
    """
    if split not in SPLITS:
        raise UsageError(unknown_name("split of camseq", split, SPLITS))
    root = existing_root("camseq", root)
    home = _home(root)
    if home is None:
        raise ValueError(
            f"{root}: no frames X.png with masks X_L.png in one folder, here or below; expected "
            "CamSeq01: 0016E5_07959.png, 0016E5_07959_L.png and so on."
        )
    labels = find_labels((home,), class_set=class_set)
    images = sorted(images_in(home), key=lambda path: _frame_order(path.stem))
    pairs = pair_frames(images, masks_in(home))
    if len(clips := {pair.group for pair in pairs}) > 1 and all("_" in p.name for p in pairs):
        raise ValueError(
            f"{home}: frames of {len(clips)} clips ({', '.join(sorted(clips)[:5])}); expected "
            "one, which is cut in time. Keep the frames of one clip, or take the data set "
            "camvid32 or folder."
        )
    clip = pairs[0].group if len(clips) == 1 else "clip"
    part = _part(pairs, split, gap, where=home)
    return PairDataset([pair._replace(group=clip) for pair in part], labels)


def _home(root: Path) -> Path | None:
    """The shallowest folder, at most two below `root`, with an image and a mask of it."""
    level = [root]
    for _ in range(3):
        for folder in level:
            stems = {path.stem for path in images_in(folder)}
            if any(mask.stem.removesuffix("_L") in stems for mask in masks_in(folder)):
                return folder
        level = [inner for folder in level for inner in folders_in(folder)]
    return None


def _frame_order(stem: str) -> tuple[list[str], list[int]]:
    # f_9 before f_10
    return re.split("[0-9]+", stem), [int(number) for number in re.findall("[0-9]+", stem)]


def _part(pairs: Sequence[Pair], split: str, gap: int | None, *, where: Path) -> Sequence[Pair]:
    """The frames of one split, those before the cut to the next one left out."""
    num_train = 7 * len(pairs) // 10
    num_val = (len(pairs) - num_train) // 2
    shortest = min(num_train, num_val)
    if shortest == 0:
        raise ValueError(
            f"{where}: {len(pairs)} frames are too few to cut into train, val and test; expected "
            "the 101 of CamSeq01, at least 4."
        )
    if gap is None:
        gap = min(_FRAMES_BESIDE_A_CUT, max(shortest // 3, 1), shortest - 1)
    if not 0 <= gap < shortest:
        raise UsageError(
            f"data.options.gap is {gap}, but the shortest part of {len(pairs)} frames has "
            f"{shortest}; expected 0..{shortest - 1}."
        )
    cut = num_train + num_val
    parts = {
        "train": pairs[: num_train - gap],
        "val": pairs[num_train : cut - gap],
        "test": pairs[cut:],
    }
    return parts[split]


def _is_at(root: Path) -> bool:
    home = _home(root)
    return home is not None and all(p.stem.startswith("0016E5_") for p in images_in(home))


ENTRY = DatasetEntry(
    "CamSeq01 (CamSeq2007), one clip of CamVid cut in time, 32 classes (Fauqueur et al. 2007)",
    read_camseq,
    SPLITS,
    is_at=_is_at,
)
