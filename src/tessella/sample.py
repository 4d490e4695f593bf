"""What one annotated image is, everywhere after the reader."""

from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8


class Sample(NamedTuple):
    """One image with the class of each of its pixels."""

    image: UInt8[np.ndarray, "h w c"]
    """Pixels in file units, 0..255, RGB order when there are three channels."""

    mask: UInt8[np.ndarray, "h w"] | None
    """Class indices 0..K-1 and 255 for ignored pixels; None when the image has no mask."""

    name: str
    """Unique within its split, also the stem of every file written about this image."""
