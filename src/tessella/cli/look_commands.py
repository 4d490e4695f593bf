"""Commands for a look before training: the learning rate, the size of a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tessella.cli.arguments import DataRoot, Overrides
from tessella.cli.recipe_choice import chosen_recipe
from tessella.cli.showing import messages, progress
from tessella.cli.sizes import parse_size
from tessella.errors import UsageError

if TYPE_CHECKING:
    from tessella.models.segmenter import Segmenter

app = typer.Typer(help="Look at models.", no_args_is_help=True, rich_markup_mode=None)


def find_lr(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A shipped recipe's name or a YAML file.")
    ],
    overrides: Overrides = None,
    data: DataRoot = None,
    steps: Annotated[int, typer.Option(help="Steps from the lowest to the highest rate.")] = 100,
    out: Annotated[Path, typer.Option(metavar="FILE", help="SVG file for the plot.")] = Path(
        "find-lr.svg"
    ),
) -> None:
    """Train some steps at a rising learning rate: a plot of the loss, and a rate to begin with."""
    from tessella.atomic import write_text
    from tessella.figures.rate_search import rate_search_drawing
    from tessella.train.find_rate import find_rate

    chosen = chosen_recipe(recipe, overrides=overrides or [], data=data)
    with messages():
        search = find_rate(chosen, steps=steps, track=progress())
    if not search.steps:
        raise ValueError("the first loss was no number already; look at the data and the loss.")
    write_text(out, rate_search_drawing(search, title=f"{chosen.name}: rate search"))
    if search.suggestion is None:
        typer.echo(f"the loss never fell; see {out}")
    else:
        typer.echo(f"optimizer.lr={search.suggestion:.1e}\nplot  {out}")


@app.command("list")
def list_models() -> None:
    """List the models that a recipe can name."""
    from tessella.models import MODELS

    width = max(map(len, MODELS))
    for name, entry in MODELS.items():
        typer.echo(f"{name:<{width}}  {entry.summary}")


@app.command()
def summary(
    model: Annotated[
        str, typer.Argument(metavar="MODEL|RECIPE", help="Run, model folder, or recipe.")
    ],
    overrides: Overrides = None,
    data: DataRoot = None,
    size: Annotated[
        str, typer.Option(metavar="HxW", help="Height and width of the images, in pixels.")
    ] = "360x480",
    batch: Annotated[int, typer.Option(help="Images at once.")] = 1,
    levels: Annotated[int, typer.Option(help="How deep to list modules.")] = 3,
    num_classes: Annotated[
        int | None, typer.Option(help="In place of the number of classes of the recipe's data.")
    ] = None,
) -> None:
    """Print a model's layers, parameters, FLOPs and memory at a size."""
    from tessella.models.summary import summarize

    height_width = parse_size(size)
    with messages():
        segmenter = _segmenter(model, overrides or [], data, num_classes)
    result = summarize(segmenter, size=height_width, batch_size=batch)
    typer.echo(result.text(most_levels=levels))


def _segmenter(
    model: str, overrides: list[str], data: Path | None, num_classes: int | None
) -> "Segmenter":
    from tessella import build
    from tessella.labels import LabelMap
    from tessella.model_folder import read_model

    if Path(model).is_dir():
        return read_model(Path(model)).segmenter
    recipe = chosen_recipe(model, overrides=["model.encoder_weights=none", *overrides], data=data)
    build.check_recipe(recipe)
    if num_classes is None:
        try:
            labels = build.open_dataset(recipe, recipe.data.train_split).labels
        except ValueError as error:
            raise UsageError(
                f"{error} Or give --num-classes, which is all that a summary needs of the data."
            ) from error
    else:
        if num_classes < 1:
            raise UsageError(f"--num-classes {num_classes}: give a whole number from 1 up.")
        labels = LabelMap.from_names([f"class {index}" for index in range(num_classes)])
    segmenter = build.build_model(recipe, labels)
    build.freeze_as_told(recipe, segmenter)
    return segmenter
