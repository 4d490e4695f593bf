"""A run that has begun, as every tracker finds it, and nobody's settings but the test's own."""

import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tessella.labels import LabelMap
from tessella.recipe import Recipe
from tessella.run import Run, create_run, write_beginnings
from tessella.train.history import EpochRow

ROWS = [
    EpochRow(
        epoch=epoch,
        train_loss=2.0 / epoch,
        train_mean_iou=0.125 * epoch,
        train_pixel_accuracy=0.75,
        # every second epoch is validated
        val_loss=1.0 if epoch % 2 else math.nan,
        val_mean_iou=0.0625 * epoch if epoch % 2 else math.nan,
        val_macro_f1=0.5 if epoch % 2 else math.nan,
        val_pixel_accuracy=0.25 if epoch % 2 else math.nan,
        learning_rate=0.001,
        seconds=12.5,
        images_per_second=30.0,
    )
    for epoch in range(1, 6)
]


@pytest.fixture(scope="session")
def rows() -> list[EpochRow]:
    """Five epochs; the second and fourth were not validated."""
    return ROWS


@pytest.fixture(autouse=True)
def _nobodys_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the environment, nor the home, nor the working folder of who runs the tests."""
    for key in [key for key in os.environ if key.startswith(("MLFLOW_", "WANDB_"))]:
        monkeypatch.delenv(key)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", str(home / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(home))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(home))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def tracked(recipe_of: Callable[..., Recipe]) -> Callable[..., Recipe]:
    """The tiny recipe with these trackers."""
    return lambda *names: recipe_of(f"train.trackers=[{','.join(names)}]", "about=what for")


@pytest.fixture
def begun(tracked: Callable[..., Recipe], tmp_path: Path) -> Run:
    """A run before its first epoch."""
    run = create_run(tmp_path / "runs" / "first")
    labels = LabelMap.from_names(["ground", "thing"])
    splits = {"train": ["a", "b"], "val": ["c"]}
    contents = {"train": "1111", "val": "2222"}
    write_beginnings(run, tracked(), labels, splits, device="cpu", contents=contents)
    return run
