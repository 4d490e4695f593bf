"""Images that are copies of one another: found by fingerprint, confirmed on the pixels."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from tessella.data.fingerprint import (
    Fingerprint,
    bits_of,
    grey_of,
    thumbnails_of,
    unit_vectors,
)

Verdict = Literal["same", "near", "different"]
"""Equal pixels; the same picture saved, resized, lit or cropped anew; neither."""

# Measured between images of CamVid (480x360), flowers, photographs, VOC and drawn scenes and their
# copies, and between frames that follow one another. Bits: that differ, of 256. Likeness: of the
# thumbnails. Everywhere: `_alike_everywhere` after laying one over the other.
#                                                    bits      likeness       everywhere
#   saved as JPEG 50, halved, 1.7 times, 5 % lighter   0..19   0.996..1       0.970..1
#   cropped by 2 % (both sides, or one side)           5..49   0.946..0.999   0.983..1
#   the same after JPEG 75, halved and lighter         6..35                  0.971..1
#   CamVid 0016E5, 2 frames apart (1/15 s)            10..38   0.974..1       up to 0.965
#   CamVid train, 30 frames apart (1 s)                8..143  0.31..0.999    up to 0.70
#   other photographs, other drawn scenes             71..153  up to 0.86
# Real exceptions: Oxford's flowers hold 15 of these 160 photographs twice (0 bits).
_MOST_BITS = 64
_LEAST_LIKENESS = 0.93
_LEAST_EVERYWHERE = 0.968

_ORDERS = 3  # of the bits; each is cut into 16 bands of 16
_BANDS = 16
_WINDOW = 8  # partners of a print in a crowded bucket: the next ones in the order of all its bits
_KEPT = 8  # candidates of a print that are kept when there are very many: the closest

_SIDE = 128  # pixels of the pictures that are compared; copies of other sizes are alike there
_BLUR_PX = 1.5
_PATCH_PX = 9
_EDGE_PX = 7  # half a patch and the reach of the blur
_LEAST_SHARED = 0.65  # of all pixels must be in both and off the edges (at most 0.79 are)
_PLAIN = 2.0  # standard deviation in grey values below which there is nothing to line up
_PLAIN_APART = 4.0  # grey values between the mean colours of two plain pictures that are one


class Twin(NamedTuple):
    """Two fingerprints that may be of one picture."""

    first: int
    """Index of the one that comes first."""

    second: int
    """Index of the other, above `first`."""

    likeness: float
    """Correlation of the thumbnails, 0.93..1."""

    mirrored: bool
    """Whether one is like the other turned left to right."""


def find_twins(prints: Sequence[Fingerprint], *, parts: Sequence[int] | None = None) -> list[Twin]:
    """Pairs whose fingerprints are alike, for `confirm` to judge; not a quadratic search.

    Prints that agree in one of 48 sets of 16 bits are compared: that finds every pair within 15
    bits, and nearly all within 40. Of many equal prints each is paired with the first of them
    only, so a thousand black frames give 999 pairs; of many nearly equal ones, as a camera that
    stands still gives, each with some of the closest. 50,000 prints take 3 s, a crowd of 20,000
    nearly equal ones 5 to 15 s (one core).

    Args:
        prints: one an image.
        parts: a number for each print; only pairs from two different parts are looked for. Left
            out, all pairs are.

    Returns:
        In the order of the indices, without repeats.

    Raises:
        ValueError: prints and parts differ in number.
    """
    given = [0] * len(prints) if parts is None else list(parts)
    if len(given) != len(prints):
        raise ValueError(
            f"find_twins: {len(given)} parts for {len(prints)} prints; give one for each."
        )
    members: dict[tuple[Fingerprint, int], list[int]] = {}
    for index, key in enumerate(zip(prints, given, strict=True)):
        members.setdefault(key, []).append(index)
    found: list[Twin] = []
    if parts is None:
        found += [Twin(m[0], i, 1.0, mirrored=False) for m in members.values() for i in m[1:]]
    if len(members) < 2:
        return found
    lists = list(members.values())
    distinct = [print_ for print_, _ in members]
    apart = None if parts is None else np.array([part for _, part in members], np.int64)
    for first, second, likeness, mirrored in _alike(distinct, apart):
        found += [
            Twin(min(pair), max(pair), likeness, mirrored)
            for pair in _each_once(lists[first], lists[second])
        ]
    return sorted(found)


def _each_once(first: Sequence[int], second: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs across two lists of equal prints in which every member has a partner."""
    return [(first[0], b) for b in second] + [(a, second[0]) for a in first[1:]]


