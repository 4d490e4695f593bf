"""One look at one image and its mask: every file is read and decoded once, here."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from tessella.check.runs import Runs, count_runs
from tessella.data.dataset import Dataset
from tessella.data.files import read_bytes
from tessella.data.fingerprint import Fingerprint, fingerprint
from tessella.data.header import Size, stored_size, stored_turn
from tessella.data.images import MaskFile, decode_mask_file, decode_quartered, why_unreadable
from tessella.data.pairs import Pair
from tessella.labels import LabelMap

Form = Literal["grey", "palette", "gray_as_rgb", "color", "deep", "classes"]
"""Single values; palette indices; three equal channels; RGB; 16 bits a channel; drawn by us."""

Ailment = Literal["missing", "empty", "truncated", "bomb", "unreadable"]

LOSSY = ("JPEG", "MPO", "lossy WebP")
"""Formats that change values at every edge."""

_SIDEWAYS = 5  # EXIF orientations from this one exchange height and width
_GRID = 45  # as many rows or columns, whichever are fewer, are looked at for levels
_FEW_LEVELS = 16
_ENOUGH_PIXELS = 256
MOST_VALUES = 4096
"""Of a mask with more values than this, the commonest are kept: it is no class mask anyway."""


class Failure(NamedTuple):
    """A file that cannot be read."""

    ailment: Ailment
    message: str
    """The reader's own, which begins with the path."""


class ImageSeen(NamedTuple):
    """What is kept of an image."""

    size: Size
    """Upright, as a model would get it."""

    stored: Size
    """Before an EXIF turn."""

    turn: int
    """EXIF orientation, 1..8; 1 is upright."""

    has_few_levels: bool
    """Whether it holds 16 different values of green at most; photographs hold dozens."""

    print: Fingerprint
    content: int
    """A checksum of the file's bytes; with equal prints, equal means the same file."""


class ValueFacts(NamedTuple):
    """What is kept of a mask's values, which themselves are added up over all masks."""

    kind: str
    """NumPy's letter: f floating point, i signed and u unsigned whole numbers."""

    count: int
    """How many different ones there are."""

    lowest: float
    highest: float
    is_counted_up: bool
    """Whether those other than 0 are exactly 1..n."""

    seam_ratio: float
    """Seams of smoothing for each long stretch of an area, see `runs`; 0 for colours."""

    are_whole: bool = True
    """Whether all are finite whole numbers."""


class MaskSeen(NamedTuple):
    """What is kept of a mask."""

    size: Size
    stored: Size
    turn: int
    form: Form
    format: str
    """Pillow's name (PNG, JPEG, ...), but `lossy WebP` for that; empty for a drawn mask."""

    mode: str
    """Pillow's colour mode: L, P, RGB, F, ..."""

    alpha: Literal["none", "opaque", "transparent"]
    values: ValueFacts
    content: int
    """A checksum of its values."""


class PairSeen(NamedTuple):
    """What one look at a pair gave; a failure stands in place of what could not be read."""

    image: ImageSeen | Failure
    mask: MaskSeen | Failure | None
    runs: Runs | None
    """The mask's values, to be added up and dropped."""

    used_colors: np.ndarray | None
    """For a palette mask: the colour (0xRRGGBB) of each of the values in `runs`."""


@dataclass(frozen=True)
class Observer:
    """Looks at pairs; safe to call from several threads."""

    labels: LabelMap | None
    """For masks that are drawn rather than read: which class the outlines mean."""

    def __call__(self, pair: Pair) -> PairSeen:
        """Read and decode both files; whatever is wrong with them comes back as a `Failure`."""
        image = observe_image(pair.image)
        if pair.mask is None:
            return PairSeen(image, None, None, None)
        if isinstance(pair.mask, Path):
            return _with_mask_file(image, pair.mask)
        if isinstance(image, Failure) or self.labels is None:
            return PairSeen(image, None, None, None)
        try:
            drawn = pair.mask.draw(image.size.height, image.size.width, self.labels)
        except (ValueError, OSError) as error:
            return PairSeen(image, Failure("unreadable", str(error)), None, None)
        return _with_drawn_mask(image, drawn)


def observe_sample(dataset: Dataset, index: int) -> PairSeen:
    """A look at a sample of a data set that does not say which files it reads.

    Raises:
        IndexError: past the end.
    """
    try:
        sample = dataset[index]
    except (ValueError, OSError) as error:
        return PairSeen(Failure("unreadable", str(error)), None, None, None)
    pixels = np.ascontiguousarray(sample.image[..., :3])
    if pixels.shape[2] != 3:
        pixels = np.repeat(pixels[..., :1], 3, axis=2)
    size = Size(pixels.shape[0], pixels.shape[1])
    print_, content = fingerprint(pixels), zlib.crc32(pixels.data)
    image = ImageSeen(size, size, 1, _has_few_levels(pixels), print_, content)
    return (
        PairSeen(image, None, None, None)
        if sample.mask is None
        else _with_drawn_mask(image, sample.mask)
    )


