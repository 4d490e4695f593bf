"""The images that an int8 file's ranges are measured on, checked one by one as they are read."""

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
from jaxtyping import UInt8

Calibration = Literal["minmax", "percentile", "entropy"]
"""How a tensor's range follows from its values: all of them, all but the rarest, or the range that
loses least information."""

Images = Callable[[], Iterator[UInt8[np.ndarray, "1 c h w"]]]
"""Gives the images from the first on, each time that it is called; one is in memory at a time."""


def checked_images(
    images: Images, *, channels: int | None, size: tuple[int | None, int | None]
) -> Iterator[UInt8[np.ndarray, "1 c h w"]]:
    """The images, contiguous in memory, once each.

    Args:
        images: as the model takes them.
        channels: of the model's input; None: any.
        size: height and width of the model's input; None: any.

    Raises:
        ValueError: there is no image, or one is not what the model takes; it is raised when that
            image, or the end, is reached.
    """
    wanted = (1, channels, *size)
    number = 0
    for number, image in enumerate(images(), start=1):
        fits = image.ndim == 4 and all(
            want in (None, got) for want, got in zip(wanted, image.shape, strict=True)
        )
        if not fits or image.dtype != np.uint8:
            expected = ", ".join("any" if want is None else str(want) for want in wanted)
            raise ValueError(
                f"calibration image {number}: is {image.dtype} of shape {tuple(image.shape)}; the "
                f"model takes uint8 of shape ({expected}). Give images as the model reads them."
            )
        yield np.ascontiguousarray(image)
    if not number:
        raise ValueError(
            "calibration: got no image; int8 needs some to measure ranges on. Give a split that "
            "has images, and a function that starts anew at each call."
        )
