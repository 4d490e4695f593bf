"""Limits are numbers above zero, with defaults that stand in the documentation."""

import math

import pytest

from tessella.errors import UsageError
from tessella.serve.limits import Limits


def test_the_defaults_are_those_of_the_command_line() -> None:
    limits = Limits()
    assert (limits.max_bytes, limits.max_pixels) == (25_000_000, 50_000_000)
    assert (limits.queue_length, limits.max_requests, limits.max_batch) == (64, 128, 8)
    assert (limits.request_seconds, limits.batch_wait_seconds) == (30, 0.005)


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_what_is_no_limit_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match="max_bytes is .*; expected more than 0"):
        Limits(max_bytes=value)  # type: ignore[arg-type]


def test_a_batch_may_wait_for_nobody() -> None:
    assert Limits(batch_wait_seconds=0).batch_wait_seconds == 0


def test_a_batch_cannot_wait_less_than_nothing() -> None:
    with pytest.raises(UsageError, match="batch_wait_seconds is -1; expected 0 or more"):
        Limits(batch_wait_seconds=-1)


def test_one_request_never_exceeds_what_all_may_hold() -> None:
    limits = Limits(max_pixels=10, max_bytes=10)
    assert limits.held_pixels >= limits.max_pixels
    assert limits.held_bytes >= limits.max_bytes


def test_images_larger_than_any_that_is_read_cannot_be_allowed() -> None:
    assert Limits(max_pixels=178_956_970).max_pixels == 178_956_970
    with pytest.raises(UsageError, match="no more than 178956970 are ever read"):
        Limits(max_pixels=178_956_971)
