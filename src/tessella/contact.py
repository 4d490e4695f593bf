"""Pictures of any size in a grid with captions: a contact sheet."""

import math
import unicodedata
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from tessella.pictures import as_rgb, thumbnail, thumbnail_mask

Picture = UInt8[np.ndarray, "h w c"]

SMALLEST_CELL = 32
"""Cells of fewer pixels have no room for a caption."""

_GAP = 8
_CAPTION = 20  # height of a line of text under a picture
_TITLE = 26
_SIZES = (13, 16)  # of captions and of the title, in pixels
_INK = (28, 33, 39)
_PAPER = (255, 255, 255)


def grid(
    pictures: Sequence[Picture | None],
    *,
    titles: Sequence[str] | None = None,
    columns: int = 8,
    cell_px: int = 160,
    title: str | None = None,
) -> UInt8[np.ndarray, "h w 3"]:
    """The pictures row by row on white, each in the middle of its cell and captioned.

    A picture that is larger than its cell is reduced, a smaller one enlarged by a whole factor.
    Fewer pictures than columns make a narrower grid; cells without a picture stay blank. Captions
    too long for a cell lose their middle, the title is broken into lines. The font inside Pillow
    draws ASCII only: accents are dropped, other characters become "?".

    Args:
        pictures: of any size, see `as_rgb` for other than three channels; None leaves a cell blank.
        titles: the caption of each picture, "" for none; None leaves no room for captions.
        columns: pictures in a row, from 1 up.
        cell_px: longest side of a picture, in pixels.
        title: written above all.

    Raises:
        ValueError: there are no pictures, not one caption for each, or no room.
    """
    _check(pictures, titles, columns=columns, cell_px=cell_px)
    fitted = [None if picture is None else fit(picture, cell_px=cell_px) for picture in pictures]
    columns = min(columns, len(fitted))
    rows = [slice(first, first + columns) for first in range(0, len(fitted), columns)]
    width = columns * cell_px + (columns + 1) * _GAP
    lines = _lines(title or "", width - 2 * _GAP)
    caption = 0 if titles is None else _CAPTION
    heights = [max((p.shape[0] for p in fitted[r] if p is not None), default=0) for r in rows]
    top = _GAP + _TITLE * len(lines)
    height = top + sum(heights) + (caption + _GAP) * len(rows)
    sheet = Image.new("RGB", (width, height), _PAPER)
    _write(sheet, lines)
    for row, row_height in zip(rows, heights, strict=True):
        captions = [""] * len(fitted[row]) if titles is None else titles[row]
        _place_row(sheet, fitted[row], captions, box=(top, row_height, cell_px))
        top += row_height + caption + _GAP
    return np.array(sheet)


def fit(image: Picture, *, cell_px: int) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The image as RGB, its longest side at most `cell_px`: reduced, or enlarged by whole pixels.

    Raises:
        ValueError: as `as_rgb`, or the image has no pixels.
    """
    if 0 in image.shape:
        raise ValueError(
            f"grid: a picture has shape {image.shape}; expected at least one pixel; leave empty "
            "pictures out, or give None for a blank cell."
        )
    return _enlarge(thumbnail(as_rgb(image), max_side=cell_px), cell_px)


def fit_mask(mask: UInt8[np.ndarray, "h w"], *, cell_px: int) -> UInt8[np.ndarray, "h2 w2"]:
    """Class indices at the size that `fit` gives their image; none are mixed."""
    return _enlarge(thumbnail_mask(mask, max_side=cell_px), cell_px)


def _enlarge(pixels: np.ndarray, cell_px: int) -> np.ndarray:
    factor = max(1, cell_px // max(pixels.shape[:2]))
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def _place_row(
    sheet: Image.Image,
    pictures: Sequence[np.ndarray | None],
    captions: Sequence[str],
    *,
    box: tuple[int, int, int],
) -> None:
    """Draw a row of the grid.

    Args:
        sheet: what to draw on.
        pictures: no larger than the cells.
        captions: one for each picture.
        box: top of the row, its height without captions, and the width of a cell, in pixels.
    """
    top, height, cell_px = box
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_SIZES[0])
    for column, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left = _GAP + column * (cell_px + _GAP)
        if picture is not None:
            x = left + (cell_px - picture.shape[1]) // 2
            sheet.paste(Image.fromarray(picture), (x, top + (height - picture.shape[0]) // 2))
        place = (left + cell_px / 2, top + height + _CAPTION / 2)
        draw.text(place, _shortened(ascii_text(caption), cell_px), _INK, font, "mm")


def _write(sheet: Image.Image, lines: Sequence[str]) -> None:
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_SIZES[1])
    for row, line in enumerate(lines):
        draw.text((_GAP, _GAP + row * _TITLE + _TITLE / 2 - 3), line, _INK, font, "lm")


def ascii_text(text: str) -> str:
    """What the built-in font can draw: accents dropped, what is left beyond ASCII as "?"."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in " ".join(plain.split()))


def _shortened(text: str, room: int) -> str:
    """The text, without its middle if wider than `room` pixels: file names differ at both ends."""
    font = ImageFont.load_default(_SIZES[0])
    if font.getlength(text) <= room:
        return text
    kept = math.floor(len(text) * room / font.getlength(text))
    while kept > 0 and font.getlength(_ends(text, kept)) > room:
        kept -= 1
    return _ends(text, kept)


def _ends(text: str, kept: int) -> str:
    return text[: (kept + 1) // 2] + "..." + text[len(text) - kept // 2 :]


def _lines(title: str, room: int) -> list[str]:
    """The title broken at blanks into lines of at most `room` pixels; a longer word stands out."""
    font = ImageFont.load_default(_SIZES[1])
    lines: list[str] = []
    for word in ascii_text(title).split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _check(
    pictures: Sequence[Picture | None],
    titles: Sequence[str] | None,
    *,
    columns: int,
    cell_px: int,
) -> None:
    if not pictures:
        raise ValueError("grid: there are no pictures; give at least one.")
    if titles is not None and len(titles) != len(pictures):
        raise ValueError(
            f"grid: {len(titles)} titles for {len(pictures)} pictures; give one each, or None."
        )
    if columns < 1:
        raise ValueError(f"grid: columns is {columns}; expected 1 or more; give a whole number.")
    if cell_px < SMALLEST_CELL:
        raise ValueError(
            f"grid: cell_px is {cell_px} px; expected {SMALLEST_CELL} or more; widen the cells."
        )
