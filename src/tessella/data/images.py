"""The one door to image files: read pixels and masks, write pictures and palette masks."""

import contextlib
import io
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image, ImageOps

from tessella.atomic import write_bytes
from tessella.data.files import read_bytes
from tessella.data.header import (
    HugeImageError,
    Size,
    has_part_past_end,
    huge_image,
    is_cut_short,
    refuse_damaged_png,
    refuse_huge,
    stored_size,
)
from tessella.labels import LabelMap

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".gif")
"""File name endings that are taken for images, lower case."""

_ORIENTATION = 0x0112  # the EXIF tag
_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_LARGE_PX = 256
# OpenCV refuses its reduced BGR together with RGB; the flag for grey says by how much, no more
_QUARTERED_RGB = cv2.IMREAD_REDUCED_GRAYSCALE_4 | cv2.IMREAD_COLOR_RGB
_PNG_END = b"IEND\xaeB`\x82"
# what its decoders of some twenty formats raise about damaged files
_PILLOW_ERRORS = (
    *(OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError),
    *(TypeError, LookupError, OverflowError, struct.error),
)


@contextlib.contextmanager
def opencv_in_one_thread() -> Iterator[None]:
    """OpenCV without threads of its own while ours read many files; they would only get in the way.

    Waking them for each small picture costs half as much again as decoding it.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(0)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def read_image(path: Path) -> UInt8[np.ndarray, "h w 3"]:
    """Pixels of an image file as RGB, upright.

    Grey becomes three equal channels, transparency is dropped, 16-bit keeps its high byte, and an
    EXIF orientation is applied (to masks too, so that both turn alike).

    Raises:
        ValueError: the file is missing, truncated, not an image, or holds more than 16 bits or
            floating-point numbers a channel, whose range nobody states; or it is larger than
            `tessella.data.header.MAX_PIXELS`.
    """
    return decode_image(_bytes_of(path, "image"), where=str(path))


def _bytes_of(path: Path, kind: str) -> bytes:
    try:
        return read_bytes(path)
    except OSError as error:
        raise ValueError(
            f"{path}: cannot read the {kind}: {error.strerror}; check that the file is there and "
            "that you may read it."
        ) from error


def decode_image(content: bytes, *, where: str) -> UInt8[np.ndarray, "h w 3"]:
    """Like `read_image`, from the bytes of a file; `where` names it in errors."""
    return _decode(content, cv2.IMREAD_COLOR_RGB, where)


def decode_quartered(content: bytes, *, where: str) -> UInt8[np.ndarray, "h4 w4 3"]:
    """Like `decode_image`, but a JPEG of 256 pixels a side or more comes at a quarter of its size.

    For a look at many images: all of the file is read, so damage shows, at a third of the time.
    """
    size = stored_size(content) if content.startswith(b"\xff\xd8") else None
    is_large = size is not None and min(size) >= _LARGE_PX
    return _decode(content, _QUARTERED_RGB if is_large else cv2.IMREAD_COLOR_RGB, where)


def _decode(content: bytes, flags: int, where: str) -> np.ndarray:
    image = None
    if _has_good_size(content, where) and not _is_for_pillow(content):
        level = cv2.utils.logging.setLogLevel(0)  # a broken file is reported by us, once
        try:
            image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
        except cv2.error:
            image = None  # larger than OpenCV takes; Pillow says why or reads it
        finally:
            cv2.utils.logging.setLogLevel(level)
    return image if image is not None else _decode_with_pillow(content, where)


def _has_good_size(content: bytes, where: str) -> bool:
    """Whether the header states a size; one that is too large is refused, as OpenCV does not."""
    size = stored_size(content)
    if size is None:
        try:
            with Image.open(io.BytesIO(content)) as opened:
                size = Size(opened.height, opened.width)
        except Image.DecompressionBombError as error:
            pixels = re.search(r"\d+", str(error))
            raise huge_image(int(pixels[0]) if pixels else 0, where=where) from error
        except _PILLOW_ERRORS:
            return False
    refuse_huge(size, where=where)
    return min(size) > 0


def _is_for_pillow(content: bytes) -> bool:
    """Whether OpenCV would read these bytes wrongly, or write to stderr about them."""
    if content.startswith(b"\x89PNG"):  # a damaged PNG: its decoder writes to stderr
        is_whole = content.endswith(_PNG_END) and not has_part_past_end(content)
        return not is_whole or _is_damaged_png(content)
    # TIFF: OpenCV multiplies colours by a fourth band, and reads floating-point pixels as black
    return content.startswith(_TIFF_STARTS)


def _is_damaged_png(content: bytes) -> bool:
    try:
        refuse_damaged_png(content)
    except ValueError:
        return True
    return False


def _decode_with_pillow(content: bytes, where: str) -> np.ndarray:
    try:
        refuse_damaged_png(content)
        with Image.open(io.BytesIO(content)) as opened:
            upright = ImageOps.exif_transpose(opened)
            if upright.mode.startswith("I"):
                upright = Image.fromarray(_high_byte(np.asarray(upright)))
            if upright.mode == "F":
                raise ValueError("pixels are floating-point numbers, 8 or 16-bit are read")
            return np.array(upright.convert("RGB"))
    except _PILLOW_ERRORS as error:
        raise ValueError(
            f"{where}: cannot read the image ({len(content)} bytes: {_reason(error)}). "
            "Export it again, or remove it."
        ) from error


def _high_byte(values: np.ndarray) -> np.ndarray:
    if values.size and not 0 <= int(values.min()) <= int(values.max()) <= 0xFFFF:
        raise ValueError(f"pixels run from {values.min()} to {values.max()}, 8 or 16-bit are read")
    return (values >> 8).astype(np.uint8)


def _reason(error: Exception) -> str:
    text = str(error)
    return "not an image file that we know" if "cannot identify" in text else text


def read_mask(path: Path, labels: LabelMap) -> UInt8[np.ndarray, "h w"]:
    """Class indices of a mask file, decoded by `labels` before anything else touches it.

    Palette files give their indices, or their colours when the classes are given as colours. Grey
    saved as RGB (three equal channels) is read as grey. An EXIF orientation is applied.

    Raises:
        ValueError: the file is missing, truncated, not a mask, or holds unlisted values.
    """
    values = read_mask_values(path, wants_indices=labels.encoding == "index")
    try:
        return labels.decode(values, where=str(path))
    except ValueError as error:
        if path.suffix.lower() in (".jpg", ".jpeg"):
            raise ValueError(f"{error} JPEG changes mask values; masks need PNG.") from error
        raise


def read_mask_values(path: Path, *, wants_indices: bool) -> Shaped[np.ndarray, "h w *rgb"]:
    """What a mask file holds: (h, w) indices, or (h, w, 3) colours.

    Args:
        path: a PNG, BMP, TIFF or other file of mode 1, L, P, I or RGB; RGBA and LA when opaque.
        wants_indices: give indices where the file has them (palette index, grey value).
    """
    opened = _open_mask(_bytes_of(path, "mask"), str(path))
    if opened.is_deep:
        raise ValueError(
            f"{path}: mask has 16 bits in each of its channels; save it with 8 bits a channel, or "
            "as 16-bit grey."
        )
    return _mask_values(opened.upright, path, wants_indices=wants_indices)


class _OpenMask(NamedTuple):
    upright: Image.Image
    format: str
    size: Size
    turn: int
    is_deep: bool


def _open_mask(content: bytes, where: str) -> _OpenMask:
    _has_good_size(content, where)
    try:
        refuse_damaged_png(content)
        # from memory: of files, Pillow 13 misreads an uncompressed TIFF that is to be turned
        with Image.open(io.BytesIO(content)) as opened:
            is_deep = _has_deep_colors(opened)
            kind, size = opened.format or "", Size(opened.height, opened.width)
            _refuse_several(opened)
            opened.load()
            turn = opened.getexif().get(_ORIENTATION, 1)
            upright = ImageOps.exif_transpose(opened) if turn != 1 else opened
    except _PILLOW_ERRORS as error:
        raise ValueError(
            f"{where}: cannot read the mask ({_reason(error)}). Export it again, or remove it."
        ) from error
    return _OpenMask(upright, kind, size, turn, is_deep)


def _refuse_several(opened: Image.Image) -> None:
    number = getattr(opened, "n_frames", 1)
    if number > 1:
        raise ValueError(f"it holds {number} pictures, a mask is one")


class MaskFile(NamedTuple):
    """A mask just as its file holds it, also where `read_mask_values` would refuse it."""

    values: Shaped[np.ndarray, "h w *rgb"]
    """Upright: (h, w) numbers of any kind (indices of a palette), or (h, w, 3) uint8 colours."""

    palette: UInt8[np.ndarray, "n 3"] | None
    """The colour of each index, where the file has a palette."""

    format: str
    """Pillow's name: PNG, JPEG, ..."""

    mode: str
    """Pillow's colour mode: L, P, RGB, I;16, F, ..."""

    size: Size
    """As stored, before an EXIF turn."""

    turn: int
    """EXIF orientation; 1 is upright."""

    alpha: Literal["none", "opaque", "transparent"]
    """Whether there is a channel of transparency, and pixels that are not opaque."""

    is_deep: bool
    """Whether colours have 16 bits a channel, of which `values` keeps the high ones."""


