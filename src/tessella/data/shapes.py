"""Outlines, discs, run lengths and patches: what annotation tools write in JSON, drawn as masks.

One rule says which pixels lie inside, for every tool: those whose centre does. Pixel (row r,
column c) covers r..r+1 and c..c+1, so its centre is at (r + 0.5, c + 0.5), and two outlines that
share an edge share no pixel. Outlines are drawn by COCO's own rasteriser (Lin et al. 2014,
arXiv:1405.0312; pycocotools), which rounds edges to fifths of a pixel. Labelme draws its outlines
as a line one pixel wide and fills it, which makes every object half a pixel larger all around and
lets later ones eat into their neighbours; its files are drawn by the one rule here as well.
"""

import reprlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float64, Int64, UInt8
from pycocotools import mask as coco_mask

from tessella.data.annotation_json import finite_numbers, pixels
from tessella.data.images import decode_image
from tessella.labels import LabelMap

_MAX_PIXELS = 1 << 32
_MAX_OUTLINE_PX = 2_000_000  # the rasteriser takes some 80 bytes for each
_MOST_PX = 1 << 30
_FAR_SIDES = 10  # a point this many image sides away from the image is a slip, not an overlap


class Figure(Protocol):
    """One closed form on the plane of an image; x to the right and y down, in pixels."""

    @property
    def area(self) -> float:
        """Square pixels; parts outside of the image may count."""
        ...

    def paint(self, columns: UInt8[np.ndarray, "w h"], value: int, *, where: str) -> None:
        """Write `value` to every pixel inside, into a mask that is held column by column."""
        ...


@dataclass(frozen=True, slots=True)
class Outline:
    """A closed polygon, its last point joined to its first; where it crosses itself, even-odd."""

    points: bytes
    """Float64 numbers x, y, x, y, ... in pixels; as bytes they are small, and compare."""

    @property
    def area(self) -> float:
        """Square pixels (shoelace formula), parts outside of the image included."""
        x, y = (self._xy() - self._xy()[0]).T  # the first point is now 0, 0: no closing term
        return float(abs(x[:-1] @ y[1:] - y[:-1] @ x[1:]) / 2)

    @property
    def largest(self) -> float:
        """The largest coordinate, in pixels."""
        return float(self._xy().max())

    def _xy(self) -> Float64[np.ndarray, "n 2"]:
        return np.frombuffer(self.points).reshape(-1, 2)

    def paint(self, columns: UInt8[np.ndarray, "w h"], value: int, *, where: str) -> None:
        """Write `value` to every pixel whose centre is inside.

        Raises:
            ValueError: the outline lies outside of the image, or reaches absurdly far.
        """
        width, height = columns.shape
        xy = self._xy()
        _refuse_outside(xy.min(0), xy.max(0), columns.shape, where=where)
        length = np.abs(xy - np.roll(xy, -1, axis=0)).max(1).sum()
        if length > _MAX_OUTLINE_PX:
            raise ValueError(
                f"{where}: its outline of {len(xy)} points is {length:.3g} px long; up to "
                f"{_MAX_OUTLINE_PX} px are drawn. Draw it again."
            )
        runs = coco_mask.frPyObjects([xy.ravel().tolist()], height, width)[0]["counts"]
        _paint_runs(columns, _unpacked(runs, where=where), value)


@dataclass(frozen=True, slots=True)
class Disc:
    """A filled circle."""

    x: float
    y: float
    radius: float
    """All in pixels."""

    @property
    def area(self) -> float:
        """Square pixels, parts outside of the image included."""
        return pi * self.radius**2

    def paint(self, columns: UInt8[np.ndarray, "w h"], value: int, *, where: str) -> None:
        """Write `value` to every pixel whose centre is inside.

        Raises:
            ValueError: the disc lies outside of the image, or reaches absurdly far.
        """
        centre = np.array([self.x, self.y])
        least, most = centre - self.radius, centre + self.radius
        _refuse_outside(least, most, columns.shape, where=where)
        first = np.floor(least).astype(int).clip(0)
        last = np.ceil(most).astype(int).clip(0)
        part = columns[first[0] : last[0], first[1] : last[1]]
        dx = np.arange(first[0], first[0] + part.shape[0]) + 0.5 - self.x
        dy = np.arange(first[1], first[1] + part.shape[1]) + 0.5 - self.y
        part[dx[:, None] ** 2 + dy**2 <= self.radius**2] = value


@dataclass(frozen=True, slots=True)
class Runs:
    """A mask of the whole image in run lengths, down the columns: out, in, out, in, ..."""

    height: int
    width: int
    counts: bytes
    """Uint32 lengths in pixels; they add up to height times width."""

    @property
    def area(self) -> int:
        """Pixels inside."""
        return int(np.frombuffer(self.counts, np.uint32)[1::2].sum())

    def paint(self, columns: UInt8[np.ndarray, "w h"], value: int, *, where: str) -> None:
        """Write `value` to every pixel inside.

        Raises:
            ValueError: the image has another size.
        """
        width, height = columns.shape
        if (self.height, self.width) != (height, width):
            raise ValueError(
                f"{where}: its run lengths are for {self.height}x{self.width} (height x width) "
                f"but the image is {height}x{width}; export them at the image's size."
            )
        _paint_runs(columns, np.frombuffer(self.counts, np.uint32).astype(np.int64), value)


