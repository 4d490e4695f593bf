"""The command that trains a recipe many times over to find better choices."""

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tessella.cli.arguments import DataRoot
from tessella.cli.recipe_choice import chosen_recipe
from tessella.cli.showing import messages, progress
from tessella.errors import UsageError

if TYPE_CHECKING:
    from tessella.sweep.settings import Settings
    from tessella.sweep.sweep import Outcome


def sweep(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A shipped recipe's name or a YAML file.")
    ] = None,
    choices: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY.PATH=A,B,C",
            help="Values to try; or a range, LOW..HIGH, with :log or :linear; or one value.",
        ),
    ] = None,
    trials: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Combinations to try; all of them unless given. A range needs it."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of what is proposed; 0 unless given.")] = None,
    no_prune: Annotated[
        bool, typer.Option("--no-prune", help="Train even hopeless trials to their end.")
    ] = False,
    warm_up: Annotated[
        int | None,
        typer.Option(
            metavar="EPOCHS", help="Before which no trial is pruned; a quarter unless given."
        ),
    ] = None,
    data: DataRoot = None,
    out: Annotated[
        Path | None, typer.Option(metavar="SWEEP", help="New folder for the sweep.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="SWEEP", help="Go on with this sweep instead; longer by --trials."),
    ] = None,
    give_up: Annotated[
        list[int] | None,
        typer.Option(metavar="TRIAL", help="With --resume: not with this one; may be repeated."),
    ] = None,
    retry: Annotated[
        list[int] | None,
        typer.Option(
            metavar="TRIAL", help="With --resume: this one, which failed, again; may be repeated."
        ),
    ] = None,
) -> None:
    """Train a recipe with many choices, each in a run of its own, and rank them.

    tessella sweep folder --data mine optimizer.lr=1e-3,1e-2 augment.flip=0,0.5
    """
    if resume is not None:
        _refuse_with_resume(
            recipe=recipe, choices=choices, data=data, out=out, seed=seed is not None or None
        )
        if no_prune or warm_up is not None:
            raise UsageError("--resume goes on with the sweep's own way of pruning; leave it out.")
        from tessella.sweep.folder import open_sweep

        open_sweep(resume)  # before torch is loaded
        from tessella.sweep.sweep import resume as resume_sweep

        with messages(), _saying_how_to_go_on(resume):
            outcome = resume_sweep(
                resume,
                trials=trials,
                give_up=give_up or [],
                retry=retry or [],
                track=progress(),
            )
    else:
        for option, numbers in (("--give-up", give_up), ("--retry", retry)):
            if numbers:
                raise UsageError(
                    f"{option} is about a trial of a sweep that is there; add --resume."
                )
        settings = _settings(
            *(recipe, choices or []),
            data=data,
            trials=trials,
            seed=seed or 0,
            prune=not no_prune,
            warm_up=warm_up,
        )
        from tessella.run import default_run_path
        from tessella.sweep.folder import refuse_taken

        place = out or default_run_path(f"{settings.recipe.name}-sweep")
        refuse_taken(place)
        from tessella.sweep.sweep import sweep as train_all

        with messages(), _saying_how_to_go_on(place):
            outcome = train_all(settings, out=place, track=progress())
    _show(outcome)


def _settings(
    name: str | None,
    words: Sequence[str],
    *,
    data: Path | None,
    trials: int | None,
    seed: int,
    prune: bool,
    warm_up: int | None,
) -> "Settings":
    """What was typed, checked; torch is not loaded for it."""
    from tessella.sweep.settings import settings_for
    from tessella.sweep.space import parse_space

    if name is None or ("=" in name and not Path(name).is_file()):
        raise UsageError(
            "no recipe given; write it before the choices, as `tessella sweep folder --data mine "
            "optimizer.lr=1e-3,1e-2`. `tessella recipes` lists them."
        )
    fixed = parse_space(words).fixed
    at_data = [] if data is None else ["--data", str(data.absolute())]
    return settings_for(
        chosen_recipe(name, overrides=fixed, data=data),
        words,
        trials=trials,
        seed=seed,
        prune=prune,
        warm_up=warm_up,
        train_words=[name, *at_data, *fixed],
    )


def _show(outcome: "Outcome") -> None:
    from tessella.sweep.best import evaluate_command, train_command
    from tessella.sweep.table import score_words, text_table

    folder, settings, best = outcome.folder, outcome.settings, outcome.best
    trials = outcome.trials
    if trials:
        typer.echo(text_table(outcome.places, settings))
        typer.echo(f"\ntable     {folder.table_file}\npage      {folder.page_file}")
    if best is not None and best.best is not None:
        typer.echo(
            f"\nbest      {score_words(best, settings)}\nrun       {best.best.run.path}\n"
            f"again     {train_command(best, settings)}\nNext: {evaluate_command(best)}"
        )
    in_work = [one.trial.number for one in trials if one.trial.state == "in work"]
    if in_work:
        typer.echo(
            f"still in work in another process: trial {', '.join(map(str, in_work))}", err=True
        )
    failed = [one.trial for one in trials if one.trial.state == "failed"]
    for trial in failed:
        typer.echo(f"error: trial {trial.number}: {trial.reason}", err=True)
    if failed and len(failed) == len(trials):
        raise typer.Exit(1)


def _refuse_with_resume(**others: object) -> None:
    given = [name for name, value in others.items() if value]
    if given:
        raise UsageError(
            f"--resume goes on with the sweep's own recipe and choices; leave out "
            f"{', '.join(given)}."
        )


@contextmanager
def _saying_how_to_go_on(sweep_folder: Path) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, OSError):
        if (sweep_folder / "sweep.yaml").is_file():
            place = shlex.quote(str(sweep_folder))
            typer.echo(f"to go on with the sweep: tessella sweep --resume {place}", err=True)
        raise
