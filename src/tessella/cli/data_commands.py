"""The commands around data: list, fetch, check, stats, preview, split."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tessella.cli.showing import messages, progress
from tessella.errors import UsageError

if TYPE_CHECKING:
    from tessella.check.findings import Findings
    from tessella.source import Source

app = typer.Typer(
    help="Get, check, measure, look at and split images and masks.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

What = Annotated[
    str,
    typer.Argument(metavar="DATA", help="A folder, zip or file; a data set's name; or a recipe."),
]
Options = Annotated[
    list[str] | None,
    typer.Argument(metavar="KEY=VALUE", help="How to read it, e.g. classes='[ground, plant]'."),
]
Root = Annotated[
    Path | None,
    typer.Option("--data", metavar="ROOT", help="Where it lies, for a name or a recipe."),
]


@app.command("list")
def list_data() -> None:
    """List the data sets: what they are, and which can be fetched."""
    from tessella.data import DATASETS
    from tessella.data.fetch.sources import SOURCES, Closed

    for name, entry in DATASETS.items():
        source = SOURCES.get(name)
        how = "" if source is None else "log in" if isinstance(source, Closed) else "fetch"
        typer.echo(f"{name:<14} {how:<7} {entry.about}")


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A data set, see `data list`.")],
    data: Annotated[
        Path, typer.Option("--data", metavar="ROOT", help="One folder for all its splits.")
    ] = Path("data"),
    keep_archives: Annotated[
        bool, typer.Option("--keep-archives", help="Leave the archives after unpacking.")
    ] = False,
) -> None:
    """Download a public data set: goes on after a cut, verifies, unpacks safely."""
    from tessella.data.fetch.fetch import fetch as fetch_data

    with messages():
        done = fetch_data(name, data, track=progress(), keep_archives=keep_archives)
    typer.echo(done.describe())


@app.command()
def check(
    what: What,
    options: Options = None,
    data: Root = None,
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw masks as they look and as they are meant, a PNG."),
    ] = None,
    fixed: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write a copy with what can be put right.")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a recipe that reads this data.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say what the data is, what is wrong with it, and what to do; exit code 1 on problems."""
    from tessella.check.examine import check as check_data

    source = _source(what, options, data)
    with messages():
        findings = check_data(source, track=progress())
        written = _write_beside(findings, source, sheet=sheet, fixed=fixed, recipe=recipe)
    if json:
        import json as json_text

        typer.echo(json_text.dumps(findings.document()))
    else:
        from tessella.check.words import paragraph, problem_text

        typer.echo("\n\n".join([paragraph(findings), *map(problem_text, findings.problems)]))
        if findings.recipe_line:
            typer.echo(f"\nto add to a recipe or a command:\n{findings.recipe_line}")
        if written:
            typer.echo("\n" + "\n".join(written))
    if not findings.ok:
        raise typer.Exit(1)


def _write_beside(
    findings: "Findings",
    source: "Source",
    *,
    sheet: Path | None,
    fixed: Path | None,
    recipe: Path | None,
) -> list[str]:
    """Write what was asked for beside the findings; a line for each file."""
    from tessella.atomic import write_bytes, write_text
    from tessella.check.repair import write_fixed
    from tessella.check.sheet import contact_sheet, leak_sheet
    from tessella.data.images import encode_png
    from tessella.source import recipe_for

    written = []
    if sheet is not None:
        leaks = sheet.with_stem(f"{sheet.stem}-leaks")
        for file, picture in ((sheet, contact_sheet(findings)), (leaks, leak_sheet(findings))):
            if picture is not None:
                write_bytes(file, encode_png(picture))
                written.append(f"sheet   {file}")
    if recipe is not None:
        write_text(recipe, recipe_for(source, name=recipe.stem, options=findings.options))
        written.append(f"recipe  {recipe}")
    if fixed is not None:
        copy = write_fixed(findings, fixed, track=progress())
        written.append(
            f"copy    {copy.root}: {copy.num_written} pairs, {copy.num_repaired_pixels:,} pixels "
            f"repaired, {len(copy.left_out)} pairs left out (see fixed.json there)"
        )
    return written


@app.command()
def stats(
    what: What,
    options: Options = None,
    data: Root = None,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for stats.html and stats.json.")
    ] = Path("stats"),
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure a data set: classes, sizes, colours, what occurs together and where."""
    from tessella.stats.stats import stats as measure

    with messages():
        found = measure(_source(what, options, data), out=out, track=progress())
    if json:
        import json as json_text

        typer.echo(json_text.dumps(found.document()))
        return
    from tessella.terminal import class_table

    typer.echo(f"{class_table(found.rows())}\n\npage  {out / 'stats.html'}")


@app.command()
def preview(
    what: What,
    options: Options = None,
    data: Root = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The picture, a PNG.")] = Path(
        "preview.png"
    ),
    split: Annotated[
        str | None, typer.Option(help="Which split; the first that is there unless given.")
    ] = None,
    count: Annotated[int, typer.Option(help="How many samples.")] = 8,
    index: Annotated[int | None, typer.Option(help="This sample alone, counted from 0.")] = None,
    augment: Annotated[
        bool, typer.Option("--augment", help="Also crops as training with the recipe draws them.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Which samples and crops.")] = 0,
) -> None:
    """Draw samples with their masks, and with --augment as training will see them."""
    from tessella.atomic import write_bytes
    from tessella.data.augment import Augmentation
    from tessella.data.images import encode_png
    from tessella.preview import preview as draw
    from tessella.source import find_augment

    source = _source(what, options, data)
    with messages():
        picture = draw(
            source,
            split=split or next(iter(source.open_all())),
            count=count,
            augmentation=Augmentation(**find_augment(what).model_dump()) if augment else None,
            seed=seed,
            index=index,
        )
    write_bytes(out, encode_png(picture))
    typer.echo(str(out))


@app.command()
def split(
    what: What,
    options: Options = None,
    data: Root = None,
    by: Annotated[
        Literal["ratio", "stratified", "group", "temporal"],
        typer.Option(help="At random, evenly by class, by whole groups, or in time."),
    ] = "ratio",
    val: Annotated[float, typer.Option(help="Share of the samples in val, 0..1.")] = 0.15,
    test: Annotated[float, typer.Option(help="Share of the samples in test, 0..1.")] = 0.15,
    gap: Annotated[int, typer.Option(help="For temporal: frames left out at each cut.")] = 1,
    seed: Annotated[int, typer.Option(help="Another seed, another split.")] = 0,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For the lists; ROOT/splits unless given.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a different split that lies there.")
    ] = False,
) -> None:
    """Split a folder anew into train, val and test: writes the lists that are read from then on."""
    from tessella.split import make_split

    with messages():
        made = make_split(
            _source(what, options, data),
            way=by,
            val_share=val,
            test_share=test,
            gap=gap,
            seed=seed,
            out=out,
            replace=replace,
            track=progress(),
        )
    counts = ", ".join(f"{count} {name}" for name, count in made.counts.items())
    left_out = f"; {made.num_left_out} left out" if made.num_left_out else ""
    typer.echo(f"{counts}{left_out}\n{made.file.parent}")


def _source(what: str, options: list[str] | None, data: Path | None) -> "Source":
    from tessella.source import find_source

    # a word before KEY=VALUE that has no = is most likely a second path
    for option in options or []:
        if "=" not in option:
            raise UsageError(
                f"{option!r} is not KEY=VALUE; one folder at a time, options after it."
            )
    return find_source(what, root=data, options=options or [])
