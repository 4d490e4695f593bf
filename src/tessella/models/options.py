"""Options of models are checked before anything is built."""

from collections.abc import Collection, Mapping
from inspect import Parameter
from typing import Any

from tessella.errors import UsageError
from tessella.suggestion import unknown_name


def refuse_unknown_options(
    options: Mapping[str, Any], *, known: Collection[str], where: str
) -> None:
    """Do nothing when every option is known.

    Raises:
        UsageError: an option is not among `known`; names it, close ones and all known ones.
    """
    for option in options:
        if option not in known:
            raise UsageError(
                f"{where}: {unknown_name('option', option, known)}"
                if known
                else f"{where} takes no options, got {option!r}; remove it."
            )


def refuse_wrong_values(
    options: Mapping[str, Any], parameters: Mapping[str, Parameter], *, where: str
) -> None:
    """Do nothing when options are numbers, whole numbers, or true or false where they must be.

    Names are for the model to check.

    Raises:
        UsageError: one is of another type than the parameter of its name.
    """
    for option, value in options.items():
        wanted = parameters[option].annotation
        if wanted in _ACCEPTED and not _is(value, _ACCEPTED[wanted]):
            raise UsageError(
                f"{where}: {option} is {value!r}, expected {_CALLED[wanted]}; correct it."
            )


_ACCEPTED: dict[type, tuple[type, ...]] = {int: (int,), float: (int, float), bool: (bool,)}
_CALLED = {int: "a whole number", float: "a number", bool: "true or false"}


def _is(value: object, accepted: tuple[type, ...]) -> bool:
    # True is an int to Python, but not to whoever wrote a recipe
    return isinstance(value, accepted) and (not isinstance(value, bool) or bool in accepted)