def _alike(
    prints: Sequence[Fingerprint], parts: Int64[np.ndarray, " n"] | None
) -> list[tuple[int, int, float, bool]]:
    """(first, second, likeness, mirrored) of all prints that are alike, first < second."""
    num = len(prints)
    thumbnails = thumbnails_of(prints)
    turned = np.ascontiguousarray(thumbnails[:, :, ::-1])
    bits = np.frombuffer(b"".join(print_.bits for print_ in prints), np.uint8).reshape(num, -1)
    both = np.concatenate([bits, bits_of(turned)])
    pairs = _candidates(both, None if parts is None else np.tile(parts, 2))
    mirrored = pairs[:, 1] >= num
    pairs %= num
    pairs.sort(axis=1)
    wanted = pairs[:, 0] != pairs[:, 1]
    rows = np.unique(np.column_stack([pairs, mirrored])[wanted], axis=0)
    straight = ~rows[:, 2].astype(bool)
    likeness = np.zeros(len(rows), np.float32)
    for chosen, other in ((straight, thumbnails), (~straight, turned)):
        likeness[chosen] = _likeness(thumbnails, other, rows[chosen, :2])
    return [
        (int(row[0]), int(row[1]), min(1.0, float(like)), bool(row[2]))
        for row, like in zip(rows, likeness, strict=True)
        if like >= _LEAST_LIKENESS
    ]


def _likeness(
    left: np.ndarray, right: np.ndarray, pairs: Int64[np.ndarray, "m 2"]
) -> Float32[np.ndarray, " m"]:
    units, other_units = unit_vectors(left), unit_vectors(right)
    found = np.zeros(len(pairs), np.float32)
    for start in range(0, len(pairs), 10_000):  # a few megabytes at a time
        i, j = pairs[start : start + 10_000].T
        correlation = (units[i] * other_units[j]).sum(axis=1)
        apart = np.abs(left[i].astype(np.int16) - right[j]).mean(axis=(1, 2), dtype=np.float32)
        # without contrast there is no correlation: two plain pictures are compared as they are
        found[start : start + 10_000] = np.maximum(correlation, 1 - apart / 32)
    return found


def _candidates(
    bits: UInt8[np.ndarray, "n 32"], parts: Int64[np.ndarray, " n"] | None
) -> Int64[np.ndarray, "m 2"]:
    """Pairs of at most 64 differing bits that share a band; the second half holds mirror images."""
    num = len(bits)
    words = bits.view(np.uint64)
    unpacked = np.unpackbits(bits, axis=1)
    codes = np.zeros(0, np.int64)
    for seed in range(_ORDERS):
        found = [codes]
        order = np.random.default_rng(seed).permutation(256)
        shuffled = np.packbits(unpacked[:, order], axis=1)
        for band in range(_BANDS):
            # the band and the 48 bits after it, so that a crowded bucket is in order of likeness
            key = np.ascontiguousarray(np.roll(shuffled, -2 * band, axis=1)[:, :8]).view(">u8")
            pairs = _neighbours(key[:, 0].astype(np.uint64))
            wanted = pairs.min(axis=1) < num // 2  # two mirror images are like their originals
            if parts is not None:
                wanted &= parts[pairs[:, 0]] != parts[pairs[:, 1]]
            pairs = np.sort(pairs[wanted], axis=1)
            near = _differing(words, pairs) <= _MOST_BITS
            found.append(pairs[near, 0] * num + pairs[near, 1])
        codes = np.sort(np.concatenate(found))
        codes = codes[np.diff(codes, prepend=-1) > 0]  # np.unique hashes: 10 times as long here
        if len(codes) > _KEPT * num:
            codes = _closest(codes, words)
    return np.column_stack(np.divmod(codes, num))


def _neighbours(keys: np.ndarray) -> Int64[np.ndarray, "m 2"]:
    """Pairs whose keys share the first 16 bits, at most `_WINDOW` partners each."""
    order = np.argsort(keys, kind="stable")
    bucket = keys[order] >> np.uint64(48)
    found = [np.zeros((0, 2), np.int64)]
    for step in range(1, _WINDOW + 1):
        shared = bucket[step:] == bucket[:-step]
        if not shared.any():
            break
        found.append(np.column_stack([order[:-step][shared], order[step:][shared]]))
    return np.concatenate(found)


def _differing(words: np.ndarray, pairs: Int64[np.ndarray, "m 2"]) -> Int64[np.ndarray, " m"]:
    return np.bitwise_count(words[pairs[:, 0]] ^ words[pairs[:, 1]]).sum(axis=1, dtype=np.int64)


