"""The JSON files of annotation tools: read, and their values checked one by one."""

import json
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from tessella.data.files import is_file, read_text

_MOST_PX = 1 << 30


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        ValueError: it cannot be read or is not JSON; the message gives line and column.
    """
    try:
        content = read_text(path)
    except OSError as error:
        raise ValueError(
            f"{path}: cannot be read: {error.strerror}; check that it is there and that you may."
        ) from error
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}: line {error.lineno}, column {error.colno}: {error.msg}; this is not JSON. "
            "Export the file again."
        ) from error
    except (RecursionError, ValueError) as error:  # ValueError: a number of 5000 digits
        raise ValueError(
            f"{path}: cannot be read as JSON ({error}); export the file again."
        ) from error


def text(record: Mapping[str, Any], key: str, *, where: str) -> str:
    """A name that an object of the file holds.

    Raises:
        ValueError: it is not there, empty, or not text that a file name or a report can hold.
    """
    value = record.get(key)
    # a lone surrogate is legal in JSON, but no text: nothing can write it
    if not isinstance(value, str) or not value.strip() or "\0" in value or not _is_unicode(value):
        raise ValueError(
            f"{where}: its {key} is {reprlib.repr(value)}; expected a name. Export the file again."
        )
    return value


def _is_unicode(value: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def pixels(height: Any, width: Any, *, where: str) -> tuple[int, int] | None:
    """A size that the file states, (height, width) in pixels; None where both are null or absent.

    Raises:
        ValueError: these are not two whole numbers from 1 up.
    """
    if height is None and width is None:
        return None
    for side in (height, width):
        is_number = isinstance(side, int | float) and not isinstance(side, bool)
        if not is_number or not 1 <= side <= _MOST_PX or side != int(side):
            raise ValueError(
                f"{where}: has the size {reprlib.repr(height)}x{reprlib.repr(width)} (height x "
                "width); expected whole numbers of pixels. Export the file again."
            )
    return int(height), int(width)


def finite_numbers(values: Any, *, where: str) -> Float64[np.ndarray, "..."]:
    """A list of numbers, or of equally long lists of them.

    Raises:
        ValueError: it is something else, or holds NaN or infinity.
    """
    try:
        array = np.asarray(values)
    except (ValueError, OverflowError):  # lists of different lengths
        array = np.asarray(None)
    if not isinstance(values, list) or array.dtype.kind not in "iuf":
        raise ValueError(
            f"{where}: expected a list of numbers, got {reprlib.repr(values)}; export it again."
        )
    if not np.isfinite(array).all():
        raise ValueError(
            f"{where}: {reprlib.repr(values)} holds a number that is not finite; draw it again, "
            "or remove it."
        )
    return array.astype(np.float64)


def two_points(points: Any, *, kind: str, where: str) -> Float64[np.ndarray, "2 2"]:
    """Two points [[x, y], [x, y]].

    Args:
        points: what the file holds.
        kind: what they make, for the message: "circle".
        where: the file and the shape, for the message.

    Raises:
        ValueError: it is something else.
    """
    numbers = finite_numbers(points, where=where)
    if numbers.shape != (2, 2):
        raise ValueError(
            f"{where}: a {kind} has two points [[x, y], [x, y]], got {reprlib.repr(points)}; "
            "draw it again."
        )
    return numbers


def is_there(path: Path) -> bool:
    """Whether there is a file at a path that the JSON states; False for what can be no path."""
    try:
        return is_file(path)
    except OSError:  # too long
        return False
