"""Seams of smoothing among values that nobody listed; whole folders are in test_values.py."""

import pytest

from tessella.check.evidence import Evidence
from tessella.check.smoothing import seams_of
from tessella.check.tally import Tally, ValueCount
from tessella.labels import LabelMap

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
