"""Random streets: how many things of which kind stand where, and in which weather."""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeVar

import numpy as np
from jaxtyping import Float

from tessella.data.synthetic.canvas import Tint
from tessella.data.synthetic.street import (
    LOOP_M,
    Building,
    Car,
    Clutter,
    Light,
    Pedestrian,
    Pole,
    SideStreet,
    Sky,
    Street,
    Thing,
    Tree,
    View,
)

# the lists share colours on purpose: no class may be told by its colour alone
_WALLS: tuple[Tint, ...] = (
    *((176, 170, 162), (206, 190, 160), (150, 84, 66), (226, 222, 214), (122, 122, 124)),
    *((126, 144, 164), (204, 168, 112), (170, 132, 112), (104, 94, 88)),
)
_ROOFS: tuple[Tint, ...] = ((140, 72, 54), (92, 90, 94), (70, 62, 60), (160, 110, 80))
_PAVINGS: tuple[Tint, ...] = ((158, 154, 148), (178, 166, 148), (158, 120, 100), (136, 134, 132))
_PAINTS: tuple[Tint, ...] = (
    *((228, 228, 228), (168, 170, 176), (206, 164, 60), (178, 44, 40), (50, 80, 150)),
    *((206, 190, 160), (70, 112, 92), (120, 156, 188)),
)
_LEAVES: tuple[Tint, ...] = (
    *((66, 104, 44), (46, 84, 40), (94, 128, 56), (112, 118, 56), (156, 112, 50)),
)
_CLOTHES: tuple[Tint, ...] = (
    *((40, 42, 58), (40, 80, 180), (200, 40, 48), (226, 222, 214), (120, 122, 126)),
    *((30, 140, 110), (230, 190, 50), (226, 110, 40), (150, 50, 140)),
)
_METALS: tuple[Tint, ...] = ((48, 50, 56), (62, 66, 72), (36, 46, 44))
_SIGNS: tuple[Tint, ...] = ((196, 36, 40), (36, 76, 170), (232, 230, 224), (224, 184, 40))
_SKIN: tuple[Tint, ...] = ((226, 184, 150), (176, 126, 92), (112, 76, 56))
_SKIES: tuple[tuple[Tint, Tint], ...] = (
    ((92, 142, 208), (196, 214, 230)),
    ((160, 168, 178), (206, 208, 208)),
    ((196, 200, 204), (226, 226, 224)),
    ((110, 124, 172), (226, 186, 156)),
)

_FLOORS = (1, 2, 2, 3, 3, 4, 5, 7)
_POLES: tuple[tuple[Literal["lamp", "disc", "plate", "lights"], float, float], ...] = (
    ("lamp", 5.0, 8.0),
    ("disc", 2.2, 3.0),
    ("plate", 2.2, 3.0),
    ("lights", 3.0, 3.8),
)
"""Kinds of poles: shape, least and greatest height."""

_TREES: tuple[Literal["round", "cone", "bush"], ...] = ("round", "cone", "bush", "bush")

_Item = TypeVar("_Item")


