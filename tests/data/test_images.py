"""Reading images and masks: every kind of file, every turn, and every way to be broken."""

import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from tessella.data.header import HugeImageError
from tessella.data.images import (
    IMAGE_SUFFIXES,
    decode_image,
    decode_quartered,
    encode_png,
    opencv_in_one_thread,
    read_image,
    read_mask,
    why_unreadable,
)
from tessella.labels import LabelMap

HEIGHT, WIDTH = 24, 40
ROWS, COLUMNS = np.mgrid[0:HEIGHT, 0:WIDTH]
RGB = np.stack([COLUMNS * 6, ROWS * 10, (ROWS + COLUMNS) * 4], -1).astype(np.uint8)
GREY = (ROWS * 10 + COLUMNS % 10).astype(np.uint8)
INDICES = ((ROWS // 8) * 3 + COLUMNS // 14).astype(np.uint8)  # 0..8
ALPHA = (COLUMNS * 6).astype(np.uint8)  # from transparent to nearly opaque
OPAQUE = np.full_like(ALPHA, 255)

NINE = LabelMap.from_names([f"class {i}" for i in range(9)])

# What each EXIF orientation says was done to the upright picture, undone with NumPy alone
# (CIPA DC-008-2023, "Orientation").
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored, 1),
}


def tripled(grey: np.ndarray) -> np.ndarray:
    return np.repeat(grey[..., None], 3, axis=2)


def palette_image(indices: np.ndarray) -> Image.Image:
    """Index i shows the colour (250 - 20 i, 10 i, 7)."""
    picture = Image.fromarray(indices)
    picture.putpalette([part for i in range(12) for part in (250 - 20 * i, 10 * i, 7)])
    return picture


def palette_colors(indices: np.ndarray) -> np.ndarray:
    wide = indices.astype(int)
    return np.stack([250 - 20 * wide, 10 * wide, np.full_like(wide, 7)], -1).astype(np.uint8)


def saved(path: Path, picture: Image.Image | np.ndarray, **options: object) -> Path:
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    picture.save(path, **options)
    return path


def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


# --- images -------------------------------------------------------------------------------------

LOSSLESS = {
    ".png": {},
    ".webp": {"lossless": True},
    ".tif": {},
    ".tiff": {"compression": "tiff_lzw"},
}


@pytest.mark.parametrize("turn", UPRIGHT)
@pytest.mark.parametrize("suffix", LOSSLESS)
def test_a_turned_image_is_read_upright(tmp_path: Path, suffix: str, turn: int) -> None:
    path = saved(tmp_path / f"a{suffix}", RGB, exif=orientation(turn), **LOSSLESS[suffix])
    np.testing.assert_array_equal(read_image(path), UPRIGHT[turn](RGB))


@pytest.mark.parametrize("turn", UPRIGHT)
def test_a_turned_jpeg_equals_what_pillow_makes_of_it(tmp_path: Path, turn: int) -> None:
    path = saved(tmp_path / "a.jpg", RGB, exif=orientation(turn), quality=95)
    with Image.open(path) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened))
    image = read_image(path)
    assert image.shape == UPRIGHT[turn](RGB).shape
    # atol=2: two JPEG libraries may round the same block differently
    np.testing.assert_allclose(image.astype(int), expected.astype(int), atol=2)


@pytest.mark.parametrize("turn", UPRIGHT)
@pytest.mark.parametrize("suffix", LOSSLESS)
def test_a_turned_mask_turns_like_its_image(tmp_path: Path, suffix: str, turn: int) -> None:
    options = LOSSLESS[suffix]
    path = saved(tmp_path / f"m{suffix}", INDICES, exif=orientation(turn), **options)
    np.testing.assert_array_equal(read_mask(path, NINE), UPRIGHT[turn](INDICES))


