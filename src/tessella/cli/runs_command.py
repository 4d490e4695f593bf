"""The command that lists runs."""

import shutil
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer


def runs(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FOLDER", help="With runs in it, however deep; runs/ unless given."),
    ] = None,
    sort: Annotated[
        Literal["score", "date", "name"], typer.Option(help="What comes first.")
    ] = "score",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List runs with their scores: state, model, mean IoU, time, commit and data."""
    from tessella.runs import find_runs

    places = folders or [Path("runs")]
    found = find_runs(places, order=sort).document()
    if json:
        import json as json_text

        typer.echo(json_text.dumps(found))
    elif found["runs"] or found["unreadable"]:
        from tessella.terminal import runs_table

        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        typer.echo(runs_table(found, width=width))
    else:
        typer.echo(f"no runs below {', '.join(map(str, places))}", err=True)
