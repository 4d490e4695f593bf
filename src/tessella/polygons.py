"""Class maps as polygons: one GeoJSON feature for each connected region, exact to the pixel.

A border runs between pixels, not through their centres. It is found as sides, the straight pieces
between two corners: along each line of the pixel grid, neighbouring pixel edges with one region on
the same side join to a side. Each side ends where exactly one other begins, which links them into
rings.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Int, UInt8

from tessella.labels import LabelMap

COORDINATES = (
    "pixels; x to the right, y down; 0, 0 is the outer corner of the first pixel, and the pixel in "
    "column c and row r covers c..c+1 and r..r+1"
)
"""What the numbers mean; every collection says it under `pixel_coordinates`."""


def feature_collection(
    class_map: UInt8[np.ndarray, "h w"],
    labels: LabelMap,
    *,
    skip: Collection[int] = (),
    min_pixels: int = 0,
) -> dict[str, Any]:
    """The regions of a class map as a GeoJSON FeatureCollection (RFC 7946) in pixel coordinates.

    The coordinates are pixels, not degrees: x to the right, y down, and 0, 0 is the outer corner of
    the first pixel. Pixels of one class that share an edge make one region; pixels that touch at a
    corner alone do not. Each region is a Feature with a Polygon whose rings run along pixel
    borders, holes as inner rings: painting all of them gives the class map back. Points lie at
    corners only. Rings follow the right-hand rule by their numbers: the shoelace area of an outer
    ring is positive, of a hole negative. No ring touches itself; rings of a polygon may touch at
    points, so the polygons are valid where software asks for that.

    Args:
        class_map: class indices; pixels of `labels.ignore_index` are in no region.
        labels: gives names and colours.
        skip: class indices to leave out, such as the background.
        min_pixels: regions of fewer pixels are left out, and leave a gap.

    Returns:
        Plain values. Features are in reading order of their first pixel, with the properties
        `index`, `name`, `color` ("#rrggbb") and `pixels`. Beside them the collection holds the
        foreign members `pixel_coordinates`, `height` and `width`.

    Raises:
        ValueError: the class map is not uint8 of shape (h, w) or holds a value that is no class,
            `skip` names no class, or `min_pixels` is negative.
    """
    _check(class_map, labels, skip=skip, min_pixels=min_pixels)
    height, width = class_map.shape
    features: list[dict[str, Any]] = []
    if class_map.size:
        left_out = {*skip, labels.ignore_index}
        regions = _Regions.of(class_map).without(left_out, min_pixels=min_pixels)
        features = [
            _feature(int(regions.classes[region]), int(regions.pixels[region]), rings, labels)
            for region, rings in _rings_by_region(regions.map).items()
        ]
    return {
        "type": "FeatureCollection",
        "pixel_coordinates": COORDINATES,
        "height": height,
        "width": width,
        "features": features,
    }


Ring = list[list[int]]
"""Corners [x, y] in order; the last repeats the first."""


class _Regions(NamedTuple):
    """Which pixels belong together."""

    map: Int[np.ndarray, "h w"]
    """The number of the region of each pixel, from 1; 0 is in none."""

    classes: UInt8[np.ndarray, " n"]
    """The class index of each region."""

    pixels: Int[np.ndarray, " n"]
    """How many pixels each region has."""

    @classmethod
    def of(cls, class_map: UInt8[np.ndarray, "h w"]) -> "_Regions":
        """The 4-connected regions of every value in the map."""
        # OpenCV joins whatever is not 0. A cell between any two pixels, 1 where they are of one
        # class, lets one pass over the map find the regions of all classes.
        height, width = class_map.shape
        cells = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
        cells[::2, ::2] = 1
        cells[::2, 1::2] = class_map[:, 1:] == class_map[:, :-1]
        cells[1::2, ::2] = class_map[1:] == class_map[:-1]
        num_regions, numbered = cv2.connectedComponents(cells, connectivity=4, ltype=cv2.CV_32S)
        regions = np.ascontiguousarray(numbered[::2, ::2])
        classes = np.zeros(num_regions, np.uint8)
        classes[regions] = class_map
        return cls(regions, classes, np.bincount(regions.ravel(), minlength=num_regions))

    def without(self, left_out: Collection[int], *, min_pixels: int) -> "_Regions":
        """The same with 0 for the pixels of some classes and of small regions."""
        kept = ~np.isin(self.classes, list(left_out)) & (self.pixels >= min_pixels)
        return self._replace(map=np.where(kept, np.arange(len(kept), dtype=np.int32), 0)[self.map])


class _Sides(NamedTuple):
    """Straight pieces of border, walked with their region on the right hand as seen on a screen."""

    start: Int[np.ndarray, "2 n"]
    """x and y where each begins."""

    end: Int[np.ndarray, "2 n"]
    """x and y where each ends."""

    region: Int[np.ndarray, " n"]

    @property
    def reversed(self) -> "_Sides":
        """The same, walked the other way."""
        return _Sides(self.end, self.start, self.region)

    @property
    def flipped(self) -> "_Sides":
        """The same with x and y exchanged."""
        return _Sides(self.start[::-1], self.end[::-1], self.region)


def _rings_by_region(regions: Int[np.ndarray, "h w"]) -> dict[int, list[Ring]]:
    """The rings of each region, the outer one first, in reading order of their first corners."""
    padded = np.pad(regions, 1)
    # (h + 1, w) pixel edges: those on grid line y have row y - 1 above and row y below
    above, below = padded[:-1, 1:-1], padded[1:, 1:-1]
    left, right = padded[1:-1, :-1].T, padded[1:-1, 1:].T
    rightward, leftward = _sides(below, above), _sides(above, below).reversed
    downward, upward = _sides(left, right).flipped, _sides(right, left).flipped.reversed

    # Where a side ends, its region turns to the far pixel beside the corner if that is its own too,
    # and else around the near one. Of two pixels of a region that touch at a corner alone the far
    # one is taken: the border then passes between them and no ring touches itself.
    upper_left, upper_right = padded[:-1, :-1], padded[:-1, 1:]
    lower_left, lower_right = padded[1:, :-1], padded[1:, 1:]
    goes_up = [_owns(rightward, upper_right), ~_owns(leftward, lower_left)]
    goes_right = [_owns(downward, lower_right), ~_owns(upward, upper_left)]
    across, along = _joined(rightward, leftward), _joined(downward, upward)
    is_upward = np.arange(along.region.size) >= downward.region.size
    is_rightward = np.arange(across.region.size) < rightward.region.size
    stride = padded.shape[1]
    after_across = _same(
        _departures(across.end, np.concatenate(goes_up), stride=stride),
        _departures(along.start, is_upward, stride=stride),
    )
    after_along = _same(
        _departures(along.end, np.concatenate(goes_right), stride=stride),
        _departures(across.start, is_rightward, stride=stride),
    )

    order, firsts = _walk(after_along[after_across], num_first=rightward.region.size)
    corners = np.empty((2 * len(order), 2), np.int64)
    corners[::2] = across.start.T[order]
    corners[1::2] = along.start.T[after_across[order]]
    rings: dict[int, list[Ring]] = {}
    points, owners = corners.tolist(), across.region[order[firsts]].tolist()
    lasts = [*firsts, len(order)][1:]
    for region, first, last in zip(owners, firsts, lasts, strict=True):
        closed = [*points[2 * first : 2 * last], [*points[2 * first]]]
        rings.setdefault(region, []).append(closed)
    return rings


def _sides(inside: Int[np.ndarray, "lines n"], outside: Int[np.ndarray, "lines n"]) -> _Sides:
    """Runs of pixel edges on each grid line that have one region inside and not outside."""
    line, place = np.nonzero((inside != outside) & (inside != 0))
    region = inside[line, place]
    is_new = (np.diff(line) != 0) | (np.diff(place) != 1) | (np.diff(region) != 0)
    first = np.flatnonzero(np.append(True, is_new)[: len(line)])
    last = np.flatnonzero(np.append(is_new, True)[: len(line)])
    return _Sides(
        np.stack([place[first], line[first]]),
        np.stack([place[last] + 1, line[last]]),
        region[first],
    )


def _owns(sides: _Sides, pixels: Int[np.ndarray, "h1 w1"]) -> Bool[np.ndarray, " n"]:
    """Whether the pixel that lies on one side of each grid corner is the region's, at its end."""
    x, y = sides.end
    return pixels[y, x] == sides.region


