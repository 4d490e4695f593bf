"""How problems are put into words."""

from pathlib import Path

import pytest

from tessella.check.evidence import Evidence, counted, problem, share
from tessella.check.tally import Tally
from tessella.data.pairs import Pair


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (1, "mask", "1 mask"),
        (2, "mask", "2 masks"),
        (3, "class", "3 classes"),
        (0, "pair", "0 pairs"),
    ],
)
def test_numbers_and_nouns_agree(number: int, noun: str, words: str) -> None:
    assert counted(number, noun) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [(0, 9, "0.0%"), (1, 4, "25.0%"), (1, 100_000, "under 0.1%"), (0, 0, "0.0%")],
)
def test_a_share_is_never_rounded_down_to_nothing(part: int, whole: int, words: str) -> None:
    assert share(part, whole) == words


def test_a_problem_names_the_first_files_and_counts_all() -> None:
    found = problem("bomb", "error", "s.", files=[str(i) for i in range(9)], advice="a.")
    assert found.files == ("0", "1", "2", "3", "4")
    assert found.count == 9


def test_splits_are_in_the_order_of_work() -> None:
    pair = Pair(Path("a.png"), None, "a", "a")
    pairs = [(split, pair) for split in ("extra", "val", "test", "train", "val")]
    evidence = Evidence(pairs=pairs, seen=(), tally=Tally(), labels=None, is_own_list=True)
    assert evidence.splits == ("train", "val", "test", "extra")


def test_bytes_that_are_no_text_are_shown_in_a_way_that_prints() -> None:
    name = b"gr\xfcn.png".decode("utf-8", "surrogateescape")
    found = problem("empty", "error", f"{name} is empty.", files=[name], advice=f"Copy {name}.")
    assert found.files == ("gr\\udcfcn.png",)
    assert (found.summary + found.advice).encode() == rb"gr\udcfcn.png is empty.Copy gr\udcfcn.png."
