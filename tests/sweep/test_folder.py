"""The places of a sweep, and who may take them."""

from pathlib import Path

import pytest

from tessella.errors import UsageError
from tessella.sweep.folder import create_sweep, open_sweep, refuse_taken


def test_a_new_folder_is_made(tmp_path: Path) -> None:
    assert create_sweep(tmp_path / "a" / "b").records.is_dir()


@pytest.mark.parametrize("name", ["sweep.yaml", "trial-001", "mine.txt"])
def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(UsageError, match="is not empty; choose another --out"):
        refuse_taken(tmp_path)


def test_a_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is not empty"):
        create_sweep(tmp_path / "file")


def test_what_a_process_left_that_was_killed_in_this_place_is_no_sweep(tmp_path: Path) -> None:
    create_sweep(tmp_path / "s")
    (tmp_path / "s" / ".sweep.yaml.12345678.partial").write_text("")
    create_sweep(tmp_path / "s")
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["trials"]


def test_a_folder_without_settings_is_no_sweep(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no sweep"):
        open_sweep(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        open_sweep(tmp_path / "absent")
