"""The files that a sweep leaves."""

import csv
from collections.abc import Callable

from tessella.sweep.ranking import ranked
from tessella.sweep.results import write_results
from tessella.sweep.trials import read_trials


def test_table_and_page_are_written(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1,2"])
    sweep.add(1, {"optimizer.lr": "1"}, [0.1])
    tried = read_trials(sweep.folder, monitor="mean_iou")
    write_results(sweep.folder, sweep.settings, ranked(tried, sweep.settings))
    with sweep.folder.table_file.open(newline="") as stream:
        assert [row["trial"] for row in csv.DictReader(stream)] == ["1"]
    assert "<h1>drawn</h1>" in sweep.folder.page_file.read_text(encoding="utf-8")


def test_before_the_first_trial_nothing_is_written(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1,2"])
    write_results(sweep.folder, sweep.settings, [])
    assert not sweep.folder.table_file.exists()