class _Dice:
    """Random numbers of one street, drawn in blocks: a call for each costs several times more."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.random = self._endless().__next__

    def _endless(self) -> Iterator[float]:
        while True:
            yield from self._rng.random(512).tolist()

    def block(self, *shape: int) -> Float[np.ndarray, "*shape"]:
        return self._rng.random(shape)

    def uniform(self, low: float, high: float) -> float:
        return low + (high - low) * self.random()

    def between(self, low: int, end: int) -> int:
        return low + int(self.random() * (end - low))

    def pick(self, items: Sequence[_Item]) -> _Item:
        return items[int(self.random() * len(items))]

    def side(self) -> int:
        """1 for right, -1 for left."""
        return 1 if self.random() < 0.5 else -1

    def seed(self) -> int:
        return int(self.random() * 2**31)

    def tint(self, tints: Sequence[Tint]) -> Tint:
        """Something like one of these colours."""
        return self.near(self.pick(tints), 16)

    def near(self, tint: Tint, spread: float) -> Tint:
        """A colour of the same kind: lighter or darker, and each channel off by up to `spread`."""
        draw, gain = self.random, self.uniform(0.85, 1.15)
        red, green, blue = (part * gain + spread * (2 * draw() - 1) for part in tint)
        return (
            min(250.0, max(8.0, red)),
            min(250.0, max(8.0, green)),
            min(250.0, max(8.0, blue)),
        )


def plan_street(rng: np.random.Generator) -> Street:
    """A random street; everything about it comes from `rng`."""
    dice = _Dice(rng)
    half_width, pavement = dice.uniform(3.5, 5.4), dice.uniform(2.0, 4.0)
    side_streets, frontage = _plan_lots(dice, half_width + pavement)
    view = _plan_view(dice, half_width)
    things = (
        *frontage,
        *_plan_street_trees(dice, half_width),
        *_plan_cars(dice, half_width, view),
        *_plan_pedestrians(dice, half_width, pavement),
        *_plan_poles(dice, half_width),
        *_plan_clutter(dice, half_width + pavement),
    )
    grey = dice.uniform(72, 116)
    return Street(
        half_width=half_width,
        pavement=pavement,
        bend=dice.uniform(-0.0016, 0.0016),
        road_tint=dice.near((grey, grey, grey), 7),
        pavement_tint=dice.tint(_PAVINGS),
        lawn_tint=dice.tint(_LEAVES),
        marking=dice.uniform(0.0, 0.9),
        patches=_plan_patches(dice, half_width),
        patch_gain=dice.uniform(0.75, 1.2),
        crossing_z=dice.uniform(0, LOOP_M),
        side_streets=side_streets,
        things=things,
        sky=_plan_sky(dice),
        light=_plan_light(dice),
        view=view,
    )


def _plan_patches(dice: _Dice, half_width: float) -> Float[np.ndarray, "patches 4"]:
    x, width, z, length = dice.block(4, 8)
    left = half_width * (2 * x - 1) * 0.7
    start = LOOP_M * z
    return np.stack([left, left + 0.5 + width, start, start + 1 + 8 * length], -1)


def _plan_lots(dice: _Dice, edge: float) -> tuple[tuple[SideStreet, ...], tuple[Thing, ...]]:
    """What lines the street: houses, gardens between them, at most one side street a side."""
    side_streets: list[SideStreet] = []
    things: list[Thing] = []
    built_up = dice.uniform(0.35, 0.95)
    for side in (-1, 1):
        crossing = dice.uniform(-80, 110)  # below 0: no side street on this side
        z = 0.0
        while z < LOOP_M - 6:
            length = min(dice.uniform(8, 18), LOOP_M - z)
            if crossing >= 0 and z >= crossing:
                length, crossing = min(length, 9.0), -1.0
                side_streets.append(SideStreet(side, z, length))
            elif dice.random() < built_up:
                x = side * (edge + dice.uniform(0, 1.5))
                things.append(_plan_building(dice, x, z, length=length))
            else:
                things += _plan_garden(dice, side * edge, z, length=length)
            z += length
    return tuple(side_streets), tuple(things)


def _plan_building(dice: _Dice, x: float, z: float, *, length: float) -> Building:
    floor, floors = dice.uniform(2.7, 3.6), dice.pick(_FLOORS)
    gap = max(0.0, dice.uniform(-2, 3))
    return Building(
        x=x,
        z=z,
        tint=dice.tint(_WALLS),
        height=floors * floor + 0.6,
        seed=dice.seed(),
        length=length - gap,
        depth=dice.uniform(7, 14),
        roof=dice.tint(_ROOFS),
        roof_rise=dice.uniform(1.5, 4) if floors < 4 and dice.random() < 0.6 else 0.0,
        floor=floor,
        bay=dice.uniform(1.8, 3.2),
    )


def _plan_garden(dice: _Dice, edge: float, z: float, *, length: float) -> Iterator[Tree]:
    side = 1 if edge > 0 else -1
    for _ in range(dice.between(2, 5)):
        shape = dice.pick(_TREES)
        x = edge + side * dice.uniform(1, 7)
        yield _plan_tree(dice, x, z + dice.uniform(0, length), shape=shape)


def _plan_tree(dice: _Dice, x: float, z: float, *, shape: Literal["round", "cone", "bush"]) -> Tree:
    return Tree(
        x=x,
        z=z,
        tint=dice.tint(_LEAVES),
        height=dice.uniform(4, 9) * (0.3 if shape == "bush" else 1.0),
        seed=dice.seed(),
        radius=dice.uniform(1.2, 2.4),
        shape=shape,
    )


def _plan_street_trees(dice: _Dice, half_width: float) -> Iterator[Tree]:
    for side in (-1, 1):
        for _ in range(dice.pick((0, 0, 3, 7))):
            x = side * (half_width + 0.9)
            yield _plan_tree(dice, x, dice.uniform(0, LOOP_M), shape="round")


def _plan_cars(dice: _Dice, half_width: float, view: View) -> Iterator[Car]:
    """Parked along both kerbs, one ahead that keeps its distance, some that come towards us."""
    for side in (-1, 1):
        share = (
            dice.uniform(-0.4, 0.7) if half_width > 4.2 else 0.0
        )  # below 0: nobody parks on this side
        for slot in range(int(LOOP_M) // 7):
            if dice.random() < share:
                x = side * (half_width - 0.9 + dice.uniform(-0.1, 0.1))
                yield _plan_car(dice, x, 7 * slot + dice.uniform(0, 2), speed=0.0)
    if dice.random() < 0.5:
        yield _plan_car(dice, view.x, dice.uniform(9, 34), speed=view.speed)
    speed = dice.uniform(-0.9, -0.4)
    for slot in range(4):
        if dice.random() < 0.4:
            yield _plan_car(dice, -view.x, 32 * slot + dice.uniform(0, 26), speed=speed)


def _plan_car(dice: _Dice, x: float, z: float, *, speed: float) -> Car:
    shape = "van" if dice.random() < 0.12 else "saloon"
    return Car(
        x=x,
        z=z,
        tint=dice.tint(_PAINTS),
        height=dice.uniform(1.4, 1.6) * (1.4 if shape == "van" else 1.0),
        seed=dice.seed(),
        length=dice.uniform(3.8, 4.7),
        width=dice.uniform(1.6, 1.8),
        speed=speed,
        shape=shape,
    )


def _plan_pedestrians(dice: _Dice, half_width: float, pavement: float) -> Iterator[Pedestrian]:
    for _ in range(dice.between(8, 42)):
        crosses = dice.random() < 0.15
        beside = dice.side() * (half_width + dice.uniform(0.4, pavement - 0.3))
        speed = dice.side() * dice.uniform(0.05, 0.1)
        yield Pedestrian(
            x=dice.uniform(-half_width, half_width) if crosses else beside,
            z=dice.uniform(0, LOOP_M),
            tint=dice.tint(_CLOTHES),
            height=dice.uniform(1.55, 1.95),
            seed=dice.seed(),
            trousers=dice.tint(_CLOTHES),
            skin=dice.tint(_SKIN),
            speed=0.0 if crosses else speed,
            speed_across=speed if crosses else 0.0,
            reach=half_width + pavement - 0.4,
        )


def _plan_poles(dice: _Dice, half_width: float) -> Iterator[Pole]:
    for _ in range(dice.between(6, 18)):
        shape, low, high = dice.pick(_POLES)
        yield Pole(
            x=dice.side() * (half_width + dice.uniform(0.2, 0.6)),
            z=dice.uniform(0, LOOP_M),
            tint=dice.tint(_METALS),
            height=dice.uniform(low, high),
            seed=dice.seed(),
            thickness=dice.uniform(0.15, 0.25),
            sign=dice.tint(_SIGNS),
            shape=shape,
        )


def _plan_clutter(dice: _Dice, edge: float) -> Iterator[Clutter]:
    for _ in range(dice.between(0, 5)):
        yield Clutter(
            x=dice.side() * (edge - 0.6),
            z=dice.uniform(0, LOOP_M),
            tint=dice.tint(_PAINTS),
            height=dice.uniform(0.8, 2.2),
            seed=dice.seed(),
            width=dice.uniform(0.5, 1.1),
        )


def _plan_sky(dice: _Dice) -> Sky:
    zenith, horizon = dice.pick(_SKIES)
    trees = dice.random() < 0.4
    return Sky(
        zenith=dice.near(zenith, 8),
        horizon=dice.near(horizon, 8),
        clouds=(dice.block(5, 6) * dice.uniform(0, 0.7)).astype(np.float32),
        skyline=_plan_treetops(dice) if trees else _plan_rooftops(dice),
        skyline_tint=dice.tint(_LEAVES if trees else _WALLS),
        skyline_kind="trees" if trees else "roofs",
        visibility_m=dice.uniform(90, 400),
    )


def _plan_treetops(dice: _Dice) -> np.ndarray:
    return np.stack([np.linspace(0, 1, 40), dice.uniform(4, 8) + 3 * dice.block(40)], -1)


def _plan_rooftops(dice: _Dice) -> np.ndarray:
    """Flat roofs of different heights side by side."""
    heights = np.repeat(4 + 10 * dice.block(13), 2)
    return np.stack([np.repeat(np.linspace(0, 1, 14), 2)[1:-1], heights], -1)


def _plan_light(dice: _Dice) -> Light:
    sun = dice.uniform(-1, 1)
    cast = (0.93 + 0.14 * dice.block(3)) * dice.uniform(0.78, 1.15)
    return Light(
        left=1 - 0.25 * sun,
        right=1 + 0.25 * sun,
        front=dice.uniform(0.7, 1.1),
        shadow=dice.uniform(0.45, 1.0),
        shadow_reach=-sun,
        field=(cast * (0.82 + 0.3 * dice.block(3, 4, 1))).astype(np.float32),
        noise=dice.uniform(2, 5),
        blur=dice.uniform(0.35, 0.65),
    )


def _plan_view(dice: _Dice, half_width: float) -> View:
    lane = half_width * dice.uniform(0.2, 0.3)
    return View(
        focal=dice.uniform(0.85, 1.15),
        horizon=dice.uniform(0.42, 0.56),
        center=dice.uniform(0.38, 0.62),
        x=lane * dice.side(),  # some countries keep left
        y=dice.uniform(1.3, 2.3),
        speed=dice.uniform(0.25, 0.6),
        sway=dice.uniform(0, 6.28),
        bonnet=dice.tint(_PAINTS),
        bonnet_rise=max(0.0, dice.uniform(-0.04, 0.045)),
    )
