"""From a folder of images and masks to a recipe with reasons, measured on the machine at hand."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tessella import build
from tessella.atomic import write_text
from tessella.plan.annotated import Choice, annotated_yaml, short_yaml, table
from tessella.plan.choices import choose
from tessella.plan.duration import spoken
from tessella.plan.given import flattened, nested, read_given
from tessella.plan.length import Forecast, forecast, forecast_within, good_epochs, length_choices
from tessella.plan.look import DataFacts, look_at
from tessella.plan.machine import Machine, look_at_machine
from tessella.plan.preflight import Preflight, preflight
from tessella.plan.source import Found, find_data
from tessella.plan.start import choose_start
from tessella.progress import Track, silently
from tessella.recipe import Recipe
from tessella.run import Run
from tessella.suggestion import some
from tessella.train.setup import open_splits

_YOURS = "as you said"
_MOST_OF_GOOD = 5  # a budget of days does not mean thousands of epochs


@dataclass(frozen=True)
class Plan:
    """A recipe, why it is so, and what it will cost."""

    recipe: Recipe
    reasons: Mapping[str, str]
    """Key, e.g. "train.epochs" -> one line."""

    facts: DataFacts
    machine: Machine
    forecast: Forecast
    remarks: tuple[str, ...]
    """What the user should know before starting, most important first."""

    def to_yaml(self) -> str:
        """The recipe as a file with the reasons as comments, without defaults that nobody chose."""
        return short_yaml(self.recipe, self.reasons)

    def text(self) -> str:
        """Data, machine, a table of choices and the forecast, for a terminal."""
        return "\n".join(
            [
                f"data     {self.facts.text()}",
                f"machine  {self.machine.text()}",
                "",
                table(self.recipe, self.reasons),
                "",
                self.forecast.text(),
            ]
        )

    @contextmanager
    def explained(self, run: Run) -> Iterator[None]:
        """See to it that the run's recipe holds the reasons, however training in it ends."""
        try:
            yield
        finally:
            # not in a folder of another run, which training refused
            if run.recipe_file.is_file() and run.recipe() == self.recipe:
                write_text(run.recipe_file, annotated_yaml(self.recipe, self.reasons))


def plan_data(
    root: Path | None,
    *,
    overrides: Sequence[str] = (),
    budget_seconds: float | None = None,
    track: Track = silently,
) -> Plan:
    """Choose a recipe for a data set: look at some of it, at the machine, and try a few steps.

    Args:
        root: a folder, zip or file of annotations; None where the overrides name a data set.
        overrides: "key.path=value"; they win, and the rest is chosen to fit them.
        budget_seconds: training shall end within this time; None takes a sensible number of steps.
        track: shows progress.

    Raises:
        UsageError: an unknown key, name or option.
        ValueError: the data is not recognised or has errors, its classes cannot be told, nothing
            fits into memory, or the budget is shorter than an epoch.
    """
    given = read_given(overrides)
    machine = _machine_for(given)
    found = find_data(root, given=given, track=track)
    facts = look_at(found.splits, track=track)
    start = choose_start(given, num_classes=len(facts.names), is_gpu=machine.is_gpu)
    chosen = {**found.choices, **start.choices}
    chosen |= choose(
        facts,
        machine,
        given=given,
        stride=start.segmenter.stride,
        is_pretrained=start.is_pretrained,
        has_encoder=start.segmenter.encoder_prefix is not None,
    )
    values = {"name": _name_of(root, found), "about": _about(facts)}
    values |= dict(given) | {key: choice.value for key, choice in chosen.items()}
    recipe = Recipe.model_validate(nested(values))
    build.check_recipe(recipe)
    flight = preflight(
        recipe,
        found.splits,
        facts=facts,
        machine=machine,
        segmenter=start.segmenter,
        fixed=given.keys(),
    )
    expected, too_long = _expected(
        flight, given, budget_seconds, is_pretrained=start.is_pretrained, is_gpu=machine.is_gpu
    )
    chosen |= _about_step(flight, chosen)
    chosen |= length_choices(expected, given=given, why_epochs=_why(budget_seconds))
    reasons = {key: choice.reason for key, choice in chosen.items() if choice.reason}
    reasons |= {key: _YOURS for key in given if "." in key and key not in reasons}
    remarks = (*found.remarks, *_unseen(facts), *start.remarks, *flight.remarks, *too_long)
    final = _updated(flight.recipe, {key: choice.value for key, choice in chosen.items()})
    return Plan(final, reasons, facts, machine, expected, remarks)


