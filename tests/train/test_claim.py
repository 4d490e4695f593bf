"""A run folder is one training's at a time, from before anything takes long."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tessella.errors import UsageError
from tessella.lock import locked
from tessella.recipe import Recipe
from tessella.run import Run
from tessella.train import loop, resume, train
from tessella.train.claim import claimed, new_run


def fail(run: Run, *files: Path) -> None:
    """In a new run, after the files were made."""
    with new_run(run, is_first=True):
        assert run.lock_file.exists()
        for file in files:
            file.touch()
        raise RuntimeError


def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        fail(Run(tmp_path / "run"))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        fail(Run(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_run_that_was_begun_stays(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    with pytest.raises(RuntimeError):
        fail(run, run.recipe_file)
    assert run.recipe_file.exists()


def test_a_process_that_does_not_write_makes_and_locks_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    with new_run(run, is_first=False), claimed(run, is_first=False):
        assert not run.path.exists()


def test_another_training_is_kept_out(tmp_path: Path) -> None:
    run = Run(tmp_path)
    training = "another process is training"
    with (
        locked(run.lock_file),
        pytest.raises(UsageError, match=training),
        claimed(run, is_first=True),
    ):
        pass


def test_what_a_running_training_is_writing_is_not_swept_away(tmp_path: Path) -> None:
    run = Run(tmp_path)
    half = tmp_path / ".history.csv.0a1b2c3d.partial"
    half.touch()
    with locked(run.lock_file), pytest.raises(UsageError, match="another process"):
        fail(run)
    assert half.exists()


def test_a_folder_with_something_in_it_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(UsageError, match="is not empty"):
        fail(Run(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_what_is_in_the_way_is_told_before_the_data_is_read(
    tiny_run: Run,
    tmp_path: Path,
    recipe_of: Callable[..., Recipe],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read(_recipe: Recipe) -> None:
        raise AssertionError

    monkeypatch.setattr(loop, "open_splits", read)
    with pytest.raises(UsageError, match="is not empty"):
        train(recipe_of(), out=tiny_run.path)
    with locked(tiny_run.lock_file), pytest.raises(UsageError, match="another process"):
        resume(tiny_run.path)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        train(recipe_of(), out=tmp_path / "file" / "run")
