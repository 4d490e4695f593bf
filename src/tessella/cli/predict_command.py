"""The command that predicts images: a few, or a shard of very many."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tessella.cli.arguments import Device, ModelPath, Tile
from tessella.cli.showing import messages, progress
from tessella.errors import UsageError
from tessella.rank import this_rank
from tessella.suggestion import printable

if TYPE_CHECKING:
    from tessella.predict.bulk import Engine, ShardResult
    from tessella.predict.write import Wanted


def predict(
    model: ModelPath,
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT", help="Images, folders, quoted patterns, or lists (.txt) of images."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the results.")],
    save: Annotated[
        str,
        typer.Option(
            help="What to write: mask, color, overlay, probabilities, polygons (with commas)."
        ),
    ] = "mask,overlay",
    opacity: Annotated[float, typer.Option(help="Of the overlay's colours, 0..1.")] = 0.6,
    device: Device = "auto",
    tile: Tile = 2048,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Only part I of N of the images, from 0/N to N-1/N. Goes on where it was killed.",
        ),
    ] = None,
    engine: Annotated[
        Literal["plain", "ray"], typer.Option(help="ray: on all of a machine or cluster, by Ray.")
    ] = "plain",
    workers: Annotated[
        int | None,
        typer.Option(help="Of Ray, each with the model; unless given, one a GPU or 2 cores."),
    ] = None,
) -> None:
    """Predict images of any size: class PNG with palette, colours, overlay with legend.

    A list, a shard, or Ray: DIR/manifest notes what is done, and the same command again does the
    rest.
    """
    from tessella.predict.image_list import is_list
    from tessella.predict.shard import Shard, parse_shard
    from tessella.predict.write import Wanted

    wanted = Wanted(tuple(word.strip() for word in save.split(",")), opacity)
    part = Shard() if shard is None else parse_shard(shard)
    if shard is None and (count := this_rank().count) > 1:
        raise UsageError(
            f"{count} processes were started together, and each would predict all images; give "
            f"each a part of them by --shard I/{count}."
        )
    if workers is not None and (engine != "ray" or workers < 1):
        raise UsageError(f"--workers {workers}: give 1 or more, and --engine ray.")
    with messages():
        if shard is None and engine == "plain" and not any(map(is_list, inputs)):
            _predict_files(model, inputs, out=out, wanted=wanted, device=device, tile=tile)
            return
        chosen = _open_engine(engine, model, device=device, tile=tile, workers=workers)
        from tessella.predict.bulk import predict_shard

        result = predict_shard(
            chosen, model, inputs, out=out, wanted=wanted, shard=part, track=progress()
        )
    for message in result.errors:
        typer.echo(f"error: {printable(message)}", err=True)
    typer.echo(described(result))
    if result.failed:
        raise typer.Exit(1)


def described(result: "ShardResult") -> str:
    """What was done of a shard, and how far all are."""
    now = result.images - result.before - result.failed
    lines = [
        f"shard {result.shard}: {_images(result.images)}, {result.before} done before, "
        f"{now} done now, {result.failed} failed"
    ]
    if result.shard.count > 1:
        done = result.all_shards.done
        lines.append(f"all shards: {done} of {_images(result.all_images)} done")
    lines.append(f"manifest: {result.manifest}")
    return "\n".join(lines)


def _images(number: int) -> str:
    return f"{number} image{'' if number == 1 else 's'}"


def _predict_files(
    model: Path, inputs: Sequence[str], *, out: Path, wanted: "Wanted", device: str, tile: int
) -> None:
    from tessella.predict import predict as predict_files
    from tessella.predictor import load

    result = predict_files(
        load(model, device=device, tile=tile),
        inputs,
        out=out,
        save=wanted.outputs,
        opacity=wanted.opacity,
        track=progress(),
    )
    for message in result.failed:
        typer.echo(f"error: {message}", err=True)
    typer.echo(f"{len(result.written)} files in {out}")
    if result.failed:
        raise typer.Exit(1)


def _open_engine(
    engine: str, model: Path, *, device: str, tile: int, workers: int | None
) -> "Engine":
    if engine == "ray":
        from tessella.predict.ray_engine import open_ray_engine

        return open_ray_engine(model, device=device, tile=tile, workers=workers)
    from tessella.predict.plain_engine import PlainEngine
    from tessella.predictor import load

    return PlainEngine(load(model, device=device, tile=tile))
