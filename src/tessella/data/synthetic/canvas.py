"""The image and the mask of a drawn scene: seen by one camera, filled with one geometry.

Whatever has a class is filled in both with the same whole-pixel polygon, so that the edges of
image and mask cannot differ.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Int, UInt8

Tint = tuple[float, float, float]
"""Red, green, blue in 0..255, not yet rounded."""

Polygon = Int[np.ndarray, "_ 2"]
"""Whole pixels (x, y); corners may lie outside the image."""

Tile = UInt8[np.ndarray, "_ _"]
"""A square pattern that repeats without a seam."""

TILE_SIDE = 256


class Kind(IntEnum):
    """What the pixels of a mask mean: the classes in order, and what is ignored."""

    SKY = 0
    BUILDING = 1
    ROAD = 2
    PAVEMENT = 3
    VEGETATION = 4
    CAR = 5
    PEDESTRIAN = 6
    POLE = 7
    IGNORED = 255


@dataclass(frozen=True)
class Camera:
    """A pinhole camera over a street: metres in, whole pixels out.

    Points are (x, y, z): x to the right of the middle of the street, y above the ground and z
    ahead of the camera, all in metres.
    """

    height: int
    """Rows of the image."""

    width: int
    """Columns of the image."""

    focal_px: float
    """Pixels of a metre at a distance of one metre."""

    horizon_px: float
    """Row that the ground approaches far away."""

    center_px: float
    """Column of the vanishing point of a straight street."""

    x: float
    """Metres to the right of the middle of the street."""

    y: float
    """Metres above the ground."""

    bend: float
    """Curvature of the street, in 1/m: at distance z everything is moved right by bend * z^2."""

    @functools.cached_property
    def unit_px(self) -> float:
        """1 for an image of 128x192, 2 for twice the height and width, and so on."""
        return (self.height * self.width / (128 * 192)) ** 0.5

    @functools.cached_property
    def near(self) -> float:
        """Metres at which things are cut off: half as far as the nearest ground in sight."""
        return 0.5 * self.y * self.focal_px / (self.height - self.horizon_px)

    def sees(self, x: float, z: float, *, margin: float) -> bool:
        """Whether a thing at (x, z), reaching `margin` metres to either side, may be in sight."""
        if z <= 2 * self.near:
            return False
        column = self.center_px + self.focal_px * (x + self.bend * z * z - self.x) / z
        reach = self.focal_px * margin / z + 3 * self.unit_px
        return -reach <= column <= self.width + reach

    def sees_past(self, x: float, z: float) -> bool:
        """Whether (x, z) is not yet beyond the edge of the image on its own side of the street."""
        column = self.center_px + self.focal_px * (x + self.bend * z * z - self.x) / z
        return column <= self.width if x > 0 else column >= 0

    def project(self, points: Float[np.ndarray, "*n 3"]) -> Int[np.ndarray, "*n 2"]:
        """Pixels (x, y) of points; what is nearer than `near` is drawn as if it were there."""
        z = np.maximum(points[..., 2], self.near)
        scale = self.focal_px / z
        pixels = np.empty((*z.shape, 2))
        x, y = pixels[..., 0], pixels[..., 1]
        np.multiply(points[..., 0] + (self.bend * z * z - self.x), scale, out=x)
        np.multiply(self.y - points[..., 1], scale, out=y)
        x += self.center_px
        y += self.horizon_px
        return np.rint(pixels, out=pixels).astype(np.int32)

    def ground(self, pieces: Float[np.ndarray, "n 4"], *, steps: int) -> list[Polygon]:
        """Pieces of ground (x0, x1, z0, z1) that follow the bend in so many steps."""
        x0, x1, z0, z1 = pieces.T[..., None]
        z0, z1 = np.maximum(z0, self.near), np.maximum(z1, self.near)
        corners = np.zeros((len(pieces), 2 * steps, 3))
        corners[:, :steps, 0], corners[:, steps:, 0] = x0, x1
        # by a constant factor, so that steps look alike near and far
        corners[:, :steps, 2] = z0 * (z1 / z0) ** np.linspace(0, 1, steps)
        corners[:, steps:, 2] = corners[:, steps - 1 :: -1, 2]
        return list(self.project(corners))


@functools.cache
def noise_tile(rows: int, columns: int, amplitude: int) -> Tile:
    """Smooth noise; fewer columns than rows give a grain that lies flat.

    Values are 0..2 * amplitude, which is at most 127, and `amplitude` on average.
    """
    tile = np.rint(amplitude * (1 + _noise(rows, columns))).astype(np.uint8)
    tile.setflags(write=False)  # shared by every scene
    return tile


@functools.cache
def _noise(rows: int, columns: int) -> Float[np.ndarray, "side side"]:
    """Blobs and finer blobs in them, -1..1."""
    rng = np.random.default_rng([rows, columns])
    total = np.zeros((TILE_SIDE, TILE_SIDE), np.float32)
    for octave, weight in ((1, 0.6), (4, 0.4)):
        cells = np.tile(rng.random((rows * octave, columns * octave), dtype=np.float32), (3, 3))
        # the middle of three repeats has no seam
        large = cv2.resize(cells, (3 * TILE_SIDE, 3 * TILE_SIDE), interpolation=cv2.INTER_CUBIC)
        total += weight * large[TILE_SIDE : 2 * TILE_SIDE, TILE_SIDE : 2 * TILE_SIDE]
    noise = np.clip((total - 0.5) * 2.35, -1, 1)
    noise.setflags(write=False)
    return noise


def shade(tint: Tint, gain: float) -> Tint:
    """The tint under more light (gain above 1) or less."""
    red, green, blue = tint
    return (min(255.0, red * gain), min(255.0, green * gain), min(255.0, blue * gain))


_AMPLITUDE_STEP = 4  # few different tiles to keep


class Grain(NamedTuple):
    """How uneven a surface looks."""

    cells: tuple[int, int]
    """Blobs of the noise, down and across its tile, see `noise_tile`."""

    amplitude: float
    """Grey values that it adds or takes away at most."""

    tile_px_per_px: float
    """Tile pixels that pass by per image pixel."""

    start: int
    """Place in the tile, as row * 256 + column, of the surface's top left corner."""


