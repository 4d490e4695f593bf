"""A recipe with the reasons of its choices: as YAML with comments, and as a short table."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tessella.check.findings import flow
from tessella.plan.given import flattened, nested
from tessella.recipe import Recipe

_WIDTH = 100
_VALUE_WIDTH = 34


class Choice(NamedTuple):
    """One value of a recipe, and why it is that."""

    value: Any
    """Plain, as YAML holds it."""

    reason: str
    """One line for a person."""


def annotated_yaml(recipe: Recipe, reasons: Mapping[str, str]) -> str:
    """The recipe as YAML, every choice spelled out, with its reason where there is one.

    It reads back as the same recipe.

    Args:
        recipe: what was chosen.
        reasons: key, e.g. "train.epochs" -> one line.
    """
    return _text(flattened(recipe.model_dump(mode="json")), reasons)


def short_yaml(recipe: Recipe, reasons: Mapping[str, str]) -> str:
    """The same, with defaults that nobody chose left out.

    Args:
        recipe: what was chosen.
        reasons: key, e.g. "train.epochs" -> one line.
    """
    stated = flattened(recipe.model_dump(mode="json", exclude_defaults=True))
    whole = flattened(recipe.model_dump(mode="json"))
    return _text({k: v for k, v in whole.items() if k in stated or k in reasons}, reasons)


def table(recipe: Recipe, reasons: Mapping[str, str]) -> str:
    """The choices that have a reason, a line each: key, value, why."""
    values = flattened(recipe.model_dump(mode="json"))
    rows = [(key, _cut(one_line(values[key])), reasons[key]) for key in values if key in reasons]
    return "\n".join(_in_columns(rows))


def one_line(value: Any) -> str:
    """A plain value in YAML's one-line form."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(str(k))}: {one_line(v)}" for k, v in value.items()) + "}"
    if isinstance(value, str):
        return flow(value)
    if isinstance(value, Sequence):
        return "[" + ", ".join(one_line(entry) for entry in value) + "]"
    if isinstance(value, float) and math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return json.dumps(value)


def _text(values: Mapping[str, Any], reasons: Mapping[str, str]) -> str:
    lines: list[str] = []
    for section, part in nested(values).items():
        if isinstance(part, str) and _suits_a_block(part):
            style = "|" if part.endswith("\n") else "|-"
            lines += [f"{section}: {style}", *(f"  {line}".rstrip() for line in part.splitlines())]
        elif isinstance(part, Mapping):
            lines.append(f"{section}:")
            for key, value in part.items():
                lines += _line(f"  {key}: {one_line(value)}", reasons.get(f"{section}.{key}"))
        else:
            lines += _line(f"{section}: {one_line(part)}", reasons.get(section))
    return "\n".join(lines) + "\n"


def _suits_a_block(text: str) -> bool:
    """Whether a text of several lines can stand in YAML as it is, and be the same when read."""
    lines = text.removesuffix("\n").split("\n")
    is_tidy = all(line == line.rstrip() and line.isprintable() for line in lines)
    return "\n" in text and is_tidy and bool(lines[-1]) and not lines[0].startswith((" ", "\t"))


def _line(text: str, reason: str | None) -> Iterable[str]:
    if not reason:
        return [text]
    if len(text) + len(reason) + 4 <= _WIDTH:
        return [f"{text}  # {reason}"]
    indent = text[: len(text) - len(text.lstrip())]
    return [f"{indent}# {reason}", text]


def _cut(text: str) -> str:
    return text if len(text) <= _VALUE_WIDTH else f"{text[: _VALUE_WIDTH - 3]}..."


def _in_columns(rows: Sequence[tuple[str, str, str]]) -> list[str]:
    if not rows:
        return []
    key_width, value_width = (max(len(row[column]) for row in rows) for column in (0, 1))
    return [f"{key:<{key_width}}  {value:<{value_width}}  {why}" for key, value, why in rows]
