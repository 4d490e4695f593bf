"""A fixed copy of a data set: what can be put right is, the rest is left out and listed."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import numpy as np

from tessella.atomic import write_bytes, write_json, write_text
from tessella.check.findings import Findings
from tessella.data.files import read_bytes
from tessella.data.header import stored_turn
from tessella.data.images import (
    decode_image,
    decode_mask_file,
    encode_mask,
    encode_png,
    read_mask_values,
)
from tessella.data.in_order import in_order
from tessella.data.pairs import Pair
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.progress import Track, silently
from tessella.suggestion import printable

_MISREAD = ("binary_0_255", "binary_mixed", "off_by_one")
"""Errors of a class list under which a copy would hold wrong classes, or lose the foreground."""


class LeftOut(NamedTuple):
    """A pair that is not in the copy."""

    name: str
    reason: str


@dataclass(frozen=True)
class FixedCopy:
    """What was written."""

    root: Path
    """A folder that the `folder` data set reads as it is: images, masks, labels.json, lists.

    Characters of names that no list can hold (line breaks, blanks at the ends, bytes that are no
    UTF-8) are written there as in web addresses: %0A."""

    num_written: int
    left_out: tuple[LeftOut, ...]
    num_repaired_pixels: int
    """Pixels whose value stood for nothing and took the nearest one's meaning."""


class _Job(NamedTuple):
    split: str
    pair: Pair
    name: str
    same_as: str | None = None
    """An earlier job's name, whose image file has the same content."""


class _Done(NamedTuple):
    job: _Job
    reason: str | None
    num_repaired: int


def write_fixed(findings: Findings, out: Path, *, track: Track = silently) -> FixedCopy:
    """Write a copy whose masks are palette PNGs of class indices, with 255 for ignored pixels.

    Images are copied byte for byte, or written as PNG where EXIF turns them: upright, or as stored
    where only that fits the mask. Values that smoothing left in masks take the nearest class. Left
    out are pairs that cannot be read, whose sizes differ, that hold values without a meaning, and
    all but the first with one image; nothing is changed where the data lies.

    Args:
        findings: of the data to copy; its label map says what the masks mean.
        out: a new or empty folder.
        track: shows progress.

    Raises:
        UsageError: `out` is not empty.
        ValueError: what the masks mean is unknown, or stated so that the copy would hold wrong
            classes; or no pair can be kept.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: is not empty; name a new folder for the fixed copy.")
    for found in findings.problems:
        if found.kind in _MISREAD and found.severity == "error":
            raise ValueError(f"{findings.name}: no copy is made. {found.summary} {found.advice}")
    if findings.labels is None:
        raise ValueError(
            f"{findings.name}: what the masks mean is unknown, so no copy can be made; state the "
            "classes, for example classes='[ground, plant]'."
        )
    jobs = _with_first_ones(list(_jobs(findings)))
    copier = _Copier(out, findings.labels, findings.repairs)
    work = in_order(copier, jobs)
    done = list(track(work, about="copy", total=len(jobs), size=lambda _: 1))
    kept = [one for one in done if one.reason is None]
    left_out = tuple(LeftOut(one.job.name, one.reason) for one in done if one.reason is not None)
    if not kept:
        raise ValueError(f"{findings.name}: no pair can be kept; the first: {left_out[0].reason}")
    write_json(out / "labels.json", findings.labels.as_indices().to_dict())
    _write_lists(out, kept)
    copy = FixedCopy(out, len(kept), left_out, sum(one.num_repaired for one in kept))
    _write_account(copy, findings)
    return copy


def _jobs(findings: Findings) -> Iterator[_Job]:
    """Each pair once, under a name that is unique over all splits."""
    taken: set[str] = set()
    for split, pairs in findings.pairs.items():
        for pair in pairs:
            name = _listable(pair.name)
            name = name if name not in taken else f"{split}_{name}"
            taken.add(name)
            yield _Job(split, pair, name)


def _listable(name: str) -> str:
    """The name as a line of a list can hold it: one line, no blanks at its ends, UTF-8."""

    def escaped(text: str) -> str:
        return quote(text, safe="", errors="surrogateescape")

    inner = name.strip()
    before, _, after = name.partition(inner) if inner else (name, "", "")
    plain = "".join(one if one.isprintable() else escaped(one) for one in inner)
    return escaped(before) + plain + escaped(after)


def _with_first_ones(jobs: list[_Job]) -> list[_Job]:
    """The jobs, those with the image of an earlier one marked."""
    firsts: dict[bytes, str] = {}
    marked = []
    for job, digest in zip(jobs, in_order(_digest, jobs), strict=True):
        first = job.name if digest is None else firsts.setdefault(digest, job.name)
        marked.append(job if first == job.name else job._replace(same_as=first))
    return marked


def _digest(job: _Job) -> bytes | None:
    try:
        return hashlib.blake2b(read_bytes(job.pair.image), digest_size=16).digest()
    except (OSError, ValueError):  # the copier says what is wrong with it
        return None


@dataclass(frozen=True)
class _Copier:
    out: Path
    labels: LabelMap
    repairs: Mapping[int, int]

    def __call__(self, job: _Job) -> _Done:
        if job.pair.mask is None:
            return _Done(job, "has no mask", 0)
        if job.same_as is not None:
            return _Done(job, f"{job.pair.image}: is the same picture as {job.same_as}", 0)
        try:
            return self._copy(job)
        except OSError as error:
            return _Done(job, f"{error.filename}: cannot be read ({error.strerror})", 0)
        except ValueError as error:
            return _Done(job, str(error), 0)

    def _copy(self, job: _Job) -> _Done:
        content = read_bytes(job.pair.image)
        image, turn = decode_image(content, where=str(job.pair.image)), stored_turn(content)
        mask, num_repaired = self._mask(job.pair, image.shape[:2])
        if mask.shape != image.shape[:2]:
            upright, image = image, _as_stored(image, turn)
            if mask.shape != image.shape[:2]:
                reason = (
                    f"{job.pair.mask}: mask is {mask.shape[0]}x{mask.shape[1]} (height x width) "
                    f"but its image is {upright.shape[0]}x{upright.shape[1]}"
                )
                return _Done(job, reason, 0)
        suffix = job.pair.image.suffix.lower()
        if turn != 1:
            content, suffix = encode_png(image), ".png"
        write_bytes(self.out / "images" / f"{job.name}{suffix}", content)
        write_bytes(self.out / "masks" / f"{job.name}.png", encode_mask(mask, self.labels))
        return _Done(job, None, num_repaired)

    def _mask(self, pair: Pair, size: tuple[int, ...]) -> tuple[np.ndarray, int]:
        """Class indices of the mask, and how many pixels' values were repaired."""
        assert pair.mask is not None
        if not isinstance(pair.mask, Path):
            return pair.mask.draw(size[0], size[1], self.labels), 0
        values = _whole_floats(pair.mask)
        if values is None:
            values = read_mask_values(pair.mask, wants_indices=self.labels.encoding == "index")
        mask = _with_repairs(self.labels, self.repairs).decode(values, where=str(pair.mask))
        return mask, _num_repaired(values, self.repairs)


