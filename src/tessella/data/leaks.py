"""Samples that one split shares with another: the same, copies, video neighbours, one group."""

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np

from tessella.data.dataset import Dataset, is_official
from tessella.data.fingerprint import Fingerprint, fingerprint, thumbnails_of, unit_vectors
from tessella.data.in_order import in_order
from tessella.data.twins import confirm, find_twins
from tessella.progress import Track, silently

Kind = Literal["same", "name", "near", "neighbour", "group"]
"""Same pixels; same name and pixels; a copy; the next frame of a video; one group."""

_COUNTED: dict[Kind, str] = {  # the worst first
    "same": "with the same pixels",
    "name": "with the same name and pixels",
    "near": "that are copies (saved, resized, cropped or mirrored anew)",
    "neighbour": "that are neighbouring frames of a video",
    "group": "that share a group",
}

_NUMBERS = re.compile(r"[0-9]{1,100}")

# Frames of a video depart from the sequence's mean in the same way as the frame before; numbered
# photographs do not. Measured (thumbnails, median correlation of that departure): CamVid at one
# frame a second 0.62..0.71, a clip of it at 15 to 1 frames a second 0.99..0.72; flowers,
# VOC and drawn scenes -0.07..0.02. Of fewer frames the mean says little: they must be nearly equal.
_LEAST_DEPARTURE = 0.3
_LEAST_FRAMES = 8
_NEARLY_EQUAL = 0.97
_LEAST_LIKENESS = 0.75
_TRIED = 3  # partners of a sample that are compared on their pixels, the likeliest first


class Place(NamedTuple):
    """Where a sample is."""

    split: str
    name: str


@dataclass(frozen=True)
class Leak:
    """Two samples of different splits that are not independent of one another."""

    kind: Kind
    first: Place
    second: Place

    likeness: float
    """How alike the two images are in outline, 0..1."""

    refused: bool
    """Whether to stop; else it is a remark."""

    about: str = ""
    """What else there is to say, e.g. the group and its size."""