@dataclass(frozen=True, slots=True)
class Patch:
    """A small black-and-white picture laid onto the image; what is not black is inside."""

    left: int
    top: int
    height: int
    width: int
    """All in pixels; parts of it may lie outside of the image."""

    content: bytes
    """The picture, as a file."""

    @property
    def area(self) -> float:
        """Pixels of the whole picture: what is inside is known only when it is decoded."""
        return self.height * self.width

    def paint(self, columns: UInt8[np.ndarray, "w h"], value: int, *, where: str) -> None:
        """Write `value` to every pixel inside.

        Raises:
            ValueError: the picture cannot be read, has another size, or lies outside of the image.
        """
        inside = decode_image(self.content, where=where).max(axis=2) > 0
        if inside.shape != (self.height, self.width):
            raise ValueError(
                f"{where}: its mask is {inside.shape[0]}x{inside.shape[1]} (height x width) but "
                f"its points span {self.height}x{self.width}; save the annotation again."
            )
        least = np.array([self.left, self.top], float)
        _refuse_outside(least, least + (self.width, self.height), columns.shape, where=where)
        first = (max(0, self.left), max(0, self.top))
        part = columns[first[0] : self.left + self.width, first[1] : self.top + self.height]
        seen = inside[first[1] - self.top :, first[0] - self.left :].T
        part[seen[: part.shape[0], : part.shape[1]]] = value


