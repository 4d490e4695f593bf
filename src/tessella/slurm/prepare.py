"""The folder of a job: its script, its recipe, and the code that it will run."""

import hashlib
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tessella import __version__
from tessella.atomic import write_bytes, write_text
from tessella.errors import UsageError
from tessella.recipe import Recipe
from tessella.slurm.job import Job
from tessella.slurm.script import Program, job_script
from tessella.slurm.source_tree import (
    SourceTree,
    copy_tracked,
    find_source_tree,
    own_import_paths,
    pinned_paths,
)
from tessella.suggestion import some


@dataclass(frozen=True)
class Prepared:
    """A job that can be submitted."""

    job: Job

    script: Path
    """For sbatch."""

    text: str
    """What is in it."""

    tree: SourceTree | None
    """The repository of the recipe, or else of the current folder; None: there is none."""

    source: str
    """What of it the job runs, in words."""


def prepare(job: Job, recipe: Recipe, *, beside: Path, allow_dirty: bool = False) -> Prepared:
    """Write everything that the job needs into its folder, in place of what is there.

    The recipe is written as it is now, spelled out. Code of the user's own that lies in a git
    repository is copied, so that neither what is edited nor what is committed while the job waits
    changes what it trains. Both are named by what they hold: a script that was submitted by hand
    finds its own, whatever is prepared after it.

    Args:
        job: what is asked of Slurm.
        recipe: what to train.
        beside: the folder of the recipe's file, or the current one for a shipped recipe: its
            repository is the one to be pinned.
        allow_dirty: run the code as it will be then, where it differs from its commit now.

    Raises:
        UsageError: the tree has changes, the job was submitted before, or a run is there.
        ValueError: git cannot read the repository.
        OSError: the folder cannot be written.
    """
    _refuse_what_exists(job)
    tree = find_source_tree(beside) or find_source_tree(Path.cwd())
    if tree is not None and not tree.is_clean and not allow_dirty:
        raise UsageError(_why_dirty(tree))
    fitted = fitted_recipe(recipe, job)
    job.folder.mkdir(parents=True, exist_ok=True)
    # nothing in here is source, and it shall not make the tree dirty
    write_text(job.folder / ".gitignore", "*\n")
    text = fitted.to_yaml()
    # not recipe.yaml, which marks a run
    named = f"recipe-{hashlib.sha256(text.encode()).hexdigest()[:8]}.yaml"
    write_text(job.folder / named, text)
    paths, source = _pin(tree, job.folder)
    for path in paths:
        if os.pathsep in str(path):
            raise UsageError(f"{path}: has a colon, which PYTHONPATH cannot hold; rename it.")
    program = Program(
        python=sys.executable,
        version=f"tessella {__version__}",
        folder=Path.cwd(),
        import_paths=tuple(paths),
        source=source,
        recipe=named,
        pinned=(tree.root, tree.commit) if tree and tree.commit and tree.is_clean else None,
    )
    text = job_script(job, program)
    script = job.folder / "job.sh"
    write_bytes(script, os.fsencode(text))
    script.chmod(0o755)
    return Prepared(job, script, text, tree, source)


def fitted_recipe(recipe: Recipe, job: Job) -> Recipe:
    """The recipe for as many processes as the job has, on GPUs if it has any.

    Raises:
        UsageError: the recipe is for a GPU, and the job has none.
    """
    if recipe.train.device != "auto" and (recipe.train.device == "cuda") != bool(job.gpus):
        raise UsageError(
            f"train.device is {recipe.train.device}, but --gpus is {job.gpus}; change one of them, "
            "or let train.device be auto."
        )
    # named, so that a node without its GPU ends the job and does not train for days on its CPU
    device = "cuda" if job.gpus else "cpu"
    train = recipe.train.model_copy(
        update={"device": device, "nodes": job.nodes, "devices": job.tasks_per_node}
    )
    return recipe.model_copy(update={"train": train})


def _refuse_what_exists(job: Job) -> None:
    script = job.folder / "job.sh"
    if (job.folder / "job.json").exists():
        raise UsageError(
            f"{job.folder}: this job was submitted before; go on with it by `sbatch {script}`, or "
            "choose another --out."
        )
    for run in job.runs:
        if run.exists() and (not run.is_dir() or any(run.iterdir())):
            raise UsageError(f"{run}: is not empty; choose another --out, or delete it.")


def _why_dirty(tree: SourceTree) -> str:
    if tree.commit is None:
        return f"{tree.root}: has no commit yet; commit what the job shall run, or --allow-dirty."
    return (
        f"{tree.root}: differs from its commit, so nobody could tell what was trained: "
        f"{some(tree.changed)}. Commit it, or --allow-dirty."
    )


def _pin(tree: SourceTree | None, folder: Path) -> tuple[Sequence[Path], str]:
    """Where the job imports the user's own modules from, and what that is, in words."""
    paths = own_import_paths()
    if tree is None:
        return paths, "not in a git repository, used as it is when the job starts"
    short = (tree.commit or "no commit")[:12]
    if not tree.is_clean:
        return paths, f"{short} of {tree.root} with changes, used as it is when the job starts"
    if not any(path.resolve().is_relative_to(tree.root) for path in paths):
        return paths, f"{short} of {tree.root}; no module of it is imported"
    copy = folder / f"source-{short}"
    if not copy.exists():
        with tempfile.TemporaryDirectory(prefix=".source-", dir=folder) as unfinished:
            copy_tracked(tree, Path(unfinished) / "whole")
            (Path(unfinished) / "whole").rename(copy)
    return pinned_paths(paths, tree, copy), f"{short} of {tree.root}, copied to {copy}"
