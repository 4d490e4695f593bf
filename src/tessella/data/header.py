"""What the first bytes of an image file say: its size and its turn, before anything is decoded."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

MAX_PIXELS = 178_956_970
"""Larger images and masks are refused unread: Pillow's own bound, half a gigabyte as RGB."""

_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS = frozenset((0x00, 0x01, *range(0xD0, 0xD9)))
_ORIENTATION = 0x0112  # the EXIF tag
_EXIF_BYTES = 1 << 16  # a JPEG segment holds no more
_PNG_END = b"IEND\xaeB`\x82"


class Size(NamedTuple):
    """Height and width in pixels, as the file holds the image: before an EXIF turn."""

    height: int
    width: int


class HugeImageError(ValueError):
    """A file states more pixels than `MAX_PIXELS`; a few kilobytes can unpack to any size."""


def huge_image(pixels: int, *, where: str, shape: str = "") -> HugeImageError:
    """The error about a file of so many pixels; `shape` is shown before their number."""
    return HugeImageError(
        f"{where}: is {shape}{pixels / 1e6:.0f} megapixels; files of over "
        f"{MAX_PIXELS / 1e6:.0f} megapixels are refused, because a small file can fill the "
        "memory. Cut it into pieces."
    )


def refuse_huge(size: Size, *, where: str) -> None:
    """Refuse an image that would fill the memory.

    Raises:
        HugeImageError: it has more than `MAX_PIXELS` pixels.
    """
    pixels = size.height * size.width
    if pixels > MAX_PIXELS:
        shape = f"{size.height}x{size.width} (height x width), "
        raise huge_image(pixels, where=where, shape=shape)


def stored_size(content: bytes) -> Size | None:
    """The size that a PNG, JPEG or WebP states; None for others and where it is not stated."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png_size(content)
    if content.startswith(b"\xff\xd8"):
        return _jpeg_size(content)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return _webp_size(content)
    return None


def _png_size(content: bytes) -> Size | None:
    if content[12:16] != b"IHDR" or len(content) < 24:
        return None
    width, height = struct.unpack(">II", content[16:24])
    return Size(height, width)


def _jpeg_size(content: bytes) -> Size | None:
    for marker, at in _jpeg_segments(content):
        if marker in _FRAME_MARKERS and at + 5 <= len(content):
            height, width = struct.unpack(">HH", content[at + 1 : at + 5])
            return Size(height, width)
    return None


def _jpeg_segments(content: bytes) -> Iterator[tuple[int, int]]:
    """(marker, where its content begins) of the segments before the pixels."""
    at = 2
    while 0 <= (at := content.find(b"\xff", at)) < len(content) - 4:
        marker = content[at + 1]
        if marker in (0xD9, 0xDA):  # the end, or the pixels
            return
        if marker == 0xFF:  # fill bytes
            at += 1
        elif marker in _BARE_MARKERS:
            at += 2
        else:
            yield marker, at + 4
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")


def _webp_size(content: bytes) -> Size | None:
    kind = content[12:16]
    if len(content) < 30:
        return None
    if kind == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif kind == b"VP8 ":
        width, height = (part & 0x3FFF for part in struct.unpack("<HH", content[26:30]))
    else:
        return None
    return Size(height, width)


def stored_turn(content: bytes) -> int:
    """The EXIF orientation of a PNG, JPEG or WebP, 1..8; 1 is upright, and the default."""
    if content.startswith(b"\xff\xd8"):
        if b"Exif\0\0" not in content:  # the common case, at the speed of a search
            return 1
        for marker, at in _jpeg_segments(content):
            if marker == 0xE1 and content[at : at + 6] == b"Exif\0\0":
                return _turn_in(content[at + 6 : at + 6 + _EXIF_BYTES])
        return 1
    if content.startswith(b"\x89PNG"):
        found = (part for part in png_parts(content) if part.name == b"eXIf")
        start = next((part.start for part in found), len(content))
        return _turn_in(content[start : start + _EXIF_BYTES])
    if content[:4] == b"RIFF" and content[12:16] == b"VP8X":
        block = _webp_exif(content)
        return _turn_in(block.removeprefix(b"Exif\0\0"))
    return 1


def _webp_exif(content: bytes) -> bytes:
    """The first bytes of what a WebP (name, length, ...) says of its camera; none without it."""
    at = 12
    while at + 8 <= len(content):
        if content[at : at + 4] == b"EXIF":
            return content[at + 8 : at + 8 + _EXIF_BYTES]
        size = int.from_bytes(content[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return b""


def _turn_in(block: bytes) -> int:
    """The orientation in the first folder of a TIFF block, as EXIF uses it."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 10:
        return 1
    (start,) = struct.unpack(order + "I", block[4:8])
    if start + 2 > len(block):
        return 1
    (entries,) = struct.unpack(order + "H", block[start : start + 2])
    for at in range(start + 2, min(start + 2 + 12 * entries, len(block) - 11), 12):
        tag, _, _, value = struct.unpack(order + "HHIH", block[at : at + 10])
        if tag == _ORIENTATION:
            return int(value) if 1 <= value <= 8 else 1
    return 1


def refuse_damaged_png(content: bytes) -> None:
    """Refuse a PNG in which the checksum of a header, palette or pixels is wrong.

    Decoders stop at the last pixel and never look at it: one turned bit gives a mask of other
    classes without a word. A cut file is left to them, and so are other formats.

    Raises:
        ValueError: a checksum is wrong.
    """
    view = memoryview(content)
    for name, start, end in png_parts(content):
        is_needed = name[:1].isupper()  # a small letter: a comment or the like
        stated = int.from_bytes(view[end : end + 4], "big")
        if is_needed and end + 4 <= len(content) and zlib.crc32(view[start - 4 : end]) != stated:
            raise ValueError(f"the checksum of its part {name.decode('latin-1')!r} is wrong")


def has_part_past_end(content: bytes) -> bool:
    """Whether a part of a PNG is longer than the rest of the file, by what it says.

    OpenCV takes the memory for such a part before it looks for the bytes.
    """
    return any(part.end + 4 > len(content) for part in png_parts(content))


class PngPart(NamedTuple):
    """A part of a PNG, as it says."""

    name: bytes
    start: int
    """Its first byte, after length and name."""

    end: int
    """The byte after its last, where its checksum is; may lie behind the file's end."""


def png_parts(content: bytes) -> Iterator[PngPart]:
    """The parts of a PNG up to IEND; none of another format."""
    at = 8 if content.startswith(b"\x89PNG") else len(content)
    while at + 8 <= len(content):
        end = at + 8 + int.from_bytes(content[at : at + 4], "big")
        part = PngPart(content[at + 4 : at + 8], at + 8, end)
        yield part
        if part.name == b"IEND":
            return
        at = end + 4


def is_cut_short(content: bytes) -> bool:
    """Whether a PNG, JPEG, WebP, BMP or GIF lacks its end, as a broken download does."""
    if content.startswith(b"\x89PNG"):
        return _PNG_END not in content[-1024:]
    if content.startswith(b"\xff\xd8"):
        return b"\xff\xd9" not in content[-1024:]
    if content[:4] == b"RIFF":
        return int.from_bytes(content[4:8], "little") + 8 > len(content)
    if content[:2] == b"BM":
        return int.from_bytes(content[2:6], "little") > len(content)
    return content[:3] == b"GIF" and b"\x3b" not in content[-16:]
