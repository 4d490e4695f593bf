"""Ranks by hand."""

import math
from collections.abc import Callable

import pytest

from tessella.sweep.ranking import best_place, ranked, still_to_begin
from tessella.sweep.trials import read_trials

WORDS = ["optimizer.lr=1,2,3,4"]


def places(sweep) -> list:  # noqa: ANN001
    return ranked(read_trials(sweep.folder, monitor=sweep.settings.monitor), sweep.settings)


def test_the_best_epoch_counts_and_not_the_last(drawn_up: Callable) -> None:
    sweep = drawn_up(WORDS)
    sweep.add(1, {"optimizer.lr": "1"}, [0.3, 0.9, 0.1])
    sweep.add(2, {"optimizer.lr": "2"}, [0.4, 0.5, 0.6])
    assert [(place.values["optimizer.lr"], place.score) for place in places(sweep)] == [
        *(("1", 0.9), ("2", 0.6)),
    ]


def test_the_lowest_loss_is_first(drawn_up: Callable) -> None:
    sweep = drawn_up(WORDS, "train.monitor=loss")
    sweep.add(1, {"optimizer.lr": "1"}, [0.3, 0.9])
    sweep.add(2, {"optimizer.lr": "2"}, [0.4, 0.2])
    assert [place.score for place in places(sweep)] == [0.2, 0.3]


def test_what_went_to_its_end_comes_before_what_was_pruned_works_or_failed(
    drawn_up: Callable,
) -> None:
    sweep = drawn_up(WORDS)
    sweep.add(1, {"optimizer.lr": "1"}, [], state="failed")
    sweep.add(2, {"optimizer.lr": "2"}, [0.8], state="in work")
    sweep.add(3, {"optimizer.lr": "3"}, [0.9], state="pruned")
    sweep.add(4, {"optimizer.lr": "4"}, [0.1])
    found = places(sweep)
    assert [place.state for place in found] == ["done", "pruned", "in work", "failed"]
    assert best_place(found) is found[0]


def test_nothing_is_best_before_something_is_done(drawn_up: Callable) -> None:
    sweep = drawn_up(WORDS)
    assert best_place(places(sweep)) is None
    sweep.add(3, {"optimizer.lr": "3"}, [0.9], state="pruned")
    assert best_place(places(sweep)) is None


def test_equals_stay_in_the_order_of_their_beginning(drawn_up: Callable) -> None:
    sweep = drawn_up(WORDS)
    for number in (1, 2, 3):
        sweep.add(number, {"optimizer.lr": str(number)}, [0.5])
    assert [place.trials[0].trial.number for place in places(sweep)] == [1, 2, 3]


def add_seeds(sweep, lr: str, first: int, figures: list[float]) -> None:  # noqa: ANN001
    for seed, figure in enumerate(figures):
        sweep.add(first + seed, {"optimizer.lr": lr, "train.seed": str(seed)}, [figure])


def test_a_lucky_seed_does_not_win(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1,2", "train.seed=0,1,2"])
    add_seeds(sweep, "1", 1, [0.9, 0.1, 0.2])  # mean 0.4
    add_seeds(sweep, "2", 4, [0.5, 0.6, 0.7])  # mean 0.6
    first, second = places(sweep)
    assert (first.values, second.values) == ({"optimizer.lr": "2"}, {"optimizer.lr": "1"})
    assert first.score == pytest.approx(0.6)
    assert first.spread == pytest.approx(0.1)  # sqrt((0.01 + 0 + 0.01) / 2)
    assert second.spread == pytest.approx(math.sqrt((0.25 + 0.09 + 0.04) / 2))
    assert first.best is not None
    assert first.best.trial.number == 6


def test_a_combination_is_in_work_until_all_its_seeds_are_done(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1,2", "train.seed=0,1,2"])
    add_seeds(sweep, "1", 1, [0.3, 0.3, 0.3])
    add_seeds(sweep, "2", 4, [0.9, 0.9])
    assert [(place.state, place.values["optimizer.lr"]) for place in places(sweep)] == [
        *(("done", "1"), ("in work", "2")),
    ]


def test_the_other_seeds_of_what_was_pruned_are_left_out(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1,2,3", "train.seed=0,1"])
    sweep.add(1, {"optimizer.lr": "1", "train.seed": "0"}, [0.1], state="pruned")
    sweep.add(3, {"optimizer.lr": "2", "train.seed": "0"}, [0.3])
    tried = read_trials(sweep.folder, monitor="mean_iou")
    assert still_to_begin(tried, sweep.settings) == [4, 5, 6]
    assert [place.state for place in ranked(tried, sweep.settings)] == ["pruned", "in work"]
