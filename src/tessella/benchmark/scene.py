"""What the models look at: a drawn street, so that no figure depends on anybody's data."""

import numpy as np
from jaxtyping import UInt8

from tessella.data.synthetic.scenes import draw_scene

ABOUT = "a drawn street, always the same"

_LEAST, _MOST = 16, 2048  # pixels a side; others are made of these by repeating or skipping


def drawn_image(size: tuple[int, int]) -> UInt8[np.ndarray, "h w 3"]:
    """The street at a size (height, width), each 1 or more; the same pixels each time."""
    height, width = (min(_MOST, max(_LEAST, side)) for side in size)
    image, _ = draw_scene(np.random.default_rng(0), height=height, width=width)
    rows = np.arange(size[0]) * height // size[0]
    columns = np.arange(size[1]) * width // size[1]
    return image[rows[:, None], columns]
