"""Drawn street scenes: a data set that needs no files, for trying things out and for tests."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from tessella.data.dataset import DatasetEntry
from tessella.data.synthetic.canvas import Camera, Canvas, Kind, shade
from tessella.data.synthetic.ground import light_ground, paint_ground, paint_sky, paint_skyline
from tessella.data.synthetic.plan import plan_street
from tessella.data.synthetic.street import (
    Building,
    Car,
    Clutter,
    Light,
    Pedestrian,
    Placed,
    Pole,
    Street,
    Tree,
    View,
    things_at,
)
from tessella.data.synthetic.things import paint_building, paint_clutter, paint_pole, paint_tree
from tessella.data.synthetic.traffic import paint_car, paint_pedestrian
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.sample import Sample
from tessella.suggestion import unknown_name

LABELS = LabelMap.from_names(
    [kind.name.lower() for kind in Kind if kind is not Kind.IGNORED],
    colors=(
        *((110, 170, 220), (150, 100, 80), (110, 70, 120), (225, 130, 190)),
        *((60, 140, 50), (30, 50, 160), (220, 40, 50), (235, 200, 60)),
    ),
)

SPLITS = {"train": 240, "val": 48, "test": 48}
"""The splits and how many samples each has unless told otherwise."""

_SMALLEST = 16


def draw_scene(
    rng: np.random.Generator, *, height: int, width: int
) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]:
    """A random street.

    Args:
        rng: everything about the scene comes from it.
        height: rows, at least 16.
        width: columns, at least 16.

    Returns:
        Image (RGB) and mask (indices of `LABELS`, 255 where a pixel is ignored).
    """
    return draw_frame(plan_street(rng), 0, rng=rng, height=height, width=width)


def draw_frame(
    street: Street, frame: int, *, rng: np.random.Generator, height: int, width: int
) -> tuple[UInt8[np.ndarray, "h w 3"], UInt8[np.ndarray, "h w"]]:
    """A street as the moving camera sees it at a frame, 0 or more.

    Args:
        street: what there is to see; the same at any image size.
        frame: how often the camera and all that moves have gone on.
        rng: gives the sensor's noise, nothing else.
        height: rows, at least 16.
        width: columns, at least 16.

    Returns:
        Image (RGB) and mask (indices of `LABELS`, 255 where a pixel is ignored).
    """
    camera = _camera(street, frame, height=height, width=width)
    canvas = Canvas(camera, haze=street.sky.horizon, visibility_m=street.sky.visibility_m)
    things = sorted(things_at(street, frame), key=_far_end, reverse=True)
    paint_sky(canvas, street.sky)
    travelled = street.view.speed * frame
    paint_ground(canvas, street, travelled)
    light_ground(canvas, street, things, travelled)
    paint_skyline(canvas, street.sky)
    for placed in things:
        _paint_thing(canvas, placed, street.light)
    _paint_bonnet(canvas, street.view)
    return _expose(canvas.image, street.light, unit_px=camera.unit_px, rng=rng), canvas.mask


def _paint_thing(canvas: Canvas, placed: Placed, light: Light) -> None:
    thing, x, z = placed
    match thing:
        case Building():
            paint_building(canvas, thing, x, z, light)
        case Car():
            paint_car(canvas, thing, x, z, light)
        case Clutter():
            paint_clutter(canvas, thing, x, z, light)
        case Tree():
            paint_tree(canvas, thing, x, z)
        case Pedestrian():
            paint_pedestrian(canvas, thing, x, z)
        case Pole():
            paint_pole(canvas, thing, x, z)
        case _:
            raise TypeError(f"nothing here paints a {type(thing).__name__}; add it to this list.")


def _far_end(placed: Placed) -> float:
    """What to paint by, farthest first: beside a house means in front of it."""
    thing = placed.thing
    return placed.z + (thing.length if isinstance(thing, Building) else 0.0)


def _camera(street: Street, frame: int, *, height: int, width: int) -> Camera:
    view = street.view
    phase = view.sway + 0.15 * frame
    return Camera(
        height=height,
        width=width,
        focal_px=view.focal * (height * width) ** 0.5,
        horizon_px=height * (view.horizon + 0.004 * float(np.sin(2.3 * phase))),
        center_px=width * (view.center + 0.01 * float(np.sin(phase))),
        x=view.x + 0.2 * float(np.sin(0.7 * phase)),
        y=view.y,
        bend=street.bend,
    )


def _paint_bonnet(canvas: Canvas, view: View) -> None:
    """Our own car at the bottom of the image, ignored."""
    height, width = canvas.mask.shape
    rise = round(view.bonnet_rise * height)
    if rise < 1:
        return
    across = np.linspace(-0.05, 1.05, 15)
    outline = np.stack([across * width, height - rise * (1 - (2 * across - 1) ** 4)], -1)
    closed = np.concatenate([outline, [(width, height + 9), (0, height + 9)]])
    canvas.fill(np.rint(closed).astype(np.int32), shade(view.bonnet, 0.8), Kind.IGNORED)


def _expose(
    image: UInt8[np.ndarray, "h w 3"], light: Light, *, unit_px: float, rng: np.random.Generator
) -> UInt8[np.ndarray, "h w 3"]:
    """What the sensor makes of the light: blur, uneven exposure, a colour cast, noise."""
    height, width = image.shape[:2]
    # by the root of the size: a larger sensor resolves more of the same scene
    soft = cv2.GaussianBlur(image, (0, 0), light.blur * unit_px**0.5)
    exposed = soft * cv2.resize(light.field, (width, height), interpolation=cv2.INTER_LINEAR)
    # the sum of two uniform bytes is near enough to a normal distribution, and far cheaper; its
    # standard deviation is 104.5
    noise = rng.integers(0, 256, (2, *image.shape), np.uint8).sum(0, dtype=np.int16)
    exposed += (noise - np.int16(255)) * np.float32(light.noise / 104.5)
    return np.clip(exposed, 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class DrawnScenes:
    """Scenes that are drawn anew each time they are read.

    A sample depends on seed, split and index alone: any process can draw any of them, in any
    order, and gets the same pixels.
    """

    split: str
    """train, val or test: different scenes of the same seed."""

    count: int
    """Number of samples."""

    height: int
    width: int
    seed: int
    frames_per_video: int
    """So many consecutive samples show one street while the camera drives along it."""

    @property
    def labels(self) -> LabelMap:
        """The eight classes."""
        return LABELS

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every sample, such as train-00012."""
        return tuple(self._name(index) for index in range(self.count))

    @property
    def groups(self) -> tuple[str, ...]:
        """The video of every sample, such as train-video-0003; never shared between splits."""
        return tuple(
            f"{self.split}-video-{index // self.frames_per_video:04d}"
            for index in range(self.count)
        )

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        """Draw sample `index`; negative ones count from the end.

        Raises:
            IndexError: past either end.
        """
        if not -self.count <= index < self.count:
            raise IndexError(f"{self.split} has {self.count} drawn scenes; there is no {index}.")
        position = index % self.count
        video, frame = divmod(position, self.frames_per_video)
        stream = [self.seed, list(SPLITS).index(self.split), video]
        street = plan_street(np.random.default_rng(stream))
        # from 1 on: NumPy takes a last 0 for no number at all, which would be the street's stream
        rng = np.random.default_rng([*stream, frame + 1])
        image, mask = draw_frame(street, frame, rng=rng, height=self.height, width=self.width)
        return Sample(image, mask, self._name(position))

    def _name(self, index: int) -> str:
        return f"{self.split}-{index:05d}"


