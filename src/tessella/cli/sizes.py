"""Sizes as a person types them."""

from tessella.errors import UsageError


def parse_size(text: str) -> tuple[int, int]:
    """Height and width of a text such as 360x480.

    Raises:
        UsageError: it is no such text, or a side is 0.
    """
    height, x, width = text.lower().partition("x")
    if not (x and height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise UsageError(f"--size {text!r}: give height and width in pixels, as 360x480.")
    return int(height), int(width)
