"""Random variation of training samples: one geometric warp, then mixing and colour, all uint8."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tessella.data.color import ColorChange, apply_color
from tessella.data.crop_choice import classes_in, draw_pixel_of_any_class, largest_class_share
from tessella.data.degrade import blurred, jpeg_degraded, noisy
from tessella.data.mixing import (
    Crop,
    DrawPartner,
    classmix,
    cutmix,
    draw_box,
    draw_half_of_classes,
)
from tessella.data.occlude import Fill, draw_holes, draw_objects, hide
from tessella.data.own_step import OwnStep, apply_step, find_step
from tessella.data.warp import Warp, draw_center, move_inside, warp_image, warp_mask
from tessella.errors import UsageError
from tessella.sample import Sample

MAX_REDRAWS = 10
"""How often a crop is drawn anew while one class fills too much of it."""


@dataclass(frozen=True)
class Augmentation:
    """Turns a sample of any size into a varied crop of one size.

    Geometry is a single warp from the image to the crop, so no pixel is resampled twice and
    nothing outside of the crop is computed. The mask takes the nearest class; what lies outside
    of the image is reflected in the crop and ignored in its mask. Then, in this order: classmix,
    cutmix, colour, blur, noise, JPEG, dropout, the user's own step. By default nothing varies but
    the place of the crop.
    """

    crop: tuple[int, int]
    """Height and width of the result, in pixels."""

    scale: tuple[float, float] = (1.0, 1.0)
    """Range of the zoom, even on a log scale."""

    flip: float = 0.0
    """Chance of a left-right flip, 0..1."""

    vertical_flip: float = 0.0
    """Chance of a top-bottom flip, 0..1."""

    rotate_degrees: float = 0.0
    """Largest turn either way."""

    class_balance: float = 0.0
    """Chance that a crop is centred on a pixel of a class drawn evenly among the image's, 0..1."""

    max_class_share: float = 1.0
    """Another place is drawn while one class has more of the crop's labelled pixels, 0..1."""

    brightness: float = 0.0
    """Largest relative change of brightness, 0..1."""

    contrast: float = 0.0
    """Largest relative change of contrast around the mean of the crop's values, 0..1."""

    saturation: float = 0.0
    """Largest relative change of saturation, 0..1; three-channel images only."""

    hue: float = 0.0
    """Largest turn of the colour circle as a share of it, 0..0.5; three-channel images only."""

    gamma: float = 0.0
    """Largest relative change of the exponent of values in 0..1, 0..1."""

    greyscale: float = 0.0
    """Chance that a crop loses all colour, 0..1; three-channel images only."""

    blur: float = 0.0
    """Chance of a Gaussian blur, 0..1."""

    blur_sigma_px: tuple[float, float] = (0.5, 2.0)
    """Range of its standard deviation."""

    noise: float = 0.0
    """Chance of Gaussian noise, 0..1."""

    noise_std: tuple[float, float] = (2.0, 12.0)
    """Range of its standard deviation, in grey values."""

    jpeg: float = 0.0
    """Chance of what JPEG compression leaves, 0..1."""

    jpeg_quality: tuple[int, int] = (30, 90)
    """Range of its quality, 1..100."""

    coarse_dropout: float = 0.0
    """Chance of rectangular holes, 0..1; the mask under them is ignored."""

    coarse_dropout_holes: tuple[int, int] = (1, 8)
    """Fewest and most holes."""

    coarse_dropout_side: tuple[float, float] = (0.05, 0.2)
    """Range of their height and width, as shares of the crop's."""

    mask_dropout: float = 0.0
    """Chance that connected areas of a class are hidden and ignored, 0..1."""

    mask_dropout_objects: int = 1
    """Most areas hidden in a crop; drawn evenly from 1."""

    dropout_fill: Fill = "mean"
    """What hidden parts show."""

    cutmix: float = 0.0
    """Chance that a box of another sample's crop is put over this one, 0..1."""

    classmix: float = 0.0
    """Chance that half of the classes of another sample's crop are put over this one, 0..1."""

    extra: str | OwnStep | None = None
    """The user's own last step, `f(image=, mask=)`, or its name package.module:function."""

    def __post_init__(self) -> None:
        if len(self.crop) != 2 or min(self.crop) < 1:
            raise UsageError(f"augment.crop is {self.crop}; expected (height, width) from 1 up.")
        for name, limits in _LIMITS.items():
            _check_limits(name, getattr(self, name), limits=limits)
        if self.dropout_fill not in ("mean", "noise"):
            raise UsageError(
                f"augment.dropout_fill is {self.dropout_fill!r}; expected 'mean' or 'noise'."
            )
        if isinstance(self.extra, str):
            find_step(self.extra)

    def __call__(
        self, sample: Sample, rng: np.random.Generator, *, partner: DrawPartner | None = None
    ) -> Sample:
        """A varied crop of `sample`; the same generator state gives the same crop.

        Args:
            sample: any size, with a mask; it is left as it is.
            rng: every random draw, the partners' included, comes from it.
            partner: draws another training sample, for cutmix and classmix.

        Raises:
            ValueError: a sample has no mask, there is no partner to mix with or it has other
                channels, or the user's own step gave something else than it was given.
        """
        crop = self._crop(sample, rng)
        if self.cutmix or self.classmix:
            crop = self._mix(crop, rng, name=sample.name, partner=partner)
        image = self._degrade(apply_color(crop.image, self.draw_color(rng)), rng)
        image, mask = self._occlude(image, crop.mask, rng)
        varied = Sample(image, mask, sample.name)
        return varied if self.extra is None else apply_step(varied, self.extra, rng)

    def draw_warp(self, rng: np.random.Generator, size: tuple[int, ...]) -> Warp:
        """Random geometry for an image of `size` (height, width), crop inside it if it fits."""
        low, high = self.scale
        scale = math.exp(rng.uniform(math.log(low), math.log(high)))
        angle = rng.uniform(-self.rotate_degrees, self.rotate_degrees)
        flip = rng.random() < self.flip
        center = draw_center(rng, size, crop=self.crop, scale=scale)
        vertical_flip = bool(self.vertical_flip) and rng.random() < self.vertical_flip
        return Warp(scale, angle, flip, center, vertical_flip)

    def draw_color(self, rng: np.random.Generator) -> ColorChange:
        """Random changes of colour within the limits."""
        brightness, contrast, saturation, gamma = (
            1 + rng.uniform(-largest, largest)
            for largest in (self.brightness, self.contrast, self.saturation, self.gamma)
        )
        hue = rng.uniform(-self.hue, self.hue)
        is_grey = rng.random() < self.greyscale
        return ColorChange(brightness, contrast, 0.0 if is_grey else saturation, gamma, hue)

    def _crop(self, sample: Sample, rng: np.random.Generator) -> Crop:
        if sample.mask is None:
            raise ValueError(f"{sample.name}: has no mask, so it cannot be trained on.")
        warp, mask = self._choose_warp(sample.mask, rng)
        return Crop(warp_image(sample.image, warp, crop=self.crop), mask)

    def _choose_warp(self, mask: np.ndarray, rng: np.random.Generator) -> tuple[Warp, np.ndarray]:
        """The geometry of a crop and its mask; only the place is redrawn, so zooms stay even."""
        warp = self.draw_warp(rng, mask.shape)
        is_balanced = bool(self.class_balance) and rng.random() < self.class_balance
        classes = classes_in(mask) if is_balanced else []
        if classes:
            warp = self._centred_on_a_class(warp, mask, classes, rng=rng)
        found = warp_mask(mask, warp, crop=self.crop)
        if self.max_class_share == 1:
            return warp, found
        best, share = (warp, found), largest_class_share(found)
        for _ in range(MAX_REDRAWS):
            if share <= self.max_class_share:
                break
            if classes:
                warp = self._centred_on_a_class(warp, mask, classes, rng=rng)
            else:
                center = draw_center(rng, mask.shape, crop=self.crop, scale=warp.scale)
                warp = warp._replace(center=center)
            found = warp_mask(mask, warp, crop=self.crop)
            if (new_share := largest_class_share(found)) < share:
                best, share = (warp, found), new_share
        return best

    def _centred_on_a_class(
        self, warp: Warp, mask: np.ndarray, classes: list[int], *, rng: np.random.Generator
    ) -> Warp:
        wanted = draw_pixel_of_any_class(mask, classes, rng)
        center = move_inside(wanted, mask.shape, crop=self.crop, scale=warp.scale)
        return warp._replace(center=center)

    def _mix(
        self, crop: Crop, rng: np.random.Generator, *, name: str, partner: DrawPartner | None
    ) -> Crop:
        if partner is None:
            raise ValueError(
                f"{name}: cutmix and classmix mix it with another sample; pass partner, which "
                "draws one."
            )
        if rng.random() < self.classmix:
            other = self._partner_crop(crop, rng, name=name, partner=partner)
            crop = classmix(crop, other, classes=draw_half_of_classes(rng, other.mask))
        if rng.random() < self.cutmix:
            other = self._partner_crop(crop, rng, name=name, partner=partner)
            crop = cutmix(crop, other, box=draw_box(rng, self.crop))
        return crop

    def _partner_crop(
        self, crop: Crop, rng: np.random.Generator, *, name: str, partner: DrawPartner
    ) -> Crop:
        sample = partner(rng)
        got, expected = sample.image.shape[2], crop.image.shape[2]
        if got != expected:
            raise ValueError(
                f"{sample.name}: has {got} channels and cannot be mixed with {name}, which has "
                f"{expected}; give all images the same channels."
            )
        return self._crop(sample, rng)

    def _degrade(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if rng.random() < self.blur:
            image = blurred(image, sigma_px=rng.uniform(*self.blur_sigma_px))
        if rng.random() < self.noise:
            image = noisy(image, std=rng.uniform(*self.noise_std), rng=rng)
        if rng.random() < self.jpeg:
            low, high = self.jpeg_quality
            image = jpeg_degraded(image, quality=int(rng.integers(low, high + 1)))
        return image

    def _occlude(
        self, image: np.ndarray, mask: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        if rng.random() < self.mask_dropout:
            num_objects = int(rng.integers(1, self.mask_dropout_objects + 1))
            hidden = draw_objects(rng, mask, num_objects=num_objects)
            image, mask = hide(image, mask, hidden, fill=self.dropout_fill, rng=rng)
        if rng.random() < self.coarse_dropout:
            hidden = draw_holes(
                rng,
                self.crop,
                num_holes=self.coarse_dropout_holes,
                side=self.coarse_dropout_side,
            )
            image, mask = hide(image, mask, hidden, fill=self.dropout_fill, rng=rng)
        return image, mask


_CHANCES = (
    *("flip", "vertical_flip", "class_balance", "greyscale", "blur", "noise", "jpeg"),
    *("coarse_dropout", "mask_dropout", "cutmix", "classmix"),
)
_LIMITS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(_CHANCES, (0, 1)),
    **dict.fromkeys(("brightness", "contrast", "saturation", "gamma"), (0, 1)),
    "hue": (0, 0.5),
    "rotate_degrees": (0, 180),
    "max_class_share": (0, 1),
    "mask_dropout_objects": (1, 1000),
    "scale": (0.05, 20),
    "blur_sigma_px": (0.1, 50),
    "noise_std": (0, 255),
    "jpeg_quality": (1, 100),
    "coarse_dropout_holes": (1, 1000),
    "coarse_dropout_side": (0, 1),
}


def _check_limits(
    name: str, value: float | tuple[float, float], *, limits: tuple[float, float]
) -> None:
    low, high = limits
    if isinstance(value, int | float):
        is_good, expected = low <= value <= high, "a number"
    else:
        is_good = len(value) == 2 and low <= value[0] <= value[1] <= high
        expected = "(smallest, largest)"
    if not is_good:
        raise UsageError(f"augment.{name} is {value}; expected {expected} in {low}..{high}.")
