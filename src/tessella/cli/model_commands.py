"""The commands around a model: demo, recipes, plan, train, evaluate, report, audit."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tessella.cli.arguments import DataRoot, Device, ModelPath, Overrides, Tile
from tessella.cli.plan_command import Budget, WeightsFile, make_plan, plan, split_words
from tessella.cli.recipe_choice import chosen_recipe
from tessella.cli.showing import messages, progress
from tessella.errors import UsageError
from tessella.rank import this_rank

if TYPE_CHECKING:
    from tessella.evaluate import Evaluation
    from tessella.team import Team


def demo(
    out: Annotated[Path, typer.Option(help="New folder for the run.")] = Path("runs/demo"),
) -> None:
    """Train, score, predict and report on drawn street scenes: no download, under 2 minutes."""
    from tessella.demo import demo as run_demo

    with messages():
        result = run_demo(out, track=progress())
    typer.echo(_score_table(result.evaluation))
    typer.echo(
        f"\nrun       {result.run.path}\npictures  {result.pictures}\nreport    {result.report}\n"
        "Open the report in a browser."
    )


def recipes(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Print this one as YAML.")
    ] = None,
) -> None:
    """List the shipped recipes, or print one."""
    from tessella.recipe import read_recipe
    from tessella.recipes import find_recipe, shipped_recipes

    if name is not None:
        typer.echo(find_recipe(name)[0], nl=False)
        return
    shipped = shipped_recipes()
    width = max(map(len, shipped))
    for word, text in shipped.items():
        about = read_recipe(text, where=word).about.strip().splitlines()
        typer.echo(f"{word:<{width}}  {about[0] if about else ''}")


def train(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A shipped recipe's name or a YAML file.")
    ] = None,
    overrides: Overrides = None,
    data: DataRoot = None,
    out: Annotated[Path | None, typer.Option(metavar="RUN", help="New folder for the run.")] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with this run instead.")
    ] = None,
    more: Annotated[
        int, typer.Option(metavar="EPOCHS", help="With --resume: so many epochs longer.")
    ] = 0,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same numbers each time on a GPU too.")
    ] = False,
    budget: Budget = None,
    weights: WeightsFile = None,
) -> None:
    """Train a recipe into a run folder, or go on with one by --resume RUN.

    With --data and no RECIPE one is planned for the data and the machine, shown, and trained. With
    --resume, --data says where the data lies now. train.devices=N trains in N processes.
    """
    if more < 0 or (more and resume is None):
        raise UsageError(f"--more {more}: give epochs to add, from 1 up, and --resume RUN.")
    if resume is not None:
        given = {"out": out, "budget": budget, "weights": weights, "deterministic": deterministic}
        _refuse_with_resume(recipe=recipe, overrides=overrides, **given)
        from tessella.train import resume as resume_run

        with messages(), _saying_how_to_go_on(resume):
            root = None if data is None else data.absolute()
            run = resume_run(resume, more_epochs=more, root=root, track=progress())
    else:
        name, words = split_words(recipe, overrides or [], weights=weights)
        words = [*words, *(["train.deterministic=true"] if deterministic else [])]
        if name is None and data is None and not any(word.startswith("data.") for word in words):
            raise UsageError(
                "no recipe given; `tessella recipes` lists them, and `tessella train --data ROOT` "
                "plans one for a folder of your own."
            )
        is_planned = name is None or budget is not None
        _refuse_what_ranks_disagree_on(is_planned=is_planned, out=out)
        # the recipe first: what is wrong with it is said before torch is loaded
        if is_planned:
            made = make_plan(name, words, data=data, budget=budget)
            chosen, explained = made.recipe, made.explained
        else:
            chosen = chosen_recipe(name, overrides=words, data=data)
            explained = nullcontext
        from tessella.run import Run, default_run_path
        from tessella.train import train as train_recipe

        place = out or default_run_path(chosen.name)
        with messages(), _saying_how_to_go_on(place), explained(Run(place)):
            run = train_recipe(chosen, out=place, track=progress())
    if this_rank().is_first:
        typer.echo(f"{run.path}\nNext: tessella evaluate {run.path}; tessella report {run.path}")


def _refuse_what_ranks_disagree_on(*, is_planned: bool, out: Path | None) -> None:
    """Of processes that were started together each would measure, and look at its own clock."""
    if this_rank().count == 1:
        return
    if is_planned:
        raise UsageError(
            "each of the processes would plan by what it measures; write the recipe first by "
            "`tessella plan --data ROOT --out recipe.yaml`, and train that."
        )
    if out is None:
        raise UsageError("several processes need one name for the run; give it by --out RUN.")


def evaluate(
    model: ModelPath,
    data: DataRoot = None,
    split: Annotated[
        str | None, typer.Option(help="Split to score; the recipe's test split unless given.")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="How to read the data, in place of the run's own recipe.")
    ] = None,
    device: Device = "auto",
    tile: Tile = 2048,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Score a model on a split: per class, and beside the trivial predictor."""
    from tessella.evaluate import evaluate_model

    chosen = chosen_recipe(recipe, data=data) if recipe else None
    with messages(), _team() as team:
        result = evaluate_model(
            model,
            recipe=chosen,
            root=data,
            split=split,
            device=device,
            tile=tile,
            team=team,
            track=progress(),
        )
    if team.index:
        return
    if json:
        import json as json_text

        typer.echo(json_text.dumps(result.document()))
    else:
        typer.echo(_score_table(result))


