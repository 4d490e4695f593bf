"""The command line: parse, import late, call one function, print."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tessella import __version__
from tessella.errors import UsageError

if TYPE_CHECKING:
    from tessella.evaluate import Evaluation
    from tessella.progress import Track
    from tessella.recipe import Recipe

app = typer.Typer(
    help="Give every pixel a class: train, score, predict and report semantic segmentation.",
    no_args_is_help=True,
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY.PATH=VALUE", help="Choices that replace the recipe's."),
]
ModelPath = Annotated[Path, typer.Argument(metavar="MODEL", help="Run folder or model folder.")]
DataRoot = Annotated[
    Path | None, typer.Option("--data", metavar="ROOT", help="Folder that holds the data set.")
]
Device = Annotated[Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Where to compute.")]
Tile = Annotated[
    int, typer.Option(metavar="PX", help="Images with a longer side are computed in such tiles.")
]


@app.callback()
def _options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[  # noqa: ARG001 - read in main(), which must know it before anything fails
        bool, typer.Option("--debug", help="Show the traceback of an error.")
    ] = False,
) -> None:
    if version:
        typer.echo(f"tessella {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; what goes wrong with what we were given ends in one clear line."""
    arguments = sys.argv[1:]
    debugging = "--debug" in arguments
    if debugging:  # anywhere in the line
        arguments = ["--debug", *(word for word in arguments if word != "--debug")]
    try:
        app(args=arguments, prog_name="tessella", standalone_mode=True)
    except KeyboardInterrupt:
        typer.echo("stopped.", err=True)
        raise SystemExit(130) from None
    except (ValueError, OSError, ImportError) as error:
        if debugging:
            raise
        typer.echo(f"error: {_message(error)}", err=True)
        raise SystemExit(2 if isinstance(error, UsageError) else 1) from None


def _message(error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"{error.name} is not installed; this command needs: pip install 'tessella[train]'."
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}."
    return str(error)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="New folder for the run.")] = Path("runs/demo"),
) -> None:
    """Train, score, predict and report on drawn street scenes: no download, under 2 minutes."""
    from tessella.demo import demo as run_demo

    with _logging():
        result = run_demo(out, track=_track())
    typer.echo(_score_table(result.evaluation))
    typer.echo(
        f"\nrun       {result.run.path}\npictures  {result.pictures}\nreport    {result.report}\n"
        "Open the report in a browser."
    )


@app.command()
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
    for shipped, text in shipped_recipes().items():
        about = read_recipe(text, where=shipped).about.strip().splitlines()
        typer.echo(f"{shipped:<12} {about[0] if about else ''}")


@app.command()
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
) -> None:
    """Train a recipe into a run folder, or go on with one by --resume RUN."""
    if resume is not None:
        _refuse_with_resume(recipe=recipe, overrides=overrides, data=data, out=out)
        from tessella.train import resume as resume_run

        with _logging(), _saying_how_to_go_on(resume):
            run = resume_run(resume, track=_track())
    else:
        if recipe is None:
            raise UsageError(
                "no recipe given; `tessella recipes` lists them, and `tessella train folder "
                "--data ROOT` trains on a folder of your own."
            )
        chosen = _read_recipe(recipe, overrides or [], data)
        from tessella.run import default_run_path
        from tessella.train import train as train_recipe

        place = out or default_run_path(chosen.name)
        with _logging(), _saying_how_to_go_on(place):
            run = train_recipe(chosen, out=place, track=_track())
    typer.echo(f"{run.path}\nNext: tessella evaluate {run.path}; tessella report {run.path}")


@app.command()
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

    chosen = _read_recipe(recipe, [], data) if recipe else None
    with _logging():
        result = evaluate_model(
            model, recipe=chosen, root=data, split=split, device=device, tile=tile, track=_track()
        )
    if json:
        import json as json_text

        typer.echo(json_text.dumps(result.document()))
    else:
        typer.echo(_score_table(result))


@app.command()
def predict(
    model: ModelPath,
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT", help="Images, folders, or quoted patterns.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.")],
    save: Annotated[
        str, typer.Option(help="What to write: mask, color, overlay, probabilities (with commas).")
    ] = "mask,overlay",
    opacity: Annotated[float, typer.Option(help="Of the overlay's colours, 0..1.")] = 0.6,
    device: Device = "auto",
    tile: Tile = 2048,
) -> None:
    """Predict images of any size: class PNG with palette, colours, overlay with legend."""
    from tessella.predict import predict as predict_files
    from tessella.predictor import load

    with _logging():
        result = predict_files(
            load(model, device=device, tile=tile),
            inputs,
            out=out,
            save=[word.strip() for word in save.split(",")],
            opacity=opacity,
            track=_track(),
        )
    for message in result.failed:
        typer.echo(f"error: {message}", err=True)
    typer.echo(f"{len(result.written)} files in {out}")
    if result.failed:
        raise typer.Exit(1)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.")],
    data: DataRoot = None,
    split: Annotated[
        str | None, typer.Option(help="Split to show; one that is scored already unless given.")
    ] = None,
) -> None:
    """Write report.html: curves, scores, confusion, and pictures of the best and worst images."""
    from tessella.report.report import report as report_run

    with _logging():
        path = report_run(run, root=data, split=split, track=_track())
    typer.echo(str(path))


def _read_recipe(name: str, overrides: list[str], data: Path | None) -> "Recipe":
    from tessella.recipe import read_recipe
    from tessella.recipes import find_recipe

    text, where = find_recipe(name)
    if data is not None:
        overrides = [
            *overrides,
            f"data.root='{str(data.absolute()).replace(chr(39), chr(39) * 2)}'",
        ]
    return read_recipe(text, where=where, overrides=overrides)


def _refuse_with_resume(**others: object) -> None:
    given = [name for name, value in others.items() if value]
    if given:
        raise UsageError(
            f"--resume goes on with the run's own recipe; leave out {', '.join(given)}."
        )


def _track() -> "Track":
    from tessella.terminal import progress_bar

    return progress_bar


def _score_table(evaluation: "Evaluation") -> str:
    from tessella.terminal import score_table

    return score_table(evaluation.document())


@contextmanager
def _saying_how_to_go_on(run: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if (run / "checkpoints" / "last.pt").is_file():
            typer.echo(f"to go on after the last finished epoch: tessella train --resume {run}")
        raise


@contextmanager
def _logging() -> Iterator[None]:
    """Our own messages on stderr, other libraries' warnings only."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("tessella").setLevel(logging.INFO)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    yield
