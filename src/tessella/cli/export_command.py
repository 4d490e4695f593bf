"""The command that makes one file of a trained model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tessella.cli.arguments import DataRoot
from tessella.cli.showing import messages, progress
from tessella.cli.sizes import parse_size

if TYPE_CHECKING:
    from tessella.export.export import ExportedFile


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Run folder or model folder.")],
    to: Annotated[str, typer.Option(metavar="FORMAT", help="onnx, openvino or torch.")] = "onnx",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Default: in the run's folder export/.")
    ] = None,
    data: DataRoot = None,
    add: Annotated[
        list[str] | None,
        typer.Option(metavar="OUTPUT", help="Beside class maps: probabilities or logits."),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(metavar="HxW", help="The only size to take; any, where the network can."),
    ] = None,
    images: Annotated[
        int, typer.Option(min=0, help="Validation images to compare on, spread; 0: all.")
    ] = 50,
) -> None:
    """Export a model to one file, written only if it says the same as the run on real images.

    The file takes uint8 images of any size and gives class maps; normalisation, padding and all
    else is inside, and so are the classes, their colours and the licence.
    """
    from tessella.export.export import export as export_model

    height_width = parse_size(size) if size else None
    with messages():
        made = export_model(
            model,
            to=to,
            out=out,
            root=data,
            add=add or (),
            size=height_width,
            images=images,
            track=progress(),
        )
    typer.echo(_summary(made))


def _summary(made: "ExportedFile") -> str:
    from tessella.terminal import before_and_after

    found = made.parity.document()
    takes = "images of any size" if made.size is None else "{} x {} px only".format(*made.size)
    same = f"{found['agreement']:.4%} of the pixels have the same class"
    others = ", the others lie where two classes were tied" if found["differing_pixels"] else ""
    return (
        f"{before_and_after(found['per_class'], found['mean_iou'])}\n\n"
        f"compared on {found['images']} images: {same}{others}\n"
        f"{made.path}: {made.path.stat().st_size / 1e6:.1f} MB, takes {takes}"
    )