@dataclass(frozen=True)
class Leaks:
    """Everything that was found, the worst first."""

    found: tuple[Leak, ...]

    contents: Mapping[str, str] = field(default_factory=dict)
    """Split -> the hash of its images and masks, where somebody has noted it."""

    @property
    def refused(self) -> tuple[Leak, ...]:
        """Leaks of splits made here: a score over them would be too good."""
        return tuple(leak for leak in self.found if leak.refused)

    @property
    def remarks(self) -> tuple[Leak, ...]:
        """Leaks of official splits, and of a clip that can only be cut in time."""
        return tuple(leak for leak in self.found if not leak.refused)

    def message(self) -> str:
        """What was found, the three worst pairs, and what to do; for an error or a remark."""
        if not self.found:
            return "no sample is shared between the splits."
        shown = self.refused or self.remarks
        counts = Counter(leak.kind for leak in shown)
        listed = ", ".join(f"{counts[k]} {text}" for k, text in _COUNTED.items() if counts[k])
        pairs = "; ".join(_pair(leak) for leak in shown[:3])
        start = f"the splits are not independent: {_num(len(shown), 'pair')}: {listed}. {pairs}."
        if not self.refused:
            return f"{start} The splits are kept as they are; mention it beside the score."
        return (
            f"{start} A score over them says little about new images. Make other splits with "
            "'tessella data split' (whole groups, or in time with a gap), say what belongs "
            "together with data.options.group_pattern, or go on all the same with "
            "data.allow_leak=true."
        )

    def document(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        return {
            "refused": len(self.refused),
            "remarks": len(self.remarks),
            "counts": dict(Counter(leak.kind for leak in self.found)),
            "leaks": [
                {
                    "kind": leak.kind,
                    "first": leak.first._asdict(),
                    "second": leak.second._asdict(),
                    "likeness": round(leak.likeness, 4),
                    "refused": leak.refused,
                    "about": leak.about,
                }
                for leak in self.found
            ],
        }


class _Shot(NamedTuple):
    part: int  # which split, as a number in their order
    split: str
    index: int
    name: str
    group: str
    print: Fingerprint


class _Found(NamedTuple):
    kind: Kind
    first: _Shot
    second: _Shot
    likeness: float
    about: str = ""
    refused: bool = True


def find_leaks(
    datasets: Mapping[str, Dataset],
    *,
    prints: Mapping[str, Sequence[Fingerprint]] | None = None,
    track: Track = silently,
) -> Leaks:
    """What the splits share; every image is read once, suspected copies once more.

    Args:
        datasets: split name -> its data set; none made of others, as trainval is.
        prints: split name -> the fingerprint of each of its images, where somebody has read them
            all already.
        track: shows progress.

    Raises:
        ValueError: a sample cannot be read.
    """
    shots = _read(datasets, prints, track)
    found = _same_names(shots, datasets, track=track)
    copies = _copies(shots, datasets, known={_key(leak) for leak in found}, track=track)
    neighbours = list(_video_neighbours(shots))
    # where a camera stands still, frames look like copies: "neighbouring" says why
    in_video = {_key(leak) for leak in neighbours}
    found += [leak for leak in copies if leak.kind == "same" or _key(leak) not in in_video]
    known = {_key(leak) for leak in found}
    found += [leak for leak in neighbours if _key(leak) not in known]
    found += _shared_groups(shots)
    order = list(_COUNTED)
    found.sort(key=lambda leak: (order.index(leak.kind), -leak.likeness))  # stable
    official = {split for split, dataset in datasets.items() if is_official(dataset)}
    leaks = [
        Leak(
            leak.kind,
            Place(leak.first.split, leak.first.name),
            Place(leak.second.split, leak.second.name),
            likeness=leak.likeness,
            refused=leak.refused and not {leak.first.split, leak.second.split} <= official,
            about=leak.about,
        )
        for leak in found
    ]
    return Leaks(tuple(sorted(leaks, key=lambda leak: not leak.refused)))


def _read(
    datasets: Mapping[str, Dataset],
    prints: Mapping[str, Sequence[Fingerprint]] | None,
    track: Track,
) -> list[_Shot]:
    parts = [
        (part, split, datasets[split].names, datasets[split].groups)
        for part, split in enumerate(datasets)
    ]
    places = [
        (part, split, index, name, group)
        for part, split, names, groups in parts
        for index, (name, group) in enumerate(zip(names, groups, strict=True))
    ]

    if prints is not None:
        return [_Shot(*place, prints[place[1]][place[2]]) for place in places]

    def read(place: tuple[int, str, int, str, str]) -> _Shot:
        return _Shot(*place, fingerprint(datasets[place[1]][place[2]].image))

    shots = in_order(read, places)
    return list(track(shots, about="leaks", total=len(places), size=_one))


def _one(item: object) -> int:  # noqa: ARG001 - whatever it is, it is one
    return 1


def _part(shot: _Shot) -> int:
    return shot.part


def _key(leak: _Found) -> tuple[str, str, str]:
    """What is reported once: the later sample, and the split that it has a partner in."""
    return leak.first.split, leak.second.split, leak.second.name


def _same_names(
    shots: Sequence[_Shot], datasets: Mapping[str, Dataset], *, track: Track
) -> list[_Found]:
    by_name: dict[tuple[str, Fingerprint], list[_Shot]] = {}
    for shot in shots:
        by_name.setdefault((shot.name, shot.print), []).append(shot)
    pairs = [
        pair
        for named in by_name.values()
        for pair in itertools.combinations(named, 2)
        if pair[0].part != pair[1].part
    ]

    def is_same(pair: tuple[_Shot, _Shot]) -> bool:
        images = [datasets[shot.split][shot.index].image for shot in pair]
        return confirm(images[0], images[1]) == "same"

    verdicts = track(in_order(is_same, pairs), about="compare", total=len(pairs), size=_one)
    return [
        _Found("name", first, second, 1.0)
        for (first, second), same in zip(pairs, verdicts, strict=True)
        if same
    ]


def _copies(
    shots: Sequence[_Shot],
    datasets: Mapping[str, Dataset],
    *,
    known: set[tuple[str, str, str]],
    track: Track,
) -> list[_Found]:
    twins = find_twins([shot.print for shot in shots], parts=[shot.part for shot in shots])
    suspects: dict[tuple[str, str, str], list[_Found]] = {}
    for twin in twins:
        about = "mirrored" if twin.mirrored else ""
        pair = _Found("near", shots[twin.first], shots[twin.second], twin.likeness, about)
        if _key(pair) not in known:
            suspects.setdefault(_key(pair), []).append(pair)

    def judged(pairs: list[_Found]) -> _Found | None:
        second = datasets[pairs[0].second.split][pairs[0].second.index].image
        for pair in sorted(pairs, key=lambda pair: -pair.likeness)[:_TRIED]:
            first = datasets[pair.first.split][pair.first.index].image
            verdict = confirm(first[:, ::-1] if pair.about else first, second)
            if verdict == "same" and not pair.about:
                return pair._replace(kind="same", likeness=1.0)
            if verdict != "different":
                return pair
        return None

    verdicts = in_order(judged, suspects.values())
    tracked = track(verdicts, about="compare", total=len(suspects), size=_one)
    return [verdict for verdict in tracked if verdict is not None]


def _video_neighbours(shots: Sequence[_Shot]) -> Iterator[_Found]:
    """Samples of different splits whose numbers follow one another in what is a video."""
    sequences: dict[tuple[str, str], list[tuple[int, _Shot]]] = {}
    for shot in shots:
        if numbered := _numbered(shot.name):
            before, number, after = numbered
            sequences.setdefault((before, after), []).append((number, shot))
    for frames in sequences.values():
        if len({shot.part for _, shot in frames}) > 1:
            yield from _in_sequence(sorted(frames, key=lambda frame: frame[0]))


def _numbered(name: str) -> tuple[str, int, str] | None:
    """A name as (what comes before, its number, what comes after); None without a number."""
    runs = list(_NUMBERS.finditer(name))
    if not runs:
        return None
    # 000294 in city_000000_000294_leftImg8bit: the last number that no letter follows
    plain = [run for run in runs if not name[run.end() : run.end() + 1].isalpha()]
    run = (plain or runs)[-1]
    return name[: run.start()], int(run[0]), name[run.end() :]


def _in_sequence(frames: Sequence[tuple[int, _Shot]]) -> Iterator[_Found]:
    numbers = [number for number, _ in frames]
    steps = [b - a for a, b in itertools.pairwise(numbers)]
    usual = statistics.median([step for step in steps if step] or [1])
    units = unit_vectors(thumbnails_of([shot.print for _, shot in frames]))
    likeness = (units[1:] * units[:-1]).sum(axis=1)
    # at twice the usual step one frame is left out between the two: that is the gap we ask for
    follows = np.array([0 < step < 2 * usual for step in steps])
    if not follows.any():
        return
    if follows.sum() >= _LEAST_FRAMES - 1:
        departure = unit_vectors(units - units.mean(axis=0))
        agreement = (departure[1:] * departure[:-1]).sum(axis=1)[follows]
        is_video, least = np.median(agreement) >= _LEAST_DEPARTURE, _LEAST_LIKENESS
    else:
        is_video, least = np.median(likeness[follows]) >= _NEARLY_EQUAL, _NEARLY_EQUAL
    if not is_video:
        return
    for index in np.flatnonzero(follows & (likeness >= least)).tolist():
        first, second = sorted((frames[index][1], frames[index + 1][1]), key=_part)
        if first.part != second.part:
            yield _Found("neighbour", first, second, min(1.0, float(likeness[index])))


def _shared_groups(shots: Sequence[_Shot]) -> Iterator[_Found]:
    """Groups that lie in two splits, where groups say more than the names do."""
    names, owners = {shot.name for shot in shots}, {shot.group for shot in shots}
    if len(names) == len(owners) == len({(shot.name, shot.group) for shot in shots}):
        return  # every name is a group of its own
    groups: dict[str, dict[int, list[_Shot]]] = {}
    for shot in shots:
        groups.setdefault(shot.group, {}).setdefault(shot.part, []).append(shot)
    unavoidable = len(groups) == 1 and _is_cut_in_time(shots)
    for group, parts in groups.items():
        for first, second in itertools.combinations(parts.values(), 2):
            units = unit_vectors(thumbnails_of([first[0].print, second[0].print]))
            about = f"group {group}: {len(first)} and {len(second)} samples"
            if unavoidable:
                about += "; all samples are one group, cut in time"
            likeness = min(1.0, max(0.0, float(units[0] @ units[1])))
            yield _Found("group", first[0], second[0], likeness, about, refused=not unavoidable)


def _is_cut_in_time(shots: Sequence[_Shot]) -> bool:
    """Whether the samples are one numbered sequence and each split is a piece of it."""
    frames: list[tuple[int, int]] = []
    sequences: set[tuple[str, str]] = set()
    for shot in shots:
        numbered = _numbered(shot.name)
        if numbered is None:
            return False
        before, number, after = numbered
        sequences.add((before, after))
        frames.append((number, shot.part))
    parts = [part for _, part in sorted(frames)]
    pieces = 1 + sum(a != b for a, b in itertools.pairwise(parts))
    return len(sequences) == 1 and pieces == len(set(parts))


def _pair(leak: Leak) -> str:
    how = f"{leak.kind}, {leak.about}" if leak.about else f"{leak.kind}, {leak.likeness:.2f} alike"
    return (
        f"{leak.first.split}/{leak.first.name} and {leak.second.split}/{leak.second.name} ({how})"
    )


def _num(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
