"""The run card: everything that is needed to make a run again, in words, and nothing lost."""

from typing import Any

import pytest

from tessella.report.run_card import run_card

ENVIRONMENT: dict[str, Any] = {
    "date": "2026-11-22T02:22:48+00:00",
    "command": "tessella train own.yaml --out run",
    "commit": "7cc5c1bc",
    "uncommitted_changes": True,
    "project": {"folder": "/home/me/streets", "commit": "3ffddc09", "uncommitted_changes": False},
    "seed": 0,
    "python": "3.11.7",
    "system": "Linux x86_64",
    "processor": "AMD EPYC",
    "cores": 2,
    "versions": {"tessella": "0.1.0", "torch": "2.14.1", "numpy": "2.4.6"},
    "splits": {
        "train": {"samples": 367, "sha256": "07e685a2", "content_sha256": "65f171e3"},
        "test": {"content_sha256": "95b3c4a5"},
    },
    "device": "cuda, NVIDIA H100",
    "processes": 4,
}


def test_it_says_all_that_is_needed_to_make_the_run_again() -> None:
    assert run_card(ENVIRONMENT) == [
        ("Command", "tessella train own.yaml --out run"),
        ("Begun", "2026-11-22 02:22 UTC"),
        ("Tessella", "0.1.0, commit 7cc5c1bc with uncommitted changes"),
        ("Your project", "/home/me/streets, commit 3ffddc09"),
        ("Data, train", "367 images; content 65f171e3; names 07e685a2"),
        ("Data, test", "content 95b3c4a5"),
        ("Seed", "0"),
        ("Device", "cuda, NVIDIA H100, in 4 processes"),
        ("Processor", "AMD EPYC, 2 cores"),
        ("System", "Linux x86_64"),
        ("Python", "3.11.7"),
        ("Libraries", "torch 2.14.1, numpy 2.4.6"),
    ]


@pytest.mark.parametrize(
    ("environment", "pair"),
    [
        ({"date": "yesterday"}, ("Begun", "yesterday")),
        ({"date": "2026-01-01T01:00:00+02:00"}, ("Begun", "2025-12-31 23:00 UTC")),
        ({"processes": 1, "device": "cpu"}, ("Device", "cpu")),
        ({"project": {"folder": "/p", "commit": None}}, ("Your project", "/p")),
        (
            {"project": {"folder": "/p", "uncommitted_changes": True}},
            ("Your project", "/p, with uncommitted changes"),
        ),
        ({"commit": "abc"}, ("Tessella", "commit abc")),
        ({"splits": {"train": 3}}, ("Data, train", "3")),
        ({"cores": 8}, ("Processor", "8 cores")),
        ({"cluster": {"name": "big"}}, ("cluster.name", "big")),  # nothing is lost
        ({"versions": "new"}, ("versions", "new")),
        (
            {"resumed": [{"date": "2026-11-23T10:00:00+00:00", "command": "tessella train"}]},
            ("Resumed", "2026-11-23 10:00 UTC; tessella train"),
        ),
        (
            {"resumed": [{"command": "t", "cores": 4, "versions": {"torch": "3.0"}}]},
            ("Resumed", "t; now cores 4, versions.torch 3.0"),
        ),
    ],
)
def test_what_is_known_is_told_whatever_else_is_not(
    environment: dict[str, Any], pair: tuple[str, str]
) -> None:
    assert run_card(environment) == [pair]


def test_what_is_not_known_is_left_out() -> None:
    assert run_card({"commit": None, "project": None, "uncommitted_changes": None}) == []
    assert run_card({}) == []


def test_what_it_was_given_stays_as_it_was() -> None:
    given = {"versions": {"tessella": "1"}, "project": {"folder": "/p"}, "seed": 1}
    run_card(given)
    assert given == {"versions": {"tessella": "1"}, "project": {"folder": "/p"}, "seed": 1}
