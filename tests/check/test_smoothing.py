"""Seams of smoothing among values that nobody listed; whole folders are in test_values.py."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from tessella.check.evidence import Evidence
from tessella.check.smoothing import seams_of
from tessella.check.tally import Tally, ValueCount
from tessella.labels import LabelMap

Tools = Any
Written = Any

AREA = ValueCount(pixels=5000, runs=100, files=1)  # 50 pixels a stretch
SPECK = ValueCount(pixels=20, runs=15, files=1)
PATCH = ValueCount(pixels=300, runs=30, files=1)


def seams_among(strays: dict[int, ValueCount]) -> list[int]:
    evidence = Evidence(
        pairs=(),
        seen=(),
        tally=Tally(numbers={0: AREA, 200: AREA, **strays}),
        labels=LabelMap.from_values({"none": [0], "road": [200]}),
        is_own_list=True,
    )
    return seams_of(evidence, strays)


@pytest.mark.parametrize(
    ("strays", "seams"),
    [
        ({50: SPECK, 100: SPECK, 150: SPECK}, [50, 100, 150]),
        ({50: SPECK, 100: SPECK, 150: SPECK, 90: PATCH}, [50, 100, 150]),
        ({50: SPECK, 100: SPECK}, []),  # two could be classes that were forgotten
        ({50: PATCH, 100: PATCH, 150: PATCH}, []),  # areas
        ({50: SPECK, 60: PATCH, 70: PATCH, 80: PATCH, 90: PATCH, 95: SPECK, 97: SPECK}, []),
    ],
)
def test_specks_are_seams_where_most_strays_are_specks(
    strays: dict[int, ValueCount], seams: list[int]
) -> None:
    assert seams_among(strays) == seams


def test_the_masks_that_were_smoothed_are_told_apart_from_clean_ones(
    tools: Tools, written: Written
) -> None:
    picture = Image.fromarray(tools.areas([0, 20, 9, 14]))
    smooth = np.asarray(picture.resize((256, 192), Image.Resampling.BILINEAR))
    root = written([np.asarray(picture), smooth, tools.areas([0, 9, 14, 20])], split="train")
    findings = tools.checked(root, classes=[f"class {index}" for index in range(21)])
    found = tools.the(findings, "blended_mask")
    assert found.severity == "warning"
    assert found.summary.startswith("In 1 mask the seams between classes are full of values")
    assert found.files == (str(root / "masks/train/1.png"),)


def test_smoothed_grey_saved_as_rgb_is_smoothed_too(tools: Tools, written: Written) -> None:
    picture = Image.fromarray(tools.areas([0, 20, 9, 14]))
    smooth = picture.resize((256, 192), Image.Resampling.BILINEAR).convert("RGB")
    root = written([np.asarray(smooth)], split="train")
    findings = tools.checked(root, classes=[f"class {index}" for index in range(21)])
    assert {"blended_mask", "gray_saved_as_rgb"} <= tools.kinds(findings)


def test_seams_between_colours_are_counted_as_colours(tools: Tools, written: Written) -> None:
    mask = np.zeros((48, 64, 3), np.uint8)
    mask[:, 32:] = (200, 30, 30)
    for step in range(1, 5):  # in rows of their own
        mask[10 * step, 32] = (40 * step, 6 * step, 6 * step)
    classes = {"none": [0, 0, 0], "red": [200, 30, 30]}
    found = tools.the(tools.checked(written([mask]), classes=classes), "blended_mask")
    assert found.summary.startswith(
        "Beside (0, 0, 0), (200, 30, 30) the masks hold 4 colours in seams a pixel or two wide"
    )
