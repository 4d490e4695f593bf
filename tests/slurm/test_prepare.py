"""The folder of a job holds all that it needs, as it was when the job was made."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tessella import __version__
from tessella.errors import UsageError
from tessella.recipe import Recipe, read_recipe
from tessella.runs import Found, find_runs
from tessella.slurm.job import Job
from tessella.slurm.prepare import fitted_recipe, prepare

MakeRecipe = Callable[..., Recipe]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a repository with one module, which Python imports from."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "steps.py").write_text("old\n")
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    git("init", "-q")
    commit()
    return folder


def git(*words: str) -> None:
    identity = ("-c", "user.name=Someone", "-c", "user.email=someone@example.org")
    subprocess.run(["git", *identity, *words], check=True, capture_output=True)


def commit() -> None:
    git("add", ".")
    git("commit", "-m", "state")


def job_of(project: Path, **changes: Any) -> Job:
    return Job(**{"name": "tiny", "run": project / "runs" / "job", "gpus": 0, **changes})


def test_script_recipe_and_source_are_written_beside_the_run(
    project: Path, recipe_of: MakeRecipe
) -> None:
    job = job_of(project, tasks=2, nodes=3)
    prepared = prepare(job, recipe_of("train.epochs=7"), beside=project)
    assert prepared.script == job.folder / "job.sh"
    assert prepared.script.read_text() == prepared.text
    assert f"made_by='tessella {__version__}'" in prepared.text
    assert f"tessella=({sys.executable} -P -m tessella)" in prepared.text
    (source,) = job.folder.glob("source-*")
    assert f"export PYTHONPATH={source}:" in prepared.text
    assert (source / "steps.py").read_text() == "old\n"
    assert prepared.tree is not None
    variables = f"TESSELLA_PROJECT={project} TESSELLA_PROJECT_COMMIT={prepared.tree.commit}"
    assert f"\nexport {variables}\n" in prepared.text
    (recipe,) = job.folder.glob("recipe-*.yaml")
    assert f'begin=("$folder"/{recipe.name} ' in prepared.text
    written = read_recipe(recipe.read_text(), where="recipe").train
    assert (written.epochs, written.nodes, written.devices, written.device) == (7, 3, 2, "cpu")
    assert not job.run.exists()


def test_the_folder_of_a_job_is_no_run(project: Path, recipe_of: MakeRecipe) -> None:
    prepare(job_of(project), recipe_of(), beside=project)
    assert find_runs([project / "runs"]) == Found((), ())


def test_the_folder_of_a_job_makes_no_tree_dirty(project: Path, recipe_of: MakeRecipe) -> None:
    prepare(job_of(project), recipe_of(), beside=project)
    prepare(job_of(project, run=project / "runs" / "other"), recipe_of(), beside=project)


def test_a_dirty_tree_is_refused_and_nothing_is_written(
    project: Path, recipe_of: MakeRecipe
) -> None:
    (project / "steps.py").write_text("new\n")
    (project / "more.py").touch()
    with pytest.raises(UsageError, match=r"nobody could tell what was trained: steps\.py, more\."):
        prepare(job_of(project), recipe_of(), beside=project)
    assert not (project / "runs").exists()


def test_a_tree_without_a_commit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe_of: MakeRecipe
) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "-q")
    with pytest.raises(UsageError, match="has no commit yet"):
        prepare(job_of(tmp_path), recipe_of(), beside=tmp_path)


def test_a_dirty_tree_that_is_allowed_is_used_as_it_will_be(
    project: Path, recipe_of: MakeRecipe
) -> None:
    (project / "steps.py").write_text("new\n")
    prepared = prepare(job_of(project), recipe_of(), beside=project, allow_dirty=True)
    assert f"export PYTHONPATH={project}:" in prepared.text
    assert "with changes, used as it is when the job starts" in prepared.source
    assert "TESSELLA_PROJECT" not in prepared.text
    assert not list(prepared.job.folder.glob("source*"))


def test_the_repository_is_that_of_the_recipe(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe_of: MakeRecipe
) -> None:
    (project / "steps.py").write_text("new\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"{project}: differs from its commit"):
        prepare(job_of(tmp_path), recipe_of(), beside=project)
    assert prepare(job_of(tmp_path), recipe_of(), beside=tmp_path).tree is None


def test_a_recipe_outside_of_any_repository_does_not_hide_the_current_one(
    project: Path, tmp_path: Path, recipe_of: MakeRecipe
) -> None:
    (project / "steps.py").write_text("new\n")
    with pytest.raises(UsageError, match=f"{project}: differs from its commit"):
        prepare(job_of(project), recipe_of(), beside=tmp_path)


def test_a_job_that_was_not_submitted_is_replaced_but_what_its_script_names_stays(
    project: Path, recipe_of: MakeRecipe
) -> None:
    """A script that somebody submitted by hand waits with the names that it had."""
    first = prepare(job_of(project), recipe_of("train.epochs=7"), beside=project).text
    (project / "steps.py").write_text("newer\n")
    commit()
    job = job_of(project, time="30")
    second = prepare(job, recipe_of("train.epochs=8"), beside=project).text
    assert "--time=30" in second
    assert second == (job.folder / "job.sh").read_text()
    for text, content, epochs in ((first, "old\n", 7), (second, "newer\n", 8)):
        (source,) = (one for one in job.folder.glob("source-*") if f"{one}:" in text)
        assert (source / "steps.py").read_text() == content
        (recipe,) = (one for one in job.folder.glob("recipe-*") if f"/{one.name} " in text)
        assert f"epochs: {epochs}\n" in recipe.read_text()


def test_a_job_that_was_submitted_is_not(project: Path, recipe_of: MakeRecipe) -> None:
    job = job_of(project)
    job.folder.mkdir(parents=True)
    (job.folder / "job.json").touch()
    with pytest.raises(UsageError, match=r"was submitted before; go on with it by `sbatch .*job\."):
        prepare(job, recipe_of(), beside=project)


@pytest.mark.parametrize("taken", ["job-seed1", "job-seed2"])
def test_a_run_that_is_there_is_not_touched(
    taken: str, project: Path, recipe_of: MakeRecipe
) -> None:
    (project / "runs" / taken).mkdir(parents=True)
    (project / "runs" / taken / "recipe.yaml").touch()
    with pytest.raises(UsageError, match=f"{taken}: is not empty"):
        prepare(job_of(project, seeds=(1, 2)), recipe_of(), beside=project)


def test_an_import_path_that_python_could_not_be_told_is_refused(
    project: Path, recipe_of: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = project.parent / "a:b"
    odd.mkdir()
    monkeypatch.syspath_prepend(odd)
    with pytest.raises(UsageError, match="a:b: has a colon, which PYTHONPATH cannot hold"):
        prepare(job_of(project), recipe_of(), beside=project)


@pytest.mark.parametrize(("gpus", "device"), [(2, "cuda"), (0, "cpu")])
def test_the_device_is_named_so_that_a_broken_node_ends_the_job(
    gpus: int, device: str, recipe_of: MakeRecipe
) -> None:
    job = Job(name="tiny", run=Path("/runs/job"), gpus=gpus)
    found = fitted_recipe(recipe_of("train.device=auto"), job).train
    assert (found.device, found.devices, found.nodes) == (device, max(gpus, 1), 1)


@pytest.mark.parametrize(("gpus", "device"), [(2, "cpu"), (0, "cuda"), (1, "mps")])
def test_a_recipe_for_another_device_is_refused(
    gpus: int, device: str, recipe_of: MakeRecipe
) -> None:
    job = Job(name="tiny", run=Path("/runs/job"), gpus=gpus)
    with pytest.raises(UsageError, match=f"train.device is {device}, but --gpus is {gpus}; "):
        fitted_recipe(recipe_of(f"train.device={device}"), job)
