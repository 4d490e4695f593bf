"""Names and options of a recipe against the tables, without loading anything heavy."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from tessella.errors import UsageError
from tessella.suggestion import did_you_mean, unknown_name

_UNIONS = (Union, UnionType)


def look_up(kind: str, name: str, table: Mapping[str, Callable[..., Any]]) -> Callable[..., Any]:
    """The entry of a table, or the user's own `package.module:function`.

    Raises:
        UsageError: no such entry, module or function.
    """
    if ":" not in name:
        if name not in table:
            raise UsageError(unknown_name(kind, name, table))
        return table[name]
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{kind} {name!r}: {error}; expected package.module:function.") from error
    if not callable(found):
        raise UsageError(f"{kind} {name!r} is {type(found).__name__}; expected a function.")
    return found  # type: ignore[no-any-return]


def check_options(
    what: str, function: Callable[..., Any], options: Mapping[str, Any], *, given: tuple[str, ...]
) -> None:
    """Refuse options that `function` does not take.

    Args:
        what: the key path of the options, for the message.
        function: its keyword-only parameters are the options.
        options: what the recipe says.
        given: parameters that are passed by us and cannot be options.

    Raises:
        UsageError: an unknown option, with the closest known one.
    """
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in given}
    for name, value in options.items():
        if name not in known:
            listed = f"known: {', '.join(known)}." if known else "it takes no options."
            raise UsageError(
                f"{what}.{name}: unknown option{did_you_mean(name, known) or '.'} {listed}"
            )
        if not _fits(value, known[name].annotation):
            wanted = inspect.formatannotation(known[name].annotation)
            raise UsageError(f"{what}.{name}: is {value!r}; expected {wanted}.")


def _fits(value: object, annotation: Any) -> bool:
    """Whether a value suits an annotation of int, float, str and None; others are not judged."""
    # a sequence of texts has arguments too, but is none of them
    kinds = get_args(annotation) if get_origin(annotation) in _UNIONS else (annotation,)
    if not set(kinds) <= {int, float, str, type(None)}:
        return True
    if isinstance(value, bool):  # an int to Python, but not to whoever wrote a recipe
        return False
    return isinstance(value, (*kinds, int) if float in kinds else kinds)
