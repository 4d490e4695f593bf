"""All that a sweep was told, checked against its recipe before anything is trained."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tessella.atomic import write_text
from tessella.errors import UsageError
from tessella.recipe import Recipe, read_recipe
from tessella.sweep.space import Choices, Dimension, Range, Space, parse_space
from tessella.yaml_text import dump_yaml, load_yaml, parse_scalar

Order = Literal["grid", "tpe"]

MONITOR_NAMES: Mapping[str, str] = {
    "mean_iou": "mean IoU",
    "macro_f1": "macro F1",
    "pixel_accuracy": "pixel accuracy",
    "loss": "validation loss",
}
"""The figures of the validation split that trials are compared by, as a reader calls them."""

_WITHIN = 0.37  # of a range: no end and no round number


@dataclass(frozen=True)
class Settings:
    """What is trained, how often, and what is given up."""

    recipe: Recipe
    """What all trials share."""

    space: Space
    """What they differ in."""

    combinations: int
    """How many are tried, each with every seed of the space."""

    order: Order
    """grid: one after the other, all that there are; tpe: what Optuna's sampler proposes."""

    seed: int = 0
    """Of the proposals."""

    prune: bool = True
    """End trials early that are worse than most were at the same epoch."""

    warm_up: int = 1
    """Epochs that every trial is given."""

    train_words: tuple[str, ...] = ()
    """What to write after `tessella train` for the recipe that all trials share."""

    @property
    def monitor(self) -> str:
        """The validation figure that trials are compared by."""
        return self.recipe.train.monitor

    @property
    def monitor_name(self) -> str:
        """The same, as a reader calls it."""
        return MONITOR_NAMES[self.monitor]

    @property
    def higher_is_better(self) -> bool:
        """Whether the greater figure wins."""
        return self.monitor != "loss"

    @property
    def num_trials(self) -> int:
        """Trainings in all."""
        return self.combinations * self.space.repetitions

    def combination_of(self, number: int) -> int:
        """Which combination the trial of that number has, from 0; seeds follow one another."""
        return (number - 1) // self.space.repetitions

    def is_judged(self, number: int) -> bool:
        """Whether a trial may be pruned, and others be pruned by it: with its first seed only.

        So like is compared with like, and no combination is given up for one unlucky seed of many.
        """
        return self.prune and (number - 1) % self.space.repetitions == 0

    def recipe_with(self, values: Mapping[str, str]) -> Recipe:
        """The recipe of a trial.

        Args:
            values: key.path -> YAML.

        Raises:
            UsageError: they do not fit the recipe.
        """
        overrides = [f"{key}={value}" for key, value in values.items()]
        return read_recipe(self.recipe.to_yaml(), where="the recipe", overrides=overrides)


@dataclass(frozen=True)
class Variant:
    """The recipe with one of the values of one key."""

    word: str
    """key.path=value."""

    recipe: Recipe


