"""Oxford 17 Flowers: photographs of flowers, part of them with trimaps: flower or background.

Nilsback, Zisserman 2006, "A visual vocabulary for flower classification"; trimaps of the same
authors' 2007 "Delving into the whorl of flower segmentation". The three partitions of
datasplits.mat divide the same 1360 photographs anew, so one is taken at a time: what one trains on
another tests on.
"""

import logging
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from pathlib import Path
from typing import Literal

import numpy as np

from tessella.data.dataset import DatasetEntry
from tessella.data.files import existing_root, files_in, home_of, read_bytes
from tessella.data.pairs import Pair, PairDataset
from tessella.errors import UsageError
from tessella.labels import LabelMap, pack
from tessella.palette import Color
from tessella.suggestion import unknown_name

logger = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")

FLOWER: Color = (128, 0, 0)
BACKGROUND: Color = (128, 128, 0)
LEAVES: Color = (0, 128, 0)
SKY: Color = (0, 0, 128)

_PLACES = ("jpg", "trimaps", "datasplits.mat")
_KEYS = {"train": "trn", "val": "val", "test": "tst"}
_MOST_BYTES = 1 << 24  # unpacked; the lists of all 1360 photographs take some 10 kB

# data types of a MAT-file, version 5 (MathWorks, "MAT-File Format", table 1-1)
_COMPRESSED, _MATRIX = 15, 14
_DTYPES = dict(
    zip(
        (1, 2, 3, 4, 5, 6, 7, 9, 12, 13),
        ("i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8", "i8", "u8"),
        strict=True,
    )
)


def read_flowers17(
    root: Path | None,
    split: str,
    *,
    partition: int = 1,
    other: Literal["background", "ignore"] = "ignore",
) -> PairDataset:
    """One split of one partition: photographs `jpg/image_0001.jpg`, `trimaps/image_0001.png`.

    The trimaps' red is flower and their olive background; black, the unlabelled band between them,
    is ignored. Photographs without a trimap (some 510 of the 1360) are left out, and a warning of
    the logger `tessella.data.flowers17` says how many.

    Args:
        root: the folder that holds `jpg/`, `trimaps/` and `datasplits.mat`, or one above it; or a
            zip of either.
        split: train, val or test: the lists trn, val and tst of datasplits.mat.
        partition: which of the three partitions, 1..3.
        other: what green (leaves) and blue (sky) are: background, or ignored. The palette's
            unnamed colours are ignored either way.

    Raises:
        UsageError: split, partition or `other` is unknown, or no root is given.
        ValueError: a part is missing, the lists overlap, a listed photograph is not there, or no
            photograph of the split has a trimap.
    """
    if split not in SPLITS:
        raise UsageError(unknown_name("split of flowers17", split, SPLITS))
    if other not in ("background", "ignore"):
        raise UsageError(unknown_name("flowers17 option other", other, ("background", "ignore")))
    if partition not in (1, 2, 3):
        raise UsageError(f"data.options.partition is {partition!r}; expected 1, 2 or 3.")
    root = existing_root("flowers17", root)
    home = home_of(root, _PLACES, depth=2)
    if home is None:
        raise ValueError(
            f"{root}: no folder here or below holds {', '.join(_PLACES)} together; expected the "
            "contents of 17flowers.tgz and trimaps.tgz, and datasplits.mat beside them."
        )
    ids = _listed_ids(home / "datasplits.mat", partition)[split]
    return PairDataset(_pairs(home, ids, split), _labels(other), official=True)


def _labels(other: str) -> LabelMap:
    between = [LEAVES, SKY]
    background = [BACKGROUND, *(between if other == "background" else [])]
    palette = {(r, g, b) for r, g, b in product((0, 128), repeat=3)}
    ignored = palette - {FLOWER, *background}
    return LabelMap.from_values(
        {"background": [pack(color) for color in background], "flower": [pack(FLOWER)]},
        colors=(BACKGROUND, FLOWER),
        ignore_values=sorted(pack(color) for color in ignored),
        encoding="color",
    )


def _pairs(home: Path, ids: Sequence[int], split: str) -> list[Pair]:
    photos = {path.name for path in files_in(home / "jpg")}
    trimaps = {path.name for path in files_in(home / "trimaps")}
    names = [f"image_{number:04d}" for number in ids]
    if absent := [name for name in names if f"{name}.jpg" not in photos]:
        raise ValueError(
            f"{home / 'jpg'}: {len(absent)} of the {len(names)} photographs listed for {split} are "
            f"not here, first {absent[0]}.jpg; unpack 17flowers.tgz again."
        )
    drawn = [name for name in names if f"{name}.png" in trimaps]
    if not drawn:
        raise ValueError(
            f"{home / 'trimaps'}: none of the {len(names)} photographs listed for {split} has a "
            f"trimap, for example {names[0]}.png; unpack trimaps.tgz again."
        )
    if len(drawn) < len(names):
        logger.warning(
            "%s: %d of the %d photographs listed for %s have no trimap and are left out",
            *(home, len(names) - len(drawn), len(names), split),
        )
    return [
        Pair(home / "jpg" / f"{name}.jpg", home / "trimaps" / f"{name}.png", name, group=name)
        for name in drawn
    ]


