"""Names looked up and options checked, with the closest known name in the message."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from tessella.errors import UsageError
from tessella.lookup import check_options, look_up


def loss_with(*, ignore_index: int, class_weights: Any, alpha: float = 1.0) -> None:
    """Stands for a loss with one option."""


def test_a_table_name_gives_its_entry() -> None:
    table: Mapping[str, Callable[..., Any]] = {"a": len}
    assert look_up("thing", "a", table) is len


def test_module_and_function_give_ones_own() -> None:
    assert look_up("thing", "os.path:join", {}) is __import__("os").path.join


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothere:f", "thing 'nothere:f': No module named 'nothere'; expected package.module"),
        ("os:nothere", "thing 'os:nothere': .*no attribute 'nothere'"),
        ("os:sep", "thing 'os:sep' is str; expected a function"),
    ],
)
def test_what_cannot_be_imported_is_named(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        look_up("thing", name, {})


def test_an_option_given_by_us_is_not_an_option_of_the_user() -> None:
    with pytest.raises(UsageError, match=r"x\.ignore_index: unknown option.* known: alpha"):
        check_options("x", loss_with, {"ignore_index": 3}, given=("ignore_index", "class_weights"))


def reader(*, areas: Sequence[str] = (), classes: Mapping[str, int] | None = None) -> None:
    """Stands for a reader whose options are more than a number or a text."""


@pytest.mark.parametrize(
    "options", [{"areas": ["1", "5a"]}, {"areas": ("6",)}, {"classes": {"a": 1}}, {"classes": None}]
)
def test_lists_and_mappings_are_left_to_whoever_reads_them(options: dict[str, Any]) -> None:
    check_options("x", reader, options, given=())
