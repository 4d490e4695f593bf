"""A run trained anew from its folder is the same run."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tessella.atomic import write_json
from tessella.errors import UsageError
from tessella.recipe import Recipe
from tessella.reproduce import Difference, Reproduction, reproduce
from tessella.run import Run
from tessella.train import resume, train

MakeRecipe = Callable[..., Recipe]

# dropout, mixing and an average of weights: all that draws or remembers
WORDS = (
    *("model.options={depth: 1, base_channels: 4, dropout: 0.3}", "augment.cutmix=0.5"),
    *("train.ema_decay=0.9", "schedule.name=cosine"),
)


@pytest.fixture(scope="module")
def run(recipe_of: MakeRecipe, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(recipe_of(*WORDS), out=tmp_path_factory.mktemp("first") / "run")


@pytest.fixture
def twin(run: Run, tmp_path: Path) -> Run:
    """A copy to be changed."""
    return Run(shutil.copytree(run.path, tmp_path / "twin"))


def test_a_run_is_the_same_bit_for_bit(run: Run, tmp_path: Path) -> None:
    found = reproduce(run.path, out=tmp_path / "again")
    assert found == Reproduction(tmp_path / "again", 2, None, 0.0, ())
    assert found.is_same
    assert "weights: the same, bit for bit" in found.text()


def test_a_run_that_was_made_longer_is_made_longer_again(
    recipe_of: MakeRecipe, tmp_path: Path
) -> None:
    """Its learning rates are not those of a run that was planned so long."""
    long = train(recipe_of(*WORDS), out=tmp_path / "run")
    resume(long.path, more_epochs=1)
    resume(long.path, more_epochs=2)
    found = reproduce(long.path, out=tmp_path / "again")
    assert (found.epochs, found.first, found.weights_apart) == (5, None, 0.0)
    part = reproduce(long.path, out=tmp_path / "part", epochs=3)
    assert (part.epochs, part.first, part.weights_apart) == (3, None, None)
    assert "weights: not compared, the run has more epochs" in part.text()


def test_the_first_figure_that_differs_is_told(twin: Run, tmp_path: Path) -> None:
    lines = twin.history_file.read_text().splitlines()
    cells = lines[2].split(",")
    cells[4] = "0.5"  # the validation loss of the second epoch
    twin.history_file.write_text("\n".join([*lines[:2], ",".join(cells)]) + "\n")
    found = reproduce(twin.path, out=tmp_path / "again")
    assert found.first is not None
    assert (found.first.epoch, found.first.figure, found.first.was) == (2, "val_loss", 0.5)
    assert not found.is_same
    assert "figures: differ from epoch 2 on: val_loss was 0.5, is " in found.text()


def test_what_changed_around_it_is_told(twin: Run, tmp_path: Path) -> None:
    environment = twin.environment()
    environment["versions"]["torch"] = "1.0"
    environment["processor"] = "another"
    environment["splits"]["train"]["content_sha256"] = "0" * 16
    write_json(twin.environment_file, environment)
    found = reproduce(twin.path, out=tmp_path / "again")
    now = Run(tmp_path / "again").environment()
    assert found.surroundings == (
        f"processor: another -> {now['processor']}",
        f"torch: 1.0 -> {now['versions']['torch']}",
        "the images or masks of the train split are others",
    )
    assert "changed since: torch: 1.0 -> " in found.text()


@pytest.mark.parametrize("epochs", [0, 3])
def test_epochs_that_it_has_not_cannot_be_compared(epochs: int, run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"has 2 trained epochs; {epochs} of them"):
        reproduce(run.path, out=tmp_path / "again", epochs=epochs)
    assert not (tmp_path / "again").exists()


def test_the_document_is_json() -> None:
    found = Reproduction(
        Path("x"), 2, Difference(1, "val_loss", 1.0, 2.0), math.inf, ("a: 1 -> 2",)
    )
    assert json.loads(json.dumps(found.document())) == {
        "run": "x",
        "epochs": 2,
        "is_same": False,
        "first_difference": {"epoch": 1, "figure": "val_loss", "was": 1.0, "now": 2.0},
        "weights_apart": "inf",
        "surroundings": ["a: 1 -> 2"],
    }
