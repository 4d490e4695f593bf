"""Options of a model are refused by name."""

import pytest

from tessella.errors import UsageError
from tessella.models.options import refuse_unknown_options


def test_known_options_pass() -> None:
    refuse_unknown_options({"depth": 3}, known=["depth", "dropout"], where="model x")


def test_an_unknown_option_names_its_place_and_the_closest() -> None:
    with pytest.raises(UsageError, match=r"model x.*'?dept'?.*did you mean 'depth'"):
        refuse_unknown_options({"dept": 3}, known=["depth", "dropout"], where="model x")