def _closest(codes: Int64[np.ndarray, " m"], words: np.ndarray) -> Int64[np.ndarray, " k"]:
    """The pairs that are among the closest of one of their two."""
    pairs = np.column_stack(np.divmod(codes, len(words)))
    distance = _differing(words, pairs)
    kept: Bool[np.ndarray, " m"] = np.zeros(len(codes), bool)
    for side in range(2):
        order = np.lexsort((distance, pairs[:, side]))
        own = pairs[order, side]
        rank = np.arange(len(own)) - np.searchsorted(own, own)
        kept[order[rank < _KEPT]] = True
    return codes[kept]


def confirm(first: UInt8[np.ndarray, "h w c"], second: UInt8[np.ndarray, "h2 w2 c2"]) -> Verdict:
    """Whether two images are one picture, judged on their pixels; 3 to 6 ms.

    Near copies are alike everywhere once they are laid over one another: saved as JPEG, resized
    (also squeezed), brighter or darker, or cropped by a few per cent. Two frames of a video are
    not: what is close moves more than what is far.

    Raises:
        ValueError: one is not uint8 of (height, width, channels), or has no pixels.

    Source: Evangelidis and Psarakis 2008, 10.1109/TPAMI.2008.113 (alignment); structure term of
    Wang et al. 2004, 10.1109/TIP.2003.819861 (likeness of patches).
    """
    if first.shape == second.shape and np.array_equal(first, second):
        return "same"
    a, b = _reduced(first), _reduced(second)
    if min(a.std(), b.std()) < _PLAIN:
        apart = np.abs(_mean_color(first) - _mean_color(second)).max()
        both_plain = max(a.std(), b.std()) < _PLAIN
        return "near" if both_plain and apart <= _PLAIN_APART else "different"
    if not 0.7 <= a.std() / b.std() <= 1 / 0.7:
        return "different"
    if _alike_everywhere(a, b, np.ones(a.shape, bool)) >= _LEAST_EVERYWHERE:
        return "near"
    aligned = _laid_over(a, b)
    if aligned is None:
        return "different"
    return "near" if _alike_everywhere(a, *aligned) >= _LEAST_EVERYWHERE else "different"


def _reduced(image: np.ndarray) -> Float32[np.ndarray, "128 128"]:
    grey = grey_of(np.ascontiguousarray(image))
    while min(grey.shape) >= 2 * _SIDE:
        size = (grey.shape[1] // 2, grey.shape[0] // 2)
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA))
    small = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), _BLUR_PX), np.float32)


def _mean_color(image: np.ndarray) -> np.ndarray:
    mean = image.reshape(-1, image.shape[2]).mean(axis=0)
    return mean if len(mean) == 3 else np.full(3, mean.mean())


def _laid_over(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """`b` moved and stretched by a few per cent to lie on `a`, and where it covers it."""
    start = np.eye(2, 3, dtype=np.float32)
    until = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    whole = np.ones(a.shape, np.uint8)
    try:
        _, found = cv2.findTransformECC(a, b, start, cv2.MOTION_AFFINE, until, whole, 5)
    except cv2.error:  # it did not converge: nothing in common
        return None
    motion = np.asarray(found, np.float32)
    # a crop stretches, by 2 % here; more than 10 %, or a turn, is no copy that we claim to know
    if np.abs(motion[:, :2] - np.eye(2)).max() > 0.1:
        return None
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(b, motion, (_SIDE, _SIDE), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    covered = cv2.warpAffine(np.ones_like(b), motion, (_SIDE, _SIDE), flags=flags) > 0.999
    return np.asarray(moved), np.asarray(covered)


def _alike_everywhere(a: np.ndarray, b: np.ndarray, covered: np.ndarray) -> float:
    """Likeness of the patches at its lowest fiftieth, -1..1: one moved thing pulls it down."""
    a, b = (
        (values - values[covered].mean()) / max(float(values[covered].std()), 1.0)
        for values in (a, b)
    )
    mean_a, mean_b = _patch_mean(a), _patch_mean(b)
    spread_a = np.maximum(_patch_mean(a * a) - mean_a**2, 0)
    spread_b = np.maximum(_patch_mean(b * b) - mean_b**2, 0)
    shared = _patch_mean(a * b) - mean_a * mean_b
    likeness = (2 * shared + 0.02) / (spread_a + spread_b + 0.02)  # 0.02: plain patches are alike
    # where the other picture ends, its blur and its patches know nothing of what came after
    edge = np.ones((2 * _EDGE_PX + 1,) * 2, np.uint8)
    inner = cv2.erode(covered.astype(np.uint8), edge, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    kept = likeness[inner > 0]
    return float(np.percentile(kept, 2)) if kept.size >= _LEAST_SHARED * covered.size else -1.0


def _patch_mean(values: np.ndarray) -> np.ndarray:
    size = (_PATCH_PX, _PATCH_PX)
    return np.asarray(cv2.boxFilter(values, -1, size, borderType=cv2.BORDER_REFLECT))
