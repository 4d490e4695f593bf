"""The command that plans a recipe, and what `train` needs to plan one itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tessella.cli.arguments import DataRoot, Overrides
from tessella.cli.recipe_choice import chosen_recipe
from tessella.cli.showing import messages, progress
from tessella.errors import UsageError

if TYPE_CHECKING:
    from tessella.plan import Plan

Budget = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Let training end within this: 10m, 2h, 1h30m."),
]
WeightsFile = Annotated[
    str | None,
    typer.Option("--weights", metavar="FILE", help="Pretrained weights of an encoder."),
]


def plan(
    recipe: Annotated[
        str | None,
        typer.Argument(metavar="RECIPE", help="Measure this one; left out, one is chosen."),
    ] = None,
    overrides: Overrides = None,
    data: DataRoot = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the recipe, a YAML file.")
    ] = None,
    budget: Budget = None,
    weights: WeightsFile = None,
) -> None:
    """Choose a recipe for a data set, with reasons, and say how long it takes; trains nothing."""
    if out is not None and out.suffix not in (".yaml", ".yml"):
        raise UsageError(f"--out {out}: a recipe is a YAML file; end its name in .yaml.")
    name, words = split_words(recipe, overrides or [], weights=weights)
    made = make_plan(name, words, data=data, budget=budget)
    if out is not None:
        from tessella.atomic import write_text

        write_text(out, made.to_yaml())
        typer.echo(f"\nrecipe  {out}\nNext: tessella train {out}")


def make_plan(
    recipe: str | None, overrides: list[str], *, data: Path | None, budget: str | None
) -> "Plan":
    """Plan for data, or measure a recipe, and show it; what needs attention goes to stderr.

    Args:
        recipe: a shipped one's name or a file; None chooses one.
        overrides: key.path=value.
        data: the folder, where it is not the recipe's own.
        budget: a length of time.

    Raises:
        UsageError: a wrong name, option or length of time.
        ValueError: the data, or no recipe fits.
    """
    from tessella.plan import plan_data, plan_recipe
    from tessella.plan.duration import seconds_in

    budget_seconds = None if budget is None else seconds_in(budget)
    with messages():
        if recipe is None:
            made = plan_data(
                data, overrides=overrides, budget_seconds=budget_seconds, track=progress()
            )
        else:
            chosen = chosen_recipe(recipe, overrides=overrides, data=data)
            made = plan_recipe(
                chosen, fixed=overrides, budget_seconds=budget_seconds, track=progress()
            )
    for remark in made.remarks:
        typer.echo(f"note: {remark}", err=True)
    typer.echo(made.text())
    return made


def split_words(
    recipe: str | None, overrides: list[str], *, weights: str | None
) -> tuple[str | None, list[str]]:
    """The recipe and the overrides; without a recipe the first word is an override already.

    Args:
        recipe: the first word.
        overrides: the other words.
        weights: a file of encoder weights, which is one more override.
    """
    if weights is not None:
        quoted = str(Path(weights).expanduser().absolute()).replace("'", "''")
        overrides = [*overrides, f"model.encoder_weights='{quoted}'"]
    if recipe is not None and "=" in recipe and not Path(recipe).is_file():
        return None, [recipe, *overrides]
    return recipe, overrides
