"""The verb: files written whole, the splits asked for, and wrong usage told before any work."""

import json
from pathlib import Path

import pytest

from tessella.errors import UsageError
from tessella.source import Source
from tessella.stats.stats import stats

DRAWN = Source("synthetic", options={"count": 3, "height": 32, "width": 48})


def test_a_page_and_a_file_of_numbers_are_written(tmp_path: Path) -> None:
    found = stats(DRAWN, out=tmp_path / "new/folder")
    written = sorted(path.name for path in (tmp_path / "new/folder").iterdir())
    assert written == ["stats.html", "stats.json"]
    numbers = json.loads((tmp_path / "new/folder/stats.json").read_text(encoding="utf-8"))
    assert numbers == json.loads(json.dumps(found.document()))


def test_all_splits_are_measured_unless_told_otherwise(tmp_path: Path) -> None:
    assert list(stats(DRAWN, out=tmp_path).splits) == ["train", "val", "test"]


def test_the_splits_asked_for_are_measured(tmp_path: Path) -> None:
    assert list(stats(DRAWN, out=tmp_path, splits=["test", "train"]).splits) == ["test", "train"]


@pytest.mark.parametrize(
    ("name", "title"), [("drawn", "<h1>synthetic: drawn</h1>"), ("synthetic", "<h1>synthetic</h1>")]
)
def test_the_title_names_the_data_set_and_its_folder(tmp_path: Path, name: str, title: str) -> None:
    (tmp_path / name).mkdir()
    stats(Source("synthetic", tmp_path / name, {"count": 1}), out=tmp_path, splits=["val"])
    assert title in (tmp_path / "stats.html").read_text(encoding="utf-8")


def test_a_file_in_place_of_the_folder_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(UsageError, match="taken: is a file; the statistics need a folder"):
        stats(DRAWN, out=tmp_path / "taken")


def test_an_unknown_split_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'vla'; did you mean 'val'"):
        stats(DRAWN, out=tmp_path, splits=["vla"])
