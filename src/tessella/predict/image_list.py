"""A text file that lists images, one a line; it may have millions, and none is kept in memory."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tessella.errors import UsageError

LIST_SUFFIXES = (".txt", ".lst")
"""File name endings that are taken for lists, lower case."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Found(NamedTuple):
    """One image that an input stands for."""

    name: str
    """Of its results, unless another image has the same: the path without its ending."""

    path: str
    """As the user would write it."""

    absolute: str
    """The same without `.` and `..`, from the root."""


def is_list(given: str) -> bool:
    """Whether an input is a list of images; its ending says so."""
    return given.lower().endswith(LIST_SUFFIXES) and not os.path.isdir(given)


class ImageList:
    """The lines of a list, read anew each time and the same each time.

    A path is relative to the folder of the list. Blank lines and lines that begin with `#` do not
    count. Results are named after the path below that folder, or after the whole path where the
    image lies elsewhere.
    """

    def __init__(self, path: Path) -> None:
        """Refer to the file at `path`; it is opened when lines are asked for."""
        self._path = path
        self._folder = os.path.dirname(path)
        self._absolute = os.path.join(os.path.abspath(path.parent), "")
        self._version: tuple[int, int] | None = None

    def __iter__(self) -> Iterator[Found]:
        """The images, in the order of their lines.

        Raises:
            UsageError: the list cannot be read, or holds what is no path.
            ValueError: it was changed since its lines were read before.
        """
        try:
            stream = self._path.open("rb")
        except OSError as error:
            raise UsageError(
                f"{self._path}: cannot read the list: {error.strerror}; give a text file with one "
                "image a line."
            ) from error
        with stream:
            self._require_unchanged(stream)
            for number, line in enumerate(stream, 1):
                text = os.fsdecode(line.removeprefix(_BYTE_ORDER_MARK).strip())
                if "\0" in text:
                    raise UsageError(
                        f"{self._path}: line {number} is no path; save the list as UTF-8 text, one "
                        "image a line."
                    )
                if text and not text.startswith("#"):
                    yield self._found(text)
            self._require_unchanged(stream)

    def _found(self, text: str) -> Found:
        absolute = os.path.normpath(os.path.join(self._absolute, text))
        is_inside = absolute.startswith(self._absolute)
        below = absolute[len(self._absolute) :] if is_inside else os.path.splitdrive(absolute)[1]
        name = os.path.splitext(below)[0].replace(os.sep, "/").lstrip("/")
        return Found(name, os.path.join(self._folder, text), absolute)

    def _require_unchanged(self, stream: BinaryIO) -> None:
        status = os.fstat(stream.fileno())
        version = (status.st_size, status.st_mtime_ns)
        if self._version not in (None, version):
            raise ValueError(
                f"{self._path}: was changed while it was read; run the same command again."
            )
        self._version = version
