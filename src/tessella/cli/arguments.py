"""Arguments that several commands take, with one help text each."""

from pathlib import Path
from typing import Annotated, Literal

import typer

Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY.PATH=VALUE", help="Choices that replace the recipe's."),
]
ModelPath = Annotated[
    Path,
    typer.Argument(metavar="MODEL", help="Run folder, model folder, or a file that export wrote."),
]
DataRoot = Annotated[
    Path | None, typer.Option("--data", metavar="ROOT", help="Folder that holds the data set.")
]
Device = Annotated[Literal["auto", "cpu", "cuda", "mps"], typer.Option(help="Where to compute.")]
Tile = Annotated[
    int, typer.Option(metavar="PX", help="Images with a longer side are computed in such tiles.")
]
