"""Splits for data that came without: by share, by class, by group or in time; and their files.

All are made from hashes of the names and a seed, so they are the same on every machine.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int64

from tessella.atomic import write_json, write_text
from tessella.data.dataset import Dataset
from tessella.data.images import IMAGE_SUFFIXES
from tessella.data.in_order import in_order
from tessella.data.splits import SPLITS
from tessella.errors import UsageError
from tessella.progress import Track, silently
from tessella.suggestion import unknown_name

Split = dict[str, str]
"""Sample name -> split, in the order of the names."""


class _Group(NamedTuple):
    name: str
    members: list[int]  # positions in the list of names


def by_ratio(
    names: Sequence[str], groups: Sequence[str], *, shares: Mapping[str, float], seed: int = 0
) -> Split:
    """A random split that cuts no group; to split single images, give each as its own group.

    No split exceeds its share by as much as the largest group.

    Args:
        names: of all samples.
        groups: of each sample.
        shares: split -> share of the samples, above 0; they sum to 1, or train gets the rest.
        seed: another seed gives another split.

    Raises:
        UsageError: the shares are none, or there are more splits than groups.
        ValueError: no names, a name twice, or another number of groups than names.
    """
    wanted = _shares(shares)
    return _dealt(names, _hashed(_gathered(names, groups), seed), wanted)


def by_group(
    names: Sequence[str], groups: Sequence[str], *, shares: Mapping[str, float], seed: int = 0
) -> Split:
    """Whole groups, the largest dealt first, so that the shares come out as near as they can.

    Arguments and errors as in `by_ratio`; the seed decides between groups of one size.
    """
    wanted = _shares(shares)
    ordered = sorted(_hashed(_gathered(names, groups), seed), key=lambda g: -len(g.members))
    return _dealt(names, ordered, wanted)


def stratified(
    names: Sequence[str],
    groups: Sequence[str],
    class_pixels: Int64[np.ndarray, "n k"],
    *,
    shares: Mapping[str, float],
    seed: int = 0,
) -> Split:
    """Whole groups, dealt so that each split gets its share of every class, rare ones first.

    A class counts by its pixels and by the samples that show it; samples count too. Near-linear.

    Args:
        names: of all samples.
        groups: of each sample.
        class_pixels: pixels of each class in each sample, as the function of this name counts.
        shares: as in `by_ratio`.
        seed: decides between groups that are alike.

    Raises:
        UsageError: as `by_ratio`.
        ValueError: as `by_ratio`; or the counts are not one row for each name.

    Source: after Sechidis, Tsoumakas and Vlahavas 2011, 10.1007/978-3-642-23808-6_10; pixels and
    groups here, and one pass over the groups in place of one over the labels.
    """
    wanted = _shares(shares)
    gathered = _hashed(_gathered(names, groups), seed)
    if class_pixels.ndim != 2 or len(class_pixels) != len(names):
        raise ValueError(
            f"stratified: class_pixels has shape {class_pixels.shape} for {len(names)} names; "
            "give one row for each name, one column for each class."
        )
    _require_groups(gathered, wanted)
    features = _features(gathered, class_pixels)
    # what holds most of some class comes first, while every split still has room for it
    order = np.argsort(-features.max(axis=1), kind="stable")
    aims = np.array(list(wanted.values()))[:, None]
    reached = np.zeros((len(wanted), features.shape[1]))
    owners = [0] * len(gathered)
    for index in order:
        more = features[index]
        # how far the squared distances to the aims would grow, each in units of its share
        growth = ((2 * more * (reached - aims) + more**2) / aims).sum(axis=1)
        owners[index] = int(growth.round(12).argmin())  # last digits differ between machines
        reached[owners[index]] += more
    return _named(names, gathered, owners, list(wanted))


def _features(groups: Sequence[_Group], pixels: np.ndarray) -> np.ndarray:
    """Each group's share of all pixels of each class, of all samples showing it, of all samples."""
    rows = np.concatenate([np.full(len(g.members), i) for i, g in enumerate(groups)])
    members = np.concatenate([g.members for g in groups])
    counts = np.column_stack([pixels[members], pixels[members] > 0]).astype(np.float64)
    sums = np.zeros((len(groups), counts.shape[1]))
    np.add.at(sums, rows, counts)
    shown = sums.sum(axis=0) > 0
    sums = sums[:, shown] / sums[:, shown].sum(axis=0)
    sizes = np.bincount(rows, minlength=len(groups)) / len(members)
    # samples weigh as much as two classes: the shares shall hold also where classes pull apart
    return np.column_stack([sums, sizes * 2])


