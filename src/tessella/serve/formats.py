"""What an upload is by its first bytes: its format, its size, and whether it is one picture."""

import struct
from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Literal, NamedTuple

from tessella.data.header import Size, png_parts, stored_size

Format = Literal["jpeg", "png", "webp", "tiff", "bmp"]

CONTENT_TYPES: Mapping[str, Format] = MappingProxyType(
    {
        "image/jpeg": "jpeg",
        "image/jpg": "jpeg",
        "image/png": "png",
        "image/webp": "webp",
        "image/tiff": "tiff",
        "image/bmp": "bmp",
        "image/x-ms-bmp": "bmp",
    }
)
"""Content types that are taken, and the format that each declares."""

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_BMP_HEADERS = frozenset((12, 16, 40, 52, 56, 64, 108, 124))
_MOST_CHUNKS = 100_000  # of a PNG; encoders write one for each 8 KB or more
_MOVING = frozenset((b"acTL", b"fcTL", b"fdAT"))
_MOST_PAGES = 64
_MOST_TAGS = 4096
_FILE_KIND, _WIDTH, _HEIGHT = 254, 256, 257  # tags of TIFF
_REDUCED_OR_MASK = 0b101  # bits of the file kind: a preview, a transparency mask
_INTEGERS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # types of TIFF; the last in a BigTIFF alone


def format_of(content: bytes) -> Format | None:
    """The format that the first bytes tell; None for any other than the five."""
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if content.startswith(_TIFF_STARTS):
        return "tiff"
    if content[:2] == b"BM" and int.from_bytes(content[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    return None


def size_of(content: bytes, kind: Format) -> Size | None:
    """Height and width that the header states, before an EXIF turn.

    None where it states none, or where a decoder could read another size out of it or believe it
    to hold more than there is: memory is taken by what a header says.
    """
    if kind == "bmp":
        return _bmp_size(content)
    if kind == "tiff":
        first = next(_tiff_pages(content), None)
        return first.size if first is not None else None
    if kind == "png" and _png_chunks(content) is None:
        return None
    return stored_size(content)


def holds_several(content: bytes, kind: Format) -> bool:
    """Whether the file is an animation or has several pages; previews in a TIFF do not count."""
    if kind == "png":
        return bool(_MOVING & (_png_chunks(content) or set()))
    if kind == "webp":
        return content[12:16] == b"VP8X" and len(content) > 20 and bool(content[20] & 0b10)
    if kind == "tiff":
        return sum(not page.is_preview for page in _tiff_pages(content)) > 1
    return False


def _bmp_size(content: bytes) -> Size | None:
    if len(content) < 26:
        return None
    if content[14] == 12:
        width, height = struct.unpack("<HH", content[18:22])
    else:
        width, height = struct.unpack("<ii", content[18:26])
    return Size(abs(height), abs(width))


def _png_chunks(content: bytes) -> set[bytes] | None:
    """The names of a PNG's chunks; None where they do not lead to its end, or it begins twice."""
    found: set[bytes] = set()
    for number, part in enumerate(islice(png_parts(content), _MOST_CHUNKS)):
        if (part.name == b"IHDR") != (number == 0) or part.end + 4 > len(content):
            return None
        found.add(part.name)
        if part.name == b"IEND":
            return found
    return None


class _Page(NamedTuple):
    size: Size | None
    is_preview: bool


class _Layout(NamedTuple):
    """How numbers lie in a TIFF (4-byte offsets) or in a BigTIFF (8-byte)."""

    order: str
    offset: str
    count: str
    num_bytes: int

    def number(self, content: bytes, at: int, form: str) -> int | None:
        size = struct.calcsize(form)
        part = content[at : at + size]
        return int(struct.unpack(self.order + form, part)[0]) if len(part) == size else None


def _tiff_pages(content: bytes) -> Iterator[_Page]:
    """The pages of a TIFF in file order, as far as their directories are whole."""
    order = "<" if content[:1] == b"I" else ">"
    if b"+" in content[2:4]:
        layout, start = _Layout(order, "Q", "Q", 20), 8
    else:
        layout, start = _Layout(order, "I", "H", 12), 4
    at = layout.number(content, start, layout.offset)
    for _ in range(_MOST_PAGES):
        if not at:
            return
        num_tags = layout.number(content, at, layout.count)
        if num_tags is None or num_tags > _MOST_TAGS:
            return
        first = at + struct.calcsize(layout.count)
        tags = _tiff_tags(content, layout, first=first, count=num_tags)
        width, height = tags.get(_WIDTH), tags.get(_HEIGHT)
        size = Size(height, width) if width is not None and height is not None else None
        yield _Page(size, bool(tags.get(_FILE_KIND, 0) & _REDUCED_OR_MASK))
        at = layout.number(content, first + num_tags * layout.num_bytes, layout.offset)


def _tiff_tags(content: bytes, layout: _Layout, *, first: int, count: int) -> dict[int, int]:
    """The tags asked for, where they are there once and hold one whole number."""
    found: dict[int, int] = {}
    doubtful: set[int] = set()
    for at in range(first, first + count * layout.num_bytes, layout.num_bytes):
        tag = layout.number(content, at, "H")
        if tag not in (_FILE_KIND, _WIDTH, _HEIGHT):
            continue
        form = _INTEGERS.get(layout.number(content, at + 2, "H") or 0)
        fits = form is not None and struct.calcsize(form) <= struct.calcsize(layout.offset)
        is_one = layout.number(content, at + 4, layout.offset) == 1
        place = at + 4 + struct.calcsize(layout.offset)
        value = layout.number(content, place, form) if form and fits and is_one else None
        if value is None or tag in found:
            doubtful.add(tag)
        else:
            found[tag] = value
    return {tag: value for tag, value in found.items() if tag not in doubtful}
