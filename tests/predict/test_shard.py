"""Shards share a list out: nothing is left and nothing comes twice."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessella.errors import UsageError
from tessella.predict.shard import Shard, parse_shard

COUNTS = st.integers(1, 40)
LENGTHS = st.integers(0, 300)


@given(COUNTS, LENGTHS)
def test_the_shards_hold_every_item_once(count: int, length: int) -> None:
    parts = [list(Shard(index, count).of(range(length))) for index in range(count)]
    assert sorted(item for part in parts for item in part) == list(range(length))


@given(COUNTS, LENGTHS)
def test_shards_differ_by_one_item_at_most_and_say_their_size(count: int, length: int) -> None:
    parts = [Shard(index, count) for index in range(count)]
    sizes = [len(list(part.of(range(length)))) for part in parts]
    assert sizes == [part.size(length) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_neighbours_go_to_different_shards_in_order() -> None:
    assert list(Shard(1, 3).of("abcdefgh")) == ["b", "e", "h"]


def test_the_words_of_the_command_line_are_read_back() -> None:
    assert parse_shard(str(Shard(2, 16))) == Shard(2, 16)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3/3", "shards count from 0, so those of 3 are 0/3 to 2/3"),
        ("0/0", "there are no shards of 0; the only one of 1 is 0/1"),
        ("/4", "expected i/n, as in 0/4, the first of four; is a variable empty?"),
        ("1", "expected i/n"),
        ("-1/4", "expected i/n"),
        ("1/4/2", "expected i/n"),
        ("a/b", "expected i/n"),
        ("\u0661/4", "expected i/n"),
    ],
)
def test_what_is_no_shard_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(f"--shard {text}: {message}")):
        parse_shard(text)
