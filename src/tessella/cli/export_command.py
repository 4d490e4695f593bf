"""The command that makes one file of a trained model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tessella.cli.arguments import DataRoot
from tessella.cli.showing import messages, progress
from tessella.cli.sizes import parse_size
from tessella.errors import UsageError

if TYPE_CHECKING:
    from tessella.export.export import ExportedFile


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Run folder or model folder.")],
    to: Annotated[
        str, typer.Option(metavar="FORMAT", help="onnx, openvino, torch or triton.")
    ] = "onnx",
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
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantise; refused where it costs too much.")
    ] = False,
    max_drop: Annotated[
        float | None,
        typer.Option(metavar="POINTS", help="Mean IoU that int8 may cost, in points. Default: 1."),
    ] = None,
) -> None:
    """Export a model to one file, written only if it says the same as the run on real images.

    The file takes uint8 images of any size and gives class maps; normalisation, padding and all
    else is inside, and so are the classes, their colours and the licence.
    """
    from tessella.export.export import export as export_model

    if max_drop is not None and not int8:
        raise UsageError("--max-drop is about int8; add --int8, or leave it out.")
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
            int8_max_drop=(1.0 if max_drop is None else max_drop) if int8 else None,
            track=progress(),
        )
    typer.echo(_summary(made))


def _summary(made: "ExportedFile") -> str:
    from tessella.terminal import before_and_after

    found = made.document()
    shown = found.get("int8", found)
    takes = "images of any size" if made.size is None else "{} x {} px only".format(*made.size)
    same = f"{found['agreement']:.4%} of the pixels have the same class"
    others = ", the others lie where two classes were tied" if found["differing_pixels"] else ""
    ways = "".join(
        f"int8, {way['name']}: mean IoU {-way['drop_points']:+.2f} points; {way['worst_class']}, "
        f"which loses most, {-way['worst_drop_points']:+.2f}\n"
        for way in found.get("int8", {}).get("tried", ())
    )
    return (
        f"{before_and_after(shown['per_class'], shown['mean_iou'])}\n\n"
        f"in fp32, on {found['images']} images: {same}{others}\n{ways}"
        f"{made.path}: {made.num_bytes / 1e6:.1f} MB, takes {takes}"
    )