def temporal(
    names: Sequence[str], groups: Sequence[str], *, shares: Mapping[str, float], gap: int = 1
) -> dict[str, str | None]:
    """Each group cut in time: its frames in numeric order, one contiguous block a split.

    Args:
        names: of all samples; what orders them is their numbers, so frame_9 is before frame_10.
        groups: the video of each sample.
        shares: as in `by_ratio`; the blocks follow one another in this order.
        gap: frames left out at every cut, 0 or more.

    Returns:
        Sample name -> split, or None for a frame that is left out.

    Raises:
        UsageError: the shares are none, or the gap is negative.
        ValueError: a group is too short for a frame in every split and the gaps between them.
    """
    wanted = _shares(shares)
    if gap < 0:
        raise UsageError(f"gap is {gap} frames; expected 0 or more.")
    owners: dict[str, str | None] = dict.fromkeys(names)
    for group in _gathered(names, groups):
        frames = sorted((names[i] for i in group.members), key=_in_numeric_order)
        left = len(frames) - gap * (len(wanted) - 1)
        if left < len(wanted):
            raise ValueError(
                f"group {group.name!r} has {len(frames)} frames, too few to cut into "
                f"{len(wanted)} splits with {gap} left out at each cut; make the gap smaller, or "
                "split by whole groups."
            )
        start = 0
        for split, count in zip(wanted, _counts(left, list(wanted.values())), strict=True):
            owners.update(dict.fromkeys(frames[start : start + count], split))
            start += count + gap
    return owners


def k_folds(names: Sequence[str], groups: Sequence[str], *, k: int, seed: int = 0) -> list[Split]:
    """`k` splits into train and val, in which each group is in val exactly once.

    Raises:
        UsageError: k is below 2, or there are fewer groups than folds.
        ValueError: as `by_ratio`.
    """
    if k < 2:
        raise UsageError(f"k is {k} folds; expected 2 or more.")
    dealt = by_group(names, groups, shares={f"fold {i}": 1 / k for i in range(k)}, seed=seed)
    return [
        {name: "val" if dealt[name] == f"fold {i}" else "train" for name in names} for i in range(k)
    ]


def class_pixels(dataset: Dataset, *, track: Track = silently) -> Int64[np.ndarray, "n k"]:
    """Pixels of each class in each sample; ignored pixels are in no class.

    Raises:
        ValueError: a sample has no mask, or cannot be read.
    """

    def count(index: int) -> np.ndarray:
        mask = dataset[index].mask
        if mask is None:
            raise ValueError(
                f"sample {dataset.names[index]!r} has no mask, so its classes cannot be counted; "
                "add the mask, or make a split that needs no classes."
            )
        return np.bincount(mask.ravel(), minlength=256)[: dataset.labels.num_classes]

    rows = in_order(count, range(len(dataset)))
    counted = list(track(rows, about="count", total=len(dataset), size=lambda _: 1))
    return np.array(counted, np.int64).reshape(len(dataset), dataset.labels.num_classes)


# --- dealing ------------------------------------------------------------------------------------


def _shares(shares: Mapping[str, float]) -> dict[str, float]:
    """The shares with train's made up, each above 0, their sum 1."""
    total = sum(shares.values())
    wanted = dict(shares)
    if "train" not in shares and total < 1:
        wanted = {"train": 1 - total, **shares}
    if not wanted or not all(0 < share <= 1 for share in wanted.values()):
        raise UsageError(f"shares are {_shown(shares)}; expected numbers above 0, up to 1.")
    if abs(sum(wanted.values()) - 1) > 1e-6:
        raise UsageError(
            f"shares are {_shown(shares)}, in sum {total:.6g}; expected 1. Leave train out to give "
            "it the rest."
        )
    return wanted


