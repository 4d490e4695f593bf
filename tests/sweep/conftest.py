"""Sweeps that nobody trained: trials with figures written into their folders."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tessella.recipe import Recipe, read_recipe
from tessella.sweep.folder import SweepFolder, create_sweep
from tessella.sweep.settings import Settings, settings_for, write_settings
from tessella.sweep.trials import State, Trial, folder_name, write_trial
from tessella.train.history import EpochRow, write_history

RECIPE = """
name: small
data: {name: synthetic}
model: {name: plain_unet}
train: {epochs: 4}
"""


def small_recipe(*overrides: str) -> Recipe:
    """A recipe to be looked at, not to be trained."""
    return read_recipe(RECIPE, where="small", overrides=overrides)


def history_row(epoch: int, figure: float) -> EpochRow:
    """An epoch of two seconds with the same validation figure everywhere."""
    return EpochRow(epoch, 1.0, 0.1, 0.1, figure, figure, figure, figure, 1e-3, 2.0, 10.0)


class DrawnUp:
    """A sweep's folder that is filled by hand."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.settings = settings
        self.folder: SweepFolder = create_sweep(path)
        write_settings(self.folder.settings_file, settings)

    def add(
        self,
        number: int,
        values: Mapping[str, str],
        figures: Sequence[float],
        *,
        state: State = "done",
        reason: str = "",
    ) -> Trial:
        """A trial with these figures, one an epoch."""
        trial = Trial(number, values, folder_name(number, values), state, reason)
        write_trial(self.folder, trial)
        rows = [history_row(epoch, figure) for epoch, figure in enumerate(figures, start=1)]
        write_history(self.folder.path / trial.folder / "history.csv", rows)
        return trial


@pytest.fixture
def drawn_up(tmp_path: Path) -> Callable[..., DrawnUp]:
    """Makes a `DrawnUp` of words; overrides change the small recipe, which another may replace."""

    def make(
        words: Sequence[str], *overrides: str, recipe: Recipe | None = None, **options: Any
    ) -> DrawnUp:
        settings = settings_for(recipe or small_recipe(*overrides), words, **options)
        return DrawnUp(tmp_path / "drawn", settings)

    return make


@pytest.fixture
def small() -> Callable[..., Recipe]:
    """`small_recipe`, for tests that change it."""
    return small_recipe