class Canvas:
    """An image and its mask, painted together from back to front."""

    def __init__(self, camera: Camera, *, haze: Tint, visibility_m: float) -> None:
        """Start with a black image of which nothing is labelled.

        Args:
            camera: what the scene is seen with; gives the size.
            haze: the colour that far things take on.
            visibility_m: distance at which the haze has taken half of a colour.
        """
        self.camera = camera
        self.image = np.zeros((camera.height, camera.width, 3), np.uint8)
        self.mask = np.full((camera.height, camera.width), int(Kind.IGNORED), np.uint8)
        self._haze = haze
        self._visibility_m = visibility_m

    def haze(self, tint: Tint, z: float) -> Tint:
        """The tint as seen from z metres away."""
        left = 2.0 ** (-max(z, 0.0) / self._visibility_m)
        red, green, blue = tint
        far_red, far_green, far_blue = self._haze
        return (
            far_red + (red - far_red) * left,
            far_green + (green - far_green) * left,
            far_blue + (blue - far_blue) * left,
        )

    def fill(self, polygon: Polygon, tint: Tint, kind: Kind) -> None:
        """Give a polygon one colour and one class; it covers what was there."""
        cv2.fillPoly(self.image, [polygon], tint)
        cv2.fillPoly(self.mask, [polygon], int(kind))

    def tint(self, polygons: Sequence[Polygon], tint: Tint) -> None:
        """Colour details that belong to what lies under them: the mask stays.

        Where an even number of the polygons overlap, they cancel out.
        """
        if polygons:
            cv2.fillPoly(self.image, polygons, tint)

    def leave_band(self, polygons: Sequence[Polygon]) -> None:
        """Ignore a narrow band around what is filled next, as annotators do at unsure edges."""
        thickness = 1 + 2 * max(1, round(self.camera.unit_px))
        cv2.polylines(self.mask, polygons, True, int(Kind.IGNORED), thickness)

    def fill_rough(self, polygon: Polygon, tint: Tint, kind: Kind, *, grain: Grain) -> None:
        """Fill a polygon with a tint that a pattern, moving along with it, makes uneven."""
        amplitude = _AMPLITUDE_STEP * round(min(grain.amplitude, 124) / _AMPLITUDE_STEP)
        red, green, blue = tint
        self.fill(polygon, (red - amplitude, green - amplitude, blue - amplitude), kind)
        x, y, width, height = cv2.boundingRect(polygon)
        left, top = max(x, 0), max(y, 0)
        right, bottom = min(x + width, self.camera.width), min(y + height, self.camera.height)
        if right <= left or bottom <= top or amplitude == 0:
            return
        row, column = divmod(grain.start, TILE_SIDE)
        step = grain.tile_px_per_px
        across = (column + step * (left - x)) % TILE_SIDE
        down = (row + step * (top - y)) % TILE_SIDE
        matrix = np.array(((step, 0, across), (0, step, down)))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = (right - left, bottom - top)
        tile = noise_tile(*grain.cells, amplitude)
        noise = cv2.warpAffine(tile, matrix, size, flags=flags, borderMode=cv2.BORDER_WRAP)
        stencil = np.zeros(size[::-1], np.uint8)
        cv2.fillPoly(stencil, [polygon], 255, offset=(-left, -top))
        # adding 0 outside the polygon is three times as fast as the mask that `cv2.add` takes
        noise = cv2.bitwise_and(noise, stencil)
        area = self.image[top:bottom, left:right]
        cv2.add(area, cv2.merge([noise, noise, noise]), dst=area)
