"""How houses, trees, poles and clutter of a drawn street look."""

import numpy as np
from jaxtyping import Float

from tessella.data.synthetic.canvas import (
    Canvas,
    Grain,
    Kind,
    Polygon,
    Tint,
    shade,
)
from tessella.data.synthetic.street import LABELLED_M, Building, Clutter, Light, Pole, Tree

_GLASS: tuple[Tint, ...] = ((84, 98, 112), (104, 122, 140), (132, 146, 158), (200, 182, 130))
_BLACK: Tint = (28, 28, 30)
_LAMP: Tint = (226, 222, 212)
_BARK: Tint = (104, 80, 58)
_GLOWS: tuple[Tint, ...] = ((70, 220, 130), (240, 190, 60), (240, 60, 50))
_TURN = np.linspace(0, 2 * np.pi, 22, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], -1)
_CROWNS = _CIRCLE * np.random.default_rng(5).uniform(0.78, 1.12, (32, len(_TURN), 1))
"""Ragged circles of radius about one."""

_CONES = _CROWNS * (0.55, 0.5) * (1.1 + _CROWNS[..., 1:])
_WALL_PX_PER_M = 20
_LEAF_PX_PER_M = 24
_FARTHEST_POLE_M = 45.0


def paint_building(canvas: Canvas, house: Building, x: float, z: float, light: Light) -> None:
    """A house: its roof, its wall along the street, and the gable that faces the camera."""
    camera = canvas.camera
    end, away = z + house.length, 1 if x > 0 else -1
    if end <= camera.near or not camera.sees_past(x, end):
        return
    back, top, ridge = x + away * house.depth, house.height, house.height + house.roof_rise
    middle = (x + back) / 2
    corners = [
        *((x, top, z), (middle, ridge, z), (middle, ridge, end), (x, top, end)),
        *((x, 0, end), (x, 0, z), (back, 0, z), (back, top, z)),
    ]
    pixels = camera.project(np.array(corners))
    seen = max(z, camera.near)
    if house.roof_rise > 0:
        canvas.fill(pixels[:4], canvas.haze(shade(house.roof, light.front), seen), Kind.BUILDING)
    lit = light.left if away > 0 else light.right
    bays = np.arange(house.bay * 0.6, house.length - house.bay * 0.5, house.bay) + z
    windows = _windows(house, bays[bays > camera.near + 1])
    windows[..., 0] = x
    _paint_wall(canvas, house, pixels[[0, 3, 4, 5]], windows, lit=lit, z=seen)
    if z > camera.near and camera.sees_past(x, z):
        bays = x + away * np.arange(house.bay, house.depth - house.bay, house.bay * 1.5)
        windows = _windows(house, bays)[..., ::-1]
        windows[..., 2] = z
        _paint_wall(canvas, house, pixels[[0, 1, 7, 6, 5]], windows, lit=light.front, z=z)


def _windows(
    house: Building, middles: Float[np.ndarray, "bays"]
) -> Float[np.ndarray, "floors bays 4 3"]:
    """Corners of all windows: across (left at 0), up from the ground, along the wall."""
    half = house.bay * (0.22 + 0.02 * (house.seed % 7))
    tall = house.floor * (0.4 + 0.04 * (house.seed % 5))
    sills = house.floor * (0.3 + np.arange(int(house.height / house.floor)))
    windows = np.zeros((len(sills), len(middles), 4, 3))
    windows[..., 1] = np.add.outer(sills, (0, tall, tall, 0))[:, None]
    windows[..., 2] = np.add.outer(middles, (-half, -half, half, half))
    return windows