def read_drawn_scenes(
    root: Path | None,
    split: str,
    *,
    count: int | None = None,
    height: int = 128,
    width: int = 192,
    seed: int = 0,
    frames_per_video: int = 1,
) -> DrawnScenes:
    """One split of drawn street scenes.

    Args:
        root: not used, nothing is on disk.
        split: train, val or test.
        count: number of samples; None gives 240, 48 and 48.
        height: rows of every image, at least 16.
        width: columns of every image, at least 16.
        seed: another one gives other scenes, 0 or more.
        frames_per_video: how many consecutive samples show one street, at least 1.

    Raises:
        UsageError: the split is unknown, or a number is not whole or too small.
    """
    del root
    if split not in SPLITS:
        raise UsageError(unknown_name("split of synthetic", split, SPLITS))
    return DrawnScenes(
        split,
        count=_whole("count", SPLITS[split] if count is None else count, least=1),
        height=_whole("height", height, least=_SMALLEST),
        width=_whole("width", width, least=_SMALLEST),
        seed=_whole("seed", seed, least=0),
        frames_per_video=_whole("frames_per_video", frames_per_video, least=1),
    )


def _whole(option: str, value: int, *, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"synthetic: {option} is {value!r}; give a whole number from {least} up.")
    return value


ENTRY = DatasetEntry(
    "Street scenes drawn by rule, no files: for trying things out", read_drawn_scenes, tuple(SPLITS)
)
