"""Content negotiation by the rules of RFC 9110."""

import pytest

from tessella.serve.accept import preferred

OFFERS = ("image/png", "application/json", "application/geo+json")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "image/png"),
        ("", "image/png"),
        ("*/*", "image/png"),
        ("image/*", "image/png"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        ("APPLICATION/JSON", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("application/geo+json", "application/geo+json"),
        ("image/png;q=0.1, application/json", "application/json"),
        ("image/png;q=0, */*", "application/json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "image/png"),
        ("application/json;q=0.5, */*;q=0.9", "image/png"),
        ("nonsense, application/json", "application/json"),
        ("application/json;q=1.000", "application/json"),
        ("text/html", None),
        ("image/jpeg", None),
        ("*/*;q=0", None),
        ("nonsense", None),
        ("application/json;q=2", None),
        ("application/json;q=nan", None),
        ("*/png", None),
    ],
)
def test_the_best_offer_that_is_accepted_wins(accept: str | None, expected: str | None) -> None:
    assert preferred(accept, OFFERS) == expected
