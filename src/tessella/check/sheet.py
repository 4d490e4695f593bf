"""A contact sheet of masks before and after: as any viewer shows the file, and as it is meant."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from tessella.check.findings import Findings
from tessella.check.leak_pictures import worst_pairs
from tessella.check.leaks import Pictures
from tessella.contact import grid
from tessella.data.dataset import Dataset
from tessella.data.images import read_image, read_mask_values
from tessella.data.pairs import Pair
from tessella.labels import LabelMap
from tessella.pictures import legend, overlay
from tessella.suggestion import printable

UNKNOWN_COLOR = (255, 0, 200)
"""Of pixels whose value stands for nothing; no palette of ours comes near it."""

_CELL_PX = 300
_UNKNOWN = 254  # no class index: label maps end at 253

Picture = UInt8[np.ndarray, "h w 3"]


class _Row(NamedTuple):
    name: str
    image: Picture
    before: Picture
    """The mask file as a viewer shows it."""

    mask: UInt8[np.ndarray, "h w"] | None
    """Class indices, and 254 where a value has no meaning; None without a label map."""


def contact_sheet(findings: Findings, *, count: int = 6) -> Picture | None:
    """Image, mask file as a viewer shows it, and what the mask means, for a few samples.

    Samples that a problem names come first, then others evenly over the data. Pixels whose value
    stands for nothing are bright pink.

    Args:
        findings: of a check.
        count: how many samples, from 1 up.

    Returns:
        The picture, or None where no pair can be read.
    """
    rows: list[_Row] = []
    for pair in _ordered(findings):
        row = _row(pair, findings)
        if row is not None:
            rows.append(row)
        if len(rows) == count:
            break
    if not rows:
        return None
    labels = findings.labels
    pictures: list[Picture] = []
    captions: list[str] = []
    for row in rows:
        pictures += [row.image, row.before, *_after(row, labels)]
        captions += [row.name, "mask file", *(["what it means"] if labels else [])]
    title = f"{findings.name}: {findings.reason}"
    sheet = grid(
        pictures, titles=captions, columns=3 if labels else 2, cell_px=_CELL_PX, title=title
    )
    return sheet if labels is None else _with_legend(sheet, rows, labels)


def leak_sheet(findings: Findings) -> Picture | None:
    """The worst pairs that the splits share, side by side; None where there are none to show."""
    if not findings.leaks.found or not findings.pairs:
        return None
    datasets: dict[str, Dataset] = {
        split: Pictures(pairs, official=False) for split, pairs in findings.pairs.items()
    }
    return worst_pairs(findings.leaks, datasets)


def _ordered(findings: Findings) -> Iterator[Pair]:
    """Every pair once: those that problems name first, the others spread evenly."""
    pairs = [pair for listed in findings.pairs.values() for pair in listed if pair.mask is not None]
    named = {file for problem in findings.problems for file in problem.files}
    first = [
        pair
        for pair in pairs
        if {printable(str(what)) for what in (pair.image, pair.mask, pair.name)} & named
    ]
    taken = {id(pair) for pair in first}
    others = [pair for pair in pairs if id(pair) not in taken]
    yield from first[:3]
    yield from (others[place] for place in _spread(len(others)))
    yield from first[3:]


def _spread(length: int) -> Sequence[int]:
    """The places 0..length-1, such that any first few of them lie evenly."""
    step = max(1, length // 6)
    return [place for start in range(step) for place in range(start, length, step)]


def _row(pair: Pair, findings: Findings) -> _Row | None:
    """One sample; None where a file cannot be read."""
    labels = findings.labels
    try:
        image = read_image(pair.image)
        if not isinstance(pair.mask, Path):
            if pair.mask is None or labels is None:
                return None
            mask = pair.mask.draw(image.shape[0], image.shape[1], labels)
            return _Row(pair.name, image, labels.colorize(mask), mask)
        before = _shown(read_mask_values(pair.mask, wants_indices=False))
        if labels is None:
            return _Row(pair.name, image, before, None)
        values = read_mask_values(pair.mask, wants_indices=labels.encoding == "index")
    except (ValueError, OSError):  # the problems say what is wrong with it
        return None
    return _Row(pair.name, image, before, _decoded(values, labels))


def _shown(values: np.ndarray) -> Picture:
    """File values as a viewer shows them: 16-bit grey by its high byte, all else as it is."""
    if values.ndim == 3:
        return np.ascontiguousarray(values[..., :3])
    high = (np.clip(values, 0, 0xFFFF).astype(np.uint32) >> 8).astype(np.uint8)
    return np.repeat(high[..., None], 3, axis=2)


def _decoded(values: np.ndarray, labels: LabelMap) -> UInt8[np.ndarray, "h w"]:
    """Class indices; unlike `LabelMap.decode` a value without a meaning becomes 254."""
    if values.ndim == 3:
        values = values.astype(np.int64) @ np.array([65536, 256, 1])
    listed = np.array(sorted(labels.file_values), np.int64)
    places = np.searchsorted(listed[:, 0], values).clip(max=len(listed) - 1)
    known = listed[places, 0] == values
    return np.where(known, listed[places, 1], _UNKNOWN).astype(np.uint8)


def _after(row: _Row, labels: LabelMap | None) -> list[Picture]:
    if row.mask is None or labels is None:
        return []
    unknown = row.mask == _UNKNOWN
    known = np.where(unknown, labels.ignore_index, row.mask).astype(np.uint8)
    if row.image.shape[:2] == row.mask.shape:
        picture = overlay(row.image, known, labels, opacity=0.65)
    else:  # sizes differ, which is a problem of its own: the mask alone
        picture = labels.colorize(known)
    if not unknown.any():
        return [picture]
    # a thin seam of smoothing would vanish when the picture is reduced
    picture[_thickened(unknown, max(row.mask.shape) // _CELL_PX)] = UNKNOWN_COLOR
    return [picture]


def _thickened(where: np.ndarray, margin_px: int) -> np.ndarray:
    """The pixels of `where` and those up to `margin_px` beside, above and below them."""
    rows = where.copy()
    for shift in range(1, margin_px + 1):
        rows[shift:] |= where[:-shift]
        rows[:-shift] |= where[shift:]
    both = rows.copy()
    for shift in range(1, margin_px + 1):
        both[:, shift:] |= rows[:, :-shift]
        both[:, :-shift] |= rows[:, shift:]
    return both


def _with_legend(sheet: Picture, rows: Sequence[_Row], labels: LabelMap) -> Picture:
    """The sheet with the classes that occur in it listed below, and the unknown pixels."""
    present = np.zeros(256, bool)
    for row in rows:
        if row.mask is not None:
            present[np.unique(row.mask)] = True
    classes = [index for index in range(labels.num_classes) if present[index]]
    strips = [sheet]
    if classes:
        strips.append(legend(labels, classes, width=sheet.shape[1]))
    if present[_UNKNOWN]:
        only = LabelMap.from_names(["stands for nothing"], colors=[UNKNOWN_COLOR])
        strips.append(legend(only, [0], width=sheet.shape[1]))
    return np.concatenate(strips)
