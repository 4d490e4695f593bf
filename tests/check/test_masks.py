"""How mask files hold their values: JPEG, transparency, palettes, mixed kinds, odd numbers."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

Tools = Any
Written = Any

CLASSES = ["none", "road", "car"]
RED, GREEN = (200, 30, 30), (30, 200, 40)


def painted(mask: np.ndarray) -> np.ndarray:
    table = np.zeros((256, 3), np.uint8)
    table[1], table[2] = RED, GREEN
    return table[mask]


def indexed(mask: np.ndarray, *colors: tuple[int, int, int]) -> Image.Image:
    picture = Image.fromarray(mask)
    picture.putpalette([part for color in colors for part in color])
    return picture


def test_jpeg_masks_that_changed_are_an_error_and_the_only_one(
    tools: Tools, written: Written
) -> None:
    masks = [tools.areas([0, 100, 200], seed) for seed in range(2)]
    findings = tools.checked(
        written(masks, suffix=".jpg", quality=50, split="train"),
        classes={"none": 0, "road": 100, "car": 200},
    )
    found = tools.the(findings, "jpeg_mask")
    assert found.severity == "error"
    assert found.count == 2
    assert "changes values at every edge" in found.summary
    assert tools.kinds(findings) == {"jpeg_mask"}


def test_a_jpeg_mask_that_is_unharmed_is_a_warning(tools: Tools, written: Written) -> None:
    root = written([np.zeros((48, 64), np.uint8), tools.areas([0, 1, 2])], split="train")
    Image.open(root / "masks/train/0.png").save(root / "masks/train/0.jpg")
    (root / "masks/train/0.png").unlink()
    assert tools.the(tools.checked(root, classes=CLASSES), "jpeg_mask").severity == "warning"


@pytest.mark.parametrize(("opacity", "severity"), [(90, "error"), (255, "remark")])
def test_transparency_is_told(tools: Tools, written: Written, opacity: int, severity: str) -> None:
    mask = tools.areas([0, 1, 2])
    alpha = np.full_like(mask, 255)
    alpha[0, 0] = opacity
    root = written([np.dstack([painted(mask), alpha])])
    classes = {"none": [0, 0, 0], "road": list(RED), "car": list(GREEN)}
    assert tools.the(tools.checked(root, classes=classes), "alpha").severity == severity


def test_grey_saved_as_rgb_is_a_remark(tools: Tools, written: Written) -> None:
    mask = tools.areas([0, 1, 2])
    findings = tools.checked(written([np.dstack([mask] * 3)], split="train"), classes=CLASSES)
    assert tools.the(findings, "gray_saved_as_rgb").severity == "remark"
    assert tools.kinds(findings) == {"gray_saved_as_rgb"}


def test_an_all_black_mask_among_colour_masks_is_no_other_form(
    tools: Tools, written: Written
) -> None:
    masks = [painted(tools.areas([0, 1, 2])), np.zeros((48, 64, 3), np.uint8)]
    classes = {"none": [0, 0, 0], "road": list(RED), "car": list(GREEN)}
    found = tools.kinds(tools.checked(written(masks, split="train"), classes=classes))
    assert found == {"constant_masks"}


def test_colour_and_grey_masks_together_are_told(tools: Tools, written: Written) -> None:
    masks = [painted(tools.areas([0, 1, 2])), painted(tools.areas([0, 1], 1)), tools.areas([0, 1])]
    root = written(masks)
    found = tools.the(tools.checked(root), "mixed_forms")
    assert found.summary == "The masks are of several kinds: 2 RGB colours, 1 single grey values."
    assert found.files == (str(root / "masks" / "2.png"),)


def test_a_palette_is_a_remark_where_nobody_stated_classes(tools: Tools, written: Written) -> None:
    findings = tools.checked(written([indexed(tools.areas([0, 1, 2]), (0, 0, 0), RED, GREEN)]))
    assert tools.the(findings, "palette").severity == "remark"
    assert findings.labels.colors == ((0, 0, 0), RED, GREEN)


def test_an_index_that_changes_its_colour_from_file_to_file_is_told(
    tools: Tools, written: Written
) -> None:
    masks = [
        indexed(tools.areas([0, 1, 2]), (0, 0, 0), RED, GREEN),
        indexed(tools.areas([0, 1, 2]), (0, 0, 0), GREEN, RED),
    ]
    root = written(masks)
    found = tools.the(tools.checked(root, classes=CLASSES), "palette_varies")
    assert found.severity == "warning"
    assert found.files == (str(root / "masks" / "1.png"),)


def test_palettes_are_read_as_colours_where_classes_are_colours(
    tools: Tools, written: Written
) -> None:
    masks = [
        indexed(tools.areas([0, 1, 2]), (0, 0, 0), RED, GREEN),
        indexed(tools.areas([0, 1, 2]), (0, 0, 0), GREEN, RED),
    ]
    classes = {"none": [0, 0, 0], "road": list(RED), "car": list(GREEN)}
    assert tools.kinds(tools.checked(written(masks, split="train"), classes=classes)) == set()


def test_all_black_masks_are_an_error(tools: Tools, written: Written) -> None:
    root = written([np.zeros((48, 64), np.uint8)] * 3)
    found = tools.the(tools.checked(root, classes=CLASSES), "constant_masks")
    assert found.severity == "error"
    assert "All 3 masks hold nothing but the value 0" in found.summary


def test_one_mask_of_a_single_class_is_a_remark(tools: Tools, written: Written) -> None:
    root = written([np.zeros((48, 64), np.uint8), tools.areas([0, 1, 2])])
    found = tools.the(tools.checked(root, classes=CLASSES), "constant_masks")
    assert found.severity == "remark"
    assert found.files == (str(root / "masks" / "0.png"),)


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        (np.float32([[0, 3], [1, 2]]), "float_values", "floating-point numbers, from 0 to 3."),
        (
            np.float32([[0, 0.5], [1, 2]]),
            "fractions",
            "1 mask of 1 holds numbers that are not whole, 0 to 2: no class has such a number.",
        ),
        (np.float32([[0, np.nan], [1, 2]]), "fractions", "some of them infinite or NaN"),
        (np.float32([[0, 1], [-np.inf, 2]]), "fractions", "some of them infinite or NaN"),
        (np.int32([[0, -1], [1, 2]]), "negative_values", "negative values, down to -1"),
    ],
)
def test_numbers_that_are_no_classes_are_told(
    tools: Tools, written: Written, values: np.ndarray, kind: str, words: str
) -> None:
    mask = values.repeat(24, axis=0).repeat(32, axis=1)
    found = tools.the(tools.checked(written([mask], suffix=".tif"), classes=CLASSES), kind)
    assert found.severity == "error"
    assert words in found.summary


def test_whole_numbers_of_32_bits_are_read_as_classes(tools: Tools, written: Written) -> None:
    mask = tools.areas([0, 1, 2]).astype(np.int32)
    findings = tools.checked(written([mask], suffix=".tif", split="train"), classes=CLASSES)
    assert tools.kinds(findings) == set()


def test_sixteen_bits_a_channel_are_told(tools: Tools, tmp_path: Path) -> None:
    tools.save(tmp_path / "images" / "0.png", tools.photo(0))
    (tmp_path / "masks").mkdir()
    deep = np.dstack([tools.areas([0, 1, 2]).astype(np.uint16)] * 3)
    cv2.imwrite(str(tmp_path / "masks" / "0.png"), deep)
    assert tools.the(tools.checked(tmp_path, classes=CLASSES), "deep_color").severity == "error"


def test_a_colour_mode_that_mixes_values_is_told(tools: Tools, written: Written) -> None:
    mask = Image.fromarray(painted(tools.areas([0, 1, 2]))).convert("CMYK")
    found = tools.the(tools.checked(written([mask], suffix=".tif")), "color_mode")
    assert "colour mode CMYK" in found.summary


def test_numbers_that_are_not_whole_leave_nothing_to_propose_or_to_count(
    tools: Tools, written: Written
) -> None:
    slope = np.linspace(0, 1, 64, dtype=np.float32)[None].repeat(48, axis=0)
    root = written([slope, slope], suffix=".tif", split="train")
    found = tools.the(tools.checked(root), "fractions")
    assert found.advice == (
        "Save the class numbers themselves, as 8-bit PNG; make classes of probabilities by a "
        "threshold."
    )
    assert found.count == 2
    assert tools.checked(root).labels is None
    # that some classes never occur is no news where masks are no class masks
    assert tools.kinds(tools.checked(root, classes=CLASSES)) == {"fractions"}


def test_one_mask_of_whole_floats_among_others_is_named(tools: Tools, written: Written) -> None:
    masks = [tools.areas([0, 1, 2], seed) for seed in range(2)]
    root = written([masks[0], masks[1].astype(np.float32)], suffix=".tif", split="train")
    findings = tools.checked(root, classes=CLASSES)
    found = tools.the(findings, "float_values")
    assert found.severity == "error"
    assert found.summary == "1 mask of 2 holds floating-point numbers, from 0 to 2."
    assert found.advice == (
        "Save the masks as whole numbers, for example as 8-bit PNG; a fixed copy does."
    )
    assert found.files == (str(root / "masks/train/1.tif"),)
    assert tools.kinds(findings) == {"float_values"}


# --- palettes that a program sorted for each file -----------------------------------------------


def sorted_anew(tools: Tools, written: Written) -> Path:
    masks = [
        indexed(tools.areas([0, 1, 2]), (0, 0, 0), RED, GREEN),
        indexed(tools.areas([0, 1, 2]), (0, 0, 0), GREEN, RED),
    ]
    return written(masks, split="train")


def test_a_palette_sorted_anew_is_told_and_its_colours_are_given(
    tools: Tools, written: Written
) -> None:
    root = sorted_anew(tools, written)
    found = tools.the(tools.checked(root, classes=CLASSES), "palette_varies")
    assert found.severity == "warning"
    assert found.summary == (
        "In 1 mask of 2 a palette index shows another colour than in the masks before, and the "
        "same 3 colours come back under other indices: a program sorted the palette of each file, "
        "so that colours tell the classes and indices do not."
    )
    advised = tools.advised(found)
    assert advised == {
        "classes": {"background": [0, 0, 0], "class_1": list(GREEN), "class_2": list(RED)}
    }
    assert tools.kinds(tools.checked(root, **advised)) == set()


def test_without_a_list_a_palette_sorted_anew_is_read_as_colours(
    tools: Tools, written: Written
) -> None:
    findings = tools.checked(sorted_anew(tools, written))
    found = tools.the(findings, "palette_varies")
    assert found.summary.endswith("indices do not; the proposed classes are colours.")
    assert findings.options == tools.advised(found)
    assert findings.labels.encoding == "color"


def test_two_palettes_side_by_side_stay_indices(tools: Tools, written: Written) -> None:
    masks = [
        indexed(tools.areas([0, 1, 2]), (0, 0, 0), RED, GREEN),
        indexed(tools.areas([0, 1, 2]), (0, 0, 0), (0, 0, 200), (200, 200, 30)),
    ]
    findings = tools.checked(written(masks))
    found = tools.the(findings, "palette_varies")
    assert "all masks together show 5 colours" in found.summary
    assert findings.labels.encoding == "index"


def test_all_masks_of_one_value_propose_nothing(tools: Tools, written: Written) -> None:
    findings = tools.checked(written([np.full((48, 64), 7, np.uint8)] * 2))
    found = tools.the(findings, "constant_masks")
    assert found.summary == ("All 2 masks hold nothing but the value 7 (100.0% of the pixels).")
    assert findings.labels is None
    assert findings.recipe_line is None


@pytest.mark.parametrize(
    ("number", "summary"),
    [(1, "1 mask of 3 holds a single value."), (2, "2 masks of 3 hold a single value.")],
)
def test_masks_of_a_single_value_agree_with_their_verb(
    tools: Tools, written: Written, number: int, summary: str
) -> None:
    flat = [np.full((48, 64), value, np.uint8) for value in range(number)]
    masks = [*flat, *(tools.areas([0, 1, 2], seed) for seed in range(3 - number))]
    found = tools.the(tools.checked(written(masks), classes=CLASSES), "constant_masks")
    assert found.summary == summary


@pytest.mark.parametrize(
    ("lossless", "with_exif", "is_told"),
    [(False, False, True), (False, True, True), (True, False, False), (True, True, False)],
)
def test_webp_masks_are_told_where_they_are_lossy(
    tools: Tools, written: Written, lossless: bool, with_exif: bool, is_told: bool
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "drawn by hand"  # it puts the picture behind a header of its own
    options = {"exif": exif} if with_exif else {}
    masks = [painted(tools.areas([0, 1, 2], seed)) for seed in range(2)]
    root = written(masks, suffix=".webp", split="train", lossless=lossless, **options)
    classes = {"none": [0, 0, 0], "road": list(RED), "car": list(GREEN)}
    findings = tools.checked(root, classes=classes)
    assert ("jpeg_mask" in tools.kinds(findings)) == is_told
    summaries = " ".join(problem.summary for problem in findings.problems)
    assert ("2 masks of 2 are saved as lossy WebP, which changes" in summaries) == is_told
