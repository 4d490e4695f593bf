"""Options of a model are refused by name."""

from inspect import signature

import pytest

from tessella.errors import UsageError
from tessella.models.options import refuse_unknown_options, refuse_wrong_values


def test_known_options_pass() -> None:
    refuse_unknown_options({"depth": 3}, known=["depth", "dropout"], where="model x")


def test_an_unknown_option_names_its_place_and_the_closest() -> None:
    with pytest.raises(UsageError, match=r"model x.*'?dept'?.*did you mean 'depth'"):
        refuse_unknown_options({"dept": 3}, known=["depth", "dropout"], where="model x")


def _build(*, depth: int = 3, rate: float = 0.5, auxiliary: bool = False, name: str = "a") -> None:
    """What options are checked against."""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 1.5}, "model x: depth is 1.5, expected a whole number; correct it"),
        ({"depth": True}, "depth is True, expected a whole number"),
        ({"rate": "high"}, "rate is 'high', expected a number"),
        ({"rate": False}, "rate is False, expected a number"),
        ({"auxiliary": 1}, "auxiliary is 1, expected true or false"),
        ({"auxiliary": "yes"}, "auxiliary is 'yes', expected true or false"),
    ],
)
def test_values_of_another_type_are_refused(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        refuse_wrong_values(options, signature(_build).parameters, where="model x")


def test_values_of_the_right_type_pass() -> None:
    options = {"depth": 1, "rate": 1, "auxiliary": True, "name": "b"}
    refuse_wrong_values(options, signature(_build).parameters, where="model x")
