"""A few of many, evenly, both ends included."""

import pytest

from tessella.data.spread import spread


@pytest.mark.parametrize(
    ("length", "count", "expected"),
    [(10, 4, [0, 3, 6, 9]), (3, 8, [0, 1, 2]), (5, 1, [0]), (0, 4, []), (101, 2, [0, 100])],
)
def test_indices_are_even_and_never_twice(length: int, count: int, expected: list[int]) -> None:
    assert spread(length, count) == expected
