"""Shares of a team."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import pytest

from tessella.team import ALONE, share_of

T = TypeVar("T")


@dataclass
class Member:
    """One of several, in touch with nobody."""

    index: int
    count: int

    def gather(self, mine: T) -> Sequence[T]:
        raise NotImplementedError


def test_who_is_alone_has_all_and_gathers_its_own() -> None:
    assert list(share_of(ALONE, 3)) == [0, 1, 2]
    assert ALONE.gather("a") == ("a",)


@pytest.mark.parametrize(
    ("length", "sizes"), [(15, [7, 8]), (15, [3, 4, 4, 4]), (2, [0, 1, 1]), (0, [0, 0])]
)
def test_each_index_is_in_one_share_however_many_there_are(length: int, sizes: list[int]) -> None:
    """S3: a sampler that pads counts 15 images as 16."""
    shares = [share_of(Member(i, len(sizes)), length) for i in range(len(sizes))]
    assert [len(share) for share in shares] == sizes
    assert [index for share in shares for index in share] == list(range(length))
