"""A recipe as flat names and plain values, as programs that compare runs want it."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from tessella.recipe import Recipe


def hyper_parameters(recipe: Recipe) -> dict[str, str | int | float]:
    """Every choice of a recipe but its `about`: "optimizer.lr" -> 0.001.

    Numbers stay numbers. Lists are JSON, true and false and what is not set (`none`) are words;
    options that are not given are left out.
    """
    content = recipe.model_dump(mode="json", exclude={"about"})
    return {key: _plain(value) for key, value in _leaves(content)}


def _leaves(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _plain(value: Any) -> str | int | float:
    if value is None:
        return "none"
    if isinstance(value, str):
        return value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) else json.dumps(value, ensure_ascii=False)
