"""Values that number objects, judged on tallies alone; whole folders are in test_values.py."""

import pytest

from tessella.check.evidence import Evidence
from tessella.check.objects import codes, photographs, sixteen_bit
from tessella.check.tally import Tally, ValueCount
from tessella.labels import LabelMap


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
