"""Images that are in the data twice."""

import io
from typing import Any

import numpy as np
from PIL import Image

Tools = Any
Written = Any

THREE = ["none", "road", "car"]


def masks_of(tools: Tools, number: int) -> list[np.ndarray]:
    return [tools.areas([0, 1, 2]) for _ in range(number)]


def as_jpeg(picture: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "JPEG", quality=75)
    return stream.getvalue()


def test_the_same_file_under_two_names_is_a_duplicate(tools: Tools, written: Written) -> None:
    images = [tools.photo(number, 96, 128) for number in (0, 1, 0)]
    masks = [tools.areas([0, 1, 2], size=(96, 128)) for _ in range(3)]
    root = written(masks, images, split="train")
    found = tools.the(tools.checked(root, classes=THREE), "duplicate")
    assert found.severity == "warning"
    assert found.count == 1
    assert set(found.files) == {str(root / f"images/train/{number}.png") for number in (0, 2)}


def test_the_same_pixels_in_another_file_are_a_duplicate(tools: Tools, written: Written) -> None:
    root = written(masks_of(tools, 2), [tools.photo(0), tools.photo(1)], split="train")
    Image.fromarray(tools.photo(0)).save(root / "images/train/1.png", compress_level=1)
    assert "duplicate" in tools.kinds(tools.checked(root, classes=THREE))


def test_a_duplicate_with_another_mask_is_an_error(tools: Tools, written: Written) -> None:
    masks = [tools.areas([0, 1, 2]), tools.areas([0, 2, 1])]
    found = tools.the(
        tools.checked(written(masks, [tools.photo(0)] * 2, split="train"), classes=THREE),
        "duplicate",
    )
    assert found.severity == "error"
    assert "1 of them with different masks" in found.summary


def test_a_duplicate_in_another_split_is_told_as_a_leak(tools: Tools, written: Written) -> None:
    written(masks_of(tools, 1), [tools.photo(0)], split="train")
    root = written(masks_of(tools, 1), [tools.photo(0)], split="val", first=1)
    findings = tools.checked(root, classes=THREE)
    found = tools.the(findings, "leak_same")
    assert found.severity == "error"
    assert "duplicate" not in tools.kinds(findings)
    assert [leak.second.split for leak in findings.leaks.refused] == ["val"]


def test_an_image_saved_anew_is_a_near_duplicate(tools: Tools, written: Written) -> None:
    images = [tools.photo(0, 96, 128), as_jpeg(tools.photo(0, 96, 128)), tools.photo(2, 96, 128)]
    masks = [tools.areas([0, 1, 2], size=(96, 128)) for _ in range(3)]
    found = tools.the(
        tools.checked(written(masks, images, split="train"), classes=THREE), "near_duplicate"
    )
    assert found.severity == "warning"
    assert found.count == 1


def test_different_images_are_no_copies(tools: Tools, written: Written) -> None:
    root = written(masks_of(tools, 6), split="train")
    assert tools.kinds(tools.checked(root, classes=THREE)) == set()