@contextmanager
def _team() -> Iterator["Team"]:
    """Alone, or with the others that torchrun or Slurm has started; torch is loaded for these."""
    rank = this_rank()
    if rank.count == 1:
        from tessella.team import ALONE

        yield ALONE
        return
    from tessella.train.joined import joined

    with joined(rank) as team:
        yield team


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.")],
    data: DataRoot = None,
    split: Annotated[
        str | None, typer.Option(help="Split to show; one that is scored already unless given.")
    ] = None,
) -> None:
    """Write report.html: curves, scores, confusion, and pictures of the best and worst images."""
    from tessella.report.report import report as report_run

    with messages():
        path = report_run(run, root=data, split=split, track=progress())
    typer.echo(str(path))


def audit(
    tutorial: Annotated[
        str | None,
        typer.Argument(metavar="TUTORIAL", help="By its data set; left out, they are listed."),
    ] = None,
    run: Annotated[Path | None, typer.Argument(metavar="RUN", help="Run folder.")] = None,
    data: DataRoot = None,
    split: Annotated[
        str | None, typer.Option(help="Split to score; the recipe's validation split unless given.")
    ] = None,
    device: Device = "auto",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """A tutorial's score of a run the way it was computed there, beside the right one, and why."""
    if tutorial is None:
        from tessella.audit.tutorials import TUTORIALS

        for name, known in TUTORIALS.items():
            typer.echo(f"{name:<14} {known.title}")
        return
    from tessella.audit.audit import audit as audit_run

    if run is None:
        raise UsageError(
            f"no run given; any will do: tessella audit {tutorial} runs/demo (`tessella demo` "
            "makes that one)."
        )
    with messages():
        result = audit_run(
            tutorial, run, root=data, split=split, device=device, track=progress()
        ).document()
    if json:
        import json as json_text

        typer.echo(json_text.dumps(result))
    else:
        from tessella.terminal import audit_table

        typer.echo(audit_table(result))


def _refuse_with_resume(**others: object) -> None:
    given = [name for name, value in others.items() if value]
    if given:
        raise UsageError(
            f"--resume goes on with the run's own recipe; leave out {', '.join(given)}."
        )


def _score_table(evaluation: "Evaluation") -> str:
    from tessella.terminal import score_table

    return score_table(evaluation.document())


@contextmanager
def _saying_how_to_go_on(run: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if (run / "checkpoints" / "last.pt").is_file():
            typer.echo(f"to go on where its state was saved: tessella train --resume {run}")
        raise


COMMANDS = (demo, recipes, plan, train, evaluate, report, audit)