def decode_mask_file(content: bytes, *, where: str) -> MaskFile:
    """What a mask file holds and how, for those who judge files rather than read them.

    Raises:
        ValueError: the file is truncated, too large or not an image.
    """
    opened = _open_mask(content, where)
    mask, alpha = opened.upright, "none"
    mode = mask.mode
    if mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        alpha = "opaque" if mask.getextrema()[-1] == (255, 255) else "transparent"
        mask = mask.convert({"RGBA": "RGB", "RGBa": "RGB", "PA": "P"}.get(mode, "L"))
    if mask.mode not in ("1", "L", "P", "F", "RGB") and not mask.mode.startswith("I"):
        mask = mask.convert("RGB")
    values = np.asarray(mask)
    return MaskFile(
        values=values.astype(np.uint8) if values.dtype == np.bool_ else values,
        palette=_palette_of(mask) if mask.mode == "P" else None,
        format=opened.format,
        mode=mode,
        size=opened.size,
        turn=opened.turn,
        alpha=alpha,
        is_deep=opened.is_deep,
    )


def _palette_of(mask: Image.Image) -> np.ndarray:
    table = np.zeros((256, 3), np.uint8)
    colors = np.array(mask.getpalette("RGB"), np.uint8).reshape(-1, 3)
    table[: len(colors)] = colors
    return table


