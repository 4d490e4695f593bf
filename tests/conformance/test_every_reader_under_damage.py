"""What every reader does with a copy that was packed, wrapped or damaged on its way.

Reading either works, with masks of class indices and 255 of their images' size, or is a ValueError
or OSError that names a file or folder. Damage is done to one file of each kind, at random places
that are the same in every run.
"""

import io
import json
import random
import shutil
import struct
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tessella.data import DATASETS

SPLITS = ("train", "val", "test")
MOST_SECONDS = 10.0  # takes some 0.02; a reader that hangs, or tries to fill the memory, takes more

Layout = Any  # the builders' own, in conftest.py, from which nothing can be imported
Damage = Callable[[bytes, random.Random], bytes]


@pytest.fixture(params=sorted(set(DATASETS) - {"synthetic"}))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def layout(name: str, builders: Mapping[str, Any], tmp_path: Path) -> Layout:
    return builders[name](tmp_path / "data")


def masks_of(name: str, layout: Layout) -> dict[str, dict[str, np.ndarray]]:
    """Split -> name -> mask."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for split in SPLITS:
        dataset = DATASETS[name].read(layout.root, split, **layout.options)
        samples = [dataset[index] for index in range(len(dataset))]
        found[split] = {sample.name: sample.mask for sample in samples}
    return found


def refusals(name: str, layout: Layout) -> Iterator[Exception]:
    """Every error of opening the splits and reading their samples; fails on a wrong sample."""
    for split in SPLITS:
        try:
            dataset = DATASETS[name].read(layout.root, split, **layout.options)
        except (ValueError, OSError) as error:
            yield error
            continue
        for index in range(len(dataset)):
            try:
                sample = dataset[index]
            except (ValueError, OSError) as error:
                yield error
                continue
            assert sample.image.dtype == sample.mask.dtype == np.uint8
            assert sample.mask.shape == sample.image.shape[:2]
            values = set(np.unique(sample.mask).tolist())
            assert values <= {*range(dataset.labels.num_classes), 255}


def assert_sound_or_refused(name: str, layout: Layout) -> None:
    start = time.monotonic()
    with warnings.catch_warnings(record=True):  # a worker cannot send on names that are no text
        warnings.simplefilter("error", RuntimeWarning)  # numbers that overflow
        silent = [str(e) for e in refusals(name, layout) if str(layout.root) not in str(e)]
    assert silent == []  # each names the file or folder
    assert time.monotonic() - start < MOST_SECONDS


def one_of_each_kind(layout: Layout) -> list[Path]:
    """The first file of each folder and ending, in order."""
    files = sorted(path for path in layout.root.rglob("*") if path.is_file())
    return list({(path.parent, path.suffix): path for path in reversed(files)}.values())


# --- packed and wrapped ---------------------------------------------------------------------------


def packed(layout: Layout, *, inside: str = "", separator: str = "/") -> Layout:
    """The data set in a zip, in a folder of it."""
    path = layout.root.with_name("packed.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(layout.root.rglob("*")):
            if file.is_file():
                info = zipfile.ZipInfo("x")
                place = inside + file.relative_to(layout.root).as_posix()
                info.filename = place.replace("/", separator)
                archive.writestr(info, file.read_bytes())
    return layout._replace(root=path)


def wrapped(layout: Layout) -> Layout:
    above = layout.root.with_name("above")
    above.mkdir()
    layout.root.rename(above / "inside")
    return layout._replace(root=above)


REPACKED: dict[str, Callable[[Layout], Layout]] = {
    "in a zip": packed,
    "in a folder of a zip": lambda layout: packed(layout, inside="mine/"),
    "in a zip with absolute names": lambda layout: packed(layout, inside="/"),
    "in a zip with names that begin with a dot": lambda layout: packed(layout, inside="./"),
    "in a zip from Windows": lambda layout: packed(layout, separator="\\"),
    "in a folder": wrapped,
}


@pytest.mark.parametrize("how", REPACKED)
def test_packing_and_wrapping_change_no_split_no_name_and_no_mask(
    name: str, layout: Layout, how: str
) -> None:
    plain = masks_of(name, layout)
    other = masks_of(name, REPACKED[how](layout))
    assert {s: list(masks) for s, masks in other.items()} == {
        s: list(masks) for s, masks in plain.items()
    }
    different = [
        (split, sample)
        for split, masks in plain.items()
        for sample, mask in masks.items()
        if not np.array_equal(mask, other[split][sample])
    ]
    assert different == []


# --- other bytes ----------------------------------------------------------------------------------


def chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def png(width: int, height: int) -> bytes:
    """A header that states this size, and a few pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    frame = struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + bytes(50)
    return b"\xff\xd8\xff\xc0" + frame + scan + b"\xff\xd9"


