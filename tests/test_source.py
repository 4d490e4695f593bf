"""A source opens one split, or all that are there."""

from pathlib import Path

import pytest

from tessella.data.synthetic.scenes import read_drawn_scenes
from tessella.errors import UsageError
from tessella.source import Source, find_entry


def test_a_split_is_opened_with_the_options() -> None:
    assert len(Source("synthetic", options={"count": 5}).open("val")) == 5


def test_an_unknown_option_is_named_with_the_closest_known_one() -> None:
    with pytest.raises(UsageError, match=r"data\.options\.cuont: .*'count'"):
        Source("synthetic", options={"cuont": 5}).open("val")


def test_an_unknown_data_set_is_named_with_the_closest_known_one() -> None:
    with pytest.raises(UsageError, match="no data set is called 'camvit'.*'camvid'"):
        Source("camvit").open("val")


def test_all_splits_come_in_order() -> None:
    assert list(Source("synthetic", options={"count": 2}).open_all()) == ["train", "val", "test"]


def test_a_split_that_is_not_there_is_left_out_of_all(tmp_path: Path) -> None:
    for folder in ("train", "trainannot"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a_1.png").write_bytes(b"named, not read")
    assert list(Source("camvid", tmp_path).open_all()) == ["train"]


def test_where_no_split_is_there_the_first_failure_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folders train/ and trainannot/"):
        Source("camvid", tmp_path).open_all()


def test_a_function_of_ones_own_is_a_data_set() -> None:
    entry = find_entry("tessella.data.synthetic.scenes:read_drawn_scenes")
    assert entry.read is read_drawn_scenes
    assert entry.splits == ("train", "val", "test")