def _shown(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{split} {share:g}" for split, share in shares.items()) or "none"


def _gathered(names: Sequence[str], groups: Sequence[str]) -> list[_Group]:
    if not names:
        raise ValueError("there are no samples to split; give at least one name.")
    if len(names) != len(groups):
        raise ValueError(f"{len(groups)} groups for {len(names)} names; give one for each.")
    seen: set[str] = set()
    members: dict[str, list[int]] = {}
    for index, (name, group) in enumerate(zip(names, groups, strict=True)):
        if name in seen:
            raise ValueError(f"name {name!r} comes twice; a sample needs a name of its own.")
        seen.add(name)
        members.setdefault(group, []).append(index)
    return [_Group(group, indices) for group, indices in members.items()]


def _hashed(groups: Sequence[_Group], seed: int) -> list[_Group]:
    """The groups in an order that the seed and their names alone decide."""
    return sorted(groups, key=lambda g: hashlib.sha256(f"{seed}:{g.name}".encode()).digest())


def _require_groups(groups: Sequence[_Group], shares: Mapping[str, float]) -> None:
    if len(groups) < len(shares):
        raise UsageError(
            f"{len(groups)} groups cannot be dealt to {len(shares)} splits ({', '.join(shares)}), "
            "for a group is never cut; ask for fewer splits, or cut in time."
        )


def _dealt(names: Sequence[str], groups: list[_Group], shares: Mapping[str, float]) -> Split:
    """Each group to the split that lacks most; a split that got none takes the smallest spare."""
    _require_groups(groups, shares)
    lacking = np.array(list(shares.values())) * len(names)
    owners = []
    for group in groups:
        owners.append(int(lacking.argmax()))
        lacking[owners[-1]] -= len(group.members)
    return _named(names, groups, owners, list(shares))


def _named(
    names: Sequence[str], groups: Sequence[_Group], owners: list[int], splits: Sequence[str]
) -> Split:
    owners = _none_empty(groups, owners, len(splits))
    found = [0] * len(names)
    for group, owner in zip(groups, owners, strict=True):
        for index in group.members:
            found[index] = owner
    return {name: splits[owner] for name, owner in zip(names, found, strict=True)}


def _none_empty(groups: Sequence[_Group], owners: Sequence[int], num_splits: int) -> list[int]:
    owners = list(owners)
    held = np.bincount(owners, minlength=num_splits)
    for empty in np.flatnonzero(held == 0):
        spare = [i for i, owner in enumerate(owners) if held[owner] > 1]
        taken = min(spare, key=lambda i: len(groups[i].members))
        held[owners[taken]] -= 1
        held[empty] += 1
        owners[taken] = int(empty)
    return owners


def _counts(total: int, shares: Sequence[float]) -> list[int]:
    """`total` divided by shares: whole numbers, none 0, by largest remainder."""
    exact = np.array(shares) * total
    counts = np.maximum(np.floor(exact).astype(int), 1)
    while counts.sum() < total:
        counts[(exact - counts).argmax()] += 1
    while counts.sum() > total:  # of what was raised to 1, the most spacious pay
        counts[np.where(counts > 1, counts - exact, -np.inf).argmax()] -= 1
    return [int(count) for count in counts]


def _in_numeric_order(name: str) -> list[tuple[int, str]]:
    """A key by which frame_9 comes before frame_10."""
    parts = re.split("([0-9]+)", name)
    return [(int(part), part) if i % 2 else (0, part) for i, part in enumerate(parts)]


# --- files --------------------------------------------------------------------------------------


def write_split(
    folder: Path, split: Mapping[str, str | None], *, made: Mapping[str, Any], replace: bool = False
) -> Path:
    """Write `train.txt`, `val.txt`, `test.txt` and `split.json`; samples without split in none.

    In `ROOT/splits/` the reader of folders finds them.

    Args:
        folder: is made where it is not there.
        split: sample name -> split.
        made: how, for `split.json`: kind, seed, shares, gap.
        replace: another split that lies there goes; else it is an error. The same one never is.

    Returns:
        The path of `split.json`.

    Raises:
        UsageError: a split is not train, val or test.
        ValueError: another split lies there, or a name cannot be a line of a list.
    """
    lists: dict[str, list[str]] = {}
    for name, part in split.items():
        if part is not None:
            lists.setdefault(part, []).append(_as_line(name))
    for part in lists:
        if part not in SPLITS:
            raise UsageError(unknown_name("split", part, SPLITS))
    texts = {part: "\n".join(lists[part]) + "\n" for part in SPLITS if part in lists}
    there = {part: folder / f"{part}.txt" for part in SPLITS if (folder / f"{part}.txt").is_file()}
    is_same = there.keys() == texts.keys() and all(
        path.read_bytes() == texts[part].encode() for part, path in there.items()
    )
    if there and not (is_same or replace):
        raise ValueError(
            f"{folder}: holds another split ({', '.join(p.name for p in there.values())}); runs "
            "may depend on it. Write to another folder, or say that it shall be replaced."
        )
    for part in there.keys() - texts.keys():
        there[part].unlink()
    for part, text in texts.items():
        write_text(folder / f"{part}.txt", text)
    path = folder / "split.json"
    write_json(path, {**made, "splits": {part: _described(lists[part]) for part in texts}})
    return path


def _described(names: Sequence[str]) -> dict[str, Any]:
    digest = hashlib.sha256("\n".join(names).encode()).hexdigest()
    return {"samples": len(names), "sha256": digest}


def _as_line(name: str) -> str:
    # as data.splits reads lists: lines are stripped, image endings dropped, / begins a path
    is_plain = name.splitlines() == [name] and name.strip() == name and name[0] not in "/\ufeff"
    if not is_plain or Path(name).suffix.lower() in IMAGE_SUFFIXES:
        raise ValueError(
            f"sample {name!r} cannot be a line of a list: it would be read back otherwise. Rename "
            "it without blanks at its ends, line breaks, an image ending or a leading slash."
        )
    return name