def _whole_floats(path: Path) -> np.ndarray | None:
    """The class numbers of a TIFF that holds them as floating-point numbers; None for others."""
    if path.suffix.lower() not in (".tif", ".tiff"):
        return None
    file = decode_mask_file(read_bytes(path), where=str(path))
    if file.mode != "F" or not (file.values == np.floor(file.values)).all():
        return None
    if not 0 <= file.values.min() <= file.values.max() <= 0xFFFF:
        return None
    return file.values.astype(np.uint16)


def _as_stored(upright: np.ndarray, turn: int) -> np.ndarray:
    """The image as its file holds it, before the EXIF orientation `turn` (1..8) was applied."""
    if turn in (5, 7):
        upright = np.rot90(upright, 2) if turn == 7 else upright
        return np.ascontiguousarray(upright.swapaxes(0, 1))
    if turn in (2, 4):
        return np.ascontiguousarray(upright[:, ::-1] if turn == 2 else upright[::-1])
    return np.ascontiguousarray(np.rot90(upright, {3: 2, 6: 1, 8: -1}.get(turn, 0)))


def _with_repairs(labels: LabelMap, repairs: Mapping[int, int]) -> LabelMap:
    """The label map with the values of smoothing standing for what their nearest value does."""
    meaning = dict(labels.file_values)
    added = [(v, meaning[near]) for v, near in repairs.items() if v not in meaning]
    return replace(labels, file_values=(*labels.file_values, *added)) if added else labels


def _num_repaired(values: np.ndarray, repairs: Mapping[int, int]) -> int:
    if not repairs:
        return 0
    if values.ndim == 3:
        values = values.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    return int(np.isin(values, np.fromiter(repairs, np.uint32, len(repairs))).sum())


def _write_lists(out: Path, kept: list[_Done]) -> None:
    """train.txt and so on, as the `folder` data set reads them; none where no split is stated."""
    for split in dict.fromkeys(one.job.split for one in kept):
        if split != "all":
            names = [one.job.name for one in kept if one.job.split == split]
            write_text(out / f"{split}.txt", "".join(f"{name}\n" for name in names))


def _write_account(copy: FixedCopy, findings: Findings) -> None:
    write_json(
        copy.root / "fixed.json",
        {
            "from": printable(findings.reason),
            "written": copy.num_written,
            "repaired_pixels": copy.num_repaired_pixels,
            "left_out": [
                {key: printable(text) for key, text in one._asdict().items()}
                for one in copy.left_out
            ],
        },
    )