def other_picture() -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((5, 4, 3), 77, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def turned(content: bytes, rng: random.Random) -> bytes:
    """With up to eight other bytes."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def longer(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(content))
    return content[:at] + rng.randbytes(rng.randrange(1, 9)) + content[at:]


DAMAGE: dict[str, Damage] = {
    **{f"cut {n}": cut for n in range(3)},
    **{f"turned {n}": turned for n in range(5)},
    "longer": longer,
    "empty": lambda *_: b"",
    "zeros": lambda content, _: bytes(len(content)),
    "noise": lambda content, rng: rng.randbytes(len(content)),
    "twice": lambda content, _: content + content,
    "carriage returns": lambda content, _: content.replace(b"\n", b"\r\n"),
    "byte order mark": lambda content, _: b"\xef\xbb\xbf" + content,
    "UTF-16": lambda content, _: content.decode("latin-1").encode("utf-16"),
    "blank lines": lambda *_: b"\n \n\n",
    "long line": lambda *_: b"a" * 5000 + b"\n",
    "paths elsewhere": lambda *_: b"../../../../etc\n..\n.\n/\n",
    "strange line ends": lambda *_: "a\u2028b\x85c\x1cd\n".encode(),
    "commas and quotes": lambda *_: b',,,\n,"\n',
    "text": lambda *_: b"<html>404 not found</html>\n",
    "another picture": lambda *_: other_picture(),
    "huge PNG": lambda *_: png(60000, 60000),
    "endless PNG": lambda *_: png(2**31 - 1, 2**31 - 1),
    "PNG of no width": lambda *_: png(0, 6),
    "PNG of no height": lambda *_: png(8, 0),
    "huge JPEG": lambda *_: jpeg(65535, 65535),
    "JPEG of no size": lambda *_: jpeg(0, 0),
    "negative PPM": lambda *_: b"P5 -3 5 255\n",
    "GIF of no size": lambda *_: b"GIF89a\0\0\0\0\0\0\0;",
    "JSON list": lambda *_: b"[]",
    "JSON number": lambda *_: b"1" * 6000,
    "JSON NaN": lambda *_: b"NaN",
    "deep JSON": lambda *_: b"[" * 100_000 + b"]" * 100_000,
    "deep open JSON": lambda *_: b'{"a":' * 100_000,
    "wrong objects": lambda *_: b'{"images": 3, "shapes": [7], "annotations": {}}',
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_file_of_other_bytes_is_read_soundly_or_refused_by_name(
    name: str, layout: Layout, what: str
) -> None:
    rng = random.Random(f"{name} {what}")
    for path in one_of_each_kind(layout):
        content = path.read_bytes()
        path.write_bytes(DAMAGE[what](content, rng))
        assert_sound_or_refused(name, layout)
        path.write_bytes(content)


VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 0.5, 2**63, 10**400, 1e308, float("nan"), float("-inf")),
    *("", "../x", "a\0b", "\ud800", "x" * 5000, [], {}, [[]], [1, 2], [[1e308] * 8]),
    *({"size": [6, 8], "counts": "0"}, {"size": [6, 8], "counts": [2**40, -1]}),
    *({"size": [1e9, 1e9], "counts": []}, {"size": [6, 8], "counts": [48]}),
)


def with_one_value_changed(text: str, rng: random.Random) -> str:
    """A JSON text with one value of it, anywhere, another one; every other time a key twice."""
    content = json.loads(text)
    places: list[tuple[Any, Any]] = []

    def collect(part: Any) -> None:
        keys = list(part) if isinstance(part, dict) else range(len(part))
        for key in keys:
            places.append((part, key))
            if isinstance(part[key], dict | list):
                collect(part[key])

    collect(content)
    part, key = rng.choice(places)
    part[key] = rng.choice(VALUES)
    changed = json.dumps(content)
    field = json.dumps(key) + ": "
    return changed.replace(field, f"{field}0, {field}", 1) if rng.random() < 0.2 else changed


@pytest.mark.parametrize("name", ["coco", "labelme", "stanford2d3ds"])
@pytest.mark.parametrize("seed", range(40))
def test_any_value_of_a_json_file_may_be_another_one(name: str, layout: Layout, seed: int) -> None:
    path = next(path for path in one_of_each_kind(layout) if path.suffix == ".json")
    path.write_text(with_one_value_changed(path.read_text(), random.Random(seed)))
    assert_sound_or_refused(name, layout)


# --- other places ---------------------------------------------------------------------------------


def renamed(to: str) -> Callable[[Path], None]:
    """Moves a file; "{}" stands for its stem."""
    return lambda path: path.rename(path.with_name(to.format(path.stem) + path.suffix)) and None


def copied(ending: str) -> Callable[[Path], None]:
    def copy(path: Path) -> None:
        if not (other := path.with_name(path.stem + ending)).exists():
            shutil.copy(path, other)

    return copy


def made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def linked(to: str) -> Callable[[Path], None]:
    def link(path: Path) -> None:
        path.unlink()
        path.symlink_to(to.format(path.name))

    return link


MOVES: dict[str, Callable[[Path], None]] = {
    "deleted": Path.unlink,
    "a folder": made_a_folder,
    "a link to itself": linked("{}"),
    "a link to nothing": linked("nowhere"),
    "a link to its folder": linked("."),
    "upper case": lambda path: path.rename(path.with_name(path.name.upper())) and None,
    "blank before": renamed(" {}"),
    "letters beyond ASCII": renamed("é{}"),
    "hidden": renamed(".{}"),
    "a line break": renamed("{}\n"),
    "not unicode": renamed("{}\udcff"),
    "second ending": renamed("{}.png"),
    "backup": copied("~"),
    "copy": copied(" (1).png"),
    "as GIF too": copied(".gif"),
    "as JSON too": copied(".json"),
    "as text too": copied(".txt"),
    "a link upwards beside it": lambda path: (path.parent / "loop").symlink_to(".."),
}


@pytest.mark.parametrize("move", MOVES)
def test_a_file_elsewhere_is_read_soundly_or_refused_by_name(
    name: str, builders: Mapping[str, Any], tmp_path: Path, move: str
) -> None:
    layout = builders[name](tmp_path / "data")
    for path in one_of_each_kind(layout):
        MOVES[move](path)
        assert_sound_or_refused(name, layout)
        shutil.rmtree(layout.root)
        builders[name](tmp_path / "data")


# --- damaged zips ---------------------------------------------------------------------------------


def overwritten(content: bytes, *, at: int, value: int, size: int) -> bytes:
    """A zip with another number at that place of every entry of its directory."""
    changed = bytearray(content)
    entry = changed.find(b"PK\x01\x02")
    while entry >= 0:
        changed[entry + at : entry + at + size] = value.to_bytes(size, "little")
        entry = changed.find(b"PK\x01\x02", entry + 4)
    return bytes(changed)


def directory_turned(content: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(content.find(b"PK\x01\x02"), len(content))
    return content[:at] + rng.randbytes(1) + content[at + 1 :]


ZIP_DAMAGE: dict[str, Damage] = {
    **{f"turned {n}": turned for n in range(3)},
    **{f"directory turned {n}": directory_turned for n in range(5)},
    **{f"cut {n}": cut for n in range(2)},
    "encrypted": lambda content, _: overwritten(content, at=8, value=1, size=2),
    "version": lambda content, _: overwritten(content, at=6, value=255, size=2),
    "bzip2": lambda content, _: overwritten(content, at=10, value=12, size=2),
    "unknown method": lambda content, _: overwritten(content, at=10, value=99, size=2),
    "not packed": lambda content, _: overwritten(content, at=10, value=0, size=2),
    "checksum": lambda content, _: overwritten(content, at=16, value=7, size=4),
    "huge size": lambda content, _: overwritten(content, at=24, value=2**32 - 2, size=4),
    "short size": lambda content, _: overwritten(content, at=24, value=3, size=4),
    "no size": lambda content, _: overwritten(content, at=24, value=0, size=4),
    "place": lambda content, _: overwritten(content, at=42, value=2**31 - 1, size=4),
    "names upwards": lambda content, _: content.replace(b"data", b"../x").replace(b"im", b".."),
    "empty": lambda *_: b"",
    "no files": lambda *_: b"PK\5\6" + bytes(18),
}


@pytest.mark.parametrize("what", ZIP_DAMAGE)
def test_a_damaged_zip_is_read_soundly_or_refused_by_name(
    name: str, layout: Layout, what: str
) -> None:
    in_zip = packed(layout)
    damaged = ZIP_DAMAGE[what](in_zip.root.read_bytes(), random.Random(f"{name} {what}"))
    in_zip.root.write_bytes(damaged)
    assert_sound_or_refused(name, in_zip)


def test_of_two_files_of_one_name_in_a_zip_the_last_counts(name: str, layout: Layout) -> None:
    plain = masks_of(name, layout)
    in_zip = packed(layout)
    content = {}
    with zipfile.ZipFile(in_zip.root) as archive:
        content = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(in_zip.root, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of the repeated names
        for data in ({file: b"old" for file in content}, content):
            for file, written in data.items():
                archive.writestr(file, written)
    again = masks_of(name, in_zip)
    assert all(
        np.array_equal(mask, again[split][sample])
        for split, masks in plain.items()
        for sample, mask in masks.items()
    )
