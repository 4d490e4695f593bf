"""The data that a plan is for: recognised, opened, and its classes never guessed in silence."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tessella.check.examine import check
from tessella.check.words import paragraph
from tessella.data.recognise import recognise
from tessella.errors import UsageError
from tessella.plan.annotated import Choice
from tessella.progress import Track
from tessella.recipe import Recipe
from tessella.recipe_parts import DataRecipe, ModelRecipe
from tessella.source import Source, find_entry
from tessella.train.setup import Splits, open_splits

_MOST_WARNINGS = 3
_GUESSED = "CLASSES ARE GUESSED from the values in the masks; correct them if need be"


class Found(NamedTuple):
    """A data set that is open."""

    choices: Mapping[str, Choice]
    """Of `data.*`, those of the user left out."""

    data: DataRecipe
    splits: Splits
    remarks: tuple[str, ...]
    """What the user should know before starting: above all, classes that nobody stated."""


def find_data(root: Path | None, *, given: Mapping[str, Any], track: Track) -> Found:
    """Recognise and open a data set; where nobody states its classes, ask the doctor for them.

    Args:
        root: a folder, zip or file; None for a data set that the user names, which needs none.
        given: the user's values by key; `data.name` and `data.options` win.
        track: shows progress of the doctor, which reads every file.

    Raises:
        UsageError: there is neither a folder nor a name, or an unknown name or option.
        ValueError: nothing is recognised, files are not as they should be, or the doctor found
            errors where it was to propose classes.
    """
    source = _source(root, given)
    try:
        return _opened(source, given, remarks=(), reason="as it is read")
    except ValueError as error:
        if not _could_state_classes(source):
            raise _advised(error, source) from error
        findings = check(source, track=track)
        if not findings.options:
            raise _advised(error, source) from error
    if any(problem.severity == "error" for problem in findings.problems):
        raise ValueError(f"{paragraph(findings)} More: tessella data check {source.root}")
    remark = (
        f"CLASSES ARE GUESSED: nobody states them, so they are taken from the values in the masks. "
        f"To state them: {findings.recipe_line} (correct it if the masks mean something else). "
        f"{paragraph(findings)}"
    )
    warnings = [p.summary for p in findings.problems if p.severity == "warning"][:_MOST_WARNINGS]
    options = {**source.options, **findings.options}
    guessed = Source(source.name, source.root, options, source.reason)
    return _opened(guessed, given, remarks=(remark, *warnings), reason=_GUESSED)


def _source(root: Path | None, given: Mapping[str, Any]) -> Source:
    options = given.get("data.options", {})
    root = root or (Path(given["data.root"]) if given.get("data.root") else None)
    if "data.name" in given:
        return Source(given["data.name"], root, options, "")
    if root is None:
        raise UsageError(
            "no data given to plan for; say --data ROOT, a folder with images and masks, or name a "
            "data set: data.name=synthetic."
        )
    try:
        found = recognise(root)
    except UsageError:
        raise
    except ValueError as error:
        raise ValueError(f"{error} `tessella data check {root}` looks closer.") from error
    return Source(found.name, found.root, {**found.options, **options}, found.reason)


def _opened(
    source: Source, given: Mapping[str, Any], *, remarks: tuple[str, ...], reason: str
) -> Found:
    root = str(source.root.absolute()) if source.root is not None else None
    stated = {key.partition(".")[2]: v for key, v in given.items() if key.startswith("data.")}
    stated |= {"name": source.name, "root": root, "options": dict(source.options)}
    data = DataRecipe.model_validate(stated)
    recipe = Recipe(name="plan", data=data, model=ModelRecipe(name="plain_unet"))
    splits = open_splits(recipe)
    found = {"data.name": Choice(source.name, source.about), "data.root": Choice(root, "")}
    if stated["options"]:
        found["data.options"] = Choice(stated["options"], reason)
    return Found(found, data, splits, remarks)


def _could_state_classes(source: Source) -> bool:
    read = find_entry(source.name).read
    takes_classes = "classes" in inspect.signature(read).parameters
    return takes_classes and "classes" not in source.options and source.root is not None


def _advised(error: ValueError, source: Source) -> ValueError:
    if source.root is None or isinstance(error, UsageError):
        return error
    return ValueError(f"{error} `tessella data check {source.root}` looks closer.")
