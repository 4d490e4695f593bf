"""Which trial comes next."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

import pytest

from tessella.lock import locked
from tessella.sweep.taking import take, values_of
from tessella.sweep.trials import Trial, read_trial, read_trials, write_trial

WORDS = ["optimizer.lr=1,2", "augment.flip=0,1"]


def take_all(sweep) -> list[Trial]:  # noqa: ANN001
    """Every trial, each done at once."""
    trials = []
    while True:
        with ExitStack() as held:
            trial = take(sweep.folder, sweep.settings, held)
            if trial is None:
                return trials
            trials.append(trial)
            write_trial(sweep.folder, replace(trial, state="done"))


def test_a_grid_covers_all_combinations_once_in_order(drawn_up: Callable) -> None:
    trials = take_all(drawn_up(WORDS))
    assert [(trial.number, *trial.values.values()) for trial in trials] == [
        *((1, "1", "0"), (2, "1", "1"), (3, "2", "0"), (4, "2", "1")),
    ]


def test_each_combination_comes_with_every_seed_in_turn(drawn_up: Callable) -> None:
    trials = take_all(drawn_up(["train.seed=5..6", "optimizer.lr=1,2"]))
    assert [(t.values["optimizer.lr"], t.values["train.seed"]) for t in trials] == [
        *(("1", "5"), ("1", "6"), ("2", "5"), ("2", "6")),
    ]


def test_proposals_keep_to_their_combination_for_every_seed(drawn_up: Callable) -> None:
    sweep = drawn_up(["train.seed=0,1", "optimizer.lr=1e-4..1e-1"], trials=3)
    rates = [trial.values["optimizer.lr"] for trial in take_all(sweep)]
    assert len(rates) == 6
    assert rates[::2] == rates[1::2]
    assert len(set(rates)) == 3


def test_what_was_begun_and_left_comes_before_a_new_one(drawn_up: Callable) -> None:
    sweep = drawn_up(WORDS)
    values = {"optimizer.lr": "1", "augment.flip": "1"}
    left = sweep.add(2, values, [0.1], state="in work")
    with ExitStack() as held:
        assert take(sweep.folder, sweep.settings, held) == left


def test_what_another_holds_is_passed_over(drawn_up: Callable) -> None:
    sweep = drawn_up(WORDS)
    sweep.add(1, {"optimizer.lr": "1", "augment.flip": "0"}, [], state="in work")
    with locked(sweep.folder.trial_lock_file(1)), ExitStack() as held:
        trial = take(sweep.folder, sweep.settings, held)
    assert trial is not None
    assert trial.number == 2


def test_a_trial_is_held_until_it_is_let_go(drawn_up: Callable) -> None:
    sweep = drawn_up(WORDS)
    with ExitStack() as held:
        trial = take(sweep.folder, sweep.settings, held)
        assert trial is not None
        with locked(sweep.folder.trial_lock_file(trial.number)) as is_free:
            assert not is_free
    with locked(sweep.folder.trial_lock_file(trial.number)) as is_free:
        assert is_free


def test_a_deleted_record_is_made_anew(drawn_up: Callable) -> None:
    sweep = drawn_up(WORDS)
    take_all(sweep)
    sweep.folder.record_file(2).unlink()
    assert [trial.number for trial in take_all(sweep)] == [2]


@pytest.mark.parametrize(("has_recipe", "has_state", "deaths"), [(0, 0, 0), (1, 0, 1), (1, 1, 0)])
def test_a_process_that_vanished_before_anything_was_saved_counts(
    drawn_up: Callable, has_recipe: int, has_state: int, deaths: int
) -> None:
    sweep = drawn_up(WORDS)
    left = sweep.add(1, {"optimizer.lr": "1", "augment.flip": "0"}, [], state="in work")
    run = sweep.folder.path / left.folder
    (run / "checkpoints").mkdir()
    if has_recipe:
        (run / "recipe.yaml").touch()
    if has_state:
        (run / "checkpoints" / "last.pt").touch()
    with ExitStack() as held:
        take(sweep.folder, sweep.settings, held)
    assert read_trial(sweep.folder, 1).deaths == deaths


def test_what_is_proposed_follows_from_the_trials_before(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1e-4..1e-1"], trials=9)
    take_all(sweep)
    tried = read_trials(sweep.folder, monitor="mean_iou")
    for number in (1, 5, 9):
        assert (
            values_of(number, tried[: number - 1], sweep.settings) == tried[number - 1].trial.values
        )
