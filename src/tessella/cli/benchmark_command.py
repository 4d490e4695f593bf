"""The command that times a model behind every engine."""

from pathlib import Path
from typing import Annotated

import typer

from tessella.cli.arguments import Device
from tessella.cli.showing import messages, progress
from tessella.cli.sizes import parse_size


def benchmark(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Run folder, model folder or exported file.")
    ],
    against: Annotated[
        list[Path] | None,
        typer.Option(metavar="MODEL", help="Another one beside it; can be given again."),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="HxW", help="Of the images; that of the run's data, or 360x480, unless given."
        ),
    ] = None,
    batch: Annotated[int, typer.Option(help="Images at once.")] = 1,
    rounds: Annotated[
        int | None, typer.Option(help="Turns of each; what 20 seconds hold unless given.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(help="Of an engine on the CPU; all cores unless given.")
    ] = None,
    device: Device = "auto",
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Fetch the probability of every class too.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Time a model behind every engine that opens it: latency, images/s, memory, file size."""
    from tessella.benchmark.benchmark import benchmark as run_benchmark

    with messages():
        found = run_benchmark(
            [model, *(against or [])],
            size=None if size is None else parse_size(size),
            batch=batch,
            num_rounds=rounds,
            threads=threads,
            device=device,
            output="probabilities" if probabilities else "class map",
            track=progress(),
        ).document()
    if json:
        import json as json_text

        typer.echo(json_text.dumps(found))
    else:
        from tessella.terminal import benchmark_table

        typer.echo(benchmark_table(found))
    for absent in found["failed"]:
        typer.echo(f"error: {absent['model']} by {absent['engine']}: {absent['reason']}", err=True)
    if found["failed"]:
        raise typer.Exit(1)
