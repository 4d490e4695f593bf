"""Tables and progress as text."""

import io
import sys
import time

import pytest

from tessella.terminal import progress_bar, runs_table, score_table

DOCUMENT = {
    "protocol": {
        "split": "test",
        "num_images": 2,
        "resolution": "own size",
        "averaging": "one matrix",
        "ignored": "255",
    },
    "scores": {"mean_iou": 0.5, "mcc": None},
    "trivial": {"mean_iou": 0.125, "mcc": None},
    "per_class": [
        {"name": "road", "iou": 0.75, "precision": 0.8, "recall": 0.9, "share": 0.5},
        {"name": "bus", "iou": None, "precision": None, "recall": None, "share": None},
    ],
}


def test_the_table_shows_the_model_beside_the_trivial_predictor() -> None:
    assert "mean iou                     0.500     0.125" in score_table(DOCUMENT)


def test_what_is_undefined_is_shown_as_such() -> None:
    lines = score_table(DOCUMENT).splitlines()
    assert lines[-1].split() == ["bus", "n/a", "n/a", "n/a", "0.00%"]


def test_no_bar_is_drawn_when_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress_bar([1, 2], about="work", total=2, size=lambda _: 1)) == [1, 2]
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_with_the_count(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert list(progress_bar([3, 4], about="work", total=7, size=lambda n: n)) == [3, 4]
    assert "7/7" in terminal.getvalue()


RUN = {
    "path": "runs/camvid-20260101",
    "state": "finished",
    "epochs": 40,
    "planned_epochs": 40,
    "recipe": "camvid",
    "model": "unet",
    "encoder": "mobilenet_v2",
    "val_mean_iou": 0.6789,
    "best_epoch": 38,
    "test_mean_iou": None,
    "seconds": 3725.0,
    "date": "2026-01-02T03:04:05+00:00",
    "commit": "b32667910206ab93",
    "uncommitted_changes": True,
    "data": "65f171e3aadd6b3b",
}
BEGUN = {key: None for key in RUN} | {
    "path": "x",
    "state": "unfinished",
    "epochs": 0,
    "planned_epochs": 3,
    "recipe": "r",
    "model": "segnet",
    "seconds": 0.0,
}
RUNS = {"runs": [RUN, BEGUN], "unreadable": []}


def test_runs_are_shown_in_columns_with_a_star_for_uncommitted_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    head, first, second = runs_table(RUNS).splitlines()
    assert head == (
        "run                   state       epochs  recipe  model              val mIoU  at epoch"
        "  test mIoU    time             begun    commit      data"
    )
    assert first == (
        "runs/camvid-20260101  finished     40/40  camvid  unet mobilenet_v2     0.679        38"
        "          -  1 h 02  2026-01-02 03:04  b326679*  65f171e3"
    )
    assert second.split() == ["x", "unfinished", "0/3", "r", "segnet", *"---", "0", "s", *"---"]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120, 140, 200])
def test_runs_fit_into_the_terminal(width: int) -> None:
    table = runs_table(RUNS, width=width).splitlines()
    least = len("runs/camvid-20260101") + len("  unfinished  val mIoU  test mIoU")
    assert max(map(len, table)) <= max(width, least)
    assert {"run", "val", "test"} <= set(table[0].split())


def test_what_there_is_no_room_for_is_named_and_the_least_important_goes_first() -> None:
    assert "(no room for data: see --json)" in runs_table(RUNS, width=135)
    assert "(no room for data, commit: see --json)" in runs_table(RUNS, width=125)
    assert "no room" not in runs_table(RUNS, width=300)


def test_a_long_path_keeps_its_end_and_takes_no_more_columns_than_a_short_one() -> None:
    long = {"runs": [RUN | {"path": "/very/long/" * 9 + "last"}], "unreadable": []}
    table = runs_table(long, width=100).splitlines()
    assert "long/last  finished" in table[1]
    assert max(map(len, table)) <= 100
    short = {"runs": [RUN | {"path": "a/path/of/24/letters/abc"}], "unreadable": []}
    assert runs_table(short, width=100).splitlines()[-1] == table[-1]


def test_folders_that_cannot_be_told_have_a_line_each() -> None:
    unreadable = [{"path": "b\udcff", "reason": "recipe.yaml: data: Field required"}]
    lines = runs_table({"runs": [RUN], "unreadable": unreadable}).splitlines()
    assert lines[2:] == ["", r"b\udcff: recipe.yaml: data: Field required"]
    assert runs_table({"runs": [], "unreadable": unreadable}) == lines[3]


def test_a_date_that_is_none_is_shown_as_it_is() -> None:
    assert "yesterday" in runs_table({"runs": [RUN | {"date": "yesterday"}], "unreadable": []})
