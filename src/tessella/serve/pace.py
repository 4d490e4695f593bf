"""How many images are worth computing together: measured as the server runs, not assumed.

A GPU is faster on a batch; a CPU often is not, for the memory that a batch touches.
"""

from collections import deque
from collections.abc import Hashable

_NEEDED = 2  # measurements before a size is judged: the first of a kind is often slow
_KEPT = 8
_TOLERATED = 1.1
_LOOK_AGAIN = 512  # batches after which a size that was slower gets another chance


class Pace:
    """The batch size that pays, for each kind of work and for each doubling of the image's area.

    The largest size that is allowed is tried first. One that turns out slower an image than the
    best by more than a tenth is not used again for a while. Not for several threads at once.
    """

    def __init__(self) -> None:
        """Nothing measured yet."""
        self._seconds: dict[tuple[Hashable, int, int], deque[float]] = {}
        self._num_batches = 0

    def most(self, kind: Hashable, pixels: int, *, allowed: int) -> int:
        """How many images to compute together at most, 1..allowed.

        Args:
            kind: what is wanted of them.
            pixels: of each image.
            allowed: by other bounds; >= 1.
        """
        if self._num_batches % _LOOK_AGAIN == _LOOK_AGAIN - 1:
            return allowed
        size = allowed
        while size > 1 and self._is_slow(kind, pixels, size):
            size = _rounded(size - 1)
        return size

    def record(self, kind: Hashable, pixels: int, *, size: int, seconds: float) -> None:
        """Remember what a batch took.

        Args:
            kind: what was wanted of it.
            pixels: of each image.
            size: images in it.
            seconds: for all of them.
        """
        self._num_batches += 1
        key = (kind, pixels.bit_length(), _rounded(size))
        self._seconds.setdefault(key, deque(maxlen=_KEPT)).append(seconds / size)

    def _is_slow(self, kind: Hashable, pixels: int, size: int) -> bool:
        own = self._an_image(kind, pixels, _rounded(size))
        smaller = [
            found
            for other in _sizes_below(_rounded(size))
            if (found := self._an_image(kind, pixels, other)) is not None
        ]
        return own is not None and bool(smaller) and own > _TOLERATED * min(smaller)

    def _an_image(self, kind: Hashable, pixels: int, size: int) -> float | None:
        """The least seconds an image of late, which other work on the machine disturbs least."""
        found = self._seconds.get((kind, pixels.bit_length(), size), ())
        return min(found) if len(found) >= _NEEDED else None


def _rounded(size: int) -> int:
    """The power of two at or below."""
    return 1 << (size.bit_length() - 1)


def _sizes_below(size: int) -> list[int]:
    return [1 << power for power in range(size.bit_length() - 1)]