def settings_for(
    recipe: Recipe,
    words: Sequence[str],
    *,
    trials: int | None = None,
    seed: int = 0,
    prune: bool = True,
    warm_up: int | None = None,
    train_words: Sequence[str] = (),
) -> Settings:
    """A sweep of `recipe` over what the words vary.

    Args:
        recipe: with what is the same for all trials.
        words: key.path=VALUES, see `parse_space`; those with one value change the recipe.
        trials: combinations to try; None takes all, which a range of fractions does not have.
        seed: of the proposals.
        prune: end hopeless trials early.
        warm_up: epochs before a trial may be ended; None takes a quarter of the recipe's.
        train_words: see `Settings`.

    Raises:
        UsageError: a word, a key, one of the values or a number is wrong, or trials could not be
            compared.
    """
    for name, number, least in (("trials", trials, 1), ("warm-up", warm_up, 1), ("seed", seed, 0)):
        if number is not None and number < least:
            raise UsageError(f"--{name} {number}: give a whole number from {least} up.")
    space = parse_space(words)
    if space.fixed:
        recipe = read_recipe(recipe.to_yaml(), where="the recipe", overrides=space.fixed)
    space = _fitted(space, recipe)
    _refuse_incomparable(variants_of(recipe, space), recipe)
    combinations, order = _extent(space, trials)
    quarter = -(-recipe.train.epochs // 4)
    return Settings(
        recipe,
        space,
        combinations,
        order,
        seed=seed,
        prune=prune,
        warm_up=quarter if warm_up is None else warm_up,
        train_words=tuple(train_words),
    )


def _extent(space: Space, trials: int | None) -> tuple[int, Order]:
    if space.size is not None and (trials is None or trials >= space.size):
        return space.size, "grid"
    if trials is None:
        ranges = [d.text() for d in space.dimensions if isinstance(d, Range) and not d.is_whole]
        raise UsageError(
            f"{ranges[0]}: has no end of values; say how many combinations to try, for example "
            "--trials 20."
        )
    return trials, "tpe"


def _fitted(space: Space, recipe: Recipe) -> Space:
    """The space with ranges of fractions where the recipe takes fractions: 0..1 for a share."""

    def fit(dimension: Dimension) -> Dimension:
        if isinstance(dimension, Choices) or not dimension.is_whole:
            return dimension
        at_low = _read(recipe, f"{dimension.key}={dimension.value(dimension.low)}")
        is_fraction = isinstance(_value_in(at_low, dimension.key), float)
        return replace(dimension, is_whole=not is_fraction)

    return replace(space, dimensions=tuple(map(fit, space.dimensions)))


def _value_in(recipe: Recipe, key: str) -> Any:
    content: Any = recipe.model_dump()
    for part in key.split("."):
        content = content[part]
    return content


def variants_of(recipe: Recipe, space: Space) -> list[Variant]:
    """The recipe with each choice by itself, with the ends of each range and a number within.

    Raises:
        UsageError: values that do not fit the recipe, the first one of each key, or two that are
            the same to it.
    """
    found: list[Variant] = []
    problems: list[str] = []
    seeds = [Choices("train.seed", space.seeds)] if space.seeds else []
    for dimension in (*space.dimensions, *seeds):
        try:
            found += _variants_in(recipe, dimension)
        except UsageError as error:
            problems += str(error).splitlines()
    if problems:
        raise UsageError("\n".join(dict.fromkeys(problems)))
    return found


def _refuse_incomparable(variants: Sequence[Variant], recipe: Recipe) -> None:
    for word, changed in ((variant.word, variant.recipe) for variant in variants):
        is_measured_alike = (changed.train.monitor, changed.data.val_split) == (
            recipe.train.monitor,
            recipe.data.val_split,
        )
        if not is_measured_alike:
            raise UsageError(
                f"{word}: trials that differ in train.monitor or data.val_split are not measured "
                "alike, so none is the best; make a sweep for each value."
            )
        if recipe.train.monitor == "loss" and changed.loss != recipe.loss:
            raise UsageError(
                f"{word}: trials that differ in it have losses that cannot be compared; set "
                "train.monitor=mean_iou, macro_f1 or pixel_accuracy."
            )


def _variants_in(recipe: Recipe, dimension: Dimension) -> list[Variant]:
    variants: list[Variant] = []
    for value in _examples(dimension):
        word = f"{dimension.key}={value}"
        changed = _read(recipe, word)
        same = next((v.word for v in variants if v.recipe == changed), None)
        if same is not None and isinstance(dimension, Choices):
            raise UsageError(f"{same} and {word} are the same; leave one of them out.")
        variants.append(Variant(word, changed))
    return variants


def _examples(dimension: Dimension) -> Iterator[str]:
    if isinstance(dimension, Choices):
        yield from dimension.values
        return
    within = dimension.low + _WITHIN * (dimension.high - dimension.low)
    yield from map(dimension.value, (dimension.low, within, dimension.high))


def _read(recipe: Recipe, word: str) -> Recipe:
    return read_recipe(recipe.to_yaml(), where="the recipe", overrides=[word])


def write_settings(path: Path, settings: Settings) -> None:
    """Write them as YAML, whole or not at all."""
    content = {
        "varied": list(settings.space.words),
        "combinations": settings.combinations,
        "order": settings.order,
        "seed": settings.seed,
        "prune": settings.prune,
        "warm_up": settings.warm_up,
        "train_words": list(settings.train_words),
        "recipe": settings.recipe.model_dump(mode="json"),
    }
    write_text(path, dump_yaml(content))


_KINDS: Mapping[str, tuple[type, ...]] = {
    "varied": (list,),
    "combinations": (int,),
    "order": (str,),
    "seed": (int,),
    "prune": (bool,),
    "warm_up": (int,),
    "train_words": (list,),
    "recipe": (dict,),
}


def read_settings(path: Path) -> Settings:
    """What `write_settings` wrote.

    Raises:
        UsageError: it is damaged, or was changed into something that cannot be.
        OSError: it cannot be read.
    """
    try:
        content = load_yaml(path.read_text(encoding="utf-8"), where=str(path)).content
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is no text; restore the file that the sweep wrote.") from error
    wrong = [key for key, kinds in _KINDS.items() if not isinstance(content.get(key), kinds)]
    if wrong:
        raise UsageError(
            f"{path}: {', '.join(wrong)}: missing, or not what a sweep writes; restore the file."
        )
    recipe = read_recipe(dump_yaml(content["recipe"]), where=str(path))
    made = settings_for(
        recipe,
        [str(word) for word in content["varied"]],
        trials=content["combinations"],
        seed=content["seed"],
        prune=content["prune"],
        warm_up=content["warm_up"],
        train_words=[str(word) for word in content["train_words"]],
    )
    # told, not derived: a sweep that was made longer goes on as it began
    order: Order = "tpe" if content["order"] == "tpe" else "grid"
    return replace(made, order=order)


def with_trials(settings: Settings, trials: int) -> Settings:
    """The same sweep with so many combinations in all.

    Raises:
        UsageError: it would be shorter than it is, or has tried all that there are.
    """
    most = settings.space.size
    if settings.order == "grid" or trials < settings.combinations:
        has = "all" if settings.order == "grid" else "already"
        raise UsageError(
            f"--trials {trials}: the sweep tries {has} {settings.combinations} combinations; "
            + ("it cannot have more." if settings.order == "grid" else "give a larger number.")
        )
    return replace(settings, combinations=trials if most is None else min(trials, most))


def numbers_of(dimension: Dimension, values: Sequence[str]) -> list[float] | None:
    """The values as numbers; None where one of them is none."""
    parsed = [parse_scalar(value, where=dimension.key) for value in values]
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in parsed):
        return [float(v) for v in parsed]
    return None
