"""The drawings of a sweep: what is drawn where, worked out by hand."""

import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from tessella.sweep.charts import curves_chart, key_chart
from tessella.sweep.ranking import ranked
from tessella.sweep.trials import read_trials


def places(sweep) -> list:  # noqa: ANN001
    return ranked(read_trials(sweep.folder, monitor=sweep.settings.monitor), sweep.settings)


def curves(sweep) -> ET.Element:  # noqa: ANN001
    return ET.fromstring(curves_chart(places(sweep), sweep.settings))


def keys(sweep, index: int = 0) -> ET.Element:  # noqa: ANN001
    dimension = sweep.settings.space.dimensions[index]
    return ET.fromstring(key_chart(places(sweep), sweep.settings, dimension))


def classed(root: ET.Element, name: str) -> list[ET.Element]:
    return [element for element in root.iter() if element.get("class", "").split()[:1] == [name]]


def styles(root: ET.Element, name: str) -> list[str]:
    return [element.get("class", "").split()[-1] for element in classed(root, name)]


def labels(root: ET.Element) -> list[str]:
    return [e.text or "" for e in root.iter("text") if e.get("class") == "tick middle"]


@pytest.fixture
def four(drawn_up: Callable):  # noqa: ANN201
    sweep = drawn_up(["optimizer.lr=1e-4,1e-3,1e-2,1e-1", "augment.flip=0,1"])
    sweep.add(1, {"optimizer.lr": "1e-4", "augment.flip": "0"}, [0.1, 0.2, 0.3])
    sweep.add(2, {"optimizer.lr": "1e-3", "augment.flip": "0"}, [0.2, 0.4, 0.5])
    sweep.add(3, {"optimizer.lr": "1e-2", "augment.flip": "1"}, [0.1, 0.1], state="pruned")
    sweep.add(4, {"optimizer.lr": "1e-1", "augment.flip": "1"}, [], state="failed")
    return sweep


def test_each_trial_with_figures_is_a_curve_and_the_best_lies_on_top(four) -> None:  # noqa: ANN001
    assert styles(curves(four), "trial")[:3] == ["done", "pruned", "best"]


def test_a_cross_ends_what_was_pruned(four) -> None:  # noqa: ANN001
    root = curves(four)
    assert len(classed(root, "cross")) == 1
    assert styles(root, "last") == ["done", "best"]


def test_a_curve_goes_through_its_figures(four) -> None:  # noqa: ANN001
    """Axes: epochs 1..3 on x 50..806, figures 0.1..0.5 on y 282..26."""
    best = classed(curves(four), "trial")[2]
    assert best.get("points") == "50.0,218.0 428.0,90.0 806.0,26.0"


def test_a_tooltip_names_trial_and_values(four) -> None:  # noqa: ANN001
    titles = [element.text for element in curves(four).iter("title")]
    assert "trial 2: lr=1e-3, flip=0" in titles


def test_dots_lie_by_magnitude_where_choices_spread_over_tens(four) -> None:  # noqa: ANN001
    root = keys(four)
    spots = sorted(float(dot.get("cx", "")) for dot in classed(root, "dot"))
    assert spots[1] - spots[0] == pytest.approx(spots[2] - spots[1], abs=0.02)
    assert labels(root) == ["0.0001", "0.001", "0.01", "0.1"]


def test_what_did_not_go_to_its_end_is_marked(four) -> None:  # noqa: ANN001
    assert sorted(styles(keys(four), "dot")) == ["best", "done", "pruned"]


def test_a_bar_stands_at_the_mean_of_a_value(four) -> None:  # noqa: ANN001
    """Flip 0 was done with 0.3 and 0.5; with 1 nothing was done."""
    (bar,) = classed(keys(four, 1), "mean")
    title = bar.find("title")
    assert title is not None
    assert title.text == "mean of 2: 0.4"


def test_words_stand_side_by_side(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.name=adam,sgd,adamw"])
    for number, name in enumerate(["adam", "sgd", "adamw"], start=1):
        sweep.add(number, {"optimizer.name": name}, [0.1 * number])
    root = keys(sweep)
    assert labels(root) == ["adam", "sgd", "adamw"]
    # three fields of a third each between 46 and 390: the middles at 1/6, 1/2 and 5/6
    assert sorted(float(dot.get("cx", "")) for dot in classed(root, "dot")) == pytest.approx(
        [46 + 344 / 6, 46 + 344 / 2, 46 + 344 * 5 / 6], abs=0.01
    )


def test_labels_that_would_meet_give_way_to_round_ones(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1e-9,0.01,0.011,1e3"])
    for number, value in enumerate(["1e-9", "0.01", "0.011", "1e3"], start=1):
        sweep.add(number, {"optimizer.lr": value}, [0.1])
    assert labels(keys(sweep)) == ["1e-9", "1e-7", "1e-5", "0.001", "0.1", "10", "1000"]


def test_a_spread_over_seeds_is_a_line(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1,2", "train.seed=0,1"])
    for number, figure in enumerate([0.2, 0.4, 0.3, 0.3], start=1):
        lr, seed = str(1 + (number - 1) // 2), str((number - 1) % 2)
        sweep.add(number, {"optimizer.lr": lr, "train.seed": seed}, [figure])
    assert len(classed(keys(sweep), "spread")) == 1


def test_a_loss_that_exploded_does_not_flatten_the_others(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1,2,3"], "train.monitor=loss")
    sweep.add(1, {"optimizer.lr": "1"}, [1.0, 0.8])
    sweep.add(2, {"optimizer.lr": "2"}, [1.1, 0.9])
    sweep.add(3, {"optimizer.lr": "3"}, [1e9, 1e12])
    ticks = [e.text for e in curves(sweep).iter("text") if e.get("class") == "tick end"]
    assert not any("e" in (tick or "") for tick in ticks if tick not in ("best", "done"))


def test_without_figures_nothing_is_drawn(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1,2"])
    sweep.add(1, {"optimizer.lr": "1"}, [], state="failed")
    assert not curves_chart(places(sweep), sweep.settings)
    assert not key_chart(places(sweep), sweep.settings, sweep.settings.space.dimensions[0])


def test_one_epoch_and_one_value_can_be_drawn(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1,2"])
    sweep.add(1, {"optimizer.lr": "1"}, [0.0])
    assert styles(curves(sweep), "last") == ["best"]
    assert styles(keys(sweep), "dot") == ["best"]
