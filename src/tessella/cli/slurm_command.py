"""The command that trains a recipe as a job of Slurm."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from tessella.cli.arguments import DataRoot, Overrides
from tessella.cli.recipe_choice import chosen_recipe
from tessella.errors import UsageError
from tessella.suggestion import some


def slurm(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE", help="A shipped recipe's name or a YAML file.")
    ],
    overrides: Overrides = None,
    data: DataRoot = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="New folder for the run; RUN.slurm gets script and logs."),
    ] = None,
    nodes: Annotated[int, typer.Option(help="Machines.")] = 1,
    gpus: Annotated[
        str,
        typer.Option(
            metavar="[KIND:]N", help="GPUs of a node, a process each; 0 trains on its CPUs."
        ),
    ] = "1",
    tasks: Annotated[
        int | None, typer.Option(help="With --gpus 0: processes of a node, 1 unless given.")
    ] = None,
    cpus: Annotated[
        int | None, typer.Option(help="CPUs of a process; the cluster's default unless given.")
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(help="Of a node, as 32G; the cluster's default unless given."),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="LIMIT", help="MINUTES, H:MM:SS or D-HH; the partition's limit unless given."
        ),
    ] = None,
    partition: Annotated[str | None, typer.Option(help="Where to queue.")] = None,
    account: Annotated[str | None, typer.Option(help="Who pays.")] = None,
    array_seeds: Annotated[
        str | None,
        typer.Option(metavar="SEEDS", help="A run for each, as 0-4 or 0,1,7: RUN-seed0 and so on."),
    ] = None,
    stage: Annotated[
        bool, typer.Option("--stage", help="Copy the data to $TMPDIR of each node first.")
    ] = False,
    warn: Annotated[
        int,
        typer.Option(metavar="SECONDS", help="Before the limit: save, requeue, go on later."),
    ] = 120,
    sbatch: Annotated[
        list[str] | None,
        typer.Option(metavar="OPTION", help="For sbatch, as --constraint=a100; can be repeated."),
    ] = None,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Though the project has uncommitted changes.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write the script and print it; submit nothing.")
    ] = False,
) -> None:
    """Train a recipe as a Slurm job that saves, requeues and goes on at its time limit."""
    # the recipe first: what is wrong with it is said before torch is loaded
    chosen = chosen_recipe(recipe, overrides=overrides or [], data=data)
    from tessella.build import check_recipe
    from tessella.run import default_run_path
    from tessella.slurm import Job, prepare, submit
    from tessella.slurm.job import parse_gpus, parse_seeds

    count, kind = parse_gpus(gpus)
    root = chosen.data.root
    if stage and root is None:
        raise UsageError(f"--stage: {chosen.data.name} has no folder to copy; name it by --data.")
    run = Path(os.path.abspath(out or default_run_path(chosen.name)))  # without what is ".." in it
    job = Job(
        name=chosen.name,
        run=run,
        nodes=nodes,
        gpus=count,
        gpu_type=kind,
        tasks=tasks,
        cpus=cpus,
        memory=memory,
        time=time,
        partition=partition,
        account=account,
        seeds=parse_seeds(array_seeds) if array_seeds is not None else (),
        stage=Path(os.path.abspath(root)) if stage and root is not None else None,
        warn_seconds=warn,
        extra=tuple(sbatch or ()),
    )
    check_recipe(chosen)
    beside = Path(recipe).parent if Path(recipe).is_file() else Path.cwd()
    prepared = prepare(job, chosen, beside=beside, allow_dirty=allow_dirty)
    if root is not None and not root.exists():
        typer.echo(f"warning: {root} is not here; the job's nodes must have it.", err=True)
    if dry_run:
        typer.echo(prepared.text, nl=False)
        typer.echo(f"{prepared.script}: written, not submitted", err=True)
        return
    number = submit(prepared)
    logs = f"{shlex.quote(str(job.folder))}/*.log"
    typer.echo(
        f"job     {number}\nscript  {prepared.script}\nsource  {prepared.source}\n"
        f"runs    {some([str(path) for path in job.runs])}\nNext: squeue --me; tail -F {logs}"
    )
