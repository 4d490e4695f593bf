"""Lengths of time and amounts of memory, read from a person and told to one."""

import re

from tessella.errors import UsageError

_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d)")
_MOST_OF = ((90, 1, "s"), (90 * 60, 60, "min"), (36 * 3600, 3600, "h"))


def seconds_in(text: str) -> float:
    """The seconds of a length of time such as 90s, 10m, 1h30m or 2.5h.

    Raises:
        UsageError: it is not written like that, or it is nothing.
    """
    compact = text.strip().lower()
    parts = _PART.findall(compact)
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if re.fullmatch(rf"(?:{_PART.pattern}\s*)+", compact) is None or seconds <= 0:
        raise UsageError(
            f"budget {text!r} is no length of time; write a number with s, m, h or d, for example "
            "10m, 2h or 1h30m."
        )
    return seconds


def spoken(seconds: float) -> str:
    """A length of time as a person says it: 0.4 s, 42 s, 17 min, 2.5 h, 3.1 days."""
    for most, unit, name in _MOST_OF:
        if seconds < most:
            return f"{_short(seconds / unit)} {name}"
    return f"{_short(seconds / 86400)} days"


def gigabytes(num_bytes: float) -> str:
    """An amount of memory: 0.35 GB, 1.9 GB, 24 GB, with a billion bytes to the GB."""
    amount = num_bytes / 1e9
    return f"{amount:.2f} GB" if amount < 0.995 else f"{_short(amount)} GB"


def _short(number: float) -> str:
    """Two figures below ten, whole numbers above."""
    return f"{number:.1f}" if number < 9.95 else f"{number:.0f}"
