"""The first attempt that costs little enough is taken, and none that costs too much."""

import math
import weakref
from collections.abc import Callable

import pytest

from tessella.errors import UsageError
from tessella.export.int8_search import Attempt, Outcome, Scores, Tried, search

NAN = math.nan
BASELINE = Scores(0.80, {"road": 0.90, "sky": 0.70})


def attempts(*names: str) -> list[Attempt[str]]:
    """Their models are their own names."""
    return [Attempt(name, lambda name=name: name) for name in names]


def scores_of(table: dict[str, tuple[float, float]]) -> Callable[[str], Scores]:
    """Model -> IoU of road and sky."""
    return lambda model: Scores(
        sum(table[model]) / 2, dict(zip(("road", "sky"), table[model], strict=True))
    )


def test_the_first_within_the_limit_is_chosen_and_later_ones_are_not_made() -> None:
    # drops: (4 + 2) / 2 = 3; (1 + 0) / 2 = 0.5; the third would lose nothing
    score = scores_of({"minmax": (0.86, 0.68), "percentile": (0.89, 0.70), "entropy": (0.9, 0.7)})
    found = search(
        attempts("minmax", "percentile", "entropy"), score, baseline=BASELINE, max_drop=1.0
    )
    assert found.chosen == "percentile"
    assert [tried.name for tried in found.tried] == ["minmax", "percentile"]


def test_the_table_says_what_each_attempt_lost_and_where() -> None:
    score = scores_of({"minmax": (0.86, 0.68)})
    (tried,) = search(attempts("minmax"), score, baseline=BASELINE, max_drop=1.0).tried
    assert tried.mean_iou == pytest.approx(0.77)
    assert tried.drop_points == pytest.approx(3.0)
    assert (tried.worst_class, tried.worst_drop_points) == ("road", pytest.approx(4.0))
    assert tried.seconds >= 0


def test_none_is_chosen_where_all_lose_too_much_and_the_best_is_known() -> None:
    score = scores_of({"a": (0.80, 0.60), "b": (0.87, 0.70), "c": (0.50, 0.70)})
    found = search(attempts("a", "b", "c"), score, baseline=BASELINE, max_drop=1.0)
    assert found.chosen is None
    assert len(found.tried) == 3
    # b loses 3 points of road and none of sky
    assert (found.best.name, found.best.drop_points) == ("b", pytest.approx(1.5))
    assert found.best.worst_class == "road"


def test_a_drop_of_exactly_the_limit_is_within_it() -> None:
    # in float64 the difference of 0.90 and 0.89 is a little more than 0.01
    score = scores_of({"a": (0.89, 0.69)})
    assert search(attempts("a"), score, baseline=BASELINE, max_drop=1.0).chosen == "a"


def test_a_model_better_than_the_baseline_has_a_negative_drop() -> None:
    score = scores_of({"a": (0.91, 0.72)})
    found = search(attempts("a"), score, baseline=BASELINE, max_drop=0.0)
    assert found.chosen == "a"
    assert found.best.drop_points == pytest.approx(-1.5)
    assert (found.best.worst_class, found.best.worst_drop_points) == ("road", pytest.approx(-1.0))


@pytest.mark.parametrize(
    ("before", "after"),
    [(NAN, NAN), (NAN, 0.0), (0.0, NAN)],
    ids=["in neither", "int8 answers it once", "only float answered it"],
)
def test_a_class_without_an_iou_before_or_after_counts_nowhere(before: float, after: float) -> None:
    baseline = Scores(0.8, {"road": 0.90, "tram": before})
    score = Scores(0.8, {"road": 0.895, "tram": after})
    found = search(attempts("a"), lambda _: score, baseline=baseline, max_drop=1.0)
    assert found.chosen == "a"
    assert found.best.drop_points == pytest.approx(0.5)
    assert found.best.worst_class == "road"


def test_a_class_that_is_lost_altogether_counts() -> None:
    score = scores_of({"a": (0.90, 0.0)})
    found = search(attempts("a"), score, baseline=BASELINE, max_drop=1.0)
    assert found.chosen is None
    assert (found.best.worst_class, found.best.worst_drop_points) == ("sky", pytest.approx(70.0))


class Weights:
    """Stands for a model too large to have twice."""


def test_one_model_is_in_memory_at_a_time() -> None:
    made: list[weakref.ref[Weights]] = []

    def make() -> Weights:
        assert [one for one in made if one() is not None] == []
        model = Weights()
        made.append(weakref.ref(model))
        return model

    worse = Scores(0.5, {"road": 0.5, "sky": 0.5})
    several = [Attempt(name, make) for name in "abc"]
    found = search(several, lambda _: worse, baseline=BASELINE, max_drop=1.0)
    assert len(found.tried) == 3


def test_the_earliest_of_equals_is_the_best() -> None:
    rows = [Tried(name, 0.5, 2.0, "road", 3.0, 0.0) for name in "ab"]
    assert Outcome(None, tuple(rows)).best.name == "a"


@pytest.mark.parametrize("limit", [-0.1, NAN])
def test_a_limit_that_is_no_drop_is_refused(limit: float) -> None:
    with pytest.raises(UsageError, match=rf"the drop allowed in mean IoU is {limit}"):
        search(attempts("a"), lambda _: BASELINE, baseline=BASELINE, max_drop=limit)


def test_no_attempt_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no attempt to try"):
        search(attempts(), lambda _: BASELINE, baseline=BASELINE, max_drop=1.0)


def test_scores_of_other_classes_are_refused() -> None:
    other = Scores(0.8, {"road": 0.9, "tree": 0.7})
    with pytest.raises(ValueError, match="int8, a: its scores are of the classes road, tree"):
        search(attempts("a"), lambda _: other, baseline=BASELINE, max_drop=1.0)


def test_scores_without_any_class_in_both_are_refused() -> None:
    baseline = Scores(NAN, {"road": NAN, "sky": 0.7})
    score = Scores(NAN, {"road": 0.9, "sky": NAN})
    with pytest.raises(ValueError, match="int8, a: no class has an IoU before and after"):
        search(attempts("a"), lambda _: score, baseline=baseline, max_drop=1.0)
