"""A height and width that a person asks for, before anything is made of it."""

from tessella.data.header import MAX_PIXELS
from tessella.errors import UsageError


def refuse_size(size: tuple[int, int]) -> None:
    """Refuse a size of which no image can be.

    Args:
        size: height and width in pixels.

    Raises:
        UsageError: a side is below 1, or there are more pixels than are ever read.
    """
    height, width = size
    if min(size) < 1:
        raise UsageError(f"--size {height}x{width}: give height and width in pixels, from 1 up.")
    if height * width > MAX_PIXELS:
        raise UsageError(
            f"--size {height}x{width}: no image of more than {MAX_PIXELS / 1e6:.0f} megapixels is "
            "ever read; give a smaller one."
        )
