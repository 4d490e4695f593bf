"""What the user decided already: overrides as values by key, which the plan adapts to."""

from collections.abc import Mapping, Sequence
from typing import Any

from tessella.recipe import read_recipe

_NOBODYS = "?"
_SKELETON = f'name: "{_NOBODYS}"\ndata: {{name: "{_NOBODYS}"}}\nmodel: {{name: "{_NOBODYS}"}}\n'


def read_given(overrides: Sequence[str]) -> dict[str, Any]:
    """The user's values by the key of a recipe, e.g. {"train.epochs": 3}; options as one mapping.

    Args:
        overrides: "key.path=value", values in YAML.

    Raises:
        UsageError: an unknown key, or a value that its key cannot have.
    """
    recipe = read_recipe(_SKELETON, where="the plan", overrides=overrides)
    return flattened(recipe.model_dump(mode="json", exclude_unset=True), without=_NOBODYS)


def flattened(content: Mapping[str, Any], *, without: object = None) -> dict[str, Any]:
    """A recipe's content by key, "train.epochs" and so on; sections are opened, options are not.

    Args:
        content: plain values, section by section.
        without: keys with this value are left out.
    """
    found: dict[str, Any] = {}
    for section, part in content.items():
        keys = part if isinstance(part, Mapping) else {"": part}
        for key, value in keys.items():
            if without is None or value != without:
                found[f"{section}.{key}" if key else section] = value
    return found


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """What `flattened` took apart, section by section again."""
    content: dict[str, Any] = {}
    for path, value in values.items():
        section, _, key = path.partition(".")
        if key:
            content.setdefault(section, {})[key] = value
        else:
            content[section] = value
    return content
