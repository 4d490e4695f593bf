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


def refuse_wrong_numbers(
    options: Mapping[str, Any], parameters: Mapping[str, Parameter], *, where: str
) -> None:
    """Do nothing when options that are to be numbers are numbers, whole where they must be.

    Raises:
        UsageError: one is of another type than the parameter of its name.
    """
    for option, value in options.items():
        wanted = parameters[option].annotation
        accepted = (int, float) if wanted is float else (int,)
        # True is an int to Python, but not to whoever wrote a recipe
        if wanted in (int, float) and (isinstance(value, bool) or not isinstance(value, accepted)):
            raise UsageError(
                f"{where}: {option} is {value!r}, expected a "
                f"{'number' if wanted is float else 'whole number'}; correct it."
            )