def observe_image(path: Path) -> ImageSeen | Failure:
    """Facts about an image file, or why it cannot be read."""
    content = _content(path)
    if isinstance(content, Failure):
        return content
    try:
        pixels = decode_quartered(content, where=str(path))
    except ValueError as error:
        return Failure(why_unreadable(content), str(error))
    turn = stored_turn(content)
    stored = stored_size(content) or Size(pixels.shape[0], pixels.shape[1])
    return ImageSeen(
        size=Size(stored.width, stored.height) if turn >= _SIDEWAYS else stored,
        stored=stored,
        turn=turn,
        has_few_levels=_has_few_levels(pixels),
        print=fingerprint(pixels),
        content=zlib.crc32(content),
    )


def _content(path: Path) -> bytes | Failure:
    try:
        return read_bytes(path)
    except OSError as error:
        return Failure("missing", f"{path}: cannot be read ({error.strerror}).")
    except ValueError as error:  # a damaged zip
        return Failure("unreadable", str(error))


def _has_few_levels(pixels: np.ndarray) -> bool:
    step = max(1, min(pixels.shape[:2]) // _GRID)
    sample = pixels[::step, ::step, 1].ravel()
    levels = np.count_nonzero(np.bincount(sample, minlength=256))
    return bool(levels <= _FEW_LEVELS and sample.size >= _ENOUGH_PIXELS)


def _with_mask_file(image: ImageSeen | Failure, path: Path) -> PairSeen:
    content = _content(path)
    if isinstance(content, Failure):
        return PairSeen(image, content, None, None)
    try:
        file = decode_mask_file(content, where=str(path))
    except ValueError as error:
        return PairSeen(image, Failure(why_unreadable(content), str(error)), None, None)
    values = np.ascontiguousarray(file.values)  # an EXIF turn leaves another order
    runs = count_runs(values)
    form = _form_of(file, runs)
    if form == "gray_as_rgb":
        runs = count_runs(np.ascontiguousarray(values[..., 0]))  # seams show in single values
    runs = _commonest(runs)
    colors = None
    if form == "palette" and file.palette is not None:
        colors = file.palette[runs.values].astype(np.int64) @ np.array([65536, 256, 1])
    seen = MaskSeen(
        size=Size(values.shape[0], values.shape[1]),
        stored=file.size,
        turn=file.turn,
        form=form,
        format="lossy WebP" if _is_lossy_webp(content) else file.format,
        mode=file.mode,
        alpha=file.alpha,
        values=_facts(runs, values.dtype.kind),
        content=runs.content,
    )
    return PairSeen(image, seen, runs, colors)


def _with_drawn_mask(image: ImageSeen, mask: np.ndarray) -> PairSeen:
    runs = count_runs(mask)
    size = Size(mask.shape[0], mask.shape[1])
    facts = _facts(runs, mask.dtype.kind)
    seen = MaskSeen(size, size, 1, "classes", "", "", "none", facts, runs.content)
    return PairSeen(image, seen, runs, None)


def _form_of(file: MaskFile, runs: Runs) -> Form:
    if file.is_deep:
        return "deep"
    if file.values.ndim == 3:
        low = runs.values & 0xFF
        return "gray_as_rgb" if bool((runs.values == low * 0x010101).all()) else "color"
    return "palette" if file.palette is not None else "grey"


def _is_lossy_webp(content: bytes) -> bool:
    """Whether the first picture is a VP8 bitstream (RFC 9649, section 2.4) rather than VP8L."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        return False
    place = 12
    while place + 8 <= len(content):
        name, size = (
            content[place : place + 4],
            int.from_bytes(content[place + 4 : place + 8], "little"),
        )
        if name in (b"VP8 ", b"VP8L"):
            return name == b"VP8 "
        # a frame of an animation holds its picture after 16 bytes of its own
        place += 8 + (16 if name == b"ANMF" else size + size % 2)
    return False


def _commonest(runs: Runs) -> Runs:
    if len(runs.values) <= MOST_VALUES:
        return runs
    kept = np.sort(np.argpartition(-runs.pixels, MOST_VALUES)[:MOST_VALUES])
    return runs._replace(values=runs.values[kept], pixels=runs.pixels[kept], runs=runs.runs[kept])


def _facts(runs: Runs, kind: str) -> ValueFacts:
    values = runs.values
    positive = values[values > 0]
    is_counted_up = bool(
        len(positive)
        and values[0] >= 0
        and np.array_equal(positive, np.arange(1, len(positive) + 1))
    )
    return ValueFacts(
        kind=kind,
        count=len(values),
        lowest=float(values[0]) if len(values) else 0.0,
        highest=float(values[-1]) if len(values) else 0.0,
        is_counted_up=is_counted_up,
        seam_ratio=runs.seam_ratio,
        are_whole=kind != "f" or bool((np.isfinite(values) & (values == np.floor(values))).all()),
    )
