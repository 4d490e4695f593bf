"""Tables of trials, against figures by hand."""

import csv
import io
from collections.abc import Callable

import pytest

from tessella.sweep.ranking import ranked
from tessella.sweep.table import csv_table, duration, score_text, text_table, values_words
from tessella.sweep.trials import read_trials


def places(sweep) -> list:  # noqa: ANN001
    return ranked(read_trials(sweep.folder, monitor=sweep.settings.monitor), sweep.settings)


@pytest.fixture
def three(drawn_up: Callable):  # noqa: ANN201
    sweep = drawn_up(["optimizer.lr=1e-3,1e-2,1", "augment.crop=[8, 8],[16, 16]"])
    sweep.add(1, {"optimizer.lr": "1e-3", "augment.crop": "[8, 8]"}, [0.25, 0.125])
    sweep.add(
        2, {"optimizer.lr": "1", "augment.crop": "[8, 8]"}, [], state="failed", reason="nan, alas"
    )
    sweep.add(3, {"optimizer.lr": "1e-2", "augment.crop": "[16, 16]"}, [0.1, 0.5, 0.3])
    return sweep


def test_the_table_ranks_the_best_first(three) -> None:  # noqa: ANN001
    assert text_table(places(three), three.settings).splitlines() == [
        "rank    lr  crop      mean IoU  trial  epoch  epochs   time  state",
        "   1  1e-2  [16, 16]    0.5000      3      2       3  6.0 s  done",
        "   2  1e-3  [8, 8]      0.2500      1      1       2  4.0 s  done",
        "   3     1  [8, 8]                  2              0  0.0 s  failed",
    ]


def test_the_csv_has_a_line_for_each_trial(three) -> None:  # noqa: ANN001
    rows = list(csv.DictReader(io.StringIO(csv_table(places(three), three.settings))))
    assert rows[0] == {
        "rank": "1",
        "trial": "3",
        "optimizer.lr": "1e-2",
        "augment.crop": "[16, 16]",
        "mean_iou": "0.5",
        "epoch": "2",
        "epochs": "3",
        "seconds": "6.000",
        "state": "done",
        "reason": "",
        "run": "trial-003-lr1e-2-crop-16-16",
    }
    assert [(row["trial"], row["reason"]) for row in rows] == [
        ("3", ""),
        ("1", ""),
        ("2", "nan, alas"),
    ]


def test_table_and_csv_agree(three) -> None:  # noqa: ANN001
    rows = list(csv.DictReader(io.StringIO(csv_table(places(three), three.settings))))
    lines = text_table(places(three), three.settings).splitlines()[1:]
    for line, row in zip(lines, rows, strict=True):
        assert line.split()[:2] == [row["rank"], row["optimizer.lr"]]
        assert line.endswith(row["state"])
        assert not row["mean_iou"] or f"{float(row['mean_iou']):.4f}" in line


def test_where_seeds_vary_the_table_has_means_and_the_csv_every_trial(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1e-3,1e-2", "train.seed=0,1"], "train.monitor=loss")
    for number, (lr, seed, figure) in enumerate(
        [("1e-3", "0", 0.4), ("1e-3", "1", 0.2), ("1e-2", "0", 0.9), ("1e-2", "1", 0.9)], start=1
    ):
        sweep.add(number, {"optimizer.lr": lr, "train.seed": seed}, [figure])
    assert text_table(places(sweep), sweep.settings).splitlines() == [
        "rank    lr  validation loss  trials  epochs   time  state",
        "   1  1e-3  0.3000 ± 0.1414    1, 2       2  4.0 s  done",
        "   2  1e-2  0.9000 ± 0.0000    3, 4       2  4.0 s  done",
    ]
    rows = list(csv.DictReader(io.StringIO(csv_table(places(sweep), sweep.settings))))
    assert [(r["rank"], r["train.seed"], r["loss"], r["mean"], r["spread"]) for r in rows] == [
        ("1", "0", "0.4", "0.3", "0.141421"),
        ("1", "1", "0.2", "0.3", "0.141421"),
        ("2", "0", "0.9", "0.9", "0"),
        ("2", "1", "0.9", "0.9", "0"),
    ]


def test_a_long_table_says_where_the_rest_is(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1,2,3,4"])
    for number in range(1, 5):
        sweep.add(number, {"optimizer.lr": str(number)}, [0.1])
    lines = text_table(places(sweep), sweep.settings, most=2).splitlines()
    assert (len(lines), lines[-1]) == (4, "... and 2 more in trials.csv")


def test_values_are_called_by_the_ends_of_their_keys() -> None:
    assert (
        values_words({"optimizer.lr": "1e-3", "augment.crop": "[8, 8]"}) == "lr=1e-3, crop=[8, 8]"
    )


def test_no_score_is_empty(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1,2"])
    sweep.add(1, {"optimizer.lr": "1"}, [], state="failed")
    assert score_text(places(sweep)[0]) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.9, "59.9 s"),
        (61, "1 min 1 s"),
        (3600, "1 h 0 min"),
        (90061, "25 h 1 min"),
    ],
)
def test_durations_are_for_a_person(seconds: float, text: str) -> None:
    assert duration(seconds) == text