def _paint_wall(
    canvas: Canvas,
    house: Building,
    outline: Polygon,
    windows: Float[np.ndarray, "floors bays 4 3"],
    *,
    lit: float,
    z: float,
) -> None:
    camera = canvas.camera
    grain = Grain(
        cells=(48, 10),  # courses of brick, or stained plaster
        amplitude=(5 + 3 * (house.seed % 8)) * min(1, 15 / z) ** 2,
        tile_px_per_px=_WALL_PX_PER_M * z / camera.focal_px,
        start=house.seed % 65536,
    )
    tint = canvas.haze(shade(house.tint, lit), z)
    canvas.fill_rough(outline, tint, Kind.BUILDING, grain=grain)
    # windows too small to tell apart would only flicker
    if windows.size and house.floor * camera.focal_px > 8 * z:
        glass = shade(_GLASS[house.seed // 8 % 4], 0.5 + 0.5 * lit)
        panes = list(camera.project(windows).reshape(-1, 4, 2))
        canvas.tint(panes, canvas.haze(glass, z))


def paint_tree(canvas: Canvas, tree: Tree, x: float, z: float) -> None:
    """A tree with its trunk, or a bush."""
    camera = canvas.camera
    if not camera.sees(x, z, margin=tree.radius):
        return
    scale = camera.focal_px / z
    column, foot = camera.project(np.array((x, 0.0, z))).tolist()
    tall, low = tree.height * scale, 0.0
    if tree.shape != "bush":
        low = 0.3 * tall
        half = max(0.11 * scale, camera.unit_px)
        bark = canvas.haze(_BARK, z)
        canvas.fill(
            _box(column - half, foot - tall / 2, column + half, foot), bark, Kind.VEGETATION
        )
    crown = (_CONES if tree.shape == "cone" else _CROWNS)[tree.seed % 32]
    size = (max(tree.radius * scale, 1.0), max((tall - low) / 2, 1.0))
    outline = crown * size + (column, foot - (tall + low) / 2)
    grain = Grain(
        cells=(28, 28),
        amplitude=0.55 * max(tree.tint) * min(1, 25 / z) ** 2,
        tile_px_per_px=_LEAF_PX_PER_M / scale,
        start=tree.seed % 65536,
    )
    leaves = canvas.haze(tree.tint, z)
    polygon = np.rint(outline).astype(np.int32)
    canvas.fill_rough(polygon, leaves, Kind.VEGETATION, grain=grain)


def paint_pole(canvas: Canvas, pole: Pole, x: float, z: float) -> None:
    """A pole, at least three pixels thick at 128x192, with what it carries."""
    camera = canvas.camera
    if z > _FARTHEST_POLE_M or not camera.sees(x, z, margin=2.0):
        return
    scale, unit = camera.focal_px / z, camera.unit_px
    column, foot = camera.project(np.array((x, 0.0, z))).tolist()
    top = foot - pole.height * scale
    thick = max(1, round(max(pole.thickness * scale, 3 * unit))) - 1
    kind = Kind.POLE if z < LABELLED_M else Kind.IGNORED
    metal, sign = canvas.haze(pole.tint, z), canvas.haze(pole.sign, z)
    left = column - thick // 2
    canvas.fill(_box(left, top, left + thick, foot), metal, kind)
    match pole.shape:
        case "lamp":
            tip = column - round(1.6 * scale) * (1 if x > 0 else -1)
            canvas.fill(_box(column, top, tip, top + thick), metal, kind)
            half, deep = max(0.35 * scale, 1.5 * unit), max(0.25 * scale, 2 * unit)
            lamp = _box(tip - half, top, tip + half, top + deep)
            canvas.fill(lamp, canvas.haze(_LAMP, z), kind)
        case "disc":
            radius = max(0.36 * scale, 2.5 * unit)
            canvas.fill(_disc(column, top, radius), sign, kind)
            canvas.tint([_disc(column, top, 0.55 * radius)], canvas.haze(_LAMP, z))
        case "plate":
            half, deep = max(0.45 * scale, 3 * unit), max(0.3 * scale, 2 * unit)
            canvas.fill(_box(column - half, top - deep, column + half, top + deep), sign, kind)
        case "lights":
            half, deep = max(0.17 * scale, 1.5 * unit), max(0.45 * scale, 3 * unit)
            case = _box(column - half, top - deep, column + half, top + deep)
            canvas.fill(case, canvas.haze(_BLACK, z), kind)
            level = top + 0.6 * deep * (1 - pole.seed % 3)
            canvas.tint([_disc(column, level, 0.6 * half)], _GLOWS[pole.seed % 3])


def paint_clutter(canvas: Canvas, box: Clutter, x: float, z: float, light: Light) -> None:
    """A box that has no class."""
    camera = canvas.camera
    if not camera.sees(x, z, margin=box.width):
        return
    left, right, top, end = x - box.width / 2, x + box.width / 2, box.height, z + box.width
    inner = left if x > 0 else right
    corners = [
        *((inner, 0, z), (inner, top, z), (inner, top, end), (inner, 0, end)),
        *((left, top, z), (right, top, z), (right, top, end), (left, top, end)),
        *((left, 0, z), (right, 0, z), (right, top, z), (left, top, z)),
        *((left, 0.3 * top, z), (right, 0.3 * top, z), (right, 0.6 * top, z), (left, 0.6 * top, z)),
    ]
    side, lid, front, stripe = camera.project(np.array(corners)).reshape(4, 4, 2)
    lit = light.left if x > 0 else light.right
    for part, gain in ((side, lit), (lid, 1.1), (front, light.front)):
        canvas.fill(part, canvas.haze(shade(box.tint, gain), z), Kind.IGNORED)
    canvas.tint([stripe], canvas.haze(shade(box.tint, 0.6), z))


def _box(left: float, top: float, right: float, bottom: float) -> Polygon:
    """A rectangle, the pixels of all four sides included."""
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return np.rint(corners).astype(np.int32)


def _disc(x: float, y: float, radius: float) -> Polygon:
    return np.rint(_CIRCLE * radius + (x, y)).astype(np.int32)
