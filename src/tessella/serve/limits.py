"""What one request, and all of them together, may take."""

import math
import os
from dataclasses import dataclass, field, fields

from tessella.data.header import MAX_PIXELS
from tessella.errors import UsageError


def _default_threads() -> int:
    return min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Limits:
    """Each bound of the server; the status that answers a request beyond it stands in brackets."""

    max_bytes: int = 25_000_000
    """Of a request's body, image and mask together (413)."""

    max_pixels: int = 50_000_000
    """Height times width of an image, told from its header; of a tensor, all its images (413)."""

    max_requests: int = 128
    """Requests for predictions at one time, those still being read too (503)."""

    max_connections: int = 1024
    """Open connections; more are closed at once."""

    queue_length: int = 64
    """Requests that wait for one model (429)."""

    request_seconds: float = 30.0
    """From the last byte of the request to the first of its answer (504)."""

    body_seconds: float = 30.0
    """For the whole body to arrive (408)."""

    head_seconds: float = 10.0
    """For a request's line and headers to arrive (408)."""

    stall_seconds: float = 30.0
    """How long a client may read nothing of its answer; then the connection is closed."""

    max_batch: int = 8
    """Images that are computed together."""

    batch_wait_seconds: float = 0.005
    """How long an image waits for others of its size, where others are on their way."""

    threads: int = field(default_factory=_default_threads)
    """Threads that read images and write answers."""

    max_probability_bytes: int = 256_000_000
    """Of the probabilities of all classes, where a request asks for them (413)."""

    max_json_values: int = 4_000_000
    """Numbers of a tensor that is written as JSON text; more need binary data (413)."""

    def __post_init__(self) -> None:
        """Refuse what is no limit.

        Raises:
            UsageError: a value is not above 0 (`batch_wait_seconds`: below 0) or not finite, or
                images may be larger than any that is read.
        """
        for item in fields(self):
            value = getattr(self, item.name)
            may_be_zero = item.name == "batch_wait_seconds"
            if not math.isfinite(value) or value < 0 or (value == 0 and not may_be_zero):
                least = "0 or more" if may_be_zero else "more than 0"
                raise UsageError(f"{item.name} is {value}; expected {least}; give another number.")
        if self.max_pixels > MAX_PIXELS:
            raise UsageError(
                f"max_pixels is {self.max_pixels}; no more than {MAX_PIXELS} are ever read; give a "
                "smaller number."
            )

    @property
    def held_pixels(self) -> int:
        """Pixels of all images that are unpacked at one time; the others wait, still packed."""
        return 4 * self.max_pixels

    @property
    def held_bytes(self) -> int:
        """Bytes of all bodies that are held at one time (503)."""
        return 16 * self.max_bytes
