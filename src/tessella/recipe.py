"""Every choice of a run in one frozen tree: YAML in, YAML out, no key unchecked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from tessella.errors import UsageError
from tessella.recipe_parts import (
    WEIGHT_TAGS,
    AugmentRecipe,
    DataRecipe,
    LossRecipe,
    ModelRecipe,
    OptimizerRecipe,
    Part,
    ScheduleRecipe,
    TrainRecipe,
)
from tessella.suggestion import did_you_mean
from tessella.yaml_text import Located, dump_yaml, load_yaml, parse_scalar


class Recipe(Part):
    """Everything that a run was told."""

    name: str
    """What the run is called, also in its folder's name."""

    about: str = ""
    """Source, what it is for, and the score, time and hardware measured with it."""

    data: DataRecipe
    model: ModelRecipe
    augment: AugmentRecipe = AugmentRecipe()
    loss: LossRecipe = LossRecipe()
    optimizer: OptimizerRecipe = OptimizerRecipe()
    schedule: ScheduleRecipe = ScheduleRecipe()
    train: TrainRecipe = TrainRecipe()

    def to_yaml(self) -> str:
        """The recipe as a file, every choice spelled out."""
        return dump_yaml(self.model_dump(mode="json"))


def read_recipe(text: str, *, where: str, overrides: Sequence[str] = ()) -> Recipe:
    """The recipe in a YAML text, with `key.path=value` overrides applied on top.

    Args:
        text: YAML 1.2.
        where: the file or recipe name, for error messages.
        overrides: e.g. "train.epochs=3" or "model.options={depth: 3}"; values are YAML.

    Raises:
        UsageError: all that is wrong with keys and values, a line each, with line numbers.
    """
    located = load_yaml(text, where=where)
    content = located.content
    for override in overrides:
        content = _with_override(content, override)
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        lines = [_explain(problem, located, overrides) for problem in error.errors()]
        raise UsageError("\n".join(lines)) from error


def _with_override(content: Mapping[str, Any], override: str) -> dict[str, Any]:
    path, equals, value = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise UsageError(
            f"override {override!r} is not key.path=value, for example train.epochs=3."
        )
    where = f"override {override!r}"
    return _replaced(content, keys, parse_scalar(value, where=where), where=where)


def _replaced(
    content: Mapping[str, Any], keys: Sequence[str], value: Any, *, where: str
) -> dict[str, Any]:
    first, rest = keys[0], keys[1:]
    if not rest:
        return {**content, first: value}
    below: Any = {} if content.get(first) is None else content[first]
    if not isinstance(below, dict):
        raise UsageError(f"{where}: {first} is {below!r} and has no keys; set it as a whole.")
    return {**content, first: _replaced(below, rest, value, where=where)}


def _explain(problem: Any, located: Located, overrides: Sequence[str]) -> str:
    loc = [str(part) for part in problem["loc"] if part not in WEIGHT_TAGS]
    key = ".".join(loc)
    overridden = [o for o in overrides if _concerns(o, loc, located)]
    place = f"override {overridden[-1]!r}" if overridden else located.place(loc)
    if problem["type"] == "extra_forbidden":
        known = _keys_at(loc[:-1])
        clue = did_you_mean(loc[-1], known)
        return f"{place}: {key}: unknown key{clue or '; known: ' + ', '.join(known)}"
    got = "" if problem["type"] == "missing" else f" (got {problem['input']!r})"
    expected = problem.get("ctx", {}).get("expected", "")
    clue = did_you_mean(str(problem["input"]), _quoted(expected)) if expected else ""
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "model_type":
        message = "Input should be a mapping, lines of key: value"
    return f"{place}: {key or 'recipe'}: {message}{got}{clue}"


def _concerns(override: str, loc: Sequence[str], located: Located) -> bool:
    """Whether the value at `loc` came from the override: set by it, or made to hold its key."""
    keys = override.partition("=")[0].strip().split(".")
    shared = min(len(keys), len(loc))
    from_file = len(keys) > len(loc) and tuple(loc) in located.lines
    return keys[:shared] == list(loc[:shared]) and not from_file


def _quoted(expected: str) -> list[str]:
    return [part for part in expected.split("'") if part.isidentifier() and part != "or"]


def _keys_at(path: Sequence[str]) -> list[str]:
    model: type[BaseModel] = Recipe
    for part in path:
        field = model.model_fields.get(part)
        if field is None or not isinstance(field.annotation, type):
            break
        if not issubclass(field.annotation, BaseModel):
            break
        model = field.annotation
    return sorted(model.model_fields)


def described_keys() -> Iterator[tuple[str, str, str]]:
    """Every key of a recipe: (key.path, default, what it means), for the reference page."""
    for part, field in Recipe.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            for key, inner in section.model_fields.items():
                default = "required" if inner.is_required() else str(inner.get_default())
                yield f"{part}.{key}", default, inner.description or ""
        else:
            yield part, "required" if field.is_required() else "", field.description or ""
