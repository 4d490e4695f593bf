"""Uploads become pixels, or are refused with the status that fits."""

import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tessella.serve.decode import Upload, decode, look_at
from tessella.serve.limits import Limits
from tessella.serve.refusal import RefusedError

ImageOf = Callable[..., np.ndarray]
FileOf = Callable[..., bytes]


def read(content: bytes, declared: str | None = None, **limits: int) -> np.ndarray:
    upload = Upload("image", content, declared)
    return decode(upload, look_at(upload, Limits(**limits)))


def refused(content: bytes, declared: str | None = None, **limits: int) -> RefusedError:
    with pytest.raises(RefusedError) as found:
        read(content, declared, **limits)
    return found.value


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "WEBP"])
def test_pixels_are_those_of_the_file(image_of: ImageOf, file_of: FileOf, kind: str) -> None:
    image = image_of(9, 14)
    options = {"lossless": True} if kind == "WEBP" else {}
    assert (read(file_of(image, kind, **options)) == image).all()


def test_an_exif_turn_is_applied(image_of: ImageOf, file_of: FileOf) -> None:
    image = image_of(8, 16)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    assert (read(file_of(image, exif=exif)) == np.rot90(image, -1)).all()


@pytest.mark.parametrize(
    "tail",
    [
        b"PK\x03\x04" + bytes(5000),
        b"<html><script>alert(1)</script></html>",
        b"\xff\xd9" * 2000,
        b"#!/bin/sh\nrm -rf /\n",
    ],
    ids=["zip", "html", "markers", "script"],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_what_is_glued_to_an_image_is_dropped(
    image_of: ImageOf, file_of: FileOf, kind: str, tail: bytes
) -> None:
    content = file_of(image_of(9, 14), kind)
    assert (read(content + tail) == read(content)).all()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("share", [0.4, 0.8])
def test_a_truncated_file_is_unreadable(
    image_of: ImageOf, file_of: FileOf, kind: str, share: float
) -> None:
    content = file_of(image_of(60, 80), kind)
    error = refused(content[: int(len(content) * share)])
    assert (error.status, error.code) == (422, "unreadable_image")


def test_a_turned_bit_in_a_png_is_unreadable(image_of: ImageOf, file_of: FileOf) -> None:
    content = bytearray(file_of(image_of(60, 80)))
    content[len(content) // 2] ^= 1
    assert "damaged" in refused(bytes(content)).message


def test_nothing_is_unreadable() -> None:
    assert refused(b"").status == 422
    assert "is empty" in refused(b"").message


def huge_png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that states any size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("sides", [(100_000, 100_000), (50_000_001, 1), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_told_from_its_header(sides: tuple[int, int]) -> None:
    error = refused(huge_png(*sides))
    assert (error.status, error.code) == (413, "too_many_pixels")
    assert "at most 50 megapixels" in error.message


def test_as_many_pixels_as_allowed_are_taken(image_of: ImageOf, file_of: FileOf) -> None:
    content = file_of(image_of(10, 10))
    assert read(content, max_pixels=100).shape == (10, 10, 3)
    assert refused(content, max_pixels=99).status == 413


@pytest.mark.parametrize("sides", [(0, 5), (5, 0)])
def test_an_image_without_pixels_is_unreadable(sides: tuple[int, int]) -> None:
    assert refused(huge_png(*sides)).status == 422


def test_an_animation_is_unreadable(image_of: ImageOf, file_of: FileOf) -> None:
    second = Image.fromarray(image_of(9, 14, seed=1))
    content = file_of(image_of(9, 14), "PNG", save_all=True, append_images=[second])
    assert "holds several pictures" in refused(content).message


@pytest.mark.parametrize("content", [b"hello", b"GIF89a" + bytes(40), b"\0" * 100])
def test_another_format_is_not_taken(content: bytes) -> None:
    error = refused(content)
    assert (error.status, error.code) == (415, "unsupported_type")
    assert "JPEG, PNG, WebP, TIFF and BMP" in error.message


@pytest.mark.parametrize("declared", [None, "", "application/octet-stream", "image/png"])
def test_a_type_that_fits_or_says_nothing_is_taken(
    image_of: ImageOf, file_of: FileOf, declared: str | None
) -> None:
    assert read(file_of(image_of(3, 3)), declared).shape == (3, 3, 3)


@pytest.mark.parametrize("declared", ["image/jpeg", "image/gif", "text/plain"])
def test_a_type_that_contradicts_the_bytes_is_not_taken(
    image_of: ImageOf, file_of: FileOf, declared: str
) -> None:
    error = refused(file_of(image_of(3, 3)), declared)
    assert error.status == 415
    assert f"is a PNG but is sent as '{declared}'" in error.message


def test_a_mask_is_refused_by_its_own_name() -> None:
    with pytest.raises(RefusedError, match="mask: is empty") as found:
        look_at(Upload("mask", b"", None), Limits())
    assert found.value.code == "unreadable_mask"


def test_the_decoders_own_words_do_not_go_out(image_of: ImageOf, file_of: FileOf) -> None:
    content = file_of(image_of(60, 80), "JPEG")
    message = refused(content[: len(content) // 2]).message
    assert message == (
        "image: cannot be read, it is cut short or of a kind that we do not know; export it again "
        "as 8-bit PNG or JPEG."
    )