def _joined(first: _Sides, second: _Sides) -> _Sides:
    return _Sides(*(np.concatenate(parts, axis=-1) for parts in zip(first, second, strict=True)))


def _departures(
    corner: Int[np.ndarray, "2 n"], way: Bool[np.ndarray, " n"], *, stride: int
) -> Int[np.ndarray, " n"]:
    """A number for each corner and way of leaving it; one side at most begins with each."""
    x, y = corner
    return 2 * (y * stride + x) + way


def _same(wanted: Int[np.ndarray, " n"], offered: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Where in `offered` each of `wanted` stands; both hold the same numbers, each once."""
    places = np.empty_like(wanted)
    places[np.argsort(wanted)] = np.argsort(offered)
    return places


def _walk(
    following: Int[np.ndarray, " n"], *, num_first: int
) -> tuple[Int[np.ndarray, " n"], list[int]]:
    """All horizontal sides ring after ring, and the place in that order where each ring begins.

    The first right-going side of a region in reading order lies on its outer ring, and every ring
    has a right-going side: beginning at those (the first `num_first`) puts outer rings first.
    """
    # plain Python, one step for two corners: a ring is a chain, which arrays cannot follow
    next_side = following.tolist()
    is_walked = bytearray(len(next_side))
    order: list[int] = []
    firsts: list[int] = []
    for first in range(num_first):
        if is_walked[first]:
            continue
        firsts.append(len(order))
        side = first
        while not is_walked[side]:
            is_walked[side] = 1
            order.append(side)
            side = next_side[side]
    return np.array(order, np.int64), firsts


def _feature(index: int, pixels: int, rings: list[Ring], labels: LabelMap) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": rings},
        "properties": {
            "index": index,
            "name": labels.names[index],
            "color": "#{:02x}{:02x}{:02x}".format(*labels.colors[index]),
            "pixels": pixels,
        },
    }


def _check(
    class_map: np.ndarray, labels: LabelMap, *, skip: Collection[int], min_pixels: int
) -> None:
    where = "feature_collection"
    if class_map.ndim != 2 or class_map.dtype != np.uint8:
        raise ValueError(
            f"{where}: class map is {class_map.dtype} of shape {class_map.shape}; expected uint8 "
            "(height, width); give one class map."
        )
    known = {*range(labels.num_classes), labels.ignore_index}
    classes = f"0..{labels.num_classes - 1} and {labels.ignore_index} (ignored)"
    present = np.flatnonzero(np.bincount(class_map.ravel(), minlength=256)).tolist()
    if strange := [value for value in present if value not in known]:
        raise ValueError(
            f"{where}: class map holds {strange}; classes are {classes}; use the label map that it "
            "was made with."
        )
    if unknown := sorted(set(skip) - known):
        raise ValueError(f"{where}: skip holds {unknown}; classes are {classes}; leave it out.")
    if min_pixels < 0:
        raise ValueError(f"{where}: min_pixels is {min_pixels}; expected at least 0; give a count.")
