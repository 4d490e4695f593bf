"""Tables and progress as text."""

import io
import sys

import pytest

from tessella.terminal import progress_bar, score_table

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
