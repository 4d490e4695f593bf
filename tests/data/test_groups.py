"""Groups by a pattern in the names."""

import pytest

from tessella.data.groups import groups_of
from tessella.errors import UsageError

NAMES = ["v1_001", "v1_002", "v2_001", "photo"]


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [
        (None, NAMES),
        (r"^v\d", ["v1", "v1", "v2", "photo"]),
        (r"^(v\d)_(\d+)", ["v1", "v1", "v2", "photo"]),
        (r"_(\d+)$|^photo$", ["001", "002", "001", "photo"]),  # brackets that match nothing
    ],
)
def test_what_a_pattern_matches_in_a_name_is_its_group(
    pattern: str | None, groups: list[str]
) -> None:
    assert groups_of(NAMES, pattern) == groups


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", r"group_pattern '\(': missing \)"),
        ("^video", r"matches none of the names \(v1_001, v1_002, v2_001, photo\); write what"),
    ],
)
def test_a_pattern_that_groups_nothing_is_wrong_usage(pattern: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        groups_of(NAMES, pattern)


def test_no_names_have_no_groups() -> None:
    assert groups_of([], "a") == []
