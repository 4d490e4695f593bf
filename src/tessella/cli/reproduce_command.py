"""`tessella reproduce`: a run again, compared with itself."""

from pathlib import Path
from typing import Annotated

import typer

from tessella.cli.arguments import DataRoot
from tessella.cli.showing import messages, progress


def reproduce(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run folder.")],
    data: DataRoot = None,
    out: Annotated[
        Path | None, typer.Option(metavar="RUN", help="New folder; RUN-again unless given.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Compare the first so many; all unless given.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Train a run anew from its folder and compare figures and weights; ends with 1 if they differ.

    On a CPU they are the same bit for bit on the same machine with the same versions; on a GPU with
    train.deterministic=true.
    """
    from tessella.reproduce import reproduce as reproduce_run
    from tessella.run import free_path

    place = out or free_path(run.absolute().with_name(f"{run.absolute().name}-again"))
    root = None if data is None else data.absolute()
    with messages():
        result = reproduce_run(run, out=place, root=root, epochs=epochs, track=progress())
    if json:
        import json as json_text

        typer.echo(json_text.dumps(result.document()))
    else:
        typer.echo(f"{result.run}\n{result.text()}")
    if not result.is_same:
        raise typer.Exit(1)