def _listed_ids(path: Path, partition: int) -> dict[str, list[int]]:
    """Photograph numbers of each split, each number in one split and once."""
    keys = {split: f"{key}{partition}" for split, key in _KEYS.items()}
    variables = _read_mat(path)
    if missing := [key for key in keys.values() if key not in variables]:
        raise ValueError(
            f"{path}: has no list {', '.join(missing)} (there are "
            f"{', '.join(sorted(variables)) or 'none'}); expected trn, val and tst, each with 1, 2 "
            "and 3. Download datasplits.mat again."
        )
    seen: dict[int, str] = {}
    ids: dict[str, list[int]] = {}
    for split, key in keys.items():
        ids[split] = _whole_numbers(path, key, variables[key])
        for number in ids[split]:
            if number in seen:
                raise ValueError(
                    f"{path}: photograph {number} is listed in {seen[number]} and in {key}; a "
                    "photograph belongs to one split, once. Download datasplits.mat again."
                )
            seen[number] = key
    return ids


def _whole_numbers(path: Path, key: str, values: np.ndarray) -> list[int]:
    if not values.size:
        raise ValueError(f"{path}: list {key} is empty; download datasplits.mat again.")
    wrong = values[~((values >= 1) & (values <= 9999) & (values == np.floor(values)))]
    if wrong.size:
        raise ValueError(
            f"{path}: list {key} holds {wrong[0]}; expected numbers of photographs, 1..1360."
        )
    return [int(value) for value in values]


def _read_mat(path: Path) -> Mapping[str, np.ndarray]:
    """The numeric variables of a MAT-file of version 5, flat.

    Not through SciPy: one wrong byte in the file can end its reader, and us, with a segmentation
    fault, and importing it adds 0.2 s to every start.
    """
    try:
        content = read_bytes(path)
        order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
        if order is None or content[124:126] not in (b"\x00\x01", b"\x01\x00"):
            raise ValueError("it does not begin like a MAT-file of version 5")
        return dict(_variables(content[128:], order))
    except (OSError, ValueError, struct.error, zlib.error) as error:
        raise ValueError(
            f"{path}: cannot read the lists ({error}); download datasplits.mat again, or save it "
            "with -v7."
        ) from error


def _variables(content: bytes, order: str) -> Iterator[tuple[str, np.ndarray]]:
    for kind, data in _elements(content, order):
        if kind == _COMPRESSED:
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(data, _MOST_BYTES)
            if not unpacker.eof:
                raise ValueError(f"a variable is cut short or of over {_MOST_BYTES} bytes")
            kind, data = next(_elements(unpacked, order), (0, b""))
        if kind == _MATRIX and (variable := _numeric(data, order)):
            yield variable


def _numeric(data: bytes, order: str) -> tuple[str, np.ndarray] | None:
    """Name and values of a matrix; None where it is text, a cell array or a structure."""
    parts = list(islice(_elements(data, order), 4))  # flags, sizes, name, values
    if len(parts) < 4 or parts[3][0] not in _DTYPES:
        return None
    flags = struct.unpack_from(f"{order}I", parts[0][1])[0]
    is_number = 6 <= flags & 0xFF <= 15 and not flags & 0x800  # double to uint64, not complex
    values = np.frombuffer(parts[3][1], np.dtype(order + _DTYPES[parts[3][0]]))
    sizes = np.frombuffer(parts[1][1], np.dtype(f"{order}i4"))
    if not is_number or values.size != int(np.prod(sizes.astype(object))):
        return None
    return parts[2][1].decode("latin-1"), values


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """(data type, bytes) of each element that follows the last."""
    at = 0
    while at < len(content):
        kind, size = struct.unpack_from(f"{order}II", content, at)
        start = at + 8
        if kind >> 16:  # the short form: size and type in four bytes, data in the next four
            kind, size, start = kind & 0xFFFF, kind >> 16, at + 4
        data = content[start : start + size]
        if len(data) < size:
            raise ValueError("it ends in the middle of a variable")
        yield kind, data
        at = start + size
        if kind != _COMPRESSED:
            at += -at % 8


def _is_at(root: Path) -> bool:
    return home_of(root, _PLACES, depth=2) is not None


ENTRY = DatasetEntry(
    "Oxford 17 Flowers, flower against background (Nilsback, Zisserman 2006)",
    read_flowers17,
    SPLITS,
    is_at=_is_at,
)
