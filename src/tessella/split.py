"""Split a data set anew: by share, evenly by class, by whole groups, or in time with a gap."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from tessella.data.dataset import Dataset
from tessella.data.files import split_zip
from tessella.data.layout import find_layout
from tessella.data.make_splits import (
    by_group,
    by_ratio,
    class_pixels,
    stratified,
    temporal,
    write_split,
)
from tessella.errors import UsageError
from tessella.progress import Track, silently
from tessella.source import Source
from tessella.suggestion import unknown_name

Way = Literal["ratio", "stratified", "group", "temporal"]
"""How samples are dealt out."""

READS_LISTS = ("folder", "labelme")
"""Data sets whose reader takes its splits from ROOT/splits/train.txt and so on."""

_LAST_NUMBER = re.compile(r"\d+(?=\D*$)")


@dataclass(frozen=True)
class Made:
    """A split that was made and written."""

    file: Path
    """split.json, beside the lists."""

    counts: Mapping[str, int]
    """Samples in each split."""

    num_left_out: int
    """Samples in none: the gap of a split in time."""


def make_split(
    source: Source,
    *,
    way: Way,
    val_share: float = 0.15,
    test_share: float = 0.15,
    gap: int = 1,
    seed: int = 0,
    out: Path | None = None,
    replace: bool = False,
    track: Track = silently,
) -> Made:
    """Deal all samples of a folder out to train, val and test, and write the lists.

    Groups (`data.options.group_pattern`) are never cut, except in time: there a group is a video.

    Args:
        source: the data; its reader must take splits from lists.
        way: `ratio` at random, `stratified` so that each class has its share in each split,
            `group` by whole groups as near to the shares as they allow, `temporal` in blocks of
            consecutive frames.
        val_share: share of the samples in val, 0..1.
        test_share: share of the samples in test, 0..1.
        gap: for `temporal`: frames left out at each cut.
        seed: another seed gives another split; the same one the same split everywhere.
        out: folder for the lists; None takes `splits/` in the data's folder, where they are read.
        replace: a different split that lies there goes.
        track: shows progress.

    Raises:
        UsageError: the data set has splits of its own, an unknown way, or impossible shares.
        ValueError: the data cannot be read, or a different split lies there already.
    """
    if way not in get_args(Way):
        raise UsageError(unknown_name("way of splitting", way, get_args(Way)))
    folder = _folder_for_lists(source, out)
    parts = list(source.open_all().values())
    names = [name for part in parts for name in part.names]
    groups = [group for part in parts for group in part.groups]
    shares = {"train": 1 - val_share - test_share, "val": val_share, "test": test_share}
    shares = {split: share for split, share in shares.items() if share > 0 or split == "train"}
    made: dict[str, str | None]
    if way == "temporal":
        made = temporal(names, _videos(names, groups), shares=shares, gap=gap)
    elif way == "stratified":
        pixels = np.concatenate([_pixels(part, track) for part in parts])
        made = {**stratified(names, groups, pixels, shares=shares, seed=seed)}
    elif way == "group":
        _require_groups(names, groups)
        made = {**by_group(names, groups, shares=shares, seed=seed)}
    else:
        made = {**by_ratio(names, groups, shares=shares, seed=seed)}
    record = {"way": way, "seed": seed, "shares": shares}
    if way == "temporal":
        record["gap"] = gap
    file = write_split(folder, made, made=record, replace=replace)
    counts = Counter(part for part in made.values() if part is not None)
    return Made(file, {s: counts[s] for s in shares}, sum(part is None for part in made.values()))


def _folder_for_lists(source: Source, out: Path | None) -> Path:
    """Where the lists go; refuses data whose reader would not look at them."""
    if source.name not in READS_LISTS:
        raise UsageError(
            f"{source.name}: comes with splits of its own, or states them in its own file; lists "
            f"are read for {' and '.join(READS_LISTS)}."
        )
    if source.root is None:
        raise UsageError(f"{source.name}: no folder given; say where it is with --data ROOT.")
    if source.name == "folder" and "{split}" in _pattern(source, source.root):
        raise UsageError(
            f"{source.root}: its splits are sub-folders, and those win over lists; move the files "
            "into one folder first."
        )
    if out is not None:
        return out
    if split_zip(source.root):
        raise UsageError(
            f"{source.root}: nothing is written into a zip; unpack it, or name a folder for the "
            "lists with --out."
        )
    return source.root / "splits"


def _pattern(source: Source, root: Path) -> str:
    images, masks = (source.options.get(key) for key in ("images", "masks"))
    layout = find_layout(root, images=images, masks=masks)
    return layout.images + layout.masks


def _pixels(dataset: Dataset, track: Track) -> np.ndarray:
    return class_pixels(dataset, track=track)


def _videos(names: Sequence[str], groups: Sequence[str]) -> Sequence[str]:
    """The video of each frame: its group, or what its name says beside the frame's number."""
    if len(set(groups)) < len(set(names)):
        return groups
    return [_LAST_NUMBER.sub("#", name) for name in names]


def _require_groups(names: Sequence[str], groups: Sequence[str]) -> None:
    if len(set(groups)) == len(set(names)):
        raise UsageError(
            "every sample is a group of its own, so there is nothing to keep together; say what "
            "the names of one group share, for example group_pattern='^[^_]+'."
        )