def plan_recipe(
    recipe: Recipe,
    *,
    fixed: Sequence[str] = (),
    budget_seconds: float | None = None,
    track: Track = silently,
) -> Plan:
    """Measure a recipe as it is; change only what does not fit into memory or the budget.

    Args:
        recipe: of any origin.
        fixed: "key.path=value" that the user said and that stay.
        budget_seconds: training shall end within this time; None keeps the recipe's epochs.
        track: shows progress.

    Raises:
        UsageError: an unknown name or option.
        ValueError: data that cannot be used, nothing fits into memory, or the budget is shorter
            than an epoch.
    """
    build.check_recipe(recipe)
    given = flattened(recipe.model_dump(mode="json"))
    machine = _machine_for(given)
    splits = open_splits(recipe)
    facts = look_at(splits, track=track)
    flight = preflight(
        recipe,
        splits,
        facts=facts,
        machine=machine,
        segmenter=build.build_model(recipe, splits.train.labels),
        fixed=[override.partition("=")[0].strip() for override in fixed],
    )
    is_free = budget_seconds is not None and not any(o.startswith("train.epochs") for o in fixed)
    limits = {k: v for k, v in given.items() if not (is_free and k == "train.epochs")}
    expected, too_long = _expected(
        flight, limits, budget_seconds, is_pretrained=False, is_gpu=machine.is_gpu
    )
    chosen = _about_step(flight, {})
    if is_free:
        chosen["train.epochs"] = Choice(expected.epochs, _why(budget_seconds))
    return Plan(
        _updated(flight.recipe, {key: choice.value for key, choice in chosen.items()}),
        {key: choice.reason for key, choice in chosen.items()},
        facts,
        machine,
        expected,
        (*_unseen(facts), *flight.remarks, *too_long),
    )


def _machine_for(given: Mapping[str, Any]) -> Machine:
    return look_at_machine(
        device=given.get("train.device", "auto"), precision=given.get("train.precision", "auto")
    )


def _about(facts: DataFacts) -> str:
    return f"Planned for {facts.text()}.\nClasses: {', '.join(facts.names)}.\n"


def _name_of(root: Path | None, found: Found) -> str:
    return found.data.name if root is None else root.resolve().stem


def _unseen(facts: DataFacts) -> tuple[str, ...]:
    if not facts.unseen:
        return ()
    return (
        f"{len(facts.unseen)} of {len(facts.names)} classes have no pixel in the "
        f"{facts.num_measured} training images looked at: {some(facts.unseen)}.",
    )


def _about_step(flight: Preflight, chosen: Mapping[str, Choice]) -> dict[str, Choice]:
    """What a step computes, where it had to be made smaller."""
    if not flight.reason:
        return {}
    train, crop = flight.recipe.train, list(flight.recipe.augment.crop)
    now = {"train.batch_size": train.batch_size, "augment.crop": crop}
    found = {key: Choice(value, flight.reason) for key, value in now.items()}
    found = {k: c for k, c in found.items() if k not in chosen or chosen[k].value != c.value}
    images = train.batch_size * train.accumulate
    reason = f"a step still averages over {images} images"
    return found | {"train.accumulate": Choice(train.accumulate, reason)}


def _expected(
    flight: Preflight,
    given: Mapping[str, Any],
    budget_seconds: float | None,
    *,
    is_pretrained: bool,
    is_gpu: bool,
) -> tuple[Forecast, tuple[str, ...]]:
    """How long the run will be, and what to say if that is longer than was asked for."""
    steps, every = flight.steps_per_epoch, given.get("train.validate_every")
    good = good_epochs(steps_per_epoch=steps, is_pretrained=is_pretrained, is_gpu=is_gpu)
    if "train.epochs" not in given and budget_seconds is not None:
        within = forecast_within(
            flight.costs,
            steps_per_epoch=steps,
            budget_seconds=budget_seconds,
            most_epochs=_MOST_OF_GOOD * good,
            validate_every=every,
        )
        return within, ()
    epochs = given.get("train.epochs", good)
    expected = forecast(flight.costs, steps_per_epoch=steps, epochs=epochs, validate_every=every)
    if budget_seconds is None or expected.total_seconds <= budget_seconds:
        return expected, ()
    remark = (
        f"{epochs} epochs take about {spoken(expected.total_seconds)}, longer than the budget of "
        f"{spoken(budget_seconds)}; leave train.epochs out to have it chosen."
    )
    return expected, (remark,)


def _why(budget_seconds: float | None) -> str:
    if budget_seconds is None:
        return "a sensible number of steps; --budget sets a time instead"
    return f"as many as end within {spoken(budget_seconds)}, or are of any use"


def _updated(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    return Recipe.model_validate(nested({**flattened(recipe.model_dump(mode="json")), **values}))
