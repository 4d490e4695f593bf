"""The page of a sweep: sections, escaping, and that nothing is loaded from elsewhere."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from tessella.sweep.page import render
from tessella.sweep.ranking import ranked
from tessella.sweep.trials import read_trials

HOSTILE = "<script>alert(1)</script>&"


def page_of(sweep, title: str = "mine") -> str:  # noqa: ANN001
    tried = read_trials(sweep.folder, monitor=sweep.settings.monitor)
    return render(ranked(tried, sweep.settings), sweep.settings, title=title)


@pytest.fixture
def page(drawn_up: Callable) -> str:
    sweep = drawn_up(["optimizer.lr=1e-4..1e-1", "augment.flip=0,1"], trials=5)
    sweep.add(1, {"optimizer.lr": "0.001", "augment.flip": "0"}, [0.1, 0.5])
    sweep.add(
        2, {"optimizer.lr": "0.1", "augment.flip": "1"}, [], state="failed", reason="it burst"
    )
    return page_of(sweep)


def test_sections_come_in_order(page: str) -> None:
    assert re.findall(r'<h2 id="(\w+)"', page) == ["trials", "epochs", "keys", "details"]


def test_the_best_stands_at_the_head(page: str) -> None:
    head = page.partition("<main>")[0]
    assert "0.5000" in head
    assert "mean IoU of the best: lr=0.001, flip=0" in head
    assert "tessella train RECIPE optimizer.lr=0.001 augment.flip=0" in head
    assert "trials: 1 done, 1 failed, 3 to come" in head


def test_what_failed_says_why(page: str) -> None:
    assert "Trial 2: it burst" in page


def test_drawings_are_whole(page: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawings) == 3
    for text in drawings:
        ET.fromstring(text)


def test_nothing_is_loaded_from_elsewhere(page: str) -> None:
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!data:|#)', page)
    assert "default-src 'none'" in page


def test_values_and_reasons_are_only_text(drawn_up: Callable) -> None:
    sweep = drawn_up([f"data.train_split=a,{HOSTILE}"])
    sweep.add(1, {"data.train_split": HOSTILE}, [0.1], state="failed", reason=HOSTILE)
    assert "<script>alert" not in page_of(sweep, title=HOSTILE)


def test_a_sweep_without_a_figure_has_a_page_too(drawn_up: Callable) -> None:
    sweep = drawn_up(["optimizer.lr=1,2"])
    sweep.add(1, {"optimizer.lr": "1"}, [], state="failed", reason="no")
    text = page_of(sweep)
    assert "No trial has a validated epoch yet." in text
    assert "n/a" in text
