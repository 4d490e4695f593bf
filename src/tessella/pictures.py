"""Pictures for people: colours over an image, a legend, a map of the errors, thumbnails."""

import math
import unicodedata
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from tessella.labels import LabelMap
from tessella.palette import Color

RIGHT_COLOR: Color = (226, 229, 233)
"""Tone of correctly labelled pixels in an error map: light, so that mistakes stand out."""

# Vermillion of Okabe and Ito, "Color Universal Design" (2008), https://jfly.uni-koeln.de/color/
WRONG_COLOR: Color = (213, 94, 0)
"""Colour of wrongly labelled pixels in an error map; told from grey by colour-blind readers."""

IGNORED_COLOR: Color = (128, 136, 148)
"""Tone of ignored pixels in an error map."""

_ENLARGE_TO = 320  # longest side in pixels below which text under a picture would dwarf it
_FONT_SIZE = 14
_ROW_HEIGHT = 24
_SWATCH = 14
_MARGIN = 8
_ENTRY_GAP = 16
_INK = (28, 33, 39)


def as_rgb(image: UInt8[np.ndarray, "h w c"]) -> UInt8[np.ndarray, "h w 3"]:
    """Three channels to look at: one or two channels show the first as grey, more the first three.

    Raises:
        ValueError: the image is not uint8 of shape (h, w, c).
    """
    if image.ndim != 3 or image.dtype != np.uint8 or image.shape[2] == 0:
        raise ValueError(
            f"as_rgb: image is {image.dtype} of shape {image.shape}; expected uint8 (height, "
            "width, channels); add the channel axis or scale the values to 0..255."
        )
    if image.shape[2] < 3:
        return np.repeat(image[..., :1], 3, axis=2)
    return np.ascontiguousarray(image[..., :3])


def overlay(
    image: UInt8[np.ndarray, "h w c"],
    mask: UInt8[np.ndarray, "h w"],
    labels: LabelMap,
    *,
    opacity: float = 0.6,
) -> UInt8[np.ndarray, "h w 3"]:
    """The image with each class's colour blended over it; ignored pixels keep the image.

    Args:
        image: pixels, 0..255; see `as_rgb` for other than three channels.
        mask: class indices, or `labels.ignore_index`.
        labels: gives the colours.
        opacity: share of the colour, 0 (only the image) to 1 (only the colours).

    Raises:
        ValueError: the sizes differ, or the opacity lies outside 0..1.
    """
    _require_same_size("overlay", mask, image, name="image")
    if not 0 <= opacity <= 1:
        raise ValueError(
            f"overlay: opacity is {opacity}; expected 0..1; give 0 for the image alone, 1 for "
            "the colours alone."
        )
    shown = as_rgb(image)
    if not shown.size:
        return shown
    blended = cv2.addWeighted(labels.colorize(mask), opacity, shown, 1 - opacity, 0)
    np.copyto(blended, shown, where=(mask == labels.ignore_index)[..., None])
    return np.asarray(blended, np.uint8)


def legend(labels: LabelMap, present: Sequence[int], *, width: int) -> UInt8[np.ndarray, "h w 3"]:
    """A white strip with a colour swatch and a name for each class of `present`, in rows.

    The font inside Pillow draws ASCII only: accents are dropped, and a name in another script
    becomes "class 3" (its index). Names too long for the strip end in "...".

    Args:
        labels: gives names and colours.
        present: class indices in the order to list them; `labels.ignore_index` lists "ignored".
        width: of the strip, in pixels.

    Raises:
        ValueError: an index is not a class, or the width leaves no room for a swatch and a name.
    """
    if width < 64:
        raise ValueError(f"legend: width is {width} px; expected at least 64; widen the strip.")
    font = ImageFont.load_default(_FONT_SIZE)
    room = width - 2 * _MARGIN - _SWATCH - 6
    entries = [
        (_fitted(name, room, font), color)
        for name, color in (_name_and_color(labels, index) for index in present)
    ]
    places = _flow([_SWATCH + 6 + math.ceil(font.getlength(name)) for name, _ in entries], width)
    num_rows = 1 + max((row for _, row in places), default=0)
    strip = Image.new("RGB", (width, num_rows * _ROW_HEIGHT + _MARGIN), (255, 255, 255))
    draw = ImageDraw.Draw(strip)
    for (name, color), (left, row) in zip(entries, places, strict=True):
        middle = _MARGIN // 2 + row * _ROW_HEIGHT + _ROW_HEIGHT // 2
        top = middle - _SWATCH // 2
        # outlined: a white or light class would vanish on the white strip
        box = (left, top, left + _SWATCH - 1, top + _SWATCH - 1)
        draw.rectangle(box, fill=color, outline=(120, 128, 138))
        draw.text((left + _SWATCH + 6, middle), name, fill=_INK, font=font, anchor="lm")
    return np.array(strip)


