"""Masks whose values number single objects, or are no labels at all."""

from collections.abc import Mapping
from math import gcd

from tessella.check.evidence import Evidence, counted, value_problem
from tessella.check.findings import Problem
from tessella.check.proposal import AREA_RUN_PX
from tessella.check.smoothing import masks_smoothed, seams_of
from tessella.check.tally import ValueCount, mean_run_px
from tessella.labels import MAX_CLASSES

_MANY_INSTANCES, _FEWEST_MASKS, _MOST_OF_THEM = 8, 3, 0.9
_MANY_CODES = 6
_STEP = 100  # numbers of objects have no such step in common
_MANY, _MANY_LEVELS = 0.5, 64
_UNKNOWN_CODE = 0x0D0D0D  # of Stanford 2D-3D-S


def sixteen_bit(evidence: Evidence, strays: Mapping[int, ValueCount]) -> Problem | None:
    """Values over 255 that are no multiples of one step, as 0, 1000, 2000 and 0, 65535 are."""
    large = {value: count for value, count in strays.items() if value > 255}
    if not large or gcd(*evidence.table) >= _STEP:
        return None
    return value_problem(
        evidence,
        "ids_16_bit",
        large,
        summary=f"The masks hold {counted(len(large), 'value')} over 255, up to {max(large)}: "
        f"{evidence.show_some(large)}; numbers of single objects rather than classes.",
        advice="Take the masks of classes, if there are any (Cityscapes: labelIds in place of "
        "instanceIds); or list what each value means.",
    )


def numbered_objects(evidence: Evidence, strays: Mapping[int, ValueCount]) -> Problem | None:
    masks = [mask for _, mask in evidence.masks() if mask.form in ("grey", "palette")]
    filled = [mask.values for mask in masks if mask.values.highest > 0]
    counts = {values.highest for values in filled if values.is_counted_up}
    is_counted_up = sum(values.is_counted_up for values in filled) >= _MOST_OF_THEM * len(filled)
    if len(filled) < _FEWEST_MASKS or not is_counted_up or len(counts) < _FEWEST_MASKS:
        return None
    # a resize counts up too: it fills in whatever is between two classes
    if max(counts) < _MANY_INSTANCES or len(masks_smoothed(evidence)) > _MANY * len(masks):
        return None
    return value_problem(
        evidence,
        "instance_masks",
        strays,
        summary=f"In each mask the values count up from 1, to {min(counts):.0f} in one and "
        f"{max(counts):.0f} in another: the objects of each image are numbered.",
        advice="Export masks of classes; where all objects are of one class, set every value "
        "above 0 to 1.",
    )


def gradients(evidence: Evidence, strays: Mapping[int, ValueCount]) -> Problem | None:
    """Values that run from low to high without a seam: blurred masks, probabilities, depth."""
    number = sum(1 for _ in evidence.masks())
    if len(strays) <= _MANY_LEVELS or len(masks_smoothed(evidence)) <= _MANY * number:
        return None
    return value_problem(
        evidence,
        "not_class_masks",
        strays,
        summary=f"The masks hold {len(evidence.table)} different values that run smoothly from "
        f"{min(evidence.table)} to {max(evidence.table)}, as probabilities, depth and blurred "
        "masks do.",
        advice="Export masks of classes; make classes of probabilities by a threshold.",
    )


def photographs(evidence: Evidence, strays: Mapping[int, ValueCount]) -> Problem | None:
    if len(evidence.table) <= MAX_CLASSES or seams_of(evidence, strays):
        return None
    if mean_run_px(strays.values()) >= AREA_RUN_PX:
        return None
    return value_problem(
        evidence,
        "not_class_masks",
        strays,
        summary=f"The masks hold {len(evidence.table)} different values in specks of "
        f"{mean_run_px(strays.values()):.1f} pixels, as photographs, depth and noise do.",
        advice="Look whether images and masks are swapped, and export masks of classes.",
    )


def codes(evidence: Evidence, strays: Mapping[int, ValueCount]) -> Problem | None:
    is_coded = len(evidence.table) > MAX_CLASSES or _count_up_in_blue(strays)
    if not is_coded or mean_run_px(strays.values()) < AREA_RUN_PX:
        return None
    width = mean_run_px(strays.values())
    return value_problem(
        evidence,
        "codes_24bit",
        strays,
        summary=f"The masks hold {len(evidence.table)} colours in areas of {width:.0f} pixels "
        "and more: numbers of single objects in 24 bits rather than colours of classes.",
        advice="They need the table that says which number is which class (Stanford 2D-3D-S: "
        "semantic_labels.json).",
    )


def _count_up_in_blue(colors: Mapping[int, ValueCount]) -> bool:
    """Whether colours are numbers below 65536, so that none has any red: no palette is like it."""
    numbers = set(colors) - {0, _UNKNOWN_CODE}
    return len(numbers) >= _MANY_CODES and max(numbers) < 0x10000
