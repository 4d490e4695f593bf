"""Sizes and turns from the first bytes of a file, as Pillow finds them by opening it."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tessella.data.header import (
    MAX_PIXELS,
    HugeImageError,
    Size,
    has_part_past_end,
    is_cut_short,
    refuse_huge,
    stored_size,
    stored_turn,
)

PICTURE = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)

KINDS: dict[str, tuple[str, dict[str, object]]] = {
    "PNG": ("PNG", {}),
    "JPEG": ("JPEG", {}),
    "progressive JPEG": ("JPEG", {"progressive": True}),
    "JPEG with a comment": ("JPEG", {"comment": b"x" * 999}),
    "WebP": ("WEBP", {}),
    "lossless WebP": ("WEBP", {"lossless": True}),
}


def encoded(kind: str, *, turn: int | None = None) -> bytes:
    name, options = KINDS[kind]
    if turn is not None:
        exif = Image.Exif()
        exif[0x010F] = "a maker"  # stands before the orientation
        exif[0x0112] = turn
        options = {**options, "exif": exif}
    stream = io.BytesIO()
    Image.fromarray(PICTURE).save(stream, name, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_is_the_pictures(kind: str) -> None:
    assert stored_size(encoded(kind)) == Size(37, 53)


@pytest.mark.parametrize("kind", KINDS)
def test_the_size_beside_an_orientation_is_that_before_the_turn(kind: str) -> None:
    assert stored_size(encoded(kind, turn=6)) == Size(37, 53)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("turn", range(1, 9))
def test_the_turn_is_read(kind: str, turn: int) -> None:
    assert stored_turn(encoded(kind, turn=turn)) == turn


@pytest.mark.parametrize("kind", KINDS)
def test_without_an_orientation_a_picture_is_upright(kind: str) -> None:
    assert stored_turn(encoded(kind)) == 1


@pytest.mark.parametrize("turn", [0, 9, 77])
def test_a_turn_that_there_is_not_counts_as_upright(turn: int) -> None:
    assert stored_turn(encoded("JPEG", turn=turn)) == 1


def test_a_big_endian_orientation_is_read() -> None:
    block = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 8, 0, 0)
    segment = b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block
    plain = encoded("JPEG")
    assert stored_turn(plain[:2] + segment + plain[2:]) == 8


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"II*\0" + bytes(90), b"hello" * 20])
def test_other_files_state_no_size_here(content: bytes) -> None:
    assert stored_size(content) is None
    assert stored_turn(content) == 1


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 400), st.binary(max_size=40))
def test_no_bytes_make_it_fail(kind: str, at: int, junk: bytes) -> None:
    content = encoded(kind, turn=6)
    for hostile in (content[:at], content[:at] + junk, content[:at] + junk + content[at:]):
        stored_size(hostile)
        assert 1 <= stored_turn(hostile) <= 8
        is_cut_short(hostile)


@pytest.mark.parametrize("kind", [*KINDS, "BMP", "GIF"])
def test_a_file_without_its_end_is_cut_short(kind: str) -> None:
    stream = io.BytesIO()
    if kind in KINDS:
        stream.write(encoded(kind))
    else:
        Image.fromarray(PICTURE).save(stream, kind)
    whole = stream.getvalue()
    assert not is_cut_short(whole)
    assert is_cut_short(whole[: len(whole) // 2])


def test_the_largest_size_is_accepted_and_one_pixel_more_refused() -> None:
    refuse_huge(Size(1, MAX_PIXELS), where="a.png")
    with pytest.raises(HugeImageError, match="1x178956971 .* 179 megapixels") as caught:
        refuse_huge(Size(1, MAX_PIXELS + 1), where="a.png")
    assert str(caught.value).startswith("a.png: ")
    assert str(caught.value).endswith("Cut it into pieces.")


def test_a_part_of_a_png_past_its_end_is_seen() -> None:
    whole = encoded("PNG")
    at = whole.index(b"IDAT") - 4
    assert not has_part_past_end(whole)
    assert not has_part_past_end(whole + b"after the end")
    assert has_part_past_end(whole[:at] + struct.pack(">I", 1 << 30) + whole[at + 4 :])
    assert has_part_past_end(whole[: at + 50])
