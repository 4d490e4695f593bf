"""The recipe that a command was given: a shipped name or a file, overrides, and where data lies."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tessella.recipe import Recipe


def chosen_recipe(
    name: str, *, overrides: Sequence[str] = (), data: Path | None = None
) -> "Recipe":
    """The recipe by that name or in that file.

    Args:
        name: of a shipped recipe, or of a YAML file.
        overrides: "key.path=value".
        data: folder of the data set, in place of the recipe's.

    Raises:
        UsageError: there is no such recipe, or it is wrong.
    """
    from tessella.recipe import read_recipe
    from tessella.recipes import find_recipe

    text, where = find_recipe(name)
    quoted = "" if data is None else str(data.absolute()).replace("'", "''")
    at_data = [f"data.root='{quoted}'"] if quoted else []
    return read_recipe(text, where=where, overrides=[*overrides, *at_data])
