"""What is remembered of a trial."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from tessella.sweep.trials import (
    Tried,
    folder_name,
    look_at,
    read_trial,
    read_trials,
    short_names,
    write_trial,
)

LR = {"optimizer.lr": "1e-3"}


def test_a_trial_is_read_as_it_was_written(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1e-3,1e-2"])
    trial = sweep.add(1, LR, [0.1], state="failed", reason="the loss became nan")
    assert read_trial(sweep.folder, 1) == trial


def test_trials_come_in_the_order_of_their_numbers(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1e-3,1e-2"])
    for number in (1000, 2, 11):
        sweep.add(number, LR, [0.1])
    tried = read_trials(sweep.folder, monitor="mean_iou")
    assert [one.trial.number for one in tried] == [2, 11, 1000]


def test_figures_are_those_of_the_validated_epochs(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1e-3,1e-2"])
    sweep.add(1, LR, [math.nan, 0.2, math.nan, 0.4])
    (one,) = read_trials(sweep.folder, monitor="mean_iou")
    assert (one.scores, one.epochs, one.seconds) == ({2: 0.2, 4: 0.4}, 4, 8.0)


def test_a_trial_without_a_run_has_no_figures(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1e-3,1e-2"])
    trial = sweep.add(1, LR, [])
    (sweep.folder.path / trial.folder / "history.csv").unlink()
    one = look_at(sweep.folder, trial, monitor="loss")
    assert (one.scores, one.epochs) == ({}, 0)


def test_epochs_after_a_trial_was_pruned_do_not_count(drawn_up: Callable) -> None:
    """A run that was killed before it was judged may have trained one epoch more."""
    sweep = drawn_up(["optimizer.lr=1e-3,1e-2"])
    trial = replace(sweep.add(1, LR, [0.1, 0.2, 0.9], state="pruned"), last_epoch=2)
    write_trial(sweep.folder, trial)
    (one,) = read_trials(sweep.folder, monitor="mean_iou")
    assert (one.scores, one.epochs, one.seconds) == ({1: 0.1, 2: 0.2}, 2, 4.0)


@pytest.mark.parametrize(
    ("scores", "higher_is_better", "best"),
    [
        ({1: 0.2, 2: 0.4, 3: 0.4}, True, (2, 0.4)),
        ({1: 0.2, 2: 0.1, 3: 0.1}, False, (2, 0.1)),
        ({}, True, None),
    ],
)
def test_the_first_of_equal_epochs_is_the_best(
    drawn_up: Callable,
    scores: dict[int, float],
    higher_is_better: bool,
    best: tuple[int, float] | None,
) -> None:
    sweep = drawn_up(["optimizer.lr=1e-3,1e-2"])
    one = look_at(sweep.folder, sweep.add(1, LR, []), monitor="loss")
    changed = Tried(one.trial, one.run, scores, 3, 1.0)
    assert changed.best(higher_is_better=higher_is_better) == best


@pytest.mark.parametrize("content", ["{", "[]", '{"number": 1}', '{"number": 1, "x": 2}'])
def test_a_damaged_record_is_named(drawn_up: Callable, content: str) -> None:
    sweep = drawn_up(["optimizer.lr=1e-3,1e-2"])
    sweep.folder.record_file(1).write_text(content)
    with pytest.raises(ValueError, match=r"001\.json: not what a sweep writes .* made anew"):
        read_trials(sweep.folder, monitor="mean_iou")


def test_a_history_without_the_figure_is_named(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1e-3,1e-2"])
    trial = sweep.add(1, LR, [])
    (sweep.folder.path / trial.folder / "history.csv").write_text("epoch,seconds\n1,2\n")
    with pytest.raises(ValueError, match=r"history\.csv: has no column 'val_mean_iou'"):
        read_trials(sweep.folder, monitor="mean_iou")


def test_names_are_as_short_as_tells_them_apart() -> None:
    assert short_names(["optimizer.lr", "model.name", "loss.name", "name"]) == {
        "optimizer.lr": "lr",
        "model.name": "model.name",
        "loss.name": "loss.name",
        "name": "name",
    }
    assert short_names(["loss.options.gamma", "schedule.gamma"]) == {
        "loss.options.gamma": "options.gamma",
        "schedule.gamma": "schedule.gamma",
    }


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"optimizer.lr": "1e-3"}, "trial-003-lr1e-3"),
        ({"augment.crop": "[64, 64]", "train.seed": "1"}, "trial-003-crop-64-64-seed1"),
        ({"model.weights": "../a b/ü.pth"}, "trial-003-weights..-a-b-.pth"),
        ({"a.b": "x" * 300}, "trial-003-b" + "x" * 59),
        ({"a.b": "null..."}, "trial-003-bnull"),
    ],
)
def test_a_folder_is_named_by_values_that_every_file_system_takes(
    values: dict[str, str], name: str
) -> None:
    assert folder_name(3, values) == name
