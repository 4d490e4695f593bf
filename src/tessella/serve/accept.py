"""Which of the answers that we can give a client's Accept header prefers (RFC 9110, 12.5.1)."""

from collections.abc import Sequence
from typing import NamedTuple


class _Range(NamedTuple):
    kind: str
    sub: str
    quality: float


def preferred(accept: str | None, offers: Sequence[str]) -> str | None:
    """The offer with the highest quality, the earlier one where they are equal; None: no offer.

    Args:
        accept: the header; None or empty accepts anything. Parts of it that are no media range
            are passed over.
        offers: media types, our own preference first.
    """
    if accept is None or not accept.strip():
        return offers[0]
    ranges = [found for part in accept.split(",") if (found := _parsed(part)) is not None]
    best, best_quality = None, 0.0
    for offer in offers:
        if (quality := _quality(offer, ranges)) > best_quality:
            best, best_quality = offer, quality
    return best


def _parsed(part: str) -> _Range | None:
    name, *parameters = (word.strip() for word in part.split(";"))
    kind, slash, sub = name.lower().partition("/")
    if not slash or not kind or not sub or (kind == "*" and sub != "*"):
        return None
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            try:
                quality = float(value)
            except ValueError:
                return None
            if not 0 <= quality <= 1:
                return None
    return _Range(kind, sub, quality)


def _quality(offer: str, ranges: Sequence[_Range]) -> float:
    """That of the most specific range that fits; 0 where none does."""
    kind, _, sub = offer.partition("/")
    for wanted in ((kind, sub), (kind, "*"), ("*", "*")):
        fitting = [found.quality for found in ranges if (found.kind, found.sub) == wanted]
        if fitting:
            return max(fitting)
    return 0.0
