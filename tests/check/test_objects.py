"""Values that number objects or run without a seam; whole folders are in test_values.py."""

from typing import Any

import numpy as np
import pytest

from tessella.check.evidence import Evidence
from tessella.check.objects import codes, photographs, sixteen_bit
from tessella.check.tally import Tally, ValueCount
from tessella.labels import LabelMap

Tools = Any
Written = Any


def evidence_of(values: dict[int, ValueCount], *, colors: bool = False) -> Evidence:
    tally = Tally(colors=values) if colors else Tally(numbers=values)
    labels = LabelMap.from_colors({"none": (0, 0, 0)}) if colors else LabelMap.from_names(["none"])
    return Evidence(pairs=(), seen=(), tally=tally, labels=labels, is_own_list=True)


def counts(number: int, *, run_px: int, step: int = 1) -> dict[int, ValueCount]:
    return {step * value: ValueCount(10 * run_px, 10, 1) for value in range(number)}


@pytest.mark.parametrize(
    ("number", "run_px", "kind"),
    [(254, 9, None), (300, 9, "codes_24bit"), (300, 1, "not_class_masks"), (254, 1, None)],
)
def test_over_254_colours_are_codes_in_areas_and_photographs_in_specks(
    number: int, run_px: int, kind: str | None
) -> None:
    table = counts(number, run_px=run_px, step=70_000 // 3)
    evidence = evidence_of(table, colors=True)
    found = codes(evidence, table) or photographs(evidence, table)
    assert (found and found.kind) == kind


def test_values_up_to_255_are_no_ids_of_objects() -> None:
    table = counts(256, run_px=9)
    assert sixteen_bit(evidence_of(table), table) is None


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1000, 2000], None),  # classes with a step
        ([0, 65535], None),
        ([0, 257, 514], None),  # 8 bits spread over 16
        ([7, 11, 26000, 26001], "ids_16_bit"),  # Cityscapes' instanceIds
        ([0, 1001, 1002], "ids_16_bit"),
    ],
)
def test_large_values_are_numbers_of_objects_unless_they_share_a_step(
    values: list[int], kind: str | None
) -> None:
    table = {value: ValueCount(500, 10, 1) for value in values}
    found = sixteen_bit(evidence_of(table), table)
    assert (found and found.kind) == kind


# --- values that run without a seam -------------------------------------------------------------


def sloped(number: int, *, seed: int = 0) -> np.ndarray:
    """Plateaus of 5 pixels with one pixel of the value between them, over 0..number-1 and back.

    Each value is a plateau in some rows and a step in others, so that none is thin on the whole.
    """
    heights = np.arange(0, number, 2)
    up = np.stack([heights.repeat(6), (heights + 1).repeat(6)])
    up[0, 5::6], up[1, 5::6] = heights + 1, np.minimum(heights + 2, number - 1)
    return np.roll(up.repeat(24, axis=0), seed, axis=0).astype(np.uint8)


@pytest.mark.parametrize("classes", [None, ["none", "road", "car"]])
def test_values_that_run_smoothly_from_low_to_high_are_no_classes(
    tools: Tools, written: Written, classes: list[str] | None
) -> None:
    root = written([sloped(200, seed=seed) for seed in range(3)])
    findings = tools.checked(root, **({"classes": classes} if classes else {}))
    found = tools.the(findings, "not_class_masks")
    assert found.severity == "error"
    assert found.summary == (
        "The masks hold 200 different values that run smoothly from 0 to 199, as probabilities, "
        "depth and blurred masks do."
    )
    assert found.advice == (
        "Export masks of classes; make classes of probabilities by a threshold."
    )
    assert findings.is_proposed is False


@pytest.mark.parametrize("number", [40, 150, 200])
def test_classes_that_count_up_without_seams_are_no_slope(
    tools: Tools, written: Written, number: int
) -> None:
    bars = np.arange(number, dtype=np.uint8).repeat(4)[None].repeat(24, axis=0)
    names = [f"class {index}" for index in range(number)]
    root = written([bars, bars.T.copy()], split="train")
    assert tools.kinds(tools.checked(root, classes=names)) == set()
    assert tools.kinds(tools.checked(root)) == set()


def test_a_resize_of_many_classes_is_told_as_a_resize(tools: Tools, written: Written) -> None:
    # all values are listed: they may be right, but the seams between classes are not
    names = [f"class {index}" for index in range(200)]
    root = written([sloped(200)], split="train")
    assert tools.kinds(tools.checked(root, classes=names)) == {"blended_mask"}


@pytest.mark.parametrize(("number", "is_told"), [(66, False), (68, True)])
def test_a_slope_of_64_unlisted_values_may_still_be_classes(
    tools: Tools, written: Written, number: int, is_told: bool
) -> None:
    root = written([sloped(number, seed=seed) for seed in range(3)])
    findings = tools.checked(root, classes=["none", "road", "car"])  # three of them are listed
    assert ("not_class_masks" in tools.kinds(findings)) == is_told
