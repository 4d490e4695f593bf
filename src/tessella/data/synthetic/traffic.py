"""How cars and pedestrians of a drawn street look."""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from tessella.data.synthetic.canvas import Canvas, Kind, Polygon, Tint, shade
from tessella.data.synthetic.street import LABELLED_M, Car, Light, Pedestrian

_GLASS: tuple[Tint, ...] = ((44, 52, 62), (70, 84, 96), (120, 134, 146))
_RUBBER: Tint = (28, 28, 30)
_TAIL_LAMP: Tint = (190, 40, 36)
_HEAD_LAMP: Tint = (240, 238, 220)

_WAIST, _BOTTOM, _WHEEL = 0.58, 0.14, 0.4
"""Heights of a car's bonnet, underside and wheels; 1 is its roof."""

_ROOF_HALF = 0.42
"""Half the width of a car's roof; 0.5 is half the width of the car."""

_FARTHEST_CAR_M = 70.0
_FARTHEST_PERSON_M = 38.0

Surface = Literal["tyre", "side", "deck", "end", "glass", "lamp"]


class _Part(NamedTuple):
    """A flat piece of a car whose width, height and length are 1."""

    surface: Surface
    corners: Float[np.ndarray, "corners 3"]
    """Across (0.5 is the side that we see), up from the ground, along from the near end."""

    nearest: float
    """Where it begins along the car."""


def _car_parts(front: float, front_top: float, rear_top: float, rear: float) -> tuple[_Part, ...]:
    """All that is seen of a car, farthest first; the cabin's corners along its length are given."""
    half, roof, waist = 0.5, _ROOF_HALF, _WAIST
    near, far = (half, waist, front), (half, waist, rear)
    near_top, far_top = (roof, 1.0, front_top), (roof, 1.0, rear_top)
    side = [(half, y, z) for y, z in ((_BOTTOM, 0.0), (waist, 0.0), (waist, 1.0), (_BOTTOM, 1.0))]
    cabin = np.array([near, near_top, far_top, far])
    screen = np.array([near, near_top, (-roof, 1.0, front_top), (-half, waist, front)])
    return (
        *(_part("tyre", _upright(x, x + 0.14, 0.0, _WHEEL)) for x in (-0.5, 0.36)),
        _part("side", np.array(side)),
        *(_part("tyre", _wheel(middle)) for middle in (0.8, 0.2)),
        _part("deck", _level(half, waist, 0.0, 1.0)),
        _part("end", _upright(-half, half, _BOTTOM, waist)),
        _part("side", cabin),
        _part("deck", _level(roof, 1.0, front_top, rear_top)),
        _part("end", screen),
        *(_part("glass", _shrunk(pane)) for pane in (cabin, screen)),
        *(_part("lamp", _upright(x, x + 0.16, 0.36, 0.48)) for x in (-0.45, 0.29)),
    )


def _part(surface: Surface, corners: Float[np.ndarray, "corners 3"]) -> _Part:
    return _Part(surface, corners, float(corners[:, 2].min()))


def _upright(left: float, right: float, low: float, high: float) -> np.ndarray:
    """A rectangle in the near end."""
    return np.array([(left, low, 0), (left, high, 0), (right, high, 0), (right, low, 0)])


def _level(half: float, height: float, near: float, far: float) -> np.ndarray:
    return np.array(
        [(x, height, z) for x, z in ((-half, near), (half, near), (half, far), (-half, far))]
    )


def _wheel(middle: float) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    up, along = _WHEEL / 2 * (1 + np.sin(turn)), middle + 0.075 * np.cos(turn)
    return np.stack([np.full(10, 0.5), up, along], -1)


def _shrunk(corners: np.ndarray) -> np.ndarray:
    middle = corners.mean(0)
    return middle + 0.8 * (corners - middle)


_CARS = {
    "saloon": _car_parts(0.1, 0.25, 0.68, 0.84),
    "van": _car_parts(0.02, 0.06, 0.94, 0.98),
}
_CORNERS = {shape: np.concatenate([p.corners for p in parts]) for shape, parts in _CARS.items()}


