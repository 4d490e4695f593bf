"""What training says."""

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tessella.progress import silently
from tessella.recipe import Recipe
from tessella.train.history import EpochRow
from tessella.train.messages import announce, report, stopped
from tessella.train.part import Part
from tessella.train.setup import Setup, open_splits, set_up

ROW = EpochRow(2, 0.5, 0.4, 0.6, 0.7, 0.8, 0.75, 0.9, 1e-3, 12.34, 56.7)


@pytest.fixture(scope="module")
def setup(recipe_of: Callable[..., Recipe]) -> Setup:
    recipe = recipe_of("train.epochs=5")
    return set_up(recipe, open_splits(recipe), track=silently)


@pytest.fixture
def _heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="tessella")


@pytest.mark.usefixtures("_heard")
def test_the_beginning_says_what_is_trained_on_what(
    setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    announce(setup)
    assert "tiny: 8 training and 8 validation images, 8 classes; " in caplog.text
    assert "parameters are trained, fp32 on cpu" in caplog.text


@pytest.mark.usefixtures("_heard")
def test_an_epoch_without_validation_has_no_figures_of_one(
    setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    report(setup, ROW, is_validated=True, is_best=True)
    report(setup, ROW, is_validated=False, is_best=False)
    assert caplog.messages == [
        "epoch 2/5: loss 0.500, validation loss 0.700, mean IoU 0.800 (best); 12.3 s, 57 images/s",
        "epoch 2/5: loss 0.500; 12.3 s, 57 images/s",
    ]


def test_being_stopped_says_where_and_how_to_go_on(setup: Setup) -> None:
    state = replace(setup.state, rows=[ROW], part=Part(3, {}))
    error = stopped(setup._replace(state=state), Path("my runs/a"), signal.SIGTERM)
    assert str(error) == (
        "stopped by SIGTERM after epoch 1 of 5 and 3 steps of the next; nothing is lost, go on by: "
        "tessella train --resume 'my runs/a'"
    )
    assert error.number == signal.SIGTERM
