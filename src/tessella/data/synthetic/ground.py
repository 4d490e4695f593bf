"""What a drawn street lies on and under: carriageway, pavements, lawns, their shadows, the sky."""

import functools
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from tessella.data.synthetic.canvas import TILE_SIDE, Camera, Canvas, Kind, Tint, noise_tile, shade
from tessella.data.synthetic.street import (
    BEHIND_M,
    LOOP_M,
    Building,
    Car,
    Light,
    Placed,
    Sky,
    Street,
    Tree,
    ahead,
)

_FAR_M = 115.0
_BEND_STEPS = 14
_TILE_PX_PER_M = 24.0  # times LOOP_M a multiple of the tile, so that the loop has no seam
_UNDER_CAR = 0.55
_FARTHEST_SHADOW_M = 50.0
_GRAIN = {Kind.ROAD: 0.15, Kind.PAVEMENT: 0.4, Kind.VEGETATION: 0.45}


def paint_sky(canvas: Canvas, sky: Sky) -> None:
    """Fill everything above the horizon."""
    camera = canvas.camera
    rows = min(camera.height, int(camera.horizon_px) + 2)
    down = np.linspace(0, 1, len(sky.clouds))[:, None, None]
    clear = np.array(sky.zenith) * (1 - down) + np.array(sky.horizon) * down
    cloudy = (clear + (235 - clear) * sky.clouds[..., None]).astype(np.uint8)
    size = (camera.width, rows)
    cv2.resize(cloudy, size, dst=canvas.image[:rows], interpolation=cv2.INTER_CUBIC)
    canvas.mask[:rows] = Kind.SKY


def paint_skyline(canvas: Canvas, sky: Sky) -> None:
    """Close the street far away with treetops or roofs."""
    camera = canvas.camera
    scale = camera.focal_px / _FAR_M
    outline = sky.skyline * (camera.width, -scale) + (0, camera.horizon_px + camera.y * scale)
    base = camera.horizon_px + camera.y * scale + 1
    closed = np.concatenate([outline, [(camera.width, base), (0, base)]])
    kind = Kind.VEGETATION if sky.skyline_kind == "trees" else Kind.BUILDING
    polygon = np.rint(closed).astype(np.int32)
    canvas.fill(polygon, canvas.haze(sky.skyline_tint, _FAR_M), kind)


def paint_ground(canvas: Canvas, street: Street, travelled: float) -> None:
    """Fill everything below the horizon: lawns, pavements with kerbs, and the carriageway."""
    camera, half, outer = canvas.camera, street.half_width, street.half_width + street.pavement
    top = max(0, int(np.ceil(camera.horizon_px)))
    canvas.image[top:] = canvas.haze(street.lawn_tint, 15)
    canvas.mask[top:] = Kind.VEGETATION
    paving = canvas.haze(street.pavement_tint, 10)
    asphalt = canvas.haze(street.road_tint, 10)
    near, kerb = camera.near, half + 0.16
    stripes = [(-outer, outer), (-kerb, kerb), (-half, half)]
    pavements, kerbs, road = camera.ground(
        np.array([(*x, near, _FAR_M) for x in stripes]), steps=_BEND_STEPS
    )
    canvas.fill(pavements, paving, Kind.PAVEMENT)
    canvas.fill(kerbs, shade(paving, 1.2), Kind.PAVEMENT)
    side_streets = _side_streets(street, camera, travelled)
    for around, _ in side_streets:
        canvas.fill(around, paving, Kind.PAVEMENT)
    for polygon in (road, *(middle for _, middle in side_streets)):
        canvas.fill(polygon, asphalt, Kind.ROAD)
    _paint_repairs(canvas, street, travelled)
    _paint_markings(canvas, street, travelled)


def _side_streets(
    street: Street, camera: Camera, travelled: float
) -> list[tuple[np.ndarray, np.ndarray]]:
    """For every side street in sight: its outline with pavements, and its carriageway alone."""
    outlines: list[tuple[np.ndarray, np.ndarray]] = []
    for side, z, length in street.side_streets:
        z0 = ahead(z, travelled)
        z1 = z0 + length
        if z1 > camera.near:
            x0, x1 = side * street.half_width, side * 70
            pieces = np.array(
                [
                    (x0, x1, z0 - street.pavement, z1 + street.pavement),
                    (x0 - side * 0.3, x1, z0, z1),
                ]
            )
            around, middle = camera.ground(pieces, steps=2)
            outlines.append((around, middle))
    return outlines


def _paint_repairs(canvas: Canvas, street: Street, travelled: float) -> None:
    tint = canvas.haze(shade(street.road_tint, street.patch_gain), 10)
    canvas.tint(_on_the_loop(canvas.camera, street.patches, travelled), tint)


def _paint_markings(canvas: Canvas, street: Street, travelled: float) -> None:
    half = street.half_width
    dashes = [(-0.08, 0.08, z, z + 2.5) for z in range(0, int(LOOP_M), 8)]
    bars = np.arange(0.3 - half, half - 0.5, 1.0).tolist()
    crossing = [(x, x + 0.5, street.crossing_z, street.crossing_z + 3) for x in bars]
    red, green, blue = street.road_tint
    fresh = 1 - street.marking
    tint: Tint = (
        225 + (red - 225) * fresh,
        223 + (green - 223) * fresh,
        216 + (blue - 216) * fresh,
    )
    pieces = _on_the_loop(canvas.camera, np.array(dashes + crossing), travelled)
    canvas.tint(pieces, canvas.haze(tint, 10))


