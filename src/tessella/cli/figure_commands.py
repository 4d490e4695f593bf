"""The command that draws a model's figures."""

from pathlib import Path
from typing import Annotated

import typer

from tessella.cli.arguments import DataRoot, Device, ModelPath, Tile
from tessella.cli.recipe_choice import chosen_recipe
from tessella.cli.showing import messages, progress
from tessella.errors import UsageError


def figures(
    model: ModelPath,
    data: DataRoot = None,
    recipe: Annotated[
        str | None, typer.Option(help="How to read the data, in place of the run's own recipe.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Which split; the recipe's validation split unless given.")
    ] = None,
    index: Annotated[
        list[str] | None,
        typer.Option(metavar="N,N", help="These samples, counted from 0: 0,1,2."),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(metavar="STEM", help="The sample of this name; can be given again."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="For the figures; MODEL/figures of a run unless given."),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            help="Some of classes, curves, histogram, images, comparison, panel, probabilities, "
            "epochs (with commas); all but epochs unless given."
        ),
    ] = None,
    device: Device = "auto",
    tile: Tile = 2048,
) -> None:
    """Draw what a paper shows: comparisons, probabilities, errors, curves, classes."""
    from tessella.figures.figures import draw_figures

    chosen = None if recipe is None else chosen_recipe(recipe)
    with messages():
        files = draw_figures(
            model,
            out=out,
            only=None if only is None else _words([only]),
            recipe=chosen,
            root=data,
            split=split,
            indices=[_whole(word) for word in _words(index or [])],
            names=name or [],
            device=device,
            tile=tile,
            track=progress(),
        )
    for message in files.left_out:
        typer.echo(f"left out: {message}", err=True)
    typer.echo("\n".join(str(path) for path in files.written))


def _words(texts: list[str]) -> list[str]:
    return [word.strip() for text in texts for word in text.split(",") if word.strip()]


def _whole(word: str) -> int:
    try:
        return int(word)
    except ValueError as error:
        raise UsageError(
            f"--index: {word!r} is no whole number; give numbers from 0 up with commas, as "
            "0,1,2, or samples by --name."
        ) from error
