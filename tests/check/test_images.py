"""Broken files, files without partners, and masks that do not lie on their images."""

import io
import json
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tessella.check.examine import check
from tessella.source import Source

Tools = Any
Written = Any

CLASSES = ["none", "road", "car"]


def jpeg_of(picture: np.ndarray, *, turn: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = turn
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=90, exif=exif)
    return stream.getvalue()


def huge_png(width: int, height: int) -> bytes:
    """A PNG whose header states so many grey pixels, with the first rows of them."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes((width + 1) * 100)))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


# --- broken files -------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["images", "masks"])
@pytest.mark.parametrize(
    ("kind", "content", "words"),
    [
        ("empty", b"", "1 file is empty (0 bytes)"),
        ("truncated", None, "1 file is cut short"),
        ("unreadable", b"<html>404 not found</html>", "not an image file that we know"),
        ("unreadable", bytes(500), "not an image file that we know"),
    ],
)
def test_a_broken_file_is_told_and_the_others_are_checked(
    tools: Tools, written: Written, place: str, kind: str, content: bytes | None, words: str
) -> None:
    root = written([tools.areas([0, 1, 2]) for _ in range(3)], split="train")
    path = root / place / "train" / "1.png"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    findings = tools.checked(root, classes=CLASSES)
    found = tools.the(findings, kind)
    assert tools.kinds(findings) == {kind}
    assert found.severity == "error"
    assert found.files == (str(path),)
    assert words in found.summary
    assert sum(size.count for size in findings.image_sizes) == (2 if place == "images" else 3)


@pytest.mark.parametrize("place", ["images", "masks"])
def test_a_picture_that_would_fill_the_memory_is_refused_unread(
    tools: Tools, written: Written, place: str
) -> None:
    root = written([tools.areas([0, 1, 2]) for _ in range(2)], split="train")
    (root / place / "train" / "1.png").write_bytes(huge_png(60_000, 60_000))
    found = tools.the(tools.checked(root, classes=CLASSES), "bomb")
    assert found.severity == "error"
    assert "larger than 179 megapixels" in found.summary
    assert "Cut them into pieces" in found.advice


# --- partners -----------------------------------------------------------------------------------


def test_an_image_without_mask_is_told(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 1, 2]) for _ in range(3)])
    (root / "masks" / "2.png").unlink()
    found = tools.the(tools.checked(root, classes=CLASSES), "unpaired_image")
    assert found.summary == "1 of 3 images has no mask."
    assert found.files == (str(root / "images" / "2.png"),)
    assert found.severity == "warning"


def test_a_mask_without_image_is_told(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 1, 2]) for _ in range(3)])
    (root / "images" / "0.png").unlink()
    found = tools.the(tools.checked(root, classes=CLASSES), "unpaired_mask")
    assert found.summary == "1 mask has no image."
    assert found.files == (str(root / "masks" / "0.png"),)


# --- sizes and turns ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "words"),
    [
        ((64, 48), "1 mask has height and width swapped: the first is 64x48"),
        ((24, 32), "1 mask is smaller than its image by a factor of 2"),
        ((144, 192), "1 mask is larger than its image by a factor of 3"),
        ((36, 48), "1 mask is scaled to 3/4 of its image's size"),
        ((48, 63), "1 mask has another size and shape than its image"),
    ],
)
def test_a_mask_of_another_size_is_told_with_how_it_differs(
    tools: Tools, written: Written, size: tuple[int, int], words: str
) -> None:
    masks = [tools.areas([0, 1, 2], size=size), tools.areas([0, 1, 2])]
    root = written(masks, [tools.photo(0), tools.photo(1)])
    found = tools.the(tools.checked(root, classes=CLASSES), "size_mismatch")
    assert found.severity == "error"
    assert words in found.summary
    assert "its image 48x64" in found.summary
    assert found.files == (str(root / "masks" / "0.png"),)


def test_an_image_turned_by_exif_above_a_mask_that_is_not_is_told(
    tools: Tools, written: Written
) -> None:
    root = written([tools.areas([0, 1, 2])], [jpeg_of(tools.photo(0), turn=6)], image_suffix=".jpg")
    findings = tools.checked(root, classes=CLASSES)
    found = tools.the(findings, "exif_rotation")
    assert found.severity == "error"
    assert "as stored they have one size, upright they do not" in found.summary
    assert "size_mismatch" not in tools.kinds(findings)


def test_a_mask_drawn_on_the_upright_image_is_right(tools: Tools, written: Written) -> None:
    mask = tools.areas([0, 1, 2], size=(64, 48))  # the image is 48x64 as stored
    root = written([mask], [jpeg_of(tools.photo(0), turn=6)], image_suffix=".jpg", split="train")
    findings = tools.checked(root, classes=CLASSES)
    assert tools.kinds(findings) == set()
    assert findings.image_sizes[0][:2] == (64, 48)


@pytest.mark.parametrize(("turn", "size"), [(3, (48, 64)), (2, (48, 64)), (6, (48, 48))])
def test_a_turn_that_sizes_cannot_settle_is_a_warning(
    tools: Tools, written: Written, turn: int, size: tuple[int, int]
) -> None:
    image = jpeg_of(tools.photo(0, *size), turn=turn)
    root = written([tools.areas([0, 1, 2], size=size)], [image], image_suffix=".jpg")
    found = tools.the(tools.checked(root, classes=CLASSES), "exif_rotation")
    assert found.severity == "warning"
    assert "their sizes do not tell" in found.summary


# --- content ------------------------------------------------------------------------------------


def test_swapped_images_and_masks_are_told(tools: Tools, tmp_path: Path) -> None:
    for number in range(3):
        tools.save(tmp_path / "masks" / f"{number}.png", tools.photo(number))
        tools.save(tmp_path / "images" / f"{number}.png", tools.areas([0, 1, 2], number))
    options = {"images": "images/{name}", "masks": "masks/{name}"}
    found = tools.the(check(Source("folder", tmp_path, options)), "image_has_few_values")
    assert found.severity == "error"
    assert "images and masks are swapped" in found.summary


def test_a_blank_frame_is_a_remark(tools: Tools, written: Written) -> None:
    images = [tools.photo(0), np.zeros((48, 64, 3), np.uint8), tools.photo(2)]
    root = written([tools.areas([0, 1, 2]) for _ in range(3)], images)
    found = tools.the(tools.checked(root, classes=CLASSES), "image_has_few_values")
    assert found.severity == "remark"
    assert found.files == (str(root / "images" / "1.png"),)


# --- names and options --------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_text_are_an_error_and_the_rest_is_checked(
    tools: Tools, written: Written
) -> None:
    root = written([tools.areas([0, 1, 2]) for _ in range(4)])
    odd = b"gr\xfcn.png".decode("utf-8", "surrogateescape")  # latin-1, as old zips have it
    for folder in ("images", "masks"):
        (root / folder / "3.png").rename(root / folder / odd)
    findings = tools.checked(root, classes=CLASSES)
    found = tools.the(findings, "file_name")
    assert found.severity == "error"
    assert found.summary == (
        "2 files have a path that is no UTF-8 text, so that no list, report or JSON can name it."
    )
    assert found.files[0].endswith("gr\\udcfcn.png")
    assert {problem.kind for problem in findings.problems} == {"file_name"}
    assert findings.num_masks == 4
    json.dumps(findings.document(), ensure_ascii=False).encode()


@pytest.mark.parametrize("name", ["ü", "日本", "a b", "it's", "new\nline", "{name}", "#1", "%s"])
def test_names_of_any_text_are_right(tools: Tools, written: Written, name: str) -> None:
    root = written([tools.areas([0, 1, 2]) for _ in range(3)], split="train")
    for folder in ("images", "masks"):
        (root / folder / "train/1.png").rename(root / folder / "train" / f"{name}.png")
    assert tools.kinds(tools.checked(root, classes=CLASSES)) == set()


def test_images_that_the_options_leave_out_are_a_remark(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 1, 2]) for _ in range(4)], split="train")
    (root / "masks/train/3.png").unlink()
    findings = tools.checked(root, classes=CLASSES, missing_masks="skip")
    found = tools.the(findings, "unpaired_image")
    assert found.severity == "remark"
    assert found.advice == "They are left out, as data.options.missing_masks=skip says."
    assert findings.ok


def test_lonely_masks_are_told_once_and_not_logged(
    tools: Tools, written: Written, caplog: pytest.LogCaptureFixture
) -> None:
    root = written([tools.areas([0, 1, 2]) for _ in range(4)])
    (root / "images" / "0.png").unlink()
    assert "unpaired_mask" in tools.kinds(tools.checked(root, classes=CLASSES))
    assert not caplog.messages


def test_a_pattern_that_fits_no_image_is_an_error(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 1, 2]) for _ in range(2)])
    findings = tools.checked(root, classes=CLASSES, images="photos/{name}.png")
    found = tools.the(findings, "no_pairs")
    assert found.severity == "error"
    assert found.summary == "No image has a mask: there are 0 images and 2 masks."
    assert "'data.options.images=images/{name}.jpg'" in found.advice


def test_one_unreadable_file_is_told_with_its_reason_and_one_advice(
    tools: Tools, written: Written
) -> None:
    root = written([tools.areas([0, 1, 2]) for _ in range(3)], split="train")
    path = root / "masks/train/1.png"
    path.write_bytes(b"<html>404 not found</html>")
    found = tools.the(tools.checked(root, classes=CLASSES), "unreadable")
    assert found.summary == (
        f"1 file cannot be read: {path}: cannot read the mask (not an image file that we know)."
    )
    assert found.advice == "Export them again, or remove them."


def test_of_several_unreadable_files_the_first_is_told(tools: Tools, written: Written) -> None:
    root = written([tools.areas([0, 1, 2]) for _ in range(3)], split="train")
    for number in range(2):
        (root / f"images/train/{number}.png").write_bytes(b"<html>404 not found</html>")
    found = tools.the(tools.checked(root, classes=CLASSES), "unreadable")
    start = f"2 files cannot be read; the first: {root}/images/train/0.png: cannot read the image"
    assert found.summary.startswith(start)
