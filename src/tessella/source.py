"""Where data comes from: a data set (of the table or one's own), its folder, its options."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tessella.data import DATASETS
from tessella.data.dataset import Dataset, DatasetEntry
from tessella.data.recognise import recognise
from tessella.data.splits import SPLITS
from tessella.errors import UsageError
from tessella.lookup import check_options, look_up
from tessella.model_card import ModelCard
from tessella.recipe import read_recipe
from tessella.recipe_parts import AugmentRecipe, DataRecipe
from tessella.recipes import find_recipe, shipped_recipes
from tessella.run import Run
from tessella.suggestion import unknown_name
from tessella.yaml_text import parse_scalar


@dataclass(frozen=True)
class Source:
    """A data set that can be opened, split by split."""

    name: str
    """A data set of the table, or package.module:function of the user's own."""

    root: Path | None = None
    """The folder or zip that holds it."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of its reader."""

    reason: str = ""
    """By what it was recognised, for a person; empty where its name was given."""

    @property
    def about(self) -> str:
        """What it is, in half a sentence: by what it was recognised, or what the table says."""
        return self.reason or find_entry(self.name).about

    def open(self, split: str) -> Dataset:
        """One split.

        Raises:
            UsageError: unknown data set, option or split.
            ValueError: the files are not as the data set needs them.
        """
        entry = find_entry(self.name)
        check_options("data.options", entry.read, self.options, given=())
        return entry.read(self.root, split, **self.options)

    def open_all(self) -> dict[str, Dataset]:
        """Every split that is there, by name, in the order train, val, test.

        Raises:
            UsageError: unknown data set or option.
            ValueError: not one split can be opened; the message is the first one's.
        """
        found: dict[str, Dataset] = {}
        failures: list[ValueError] = []
        for split in find_entry(self.name).splits:
            try:
                found[split] = self.open(split)
            except UsageError:
                raise
            except ValueError as error:  # many data sets come without test masks, say
                failures.append(error)
        if not found:
            raise failures[0]
        return found


def source_of(data: DataRecipe, *, root: Path | None = None) -> Source:
    """A recipe's data set, in `root` where that is given."""
    return Source(data.name, root or data.root, data.options)


def data_of(path: Path, card: ModelCard | None) -> DataRecipe:
    """What a model says of the data that it learnt from.

    Args:
        path: a run folder, a model folder or an exported file, perhaps in its run's `export/`.
        card: of the model.

    Raises:
        UsageError: nothing says which data to read.
    """
    above = Run(path.parent.parent)
    run = above if path.parent == above.export_folder else Run(path)
    if (recipe := run.recipe_file).is_file():
        return read_recipe(recipe.read_text(encoding="utf-8"), where=str(recipe)).data
    if card is None or card.data is None:
        raise UsageError(
            f"{path}: does not say which data to score it on; add --recipe and --data."
        )
    return DataRecipe.model_validate(card.data)


def find_entry(name: str) -> DatasetEntry:
    """The table's line about a data set; one made up for a function of the user's own.

    Raises:
        UsageError: no such data set, module or function.
    """
    if ":" in name:
        readers: Mapping[str, Callable[..., Any]] = {}
        return DatasetEntry("your own", look_up("data set", name, readers), SPLITS)
    if name not in DATASETS:
        raise UsageError(unknown_name("data set", name, DATASETS))
    return DATASETS[name]


def find_source(what: str, *, root: Path | None = None, options: Sequence[str] = ()) -> Source:
    """The data that a person means: a folder or zip, a data set's name, or a recipe.

    Args:
        what: a path, a name of the table (or package.module:function), a recipe's name or file.
        root: where the data set lies, for a name or in place of the recipe's folder.
        options: "key=value" arguments of the reader, values in YAML; they win over others.

    Raises:
        UsageError: there is no such path, data set or recipe, or an option is no key=value.
        ValueError: the path holds nothing that looks like images with masks.
    """
    given = dict(_option(text) for text in options)
    path = Path(what)
    if what in DATASETS or ":" in what:
        return Source(what, root, given)
    if path.suffix.lower() in (".yaml", ".yml") or (
        not path.exists() and what in shipped_recipes()
    ):
        text, where = find_recipe(what)
        data = read_recipe(text, where=where).data
        return Source(data.name, root or data.root, {**data.options, **given})
    if not path.exists():
        absent = f"{what}: there is no such file or folder"
        if len(path.parts) > 1:  # nobody means a data set's name by a path
            raise UsageError(f"{absent}.")
        known = {**DATASETS, **shipped_recipes()}
        raise UsageError(f"{absent}, and {unknown_name('data set or recipe', what, known)}")
    if root is not None:
        raise UsageError(f"{what} is a place of its own; leave out --data {root}.")
    found = recognise(path)
    return Source(found.name, found.root, {**found.options, **given}, found.reason)


def find_augment(what: str) -> AugmentRecipe:
    """The augmentation of a recipe; for a folder or a data set, that of its shipped recipe.

    Raises:
        UsageError: the recipe cannot be read.
    """
    shipped = shipped_recipes()
    is_recipe = what in shipped or Path(what).suffix.lower() in (".yaml", ".yml")
    text, where = find_recipe(what if is_recipe else "folder")
    return read_recipe(text, where=where).augment


def recipe_for(source: Source, *, name: str, options: Mapping[str, Any]) -> str:
    """A recipe as YAML that trains the shipped `folder` recipe's model on this data.

    Args:
        source: the data.
        name: what to call the recipe.
        options: of the reader, beside the source's own.
    """
    text, where = find_recipe("folder")
    recipe = read_recipe(text, where=where)
    data = recipe.data.model_copy(
        update={
            "name": source.name,
            "root": source.root.absolute() if source.root else None,
            "options": {**source.options, **options},
        }
    )
    about = f"Your own data: {source.about}."
    return recipe.model_copy(update={"name": name, "about": about, "data": data}).to_yaml()


def _option(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"{text!r} is not key=value, for example classes='[ground, plant]'.")
    name = key.strip().removeprefix("data.options.")  # as errors and recipes write it
    return name, parse_scalar(value, where=f"option {text!r}")
