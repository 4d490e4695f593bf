"""What stands in a drawn street: where, how large, in which colours, and how it moves.

Nothing here knows of pixels: lengths are metres and times are frames, so the same street can be
seen at any image size. The street is a loop of `LOOP_M` metres: a video never leaves it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float

from tessella.data.synthetic.canvas import Tint

LOOP_M = 128.0
BEHIND_M = 20.0
"""Things are drawn from this far behind the camera on: long ones reach past it."""

LABELLED_M = 24.0
"""Pedestrians and poles farther away are ignored: too small to annotate, as in real data sets."""


@dataclass(frozen=True)
class Thing:
    """Something that stands in the street."""

    x: float
    """Of its middle, or of a house's wall along the street; right of the street's middle."""

    z: float
    """Of its near end, along the street."""

    tint: Tint
    height: float
    seed: int
    """Picks its details: the same in every frame."""


@dataclass(frozen=True)
class Building(Thing):
    """A house that stands along the street."""

    length: float
    depth: float
    """How far it reaches away from the street."""

    roof: Tint
    roof_rise: float
    """Of the ridge above the eaves; 0 is a flat roof."""

    floor: float
    """Height of one floor."""

    bay: float
    """From window to window."""


@dataclass(frozen=True)
class Tree(Thing):
    """A tree or a bush, its trunk included."""

    radius: float
    shape: Literal["round", "cone", "bush"]


@dataclass(frozen=True)
class Car(Thing):
    """A car or van, parked or driving along the street."""

    length: float
    width: float
    speed: float
    """Metres a frame; negative comes towards us."""

    shape: Literal["saloon", "van"]


@dataclass(frozen=True)
class Pedestrian(Thing):
    """A person who stands, walks along the street or crosses it."""

    trousers: Tint
    skin: Tint
    speed: float
    """Metres a frame along the street."""

    speed_across: float
    reach: float
    """Who crosses turns around this far from the middle of the street."""


@dataclass(frozen=True)
class Pole(Thing):
    """A lamp post, a sign or a traffic light."""

    thickness: float
    sign: Tint
    shape: Literal["lamp", "disc", "plate", "lights"]


@dataclass(frozen=True)
class Clutter(Thing):
    """A bin, a box, a booth: nothing that has a class, so its pixels are ignored."""

    width: float


class Placed(NamedTuple):
    """A thing where it is in one frame."""

    thing: Thing
    x: float
    z: float
    """From the camera on; negative is behind it."""


class SideStreet(NamedTuple):
    """A road that leaves the street at a right angle."""

    side: int
    """1 right, -1 left."""

    z: float
    length: float
    """How wide it is, seen along our street."""


@dataclass(frozen=True)
class Sky:
    """What is above the horizon and closes the street."""

    zenith: Tint
    horizon: Tint
    """Also the colour of the haze."""

    clouds: Float[np.ndarray, "rows columns"]
    """Share of white, 0..1, over the sky."""

    skyline: Float[np.ndarray, "corners 2"]
    """Outline of what closes the street: share of the image's width, and metres above ground."""

    skyline_tint: Tint
    skyline_kind: Literal["trees", "roofs"]
    visibility_m: float
    """Distance at which the haze has taken half of a colour."""


@dataclass(frozen=True)
class Light:
    """Sun, exposure and the camera's sensor."""

    left: float
    """How bright walls are that face left; 1 is their own colour."""

    right: float
    front: float
    """Of walls that face the camera."""

    shadow: float
    """How bright shaded ground is; 1 throws no shadows."""

    shadow_reach: float
    """Metres that a shadow falls to the right per metre of height; negative falls left."""

    field: Float[np.ndarray, "rows columns 3"]
    """Gain of each channel over the image: exposure, colour cast and uneven light."""

    noise: float
    """Standard deviation of the sensor's noise, in grey values."""

    blur: float
    """Standard deviation of the lens's blur, in pixels at 128x192."""


@dataclass(frozen=True)
class View:
    """Where the camera is and how it is held."""

    focal: float
    """Focal length over the square root of height times width."""

    horizon: float
    """Of the image's height."""

    center: float
    """Column of the vanishing point, of the image's width."""

    x: float
    y: float
    speed: float
    """Metres a frame."""

    sway: float
    """Where the slow swaying of the camera starts, in radians."""

    bonnet: Tint
    bonnet_rise: float
    """Of the image's height, hidden by our own car at the bottom; 0 when out of sight."""


@dataclass(frozen=True)
class Street:
    """One scene, complete; a video is a street seen at frame 0, 1, 2 and so on."""

    half_width: float
    """Of the carriageway."""

    pavement: float
    """Width of the pavement on either side."""

    bend: float
    """Curvature, in 1/m, see `Camera.bend`."""

    road_tint: Tint
    pavement_tint: Tint
    lawn_tint: Tint
    marking: float
    """How white the lines are; 0 has the road's colour, 1 is fresh paint."""

    patches: Float[np.ndarray, "patches 4"]
    """Repaired pieces of road: x0, x1, z0, z1."""

    patch_gain: float
    """How bright repaired road is."""

    crossing_z: float
    """Where the zebra crossing is."""

    side_streets: tuple[SideStreet, ...]
    things: tuple[Thing, ...]
    sky: Sky
    light: Light
    view: View


def things_at(street: Street, frame: int) -> Iterator[Placed]:
    """Every thing where it is in this frame."""
    travelled = street.view.speed * frame
    for thing in street.things:
        x, z = thing.x, thing.z
        match thing:
            case Car():
                z += thing.speed * frame
            case Pedestrian():
                x = _to_and_fro(x + thing.speed_across * frame, thing.reach)
                z += thing.speed * frame
            case _:
                pass
        yield Placed(thing, x, ahead(z, travelled))


def ahead(z: float, travelled: float) -> float:
    """Distance of a place on the loop from the camera, from `-BEHIND_M` on."""
    return (z - travelled + BEHIND_M) % LOOP_M - BEHIND_M


def _to_and_fro(x: float, reach: float) -> float:
    return reach - abs((x + reach) % (4 * reach) - 2 * reach)