KINDS: dict[str, tuple[str, Image.Image | np.ndarray, dict[str, object], np.ndarray]] = {
    "RGB PNG": (".png", RGB, {}, RGB),
    "RGB BMP": (".bmp", RGB, {}, RGB),
    "RGB PPM": (".ppm", RGB, {}, RGB),
    "RGB TIFF": (".tif", RGB, {}, RGB),
    "RGB TIFF, LZW": (".tif", RGB, {"compression": "tiff_lzw"}, RGB),
    "RGB WebP": (".webp", RGB, {"lossless": True}, RGB),
    "grey PNG": (".png", GREY, {}, tripled(GREY)),
    "grey TIFF": (".tif", GREY, {}, tripled(GREY)),
    "grey BMP": (".bmp", GREY, {}, tripled(GREY)),
    "1-bit PNG": (".png", GREY > 99, {}, tripled((GREY > 99) * np.uint8(255))),
    "1-bit BMP": (".bmp", GREY > 99, {}, tripled((GREY > 99) * np.uint8(255))),
    "fax TIFF": (
        ".tif",
        GREY > 99,
        {"compression": "group4"},
        tripled((GREY > 99) * np.uint8(255)),
    ),
    "16-bit PNG": (".png", GREY.astype(np.uint16) * 256 + 200, {}, tripled(GREY)),
    "16-bit TIFF": (".tif", GREY.astype(np.uint16) * 256 + 200, {}, tripled(GREY)),
    "palette PNG": (".png", palette_image(INDICES), {}, palette_colors(INDICES)),
    "4-bit palette PNG": (".png", palette_image(INDICES), {"bits": 4}, palette_colors(INDICES)),
    "palette GIF": (".gif", palette_image(INDICES), {}, palette_colors(INDICES)),
    "palette TIFF": (".tif", palette_image(INDICES), {}, palette_colors(INDICES)),
    "palette PNG with a transparent index": (
        ".png",
        palette_image(INDICES),
        {"transparency": 3},
        palette_colors(INDICES),
    ),
    "RGBA PNG": (".png", np.dstack([RGB, ALPHA]), {}, RGB),
    "RGBA WebP": (".webp", np.dstack([RGB, ALPHA]), {"lossless": True, "exact": True}, RGB),
    "RGBA TIFF": (".tif", np.dstack([RGB, ALPHA]), {}, RGB),
    "grey PNG with transparency": (".png", np.dstack([GREY, ALPHA]), {}, tripled(GREY)),
    "CMYK TIFF": (".tif", Image.fromarray(RGB).convert("CMYK"), {}, RGB),
    "first picture of an animated WebP": (
        ".webp",
        RGB,
        {"lossless": True, "save_all": True, "append_images": [Image.fromarray(255 - RGB)]},
        RGB,
    ),
    "first page of a TIFF": (
        ".tif",
        RGB,
        {"save_all": True, "append_images": [Image.fromarray(255 - RGB)]},
        RGB,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_is_read_as_rgb_bytes(tmp_path: Path, kind: str) -> None:
    suffix, picture, options, expected = KINDS[kind]
    image = read_image(saved(tmp_path / f"a{suffix}", picture, **options))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, expected)


def test_sixteen_bits_in_each_colour_keep_their_high_byte(tmp_path: Path) -> None:
    deep = RGB.astype(np.uint16) * 256 + 200
    cv2.imwrite(str(tmp_path / "a.png"), deep[..., ::-1])  # Pillow cannot write these
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), RGB)


@pytest.mark.parametrize(("mode", "atol"), [("RGB", 8), ("L", 3), ("CMYK", 4)])
def test_jpeg_of_every_colour_mode_is_read_as_rgb(tmp_path: Path, mode: str, atol: int) -> None:
    picture = Image.fromarray(RGB).convert(mode)
    image = read_image(saved(tmp_path / "a.jpg", picture, quality=95))
    expected = np.asarray(picture.convert("RGB"))
    # atol: what JPEG at quality 95 loses; RGB loses most, its colours are stored at half size
    np.testing.assert_allclose(image.astype(int), expected.astype(int), atol=atol)


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_bytes_after_the_end_of_a_file_do_not_matter(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path / f"a{suffix}", RGB)
    whole = read_image(path)
    path.write_bytes(path.read_bytes() + bytes(100))  # as cameras append previews and videos
    np.testing.assert_allclose(read_image(path).astype(int), whole.astype(int), atol=2)


def test_a_one_pixel_image_is_an_image(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", np.array([[[1, 2, 3]]], np.uint8))
    np.testing.assert_array_equal(read_image(path), [[[1, 2, 3]]])


@pytest.mark.parametrize(
    ("pixels", "told"),
    [
        (GREY.astype(np.float32) / 255, "floating-point numbers"),
        (GREY.astype(np.int32) * 1000, "run from 0 to 239000"),
        (GREY.astype(np.int32) - 1, "run from -1 to 238"),
    ],
    ids=["float", "large", "negative"],
)
def test_pixels_of_unstated_range_are_refused(
    tmp_path: Path, pixels: np.ndarray, told: str
) -> None:
    path = saved(tmp_path / "a.tif", pixels)
    with pytest.raises(ValueError, match=told) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path}: cannot read the image")
    assert "8 or 16-bit are read" in str(caught.value)


