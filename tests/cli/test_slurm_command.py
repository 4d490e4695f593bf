"""`tessella slurm` as a user calls it, where no Slurm is; on a real one it is tests/slurm's."""

import subprocess
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder in no repository, where only git is to be found."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("git", "bash"):
        found = subprocess.run(["which", name], capture_output=True, text=True, check=True)
        (tools / name).symlink_to(found.stdout.strip())
    monkeypatch.setenv("PATH", str(tools))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_a_dry_run_prints_the_script_that_it_wrote(here: Path, run_cli: Any) -> None:
    words = ("slurm", "demo", "--gpus", "a100:2", "--time", "4:00:00", "--out", "runs/street")
    code, out, err = run_cli(*words, "--sbatch", "--constraint=nvlink", "--dry-run")
    assert code == 0, err
    script = here / "runs" / "street.slurm" / "job.sh"
    assert out == script.read_text()
    assert "\n#SBATCH --gpus-per-node=a100:2\n" in out
    assert "\n#SBATCH --constraint=nvlink\n" in out
    assert err == f"{script}: written, not submitted\n"
    (recipe,) = script.parent.glob("recipe-*.yaml")
    assert "  devices: 2\n" in recipe.read_text()
    assert not (here / "runs" / "street").exists()


def test_a_folder_is_chosen_where_none_is_named(here: Path, run_cli: Any) -> None:
    code, _, _ = run_cli("slurm", "demo", "--dry-run")
    assert code == 0
    assert len(list((here / "runs").glob("demo-*.slurm/job.sh"))) == 1


def test_a_way_up_in_the_name_is_resolved(here: Path, run_cli: Any) -> None:
    code, _, _ = run_cli("slurm", "demo", "--out", "../runs/./x", "--dry-run")
    assert code == 0
    assert (here.parent / "runs" / "x.slurm" / "job.sh").is_file()


def test_overrides_and_data_are_in_the_jobs_recipe(here: Path, run_cli: Any) -> None:
    (here / "mine").mkdir()
    words = ("slurm", "folder", "train.epochs=3", "--data", "mine", "--out", "x", "--stage")
    code, out, err = run_cli(*words, "--dry-run")
    assert (code, "warning" in err) == (0, False)
    (recipe,) = (here / "x.slurm").glob("recipe-*.yaml")
    text = recipe.read_text()
    assert "  epochs: 3\n" in text
    assert f"  root: {here / 'mine'}\n" in text
    assert f"\ndata={here / 'mine'}\n" in out


def test_data_that_is_not_here_is_warned_of(here: Path, run_cli: Any) -> None:
    """It may be on the nodes alone."""
    code, _, err = run_cli("slurm", "folder", "--data", "gone", "--out", "x", "--dry-run")
    assert code == 0
    assert f"warning: {here / 'gone'} is not here; the job's nodes must have it." in err


def test_without_slurm_the_script_is_written_and_that_is_said(here: Path, run_cli: Any) -> None:
    code, out, err = run_cli("slurm", "demo", "--out", "x")
    script = here / "x.slurm" / "job.sh"
    assert (code, out) == (1, "")
    assert err == (
        f"error: sbatch is not installed here; the script is {script}: submit it where Slurm is, "
        f"by `sbatch {script}`.\n"
    )
    assert script.is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "no recipe is called 'nothing'"),
        (["demo", "train.epoch=3"], "unknown key; did you mean 'epochs'?"),
        (["demo", "model.name=unet9"], "no model is called 'unet9'"),
        (["demo", "--stage"], "--stage: synthetic has no folder to copy; name it by --data."),
        (["demo", "--time", "4h"], "--time '4h': expected MINUTES, HOURS:MM:SS or DAYS-HOURS"),
        (["demo", "--array-seeds", "a"], "--array-seeds 'a': expected numbers, as 0-4 or 0,1,7."),
        (["demo", "--array-seeds", ""], "--array-seeds '': expected numbers"),
        (["demo", "--gpus", "many"], "--gpus 'many': expected a number, or KIND:NUMBER"),
        (["demo", "--memory", "much"], "--memory 'much': expected a number and a unit, as 32G."),
        (["demo", "--sbatch", "--array=1"], "--array is said by --array-seeds; leave it out here."),
        (["demo", "--tasks", "2"], "--tasks 2: with 1 GPUs a node there is a process for each"),
        (["demo", "--out", "a\\b"], "sbatch takes no path with a backslash"),
        (["demo", "train.device=cpu"], "train.device is cpu, but --gpus is 1; change one of them"),
    ],
)
def test_wrong_usage_is_one_line_and_leaves_nothing(
    words: list[str], said: str, here: Path, run_cli: Any
) -> None:
    code, out, err = run_cli("slurm", *words, "--dry-run")
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert not list(here.iterdir())


def test_a_dirty_tree_is_refused_unless_told(here: Path, run_cli: Any) -> None:
    git = ("git", "-c", "user.name=Someone", "-c", "user.email=someone@example.org")
    (here / "steps.py").touch()
    for words in (["init", "-q"], ["add", "."], ["commit", "-m", "first"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    (here / "steps.py").write_text("changed = True\n")
    words = ("slurm", "demo", "--out", "x", "--dry-run")
    code, out, err = run_cli(*words)
    assert (code, out) == (2, "")
    assert "differs from its commit, so nobody could tell what was trained: steps.py." in err
    assert run_cli(*words, "--allow-dirty")[0] == 0
