"""The table of trackers: each can be named in a recipe, and is loaded only when it is used."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from tessella.recipe_parts import TrainRecipe
from tessella.train.trackers import TRACKERS, TrackerEntry, require_trackers


def test_a_recipe_can_name_exactly_those_of_the_table() -> None:
    allowed = get_args(get_args(TrainRecipe.model_fields["trackers"].annotation)[0])
    assert sorted(allowed) == sorted(TRACKERS)


def test_each_is_installed_where_the_tests_run() -> None:
    require_trackers(TRACKERS)


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "no_such_library").mkdir()  # a folder beside the runs is no library
    monkeypatch.syspath_prepend(tmp_path)
    table = {"other": TrackerEntry("", "no_such_library", "to_other", {})}
    monkeypatch.setattr("tessella.train.trackers.TRACKERS", table)
    with pytest.raises(ModuleNotFoundError) as caught:
        require_trackers(["other"])
    assert caught.value.name == "no_such_library"


def test_training_without_trackers_loads_no_library_of_theirs() -> None:
    code = "import sys, tessella.train, tessella.train.trackers.patient; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {entry.library for entry in TRACKERS.values()}