def test_decoding_bytes_names_where_they_come_from() -> None:
    with pytest.raises(ValueError, match="^upload 7: cannot read the image"):
        decode_image(b"nothing", where="upload 7")


def test_decoding_bytes_gives_what_reading_the_file_gives(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", RGB)
    np.testing.assert_array_equal(decode_image(path.read_bytes(), where="bytes"), RGB)


def test_image_suffixes_are_lower_case_with_a_dot() -> None:
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in IMAGE_SUFFIXES)


# --- broken files -------------------------------------------------------------------------------


def first_half(suffix: str, **options: object) -> bytes:
    noise = np.random.default_rng(0).integers(0, 30, RGB.shape, np.uint8)
    stream = io.BytesIO()
    Image.fromarray(RGB // 2 + noise).save(stream, Image.registered_extensions()[suffix], **options)
    content = stream.getvalue()
    return content[: len(content) // 2]


BROKEN: dict[str, tuple[str, bytes]] = {
    "truncated JPEG": (".jpg", first_half(".jpg")),
    "truncated progressive JPEG": (".jpg", first_half(".jpg", progressive=True)),
    "truncated PNG": (".png", first_half(".png")),
    "truncated WebP": (".webp", first_half(".webp")),
    "truncated lossless WebP": (".webp", first_half(".webp", lossless=True)),
    "truncated TIFF": (".tif", first_half(".tif")),
    "truncated BMP": (".bmp", first_half(".bmp")),
    "truncated GIF": (".gif", first_half(".gif")),
    "head of a PNG": (".png", first_half(".png")[:30]),
    "head of a JPEG": (".jpg", first_half(".jpg")[:30]),
    "empty file": (".png", b""),
    "text": (".png", b"<html>404 not found</html>\n" * 9),
    "zeros": (".jpg", bytes(999)),
}
READERS: dict[str, Callable[[Path], object]] = {
    "image": read_image,
    "mask": lambda path: read_mask(path, NINE),
}


@pytest.mark.parametrize("what", READERS)
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_one_clear_error_and_nothing_on_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str, what: str
) -> None:
    suffix, content = BROKEN[kind]
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"cannot read the {what}") as caught:
        READERS[what](path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    assert message.endswith("Export it again, or remove it.")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("what", READERS)
def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path, what: str) -> None:
    path = tmp_path / "absent.png"
    with pytest.raises(ValueError, match=f"cannot read the {what}: No such file") as caught:
        READERS[what](path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "check that the file is there" in str(caught.value)


@pytest.mark.parametrize("what", READERS)
def test_a_folder_in_place_of_a_file_is_an_error_that_names_it(tmp_path: Path, what: str) -> None:
    with pytest.raises(ValueError, match=f"cannot read the {what}: Is a directory") as caught:
        READERS[what](tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: ")


def test_a_png_that_lacks_only_its_end_is_read_without_a_word(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = saved(tmp_path / "a.png", RGB)
    path.write_bytes(path.read_bytes()[:-12])  # the IEND chunk: no pixel is in it
    np.testing.assert_array_equal(read_image(path), RGB)
    assert capfd.readouterr().err == ""


def test_opencv_has_no_threads_of_its_own_meanwhile_and_then_as_many_as_before() -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        with opencv_in_one_thread():
            assert cv2.getNumThreads() == 1
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)


def test_reading_leaves_opencvs_log_level_as_it_was(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", RGB)
    before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    try:
        read_image(path)
        assert cv2.utils.logging.getLogLevel() == cv2.utils.logging.LOG_LEVEL_ERROR
    finally:
        cv2.utils.logging.setLogLevel(before)


def stating(kind: str, width: int, height: int) -> bytes:
    """A small file whose header states another size."""
    stream = io.BytesIO()
    Image.fromarray(RGB).save(stream, kind)
    content = bytearray(stream.getvalue())
    if kind == "PNG":
        content[16:24] = struct.pack(">II", width, height)
        content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    elif kind == "BMP":
        content[18:26] = struct.pack("<ii", width, height)
    else:
        frame = content.index(b"\xff\xc0")
        content[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(content)


@pytest.mark.parametrize("what", READERS)
@pytest.mark.parametrize("kind", ["PNG", "BMP", "JPEG"])
def test_a_file_that_would_fill_the_memory_is_refused_by_its_header(
    tmp_path: Path, kind: str, what: str
) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(stating(kind, 60_000, 50_000))
    with pytest.raises(HugeImageError, match="3000 megapixels; files of over 179") as caught:
        READERS[what](path)
    assert str(caught.value).startswith(f"{path}: is ")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from Linux")
def test_a_png_whose_part_points_past_its_end_takes_no_memory_for_it(tmp_path: Path) -> None:
    path = saved(tmp_path / "long.png", RGB)
    content = path.read_bytes()
    at = content.index(b"IDAT") - 4
    path.write_bytes(content[:at] + struct.pack(">I", 1 << 30) + content[at + 4 :])
    code = """
import sys
from pathlib import Path
from tessella.benchmark.peak import peak_bytes
from tessella.data.images import read_image

before = peak_bytes()
read_image(Path(sys.argv[1]))
print(peak_bytes() - before)
"""
    words = [sys.executable, "-c", code, str(path)]
    taken = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert int(taken) < 1 << 26
    np.testing.assert_array_equal(read_image(path), RGB)  # its pixels are all there


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (first_half(".png"), "truncated"),
        (first_half(".jpg"), "truncated"),
        (first_half(".tif"), "truncated"),
        (stating("PNG", 60_000, 50_000), "bomb"),
        (stating("BMP", 60_000, 50_000), "bomb"),
        (b"<html>404 not found</html>", "unreadable"),
        (bytes(999), "unreadable"),
    ],
)
def test_why_a_file_is_unreadable(content: bytes, why: str) -> None:
    assert why_unreadable(content) == why


# --- real files ---------------------------------------------------------------------------------

PHOTOS = (
    *("bird.png", "cat_720p.jpg", "dragonfly.png", "grace_hopper.png", "hot_dog.jpg"),
    *("owl.jpg", "parrot.jpg", "pets.jpg", "sunflower.png"),
)


@pytest.mark.parametrize("name", PHOTOS)
def test_photographs_are_read_as_pillow_reads_them(real_data: Path, name: str) -> None:
    path = real_data / "photos" / name
    with Image.open(path) as opened:
        expected = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    # atol=2: two JPEG libraries may round the same block differently
    np.testing.assert_allclose(read_image(path).astype(int), expected.astype(int), atol=2)


def jpeg_of(height: int, width: int, *, turn: int = 1) -> bytes:
    """Soft patches, so that a smaller picture shows the same."""
    small = np.random.default_rng(7).integers(0, 256, (height // 32 + 1, width // 32 + 1, 3))
    picture = Image.fromarray(small.astype(np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    exif = Image.Exif()
    exif[0x0112] = turn
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=95, exif=exif)
    return stream.getvalue()


@pytest.mark.parametrize(("size", "small"), [((300, 401), (75, 101)), ((255, 400), (255, 400))])
def test_a_large_jpeg_is_quartered_for_a_look(
    size: tuple[int, int], small: tuple[int, int]
) -> None:
    assert decode_quartered(jpeg_of(*size), where="x").shape[:2] == small


def test_the_quartered_picture_is_rgb_and_upright() -> None:
    content = jpeg_of(320, 448, turn=6)
    whole = decode_image(content, where="x")
    small = decode_quartered(content, where="x")
    assert small.shape == (112, 80, 3)
    shrunk = whole.reshape(112, 4, 80, 4, 3).mean(axis=(1, 3))
    assert np.abs(small - shrunk).mean() < 2  # other rounding in the decoder


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_jpeg_is_refused_quartered_as_it_is_whole(share: float) -> None:
    content = jpeg_of(300, 400)
    cut = content[: int(len(content) * share)]
    for decode in (decode_image, decode_quartered):
        with pytest.raises(ValueError, match="truncated"):
            decode(cut, where="x")


def test_other_files_are_not_quartered() -> None:
    content = encode_png(np.zeros((300, 300, 3), np.uint8))
    assert decode_quartered(content, where="x").shape == (300, 300, 3)
