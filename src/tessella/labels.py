"""What the values in a mask file mean: file value -> class index, and back to colours."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import index as whole
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Shaped, UInt8

from tessella.palette import Color, distinct_colors

Encoding = Literal["index", "color", "code"]
"""How files hold classes: grey or palette indices, RGB colours, or 24-bit codes R*65536+G*256+B."""

MAX_CLASSES = 254
_UNLISTED = 254  # marks "no meaning" in look-up tables; class indices end at 253, 255 is ignore


@dataclass(frozen=True)
class LabelMap:
    """The classes of a data set and how its mask files encode them.

    After `decode` nobody sees a file value again: masks hold class indices `0..num_classes-1`
    and `ignore_index`. A file value that is not listed is an error, never silently class 0.
    """

    names: tuple[str, ...]
    """Class names, in the order of their indices."""

    colors: tuple[Color, ...]
    """One RGB colour (0..255) per class, for pictures and palettes."""

    file_values: tuple[tuple[int, int], ...]
    """Pairs (value in the file, class index or `ignore_index`); colours and codes as 0xRRGGBB."""

    encoding: Encoding = "index"
    """What the file values are."""

    ignore_index: int = 255
    """Mask value of pixels that count nowhere: not in the loss, not in any score."""

    ignore_color: Color = (255, 255, 255)
    """RGB colour of ignored pixels in pictures."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.names) <= MAX_CLASSES:
            raise ValueError(
                f"a label map has 1..{MAX_CLASSES} classes, got {len(self.names)}; "
                "merge classes or split the task."
            )
        _refuse_repeats("class name", self.names)
        if len(self.colors) != len(self.names):
            raise ValueError(
                f"{len(self.names)} class names but {len(self.colors)} colours; give each one."
            )
        for color in (*self.colors, self.ignore_color):
            _color(color)
        if self.encoding not in get_args(Encoding):
            raise ValueError(
                f"encoding is {self.encoding!r}; expected {', '.join(get_args(Encoding))}."
            )
        if self.ignore_index != 255:
            raise ValueError(
                f"ignore_index is {self.ignore_index}; it is 255 everywhere after the reader. "
                "List the file's own value as ignored instead."
            )
        _refuse_repeats("file value", [self.show(value) for value, _ in self.file_values])
        top = 0xFFFF if self.encoding == "index" else 0xFFFFFF
        for value, index in self.file_values:
            if not 0 <= value <= top:
                raise ValueError(f"file value {value} is outside 0..{top} ({self.encoding}).")
            if not (0 <= index < len(self.names) or index == self.ignore_index):
                raise ValueError(
                    f"file value {self.show(value)} maps to class {index}, "
                    f"but classes are 0..{len(self.names) - 1} and {self.ignore_index} (ignored)."
                )

    @property
    def num_classes(self) -> int:
        """How many classes there are; ignored pixels are not a class."""
        return len(self.names)

    @classmethod
    def from_names(
        cls,
        names: Sequence[str],
        *,
        colors: Sequence[Color] | None = None,
        ignore_values: Sequence[int] = (255,),
    ) -> "LabelMap":
        """Masks that hold 0 for the first class, 1 for the second, and so on."""
        _refuse_repeats("class name", names)  # in a dict the second would hide the first
        return cls.from_values(
            {name: [index] for index, name in enumerate(names)},
            colors=colors,
            ignore_values=ignore_values,
        )

    @classmethod
    def from_values(
        cls,
        values: Mapping[str, Sequence[int]],
        *,
        colors: Sequence[Color] | None = None,
        ignore_values: Sequence[int] = (),
        encoding: Encoding = "index",
    ) -> "LabelMap":
        """Any file values: class name -> the values (or 24-bit codes) that stand for it."""
        pairs = [(whole(v), index) for index, listed in enumerate(values.values()) for v in listed]
        pairs += [(whole(v), 255) for v in ignore_values]
        given = distinct_colors(len(values)) if colors is None else colors
        palette = tuple(_color(color) for color in given)
        return cls(
            names=tuple(values),
            colors=palette,
            file_values=tuple(pairs),
            encoding=encoding,
            ignore_color=_free_color(palette),
        )

    @classmethod
    def from_colors(
        cls, colors: Mapping[str, Color], *, ignore_colors: Sequence[Color] = ()
    ) -> "LabelMap":
        """RGB-coded masks: class name -> its colour in the file, kept for pictures too."""
        return cls.from_values(
            {name: [pack(color)] for name, color in colors.items()},
            colors=tuple(colors.values()),
            ignore_values=[pack(color) for color in ignore_colors],
            encoding="color",
        )

    def decode(
        self, values: Shaped[np.ndarray, "h w *rgb"], *, where: str
    ) -> UInt8[np.ndarray, "h w"]:
        """Class indices of a mask as its file holds it.

        Args:
            values: (h, w) integers for `index`; (h, w, 3) uint8 for `color` and `code`.
            where: the file, for the error message.

        Raises:
            ValueError: the mask has another form, or holds values that the map does not list.
        """
        if self.encoding == "index":
            mask = self._decode_indices(values, where)
        else:
            mask = self._decode_rgb(values, where)
        if mask.size and (unlisted := mask == _UNLISTED).any():
            raise ValueError(self._describe_unlisted(values[unlisted], mask.size, where))
        return mask

    def _decode_indices(self, values: np.ndarray, where: str) -> np.ndarray:
        if values.ndim != 2:
            raise ValueError(
                f"{where}: mask has {values.shape[-1]} channels, but its classes are given as "
                "single values; give a colour for each class, or save the mask as indices."
            )
        if values.dtype.kind not in "bui":
            raise ValueError(
                f"{where}: mask values are {values.dtype}; classes are whole numbers. Save the "
                "mask as integers."
            )
        if values.dtype == np.bool_:
            values = values.astype(np.uint8)
        if values.size and not 0 <= int(values.min()) <= int(values.max()) <= 0xFFFF:
            raise ValueError(
                f"{where}: mask values run from {values.min()} to {values.max()}; "
                "class values must lie in 0..65535."
            )
        return _index_table(self.file_values).take(values)

    def _decode_rgb(self, values: np.ndarray, where: str) -> np.ndarray:
        if values.ndim != 3 or values.shape[2] != 3 or values.dtype != np.uint8:
            raise ValueError(
                f"{where}: mask is {values.dtype} of shape {values.shape}, but its classes are "
                "given as colours; give single values for the classes, or save it as 8-bit RGB."
            )
        # four bytes a pixel, so that a colour is one integer and the whole mask one look-up
        packed = np.zeros((*values.shape[:2], 4), np.uint8)
        for channel in range(3):
            packed[..., channel] = values[..., 2 - channel]
        return _rgb_table(self.file_values).take(packed.view("<u4")[..., 0])

    def _describe_unlisted(self, pixels: np.ndarray, num_pixels: int, where: str) -> str:
        if pixels.ndim == 2:
            pixels = pixels.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
        values, counts = np.unique(pixels, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:6]
        seen = ", ".join(
            f"{self.show(int(values[i]))} ({_share(counts[i] / num_pixels)})" for i in order
        )
        more = f" and {len(values) - 6} more" if len(values) > 6 else ""
        listed = ", ".join(self.show(value) for value, _ in self.file_values[:12])
        dots = ", ..." if len(self.file_values) > 12 else ""
        return (
            f"{where}: {_share(len(pixels) / num_pixels)} of the mask's pixels hold values that "
            f"are neither a class nor ignored: {seen}{more}. Listed are {listed}{dots}. "
            "Add them to the classes, or to the ignored values."
        )

    def show(self, file_value: int) -> str:
        """A file value as a person would write it: 7, or (128, 0, 64)."""
        if self.encoding != "color":
            return str(file_value)
        return str((file_value >> 16, file_value >> 8 & 255, file_value & 255))

    def palette(self) -> bytes:
        """768 bytes for an indexed PNG of class indices; unused entries are black."""
        table = np.zeros((256, 3), np.uint8)
        table[: self.num_classes] = self.colors
        table[self.ignore_index] = self.ignore_color
        return table.tobytes()

    def colorize(self, mask: UInt8[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
        """The mask as a picture: each class in its colour, ignored pixels in the ignore colour."""
        return np.frombuffer(self.palette(), np.uint8).reshape(256, 3)[mask]

    def encode(self, mask: UInt8[np.ndarray, "h w"]) -> Shaped[np.ndarray, "h w *rgb"]:
        """File values of a mask, the inverse of `decode`; a class with several takes its first.

        Returns:
            (h, w) uint8 or uint16 for `index`, (h, w, 3) uint8 for `color` and `code`.

        Raises:
            ValueError: the mask holds a class (or ignored pixels) that no file value stands for.
        """
        first = {index: value for value, index in reversed(self.file_values)}
        present = [int(index) for index in np.flatnonzero(np.bincount(mask.ravel(), minlength=256))]
        if missing := [index for index in present if index not in first]:
            raise ValueError(f"no file value stands for mask values {missing}; add one to the map.")
        table = np.zeros(256, np.uint32)
        for index, value in first.items():
            table[index] = value
        values = table[mask]
        if self.encoding != "index":
            return np.stack([values >> 16, values >> 8 & 255, values & 255], -1).astype(np.uint8)
        return values.astype(np.uint8 if max(first.values(), default=0) < 256 else np.uint16)

    def as_indices(self) -> "LabelMap":
        """The map of the masks that we write: class index as palette index, 255 ignored."""
        return type(self)(
            names=self.names,
            colors=self.colors,
            file_values=(*((i, i) for i in range(self.num_classes)), (255, 255)),
            ignore_color=self.ignore_color,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "names": list(self.names),
            "colors": [list(color) for color in self.colors],
            "encoding": self.encoding,
            "file_values": [list(pair) for pair in self.file_values],
            "ignore_index": self.ignore_index,
            "ignore_color": list(self.ignore_color),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "LabelMap":
        """The inverse of `to_dict`."""
        return cls(
            names=tuple(content["names"]),
            colors=tuple(_color(c) for c in content["colors"]),
            file_values=tuple((int(value), int(index)) for value, index in content["file_values"]),
            encoding=content["encoding"],
            ignore_index=content["ignore_index"],
            ignore_color=_color(content["ignore_color"]),
        )


def pack(color: Color) -> int:
    """A colour as one integer, 0xRRGGBB.

    Raises:
        ValueError: it is not three whole numbers in 0..255.
    """
    red, green, blue = _color(color)
    return red << 16 | green << 8 | blue


def _color(parts: Sequence[int]) -> Color:
    whole = all(isinstance(part, int | np.integer) for part in parts)
    if len(parts) != 3 or not whole or not all(0 <= part <= 255 for part in parts):
        raise ValueError(f"colour {tuple(parts)} is not three whole numbers in 0..255.")
    # int: a NumPy uint8 shifted by 16 is 0
    return (int(parts[0]), int(parts[1]), int(parts[2]))


def _free_color(taken: Sequence[Color]) -> Color:
    white, black = (255, 255, 255), (0, 0, 0)
    greys = [(grey, grey, grey) for grey in range(1, 255)]
    return next(color for color in (white, black, (224, 224, 192), *greys) if color not in taken)


def _share(share: float) -> str:
    """A share of pixels, never rounded down to nothing."""
    return f"{share:.2%}" if share >= 0.0001 else "under 0.01%"


def _refuse_repeats(kind: str, items: Sequence[str]) -> None:
    if repeated := sorted(item for item, times in Counter(items).items() if times > 1):
        raise ValueError(f"{kind} listed more than once: {', '.join(repeated)}.")


@lru_cache(maxsize=16)
def _index_table(file_values: tuple[tuple[int, int], ...]) -> np.ndarray:
    table = np.full(0x10000, _UNLISTED, np.uint8)
    for value, index in file_values:
        table[value] = index
    return table


@lru_cache(maxsize=4)  # 16 MB each
def _rgb_table(file_values: tuple[tuple[int, int], ...]) -> np.ndarray:
    table = np.full(0x1000000, _UNLISTED, np.uint8)
    for value, index in file_values:
        table[value] = index
    return table
