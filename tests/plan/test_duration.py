"""Lengths of time and memory as people write and read them."""

import pytest

from tessella.errors import UsageError
from tessella.plan.duration import gigabytes, seconds_in, spoken


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("10m", 600),
        ("10 min", 600),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1.5H", 5400),
        ("1d", 86400),
    ],
)
def test_a_length_of_time_is_a_number_with_its_unit(text: str, seconds: float) -> None:
    assert seconds_in(text) == seconds


@pytest.mark.parametrize("text", ["10", "", "m", "-5m", "ten minutes", "10m left", "0s", "1h30"])
def test_what_is_no_length_of_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no length of time; write a number .* 10m, 2h or"):
        seconds_in(text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"),
        (9.96, "10 s"),
        (42.4, "42 s"),
        (100, "1.7 min"),
        (1020, "17 min"),
        (9000, "2.5 h"),
        (260_000, "3.0 days"),
    ],
)
def test_time_is_told_in_the_unit_that_a_person_would_use(seconds: float, text: str) -> None:
    assert spoken(seconds) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [(350e6, "0.35 GB"), (1.94e9, "1.9 GB"), (23.6e9, "24 GB"), (996e6, "1.0 GB")],
)
def test_memory_is_told_in_gigabytes(amount: float, text: str) -> None:
    assert gigabytes(amount) == text