def overlay_with_legend(
    image: UInt8[np.ndarray, "h w c"],
    mask: UInt8[np.ndarray, "h w"],
    labels: LabelMap,
    *,
    opacity: float = 0.6,
) -> UInt8[np.ndarray, "h2 w2 3"]:
    """`overlay` with the `legend` of the classes in the mask below it.

    A picture whose longest side is under 320 pixels is enlarged by a whole factor (nearest, so
    pixels stay pixels) until it reaches that, and one that is still narrower than 320 gets a white
    margin on the right: the legend stays readable beside a 64x48 image. Arguments as in `overlay`.

    Raises:
        ValueError: as `overlay`; the image has no pixels; or the mask holds a value that is not a
            class.
    """
    blended = overlay(image, mask, labels, opacity=opacity)
    if not blended.size:
        raise ValueError(
            f"overlay_with_legend: image has shape {image.shape}; expected at least one pixel; "
            "leave empty images out."
        )
    factor = math.ceil(_ENLARGE_TO / max(blended.shape[:2]))
    if factor > 1:
        blended = blended.repeat(factor, axis=0).repeat(factor, axis=1)
    height, width = blended.shape[:2]
    counts = np.bincount(mask.ravel(), minlength=256)
    present = [int(i) for i in np.flatnonzero(counts) if i != labels.ignore_index]
    strip = legend(labels, present, width=max(width, _ENLARGE_TO))
    picture = np.full((height + strip.shape[0], strip.shape[1], 3), 255, np.uint8)
    picture[:height, :width] = blended
    picture[height:] = strip
    return picture


def error_map(
    mask: UInt8[np.ndarray, "h w"], class_map: UInt8[np.ndarray, "h w"], *, ignore_index: int
) -> UInt8[np.ndarray, "h w 3"]:
    """Where the prediction is wrong: `RIGHT_COLOR`, `WRONG_COLOR` or `IGNORED_COLOR` a pixel.

    Args:
        mask: the truth, class indices or `ignore_index`.
        class_map: the prediction, class indices.
        ignore_index: mask value of pixels that count as neither right nor wrong.

    Raises:
        ValueError: the sizes differ.
    """
    _require_same_size("error_map", mask, class_map, name="class map")
    state = (mask != class_map).astype(np.uint8)
    state[mask == ignore_index] = 2
    return np.array([RIGHT_COLOR, WRONG_COLOR, IGNORED_COLOR], np.uint8)[state]


def thumbnail(image: UInt8[np.ndarray, "h w c"], *, max_side: int) -> UInt8[np.ndarray, "h2 w2 3"]:
    """The image as RGB, its longest side reduced to `max_side` pixels by averaging over areas.

    An image that already fits keeps its size.

    Raises:
        ValueError: as `as_rgb`; or `max_side` is below 1.
    """
    shown = as_rgb(image)
    size = _size_within(shown.shape[0], shown.shape[1], max_side)
    if size == shown.shape[:2]:
        return shown
    reduced = cv2.resize(shown, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.uint8)


def thumbnail_mask(mask: UInt8[np.ndarray, "h w"], *, max_side: int) -> UInt8[np.ndarray, "h2 w2"]:
    """Class indices at the size that `thumbnail` gives their image; nearest, so none are mixed."""
    size = _size_within(mask.shape[0], mask.shape[1], max_side)
    if size == mask.shape:
        return mask
    # nearest-exact samples pixel centres; plain nearest sits off the image when reducing
    reduced = cv2.resize(mask, (size[1], size[0]), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.asarray(reduced, np.uint8)


def _size_within(height: int, width: int, max_side: int) -> tuple[int, int]:
    if max_side < 1:
        raise ValueError(
            f"thumbnail: max_side is {max_side} px; expected at least 1; give the longest side."
        )
    scale = min(1.0, max_side / max(height, width, 1))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _require_same_size(where: str, mask: np.ndarray, other: np.ndarray, *, name: str) -> None:
    if mask.shape != other.shape[:2]:
        raise ValueError(
            f"{where}: mask is {mask.shape[0]}x{mask.shape[1]} but its {name} is "
            f"{other.shape[0]}x{other.shape[1]}; give both at the same size."
        )


def _name_and_color(labels: LabelMap, index: int) -> tuple[str, Color]:
    if index == labels.ignore_index:
        return "ignored", labels.ignore_color
    if not 0 <= index < labels.num_classes:
        raise ValueError(
            f"legend: {index} is no class; classes are 0..{labels.num_classes - 1} and "
            f"{labels.ignore_index} (ignored); use the label map that the mask was decoded with."
        )
    return _drawable(labels.names[index], index), labels.colors[index]


def _drawable(name: str, index: int) -> str:
    parts = [p for p in unicodedata.normalize("NFKD", name) if not unicodedata.combining(p)]
    text = " ".join("".join(parts).split())
    return text if text.isascii() and text.isprintable() and text else f"class {index}"


def _fitted(name: str, room: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    if font.getlength(name) <= room:
        return name
    kept = name
    while kept and font.getlength(kept + "...") > room:
        kept = kept[:-1]
    return kept + "..."


def _flow(widths: Sequence[int], width: int) -> list[tuple[int, int]]:
    """(left edge, row) of each entry, filling rows from the left."""
    places = []
    left, row = _MARGIN, 0
    for entry in widths:
        if left > _MARGIN and left + entry > width - _MARGIN:
            left, row = _MARGIN, row + 1
        places.append((left, row))
        left += entry + _ENTRY_GAP
    return places
