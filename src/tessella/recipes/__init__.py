"""The recipes that ship with Tessella: the YAML files beside this one."""

from importlib.resources import files
from pathlib import Path

from tessella.errors import UsageError
from tessella.suggestion import unknown_name


def shipped_recipes() -> dict[str, str]:
    """Recipe name -> its YAML text, in the order of the names."""
    folder = files(__name__)
    texts = {
        entry.name.removesuffix(".yaml"): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".yaml")
    }
    return dict(sorted(texts.items()))


def find_recipe(name: str) -> tuple[str, str]:
    """The YAML text of a shipped recipe or of a file, and what to call it in errors.

    Raises:
        UsageError: there is neither a recipe nor a file of that name.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml") or path.is_file():
        try:
            return path.read_text(encoding="utf-8"), name
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not a text file"
            raise UsageError(f"{name}: cannot read the recipe: {reason}.") from error
    shipped = shipped_recipes()
    if name not in shipped:
        raise UsageError(
            unknown_name("recipe", name, shipped) + " A file of your own needs the ending .yaml."
        )
    return shipped[name], f"{name}.yaml"
