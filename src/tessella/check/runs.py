"""Which values a mask holds, counted by stretches of equal pixels instead of pixel by pixel.

A mask of 480x360 has 170,000 pixels but some thousand stretches, and the length of a value's
stretches tells an area (long) from the seam that smoothing leaves between two areas (a pixel).
"""

import zlib
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, Shaped

SHORT_PX = 2
"""Smoothing leaves stretches of this length or less..."""

LONG_PX = 4
"""...beside one of this length or more."""

_FEWEST, _FEW = 3, 0.1


class Runs(NamedTuple):
    """The values of one mask; the arrays have one entry for each."""

    values: Shaped[np.ndarray, "k"]
    """Ascending, of the mask's own kind; colours as 0xRRGGBB in int64."""

    pixels: Int64[np.ndarray, "k"]
    runs: Int64[np.ndarray, "k"]
    """Horizontal stretches."""

    seam_ratio: float
    """Seams for each long stretch: short ones at its end whose value is strictly between their
    neighbours'. 0 where they are few (under a tenth), hold fewer than three values, or where long
    stretches hold less than half of the mask."""

    content: int
    """A checksum: two masks of one size that hold the same have the same."""


def count_runs(values: Shaped[np.ndarray, "h w *rgb"]) -> Runs:
    """The values of a mask with their pixels and stretches.

    Args:
        values: (h, w) numbers of any kind; or (h, w, 3) uint8, taken as one number 0xRRGGBB and
            without a look for seams.
    """
    ends = _ends(values)
    starts = np.concatenate([[0], ends[:-1]])[: len(ends)]
    lengths = ends - starts
    if values.ndim == 3:
        heads = values.reshape(-1, 3)[starts].astype(np.int64) @ np.array([65536, 256, 1])
    else:
        heads = values.ravel()[starts]
    distinct, pixels, runs = _grouped(heads, lengths)
    return Runs(
        values=distinct,
        pixels=pixels,
        runs=runs,
        seam_ratio=0.0 if values.ndim == 3 else _seam_ratio(heads, lengths),
        content=zlib.crc32(heads.data, zlib.crc32(ends.data)),
    )


def _ends(values: np.ndarray) -> Int64[np.ndarray, "n"]:
    """Where, counted row by row through the mask, each stretch of equal pixels ends."""
    flat = values.ravel()
    step = values.shape[2] if values.ndim == 3 else 1
    changes = np.flatnonzero(flat[step:] != flat[:-step])
    if step > 1:  # a pixel that differs in several channels counts once
        changes //= step
        changes = changes[np.diff(changes, prepend=-1) > 0]
    num_pixels = flat.size // step
    return np.append(changes + 1, num_pixels) if num_pixels else changes


def _grouped(heads: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if heads.dtype == np.uint8:
        runs = np.bincount(heads, minlength=256)
        present = np.flatnonzero(runs)
        pixels = np.bincount(heads, weights=lengths, minlength=256)[present]
        return present.astype(np.uint8), pixels.astype(np.int64), runs[present]
    distinct, where = np.unique(heads, return_inverse=True)
    pixels = np.bincount(where, weights=lengths, minlength=len(distinct))
    return distinct, pixels.astype(np.int64), np.bincount(where, minlength=len(distinct))


def _seam_ratio(heads: np.ndarray, lengths: np.ndarray) -> float:
    if len(heads) < 3:
        return 0.0
    before, here, after = heads[:-2], heads[1:-1], heads[2:]
    is_between = ((before < here) & (here < after)) | ((before > here) & (here > after))
    is_long = lengths >= LONG_PX
    is_seam = is_between & (lengths[1:-1] <= SHORT_PX) & (is_long[:-2] | is_long[2:])
    num_seams, num_long = np.count_nonzero(is_seam), np.count_nonzero(is_long)
    # the common case first: it spares clean masks the rest
    if num_seams < max(_FEWEST, _FEW * num_long):
        return 0.0
    if 2 * int(lengths[is_long].sum()) < int(lengths.sum()):
        return 0.0
    if len(np.unique(here[is_seam])) < _FEWEST:
        return 0.0
    return num_seams / num_long