def why_unreadable(content: bytes) -> Literal["empty", "truncated", "bomb", "unreadable"]:
    """What ails a file that `decode_image` or `decode_mask_file` refused: a second, slow look."""
    if not content:
        return "empty"
    try:
        if _has_good_size(content, ""):
            with Image.open(io.BytesIO(content)) as opened:
                opened.load()
    except _PILLOW_ERRORS as error:
        if isinstance(error, HugeImageError):
            return "bomb"
        return "truncated" if "truncated" in str(error) or is_cut_short(content) else "unreadable"
    return "truncated" if is_cut_short(content) else "unreadable"


def _has_deep_colors(mask: Image.Image) -> bool:
    # Pillow keeps the high byte of 16-bit colours: grey 3 of 65535 would become class 0
    tiles = getattr(mask, "tile", ())
    return not mask.mode.startswith("I") and any(";16" in str(tile.args) for tile in tiles)


def _mask_values(mask: Image.Image, path: Path, *, wants_indices: bool) -> np.ndarray:
    if mask.mode in ("RGBA", "LA", "PA"):
        if mask.getchannel("A").getextrema() != (255, 255):
            raise ValueError(
                f"{path}: mask has transparent pixels, so their class is unclear; "
                "flatten it and save it without an alpha channel."
            )
        mask = mask.convert({"RGBA": "RGB", "LA": "L", "PA": "P"}[mask.mode])
    if mask.mode not in ("1", "L", "P", "RGB") and not mask.mode.startswith("I"):
        raise ValueError(
            f"{path}: mask is of colour mode {mask.mode}; save it as an 8-bit grey, palette or "
            "RGB PNG, or as 16-bit grey."
        )
    if wants_indices:
        values = np.asarray(mask)
        is_grey = values.ndim == 3 and (values == values[..., :1]).all()
        return values[..., 0] if is_grey else values
    return np.asarray(mask if mask.mode.startswith("I") else mask.convert("RGB"))


def encode_mask(mask: UInt8[np.ndarray, "h w"], labels: LabelMap) -> bytes:
    """A palette PNG of class indices: ids for programs and colours for people in one file."""
    picture = Image.fromarray(mask)
    picture.putpalette(labels.palette())
    return _encoded(picture, "PNG", compress_level=1)


def write_mask(path: Path, mask: UInt8[np.ndarray, "h w"], labels: LabelMap) -> None:
    """Write a class map as a palette PNG, whole or not at all; `labels.as_indices()` reads it."""
    write_bytes(path, encode_mask(mask, labels))


def encode_png(image: UInt8[np.ndarray, "h w *rgb"]) -> bytes:
    """A grey or RGB picture as PNG."""
    return _encoded(Image.fromarray(image), "PNG", compress_level=6)


def encode_jpeg(image: UInt8[np.ndarray, "h w *rgb"], *, quality: int) -> bytes:
    """A grey or RGB picture as JPEG, quality 1..95."""
    return _encoded(Image.fromarray(image), "JPEG", quality=quality)


def _encoded(picture: Image.Image, kind: str, **options: int) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()