@dataclass(frozen=True, slots=True)
class Shape:
    """What one annotation covers: the union of its figures."""

    value: int | None
    """The class index of its pixels; None means that they are ignored."""

    figures: tuple[Figure, ...]
    name: str
    """What to call it in messages: "annotation 17"."""

    @property
    def area(self) -> float:
        """The figures' areas added up, in square pixels."""
        return sum(figure.area for figure in self.figures)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A mask that is drawn from shapes, each over those before it."""

    shapes: tuple[Shape, ...]
    ground: int | None
    """The class index of pixels that no shape covers; None means that they are ignored."""

    size: tuple[int, int] | None
    """(height, width) of the image that the shapes were drawn for, in pixels, where stated."""

    where: str
    """The file, and which image in it, for messages."""

    def draw(self, height: int, width: int, labels: LabelMap) -> UInt8[np.ndarray, "h w"]:
        """The mask of an image of this size, in pixels: class indices, or `ignore_index`.

        Raises:
            ValueError: the shapes were drawn for an image of another size, or one of them lies
                outside of the image.
        """
        if self.size is not None and self.size != (height, width):
            raise ValueError(
                f"{self.where}: was annotated at {self.size[0]}x{self.size[1]} (height x width) "
                f"but the image file is {height}x{width}; use the file that was annotated."
            )
        ground = labels.ignore_index if self.ground is None else self.ground
        columns = np.full((width, height), ground, np.uint8)
        for shape in self.shapes:
            value = labels.ignore_index if shape.value is None else shape.value
            for figure in shape.figures:
                figure.paint(columns, value, where=f"{self.where}, {shape.name}")
        return np.ascontiguousarray(columns.T)


def outline(points: Any, *, where: str) -> Outline:
    """A polygon of a JSON file.

    Args:
        points: numbers x, y, x, y, ...; or pairs of them; in pixels.
        where: the file and the annotation, for the error message.

    Raises:
        ValueError: these are not three points or more, with coordinates that an image can have.
    """
    numbers = finite_numbers(points, where=where)
    pairs = numbers.ndim == 2 and numbers.shape[1] == 2
    if not pairs and (numbers.ndim != 1 or numbers.size % 2):
        raise ValueError(
            f"{where}: its outline {reprlib.repr(points)} is not a list of x and y in turn; "
            "export it again."
        )
    if numbers.size < 6:
        raise ValueError(
            f"{where}: its outline has {numbers.size // 2} points; an area takes three. "
            "Draw it again, or remove it."
        )
    if np.abs(numbers).max() > _MOST_PX:  # beyond, areas overflow
        raise ValueError(
            f"{where}: its outline reaches as far as {np.abs(numbers).max():.3g} px; no image is "
            "so large. Draw it again, or remove it."
        )
    return Outline(numbers.tobytes())


def runs(segmentation: Any, *, where: str) -> Runs:
    """Run lengths as COCO writes them, {"size": [height, width], "counts": ...}.

    Args:
        segmentation: `counts` is a list of lengths, or the same packed into a string.
        where: the file and the annotation, for the error message.

    Raises:
        ValueError: it has another form, or the lengths do not add up to the size.
    """
    sides = segmentation.get("size") if isinstance(segmentation, dict) else None
    is_pair = isinstance(sides, list) and len(sides) == 2
    size = pixels(*sides, where=f"{where}, its run lengths") if is_pair else None
    if size is None or size[0] * size[1] >= _MAX_PIXELS:
        raise ValueError(
            f"{where}: its run lengths have the size {reprlib.repr(sides)}; expected "
            f"[height, width] with under {_MAX_PIXELS} pixels. Export it again."
        )
    total = size[0] * size[1]
    counts = segmentation.get("counts")
    if isinstance(counts, str):
        lengths = _unpacked(counts, where=where)
    else:
        numbers = finite_numbers(counts, where=where)
        lengths = numbers.clip(-1, _MAX_PIXELS).astype(np.int64)
        if numbers.ndim != 1 or (lengths != numbers).any():
            raise ValueError(
                f"{where}: its run lengths {reprlib.repr(counts)} are not whole numbers from 0 "
                "up; export it again."
            )
    is_sound = lengths.size and 0 <= lengths.min() <= lengths.max() <= total
    if not is_sound or lengths.sum() != total:
        raise ValueError(
            f"{where}: its run lengths add up to {lengths.sum()} pixels and run from "
            f"{lengths.min(initial=0)} to {lengths.max(initial=0)}; expected {total} pixels "
            f"({size[0]}x{size[1]}). Export it again."
        )
    return Runs(size[0], size[1], lengths.astype(np.uint32).tobytes())


def labels_with_ground(names: Sequence[str], ground: str | None) -> tuple[LabelMap, int | None]:
    """The label map of classes that are drawn, and the class of what is left over.

    Args:
        names: the classes in the order of their indices.
        ground: name of the class of pixels that no shape covers: put first unless `names` has
            it. None means that such pixels are ignored, and gives None.

    Raises:
        ValueError: a name is listed twice, there is none, or there are too many.
    """
    if repeated := [name for name, times in Counter(names).items() if times > 1]:
        raise ValueError(f"{', '.join(repeated[:5])} listed more than once; once is enough.")
    if ground is None:
        return LabelMap.from_names(names), None
    listed = list(names) if ground in names else [ground, *names]
    return LabelMap.from_names(listed), listed.index(ground)


def _refuse_outside(
    least: np.ndarray, most: np.ndarray, shape: tuple[int, ...], *, where: str
) -> None:
    """Refuse what has no pixel in the image, as if it belonged to another, or reaches too far.

    Args:
        least: smallest x and y.
        most: largest x and y.
        shape: (width, height).
        where: for the message.
    """
    width, height = shape
    far = max(1000, _FAR_SIDES * max(shape))
    is_off = (most < 0).any() or (least > shape).any()
    if is_off or (least < -far).any() or (most > np.add(shape, far)).any():
        how = "lies outside of" if is_off else "reaches far beyond"
        raise ValueError(
            f"{where}: {how} its image: x {least[0]:g}..{most[0]:g}, y {least[1]:g}..{most[1]:g} "
            f"in an image of {height}x{width} (height x width); check that both belong together, "
            "and draw or remove it."
        )


def _unpacked(text: bytes | str, *, where: str) -> Int64[np.ndarray, "n"]:
    """The run lengths in a string of COCO's.

    Six bits a character from "0" on: five of the number, lowest first, and one that says whether
    more follow; the number is signed. From the fourth on, the difference to the last but one.
    """
    packed = text.encode(errors="replace") if isinstance(text, str) else text
    digits = np.frombuffer(packed, np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero(digits & 32 == 0) + 1
    starts = np.concatenate([[0], ends[:-1]])
    if not digits.size or not (0 <= digits.min() <= digits.max() < 64) or digits[-1] & 32:
        raise ValueError(
            f"{where}: its run lengths {reprlib.repr(text)} are not in COCO's packed form; export "
            "it again."
        )
    sizes = ends - starts
    if sizes.max() > 8:
        raise ValueError(f"{where}: a run length of {sizes.max()} characters; export it again.")
    places = 5 * (np.arange(digits.size) - np.repeat(starts, sizes))
    numbers = np.add.reduceat((digits & 31) << places, starts)
    numbers -= (digits[ends - 1] >> 4 & 1) << 5 * sizes
    numbers[1::2] = numbers[1::2].cumsum()
    numbers[2::2] = numbers[2::2].cumsum()
    return numbers


def _paint_runs(
    columns: UInt8[np.ndarray, "w h"], lengths: Int64[np.ndarray, "n"], value: int
) -> None:
    spanned = lengths[1 : len(lengths) // 2 * 2]  # from the first run inside to the last
    is_inside = np.arange(len(spanned)) % 2 == 0
    inside = np.repeat(is_inside, spanned)
    start = lengths[0]
    np.copyto(columns.reshape(-1)[start : start + inside.size], np.uint8(value), where=inside)
