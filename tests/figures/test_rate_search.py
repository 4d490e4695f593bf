"""The picture of a search for the learning rate."""

import xml.etree.ElementTree as ET

from tessella.figures.rate_search import rate_search_drawing
from tessella.train.find_rate import RateSearch, RateStep

SVG = "{http://www.w3.org/2000/svg}"
LOSSES = [5.0] * 6 + [5.0, 4.8, 4.0, 2.0, 1.5, 1.4, 3.0, 40.0]
SEARCH = RateSearch(tuple(RateStep(10.0 ** (n - 8), x, x) for n, x in enumerate(LOSSES)))


def test_the_suggested_rate_is_marked_and_said() -> None:
    root = ET.fromstring(rate_search_drawing(SEARCH, title="tiny"))
    (mark,) = [e for e in root.iter() if e.get("class") == "mark"]
    texts = [e.text for e in root.iter() if e.text]
    assert SEARCH.suggestion == 1.0
    assert "1.0e+00" in texts
    assert any("falls fastest at 1.0e+00: begin there" in text for text in texts)
    # -8 at 46, 4 at 390: 0 is two thirds of the way... as far as the powers that are shown go
    assert 46 < float(mark.get("x1", "0")) < 390


def test_losses_that_exploded_do_not_flatten_the_rest() -> None:
    text = rate_search_drawing(SEARCH, title="tiny")
    assert text.count("<circle") + text.count("circle ") >= 13
    assert "40" not in [e.text for e in ET.fromstring(text).iter()]


def test_a_search_that_found_nothing_says_so() -> None:
    flat = RateSearch(tuple(RateStep(10.0**n, 1.0, 1.0) for n in range(-7, 2)))
    text = rate_search_drawing(flat, title="flat")
    assert "The loss never fell" in text
    assert 'class="mark"' not in text