def paint_car(canvas: Canvas, car: Car, x: float, z: float, light: Light) -> None:
    """A car or van, seen from its near end and from the side of the street's middle."""
    camera = canvas.camera
    if z > _FARTHEST_CAR_M or not camera.sees(x, z + car.length, margin=car.width):
        return
    on_the_right = x + camera.bend * max(z, 0.0) ** 2 > camera.x
    size = (-car.width if on_the_right else car.width, car.height, car.length)
    pixels = camera.project(_CORNERS[car.shape] * size + (x, 0, z))
    painted: list[tuple[Polygon, Surface]] = []
    start = 0
    for part in _CARS[car.shape]:
        end = start + len(part.corners)
        # sides and decks may reach past the camera; what stands behind it has no picture
        if part.surface in ("side", "deck") or z + part.nearest * car.length > camera.near:
            painted.append((pixels[start:end], part.surface))
        start = end
    if car.seed % 3 == 0:
        canvas.leave_band([polygon for polygon, _ in painted])
    tints = _car_tints(car, light, side=light.left if on_the_right else light.right)
    hazy = {surface: canvas.haze(tint, max(z, 0.0)) for surface, tint in tints.items()}
    for polygon, surface in painted:
        canvas.fill(polygon, hazy[surface], Kind.CAR)


def _car_tints(car: Car, light: Light, *, side: float) -> dict[Surface, Tint]:
    return {
        "tyre": _RUBBER,
        "side": shade(car.tint, side),
        "deck": shade(car.tint, 1.12),
        "end": shade(car.tint, light.front),
        "glass": _GLASS[car.seed % 3],
        "lamp": _HEAD_LAMP if car.speed < 0 else _TAIL_LAMP,
    }


def _person_parts(stride: float) -> tuple[Float[np.ndarray, "corners 2"], ...]:
    """Outlines of legs, jacket, face and hair: quarter widths to the right, heights up."""
    turn = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    ring = np.stack([0.75 * np.cos(turn), np.sin(turn)], -1)
    jacket = ((-1, 0.45), (-1.5, 0.5), (-1.25, 0.82), (1.25, 0.82), (1.5, 0.5), (1, 0.45))
    legs = [
        np.array([(at - 0.45, 0), (at + 0.45, 0), (hip + 0.45, 0.48), (hip - 0.45, 0.48)])
        for at, hip in ((-stride, -0.4), (stride, 0.4))
    ]
    face, hair = ring * (1, 0.095) + (0, 0.905), ring[:6] * (1, 0.07) + (0, 0.93)
    return (*legs, np.array(jacket), face, hair)


_PEOPLE = [_person_parts(stride) for stride in (0.3, 0.55, 0.8, 1.05)]
_OUTLINES = [np.concatenate(parts) for parts in _PEOPLE]
_ENDS: list[int] = np.cumsum([len(part) for part in _PEOPLE[0]]).tolist()
_STARTS = [0, *_ENDS[:-1]]


def paint_pedestrian(canvas: Canvas, person: Pedestrian, x: float, z: float) -> None:
    """A person: two legs, a jacket with arms, a head with hair."""
    camera = canvas.camera
    if z > _FARTHEST_PERSON_M or not camera.sees(x, z, margin=0.5):
        return
    column, foot = camera.project(np.array((x, 0.0, z))).tolist()
    tall = max(person.height * camera.focal_px / z, 6 * camera.unit_px)
    wide = max(0.13 * tall, 1.6 * camera.unit_px)
    kind = Kind.PEDESTRIAN if z < LABELLED_M else Kind.IGNORED
    outlines = _OUTLINES[person.seed % 4] * (wide, -tall) + (column, foot)
    pixels = np.rint(outlines).astype(np.int32)
    tints = (person.trousers, person.trousers, person.tint, person.skin, shade(person.skin, 0.35))
    for start, end, tint in zip(_STARTS, _ENDS, tints, strict=True):
        canvas.fill(pixels[start:end], canvas.haze(tint, z), kind)
