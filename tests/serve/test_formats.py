"""A file's first bytes tell what it is; expected sizes are those it was written with."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tessella.serve.formats import format_of, holds_several, size_of

FileOf = Callable[..., bytes]
KINDS = ["JPEG", "PNG", "WEBP", "TIFF", "BMP"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_five_formats_are_told_apart_with_their_size(file_of: FileOf, kind: str) -> None:
    content = file_of(np.zeros((31, 47, 3), np.uint8), kind)
    found = format_of(content)
    assert found == kind.lower()
    assert size_of(content, found) == (31, 47)
    assert not holds_several(content, found)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a" + bytes(30),
        b"BM, a text that begins like a bitmap",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"PK\3\4" + bytes(30),
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\x89PNG",
        b"\xff\xd8",
    ],
)
def test_anything_else_is_none_of_them(content: bytes) -> None:
    assert format_of(content) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [12, 16, 20, 26])
def test_a_header_that_is_cut_states_no_size_or_the_right_one(
    file_of: FileOf, kind: str, length: int
) -> None:
    content = file_of(np.zeros((31, 47, 3), np.uint8), kind)[:length]
    found = format_of(content)
    assert found is None or size_of(content, found) in (None, (31, 47))
    assert found is None or not holds_several(content, found)


def test_a_bmp_stored_from_the_top_has_a_height_too() -> None:
    header = b"BM" + bytes(12) + (40).to_bytes(4, "little")
    sides = (47).to_bytes(4, "little") + (-31).to_bytes(4, "little", signed=True)
    assert size_of(header + sides, "bmp") == (31, 47)


def test_a_bmp_of_the_oldest_kind_has_short_sides() -> None:
    header = b"BM" + bytes(12) + (12).to_bytes(4, "little")
    content = header + (47).to_bytes(2, "little") + (31).to_bytes(2, "little") + bytes(4)
    assert format_of(content) == "bmp"
    assert size_of(content, "bmp") == (31, 47)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_an_animation_or_several_pages_are_seen(kind: str) -> None:
    frames = [Image.fromarray(np.full((8, 9, 3), shade, np.uint8)) for shade in (0, 200)]
    stream = io.BytesIO()
    frames[0].save(stream, kind, save_all=True, append_images=frames[1:])
    content = stream.getvalue()
    found = format_of(content)
    assert found == kind.lower()
    assert holds_several(content, found)
    assert size_of(content, found) == (8, 9)


def tiff(order: str, *, pages: list[int | None], is_big: bool = False) -> bytes:
    """The directories of a TIFF by hand: each page 7 high, 5 wide, of a kind (tag 254) or none."""
    name = "little" if order == "II" else "big"

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, name)  # type: ignore[arg-type]

    wide, count = (8, 8) if is_big else (4, 2)
    head = order.encode() + (number(43, 2) + number(8, 2) + bytes(2) if is_big else number(42, 2))
    content = head + number(len(head) + wide, wide)
    for index, kind in enumerate(pages):
        tags = [(256, 5), (257, 7)] + ([] if kind is None else [(254, kind)])
        body = number(len(tags), count)
        for tag, value in tags:
            body += number(tag, 2) + number(4, 2) + number(1, wide)
            body += number(value, 4) + bytes(wide - 4)
        end = len(content) + len(body) + wide
        content += body + number(end if index + 1 < len(pages) else 0, wide)
    return content


@pytest.mark.parametrize("order", ["II", "MM"])
@pytest.mark.parametrize("is_big", [False, True])
def test_a_tiff_of_either_order_and_width_states_its_size(order: str, is_big: bool) -> None:
    content = tiff(order, pages=[None], is_big=is_big)
    assert format_of(content) == "tiff"
    assert size_of(content, "tiff") == (7, 5)


@pytest.mark.parametrize(
    ("pages", "expected"),
    [([None, None], True), ([0, 0], True), ([None, 1], False), ([0, 4], False), ([0, 1, 0], True)],
)
def test_previews_and_transparency_are_no_pages_of_their_own(
    pages: list[int | None], expected: bool
) -> None:
    assert holds_several(tiff("II", pages=pages), "tiff") is expected


def test_a_tiff_whose_pages_go_in_a_circle_ends() -> None:
    content = bytearray(tiff("II", pages=[None]))
    content[-4:] = (8).to_bytes(4, "little")  # the next page is the first
    assert holds_several(bytes(content), "tiff")


HEAD = b"\x89PNG\r\n\x1a\n"


def chunk(name: bytes, length: int, data: bytes = b"") -> bytes:
    return length.to_bytes(4, "big") + name + data + bytes(4)


IHDR = chunk(b"IHDR", 13, (5).to_bytes(4, "big") + (7).to_bytes(4, "big") + bytes(5))
IEND = chunk(b"IEND", 0)


def test_a_png_whose_chunks_lead_to_its_end_states_its_size() -> None:
    assert size_of(HEAD + IHDR + chunk(b"IDAT", 2, b"xx") + IEND, "png") == (7, 5)


@pytest.mark.parametrize(
    "chunks",
    [
        IHDR + chunk(b"IDAT", 2**31 - 1, b"xx") + IEND,  # a decoder would take 2 GB for it
        IHDR + chunk(b"IDAT", 2, b"xx"),
        IHDR + IHDR + IEND,
        chunk(b"IDAT", 2, b"xx") + IHDR + IEND,
        IHDR + chunk(b"tEXt", 0) * 200_000 + IEND,
        b"",
    ],
    ids=["too long", "no end", "two beginnings", "no beginning", "endless", "nothing"],
)
def test_a_png_that_a_decoder_could_misread_states_none(chunks: bytes) -> None:
    assert size_of(HEAD + chunks, "png") is None


@pytest.mark.parametrize("name", [b"acTL", b"fcTL", b"fdAT"])
def test_a_png_with_any_part_of_an_animation_is_one(name: bytes) -> None:
    assert holds_several(HEAD + IHDR + chunk(b"IDAT", 2, b"xx") + chunk(name, 0) + IEND, "png")


def test_a_tiff_that_states_a_side_twice_or_elsewhere_states_none() -> None:
    good = tiff("II", pages=[None])
    assert size_of(good, "tiff") == (7, 5)
    height = good.index((257).to_bytes(2, "little"))
    twice = good[: height - 12] + good[height : height + 12] + good[height:]
    assert size_of(twice, "tiff") is None
    several = good[: height + 4] + (200).to_bytes(4, "little") + good[height + 8 :]
    assert size_of(several, "tiff") is None  # 200 numbers lie somewhere else, and one is 2097152
    too_wide = good[: height + 2] + (16).to_bytes(2, "little") + good[height + 4 :]
    assert size_of(too_wide, "tiff") is None