def _on_the_loop(
    camera: Camera, pieces: Float[np.ndarray, "n 4"], travelled: float
) -> list[np.ndarray]:
    """Pieces of ground (x0, x1, z0, z1), those that are ahead and not too far to be seen."""
    placed = pieces.copy()
    placed[:, 2] = [ahead(z, travelled) for z in pieces[:, 2].tolist()]
    placed[:, 3] += placed[:, 2] - pieces[:, 2]
    in_sight = (placed[:, 3] > camera.near) & (placed[:, 2] < 60)
    return camera.ground(placed[in_sight], steps=2)


def light_ground(
    canvas: Canvas, street: Street, things: Sequence[Placed], travelled: float
) -> None:
    """Give the ground, and only the ground has been painted yet, its grain and its shadows."""
    camera = canvas.camera
    top = max(0, int(np.floor(camera.horizon_px)) + 1)
    rows = np.arange(top, camera.height, dtype=np.float32)
    if len(rows) == 0:
        return
    gains = np.ones((camera.height, camera.width), np.float32)
    _cast_shadows(gains, camera, things, light=street.light)
    z = np.minimum(camera.focal_px * camera.y / (rows - camera.horizon_px), _FAR_M)
    z = z.astype(np.float32)[:, None]
    # grain finer than a pixel would flicker: fade it out with distance
    fading = np.minimum(1, 12 / z)
    gains = gains[top:] * (1 + _grain(camera, z, canvas.mask[top:], travelled) * fading)
    ground = canvas.image[top:]
    ground[:] = cv2.multiply(ground, cv2.merge([gains, gains, gains]), dtype=cv2.CV_8U)


def _grain(
    camera: Camera,
    z: Float[np.ndarray, "rows 1"],
    mask: UInt8[np.ndarray, "rows columns"],
    travelled: float,
) -> Float[np.ndarray, "rows columns"]:
    """What to add to a gain of 1, for rows of ground at distance z."""
    columns = np.arange(camera.width, dtype=np.float32) - np.float32(camera.center_px)
    across = columns * (z / np.float32(camera.focal_px))
    across += np.float32(camera.x) - np.float32(camera.bend) * z * z
    along = np.broadcast_to(z + np.float32(travelled % LOOP_M), across.shape)
    pattern = cv2.remap(
        _ground_tile(),
        across * np.float32(_TILE_PX_PER_M),
        along * np.float32(_TILE_PX_PER_M),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_WRAP,
    )
    layers = dict(zip(_GRAIN, cv2.split(pattern), strict=True))
    values = layers[Kind.VEGETATION]
    strength = np.full(256, _GRAIN[Kind.VEGETATION], np.float32)
    for kind in (Kind.ROAD, Kind.PAVEMENT):
        cv2.copyTo(layers[kind], (mask == kind).view(np.uint8), values)
        strength[kind] = _GRAIN[kind]
    return (values.astype(np.float32) - 128) * (strength / 128)[mask]


@functools.cache
def _ground_tile() -> UInt8[np.ndarray, "side side 3"]:
    """Asphalt, slabs and grass, one a channel, in the order of `_GRAIN`."""
    slab = 16
    stones = np.random.default_rng(3).integers(70, 150, [TILE_SIDE // slab] * 2, np.uint8)
    slabs = np.kron(stones, np.ones((slab, slab), np.uint8)) + noise_tile(64, 64, 32)
    slabs[::slab] = slabs[:, ::slab] = 20
    tile = np.stack([noise_tile(64, 64, 127), slabs, noise_tile(40, 40, 127)], -1)
    tile.setflags(write=False)
    return tile


def _cast_shadows(
    gains: Float[np.ndarray, "h w"], camera: Camera, things: Sequence[Placed], *, light: Light
) -> None:
    sunny = light.shadow < 0.9
    pieces: list[tuple[float, float, float, float]] = []
    depths: list[float] = []
    for thing, x, z in things:
        if not -BEHIND_M < z < _FARTHEST_SHADOW_M:
            continue
        reach = light.shadow_reach * thing.height
        match thing:
            case Car():  # also on a dull day: it is dark under a car
                side, lean = 0.55 * thing.width, 0.3 * reach
                left, right = x - side + min(lean, 0), x + side + max(lean, 0)
                pieces.append((left, right, z - 0.2, z + thing.length + 0.2))
                depths.append(_UNDER_CAR)
            case Building() if sunny:
                pieces.append((x, x + reach, z, z + thing.length))
                depths.append(light.shadow)
            case Tree() if sunny:
                pieces.append((x, x + reach, z - thing.radius, z + thing.radius))
                depths.append(light.shadow)
            case _:
                pass
    for polygon, gain in zip(
        camera.ground(np.array(pieces).reshape(-1, 4), steps=2), depths, strict=True
    ):
        cv2.fillConvexPoly(gains, polygon, gain)
