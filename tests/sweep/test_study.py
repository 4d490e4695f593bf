"""What Optuna proposes and prunes; median and extremes by hand."""

import math

import pytest

from tessella.sweep.space import Range, parse_space
from tessella.sweep.study import FIRST_TRIALS, Told, is_hopeless, propose


def proposals(words: list[str], count: int, *, seed: int = 0, known: int = 0) -> list[Told]:
    """Combinations in their order, the better the nearer a is to 0.003; b should be y."""
    space = parse_space(words)
    told: list[Told] = []
    for index in range(count):
        values = propose(
            space, told, index=index, combinations=count, seed=seed, higher_is_better=True
        )
        score = -abs(math.log10(float(values.get("a", 1))) + 2.5) - 0.5 * (values.get("b") != "y")
        told.append(Told(values, "done", score))
    return told[known:]


WORDS = ["a=1e-5..1.0", "b=x,y,z"]


def test_the_same_seed_proposes_the_same() -> None:
    assert proposals(WORDS, 15, seed=3) == proposals(WORDS, 15, seed=3)
    assert proposals(WORDS, 15, seed=3) != proposals(WORDS, 15, seed=4)


def test_a_proposal_follows_from_those_before_alone() -> None:
    """However many were made by this process: a sweep that was killed loses none of them."""
    told = proposals(WORDS, 15)
    for index in (4, 14):
        again = propose(
            parse_space(WORDS),
            told[:index],
            index=index,
            combinations=15,
            seed=0,
            higher_is_better=True,
        )
        assert again == told[index].values


def test_proposals_lie_in_their_ranges() -> None:
    for told in proposals([*WORDS, "c=2..5"], 20):
        assert 1e-5 <= float(told.values["a"]) <= 1
        assert told.values["b"] in ("x", "y", "z")
        assert told.values["c"] in ("2", "3", "4", "5")


def test_later_proposals_are_better_than_the_first_random_ones() -> None:
    scores = [[told.score for told in proposals(WORDS, 30, seed=seed)] for seed in range(5)]
    first = [sum(each[:10]) for each in scores]  # type: ignore[arg-type]
    last = [sum(each[-10:]) for each in scores]  # type: ignore[arg-type]
    assert sum(last) > sum(first)


def test_no_combination_is_proposed_twice() -> None:
    told = proposals(["b=x,y,z", "c=1..3"], 9)
    assert len({tuple(one.values.values()) for one in told}) == 9


def test_what_failed_is_told_as_the_worst() -> None:
    """A choice that cannot be trained shall not be proposed again and again."""
    space = parse_space(["b=x,y", "c=0.0..1.0"])
    told = [
        Told(
            {"b": "xy"[index % 2], "c": str(index / 20)},
            *("failed", None) if index % 2 else ("done", 0.5),
        )
        for index in range(20)
    ]
    drawn = [
        propose(space, told, index=20, combinations=40, seed=seed, higher_is_better=True)["b"]
        for seed in range(20)
    ]
    assert drawn.count("x") > 15


def test_pruned_and_running_ones_may_be_told() -> None:
    space = parse_space(["a=0.1..1.0"])
    told = [Told({"a": "0.5"}, "pruned", 0.1, {1: 0.1, 2: 0.05}), Told({"a": "0.7"}, "in work")]
    values = propose(space, told, index=2, combinations=5, seed=0, higher_is_better=False)
    dimension = space.dimensions[0]
    assert isinstance(dimension, Range)
    assert dimension.low <= float(values["a"]) <= dimension.high


DONE = [
    {1: 0.1, 2: 0.2, 3: 0.3},
    {1: 0.2, 2: 0.3, 3: 0.4},
    {1: 0.3, 2: 0.4, 3: 0.5},
    {1: 0.4, 3: 0.1},
]


@pytest.mark.parametrize(
    ("scores", "hopeless"),
    [
        ({1: 0.24}, True),  # the median of .1 .2 .3 .4 is .25
        ({1: 0.26}, False),
        ({1: 0.31, 2: 0.1}, False),  # its best counts; the median of .2 .3 .4 is .3
        ({1: 0.1, 2: 0.29}, True),
        ({3: 0.34}, True),  # of .3 .4 .5 .1: .35
        ({4: 0.0}, False),  # nobody else has such an epoch
        ({}, False),
    ],
)
def test_hopeless_is_worse_than_the_median_at_the_same_epoch(
    scores: dict[int, float], hopeless: bool
) -> None:
    assert is_hopeless(scores, DONE, warm_up=1, higher_is_better=True) is hopeless


def test_a_lower_loss_is_better() -> None:
    assert is_hopeless({1: 0.26}, DONE, warm_up=1, higher_is_better=False)
    assert not is_hopeless({1: 0.24}, DONE, warm_up=1, higher_is_better=False)


def test_the_warm_up_is_given_to_all() -> None:
    assert not is_hopeless({1: 0.0}, DONE, warm_up=2, higher_is_better=True)
    assert is_hopeless({1: 0.0, 2: 0.0}, DONE, warm_up=2, higher_is_better=True)


def test_the_first_trials_are_never_pruned() -> None:
    few = DONE[: FIRST_TRIALS - 1]
    assert not is_hopeless({1: 0.0}, few, warm_up=1, higher_is_better=True)


def test_a_trial_whose_figures_are_gone_stops_nothing() -> None:
    """Whoever needs the room may delete the runs of a sweep."""
    space = parse_space(["a=0.1..1.0"])
    told = [Told({"a": str(0.1 + index / 20)}, "done", None) for index in range(12)]
    assert propose(space, told, index=12, combinations=20, seed=0, higher_is_better=True)["a"]
