"""Jobs on a real Slurm: to the end, over time limits, preemption, failure and cancelling."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

pytestmark = [pytest.mark.processes, pytest.mark.slow]

# dropout draws from the global generator at every step
RECIPE = """
name: tiny
data:
  name: synthetic
  options: {count: 8, height: 33, width: 47}
model:
  name: plain_unet
  options: {depth: 1, base_channels: 4, dropout: 0.3}
augment: {crop: [32, 32], extra: "own_steps:wait"}
optimizer: {lr: 1e-2}
train: {epochs: 20, batch_size: 4, precision: fp32, workers: 0, seed: 3}
"""

# training that takes as long as a test wants: it is slow while the file is there
STEPS = """
import os, time

def wait(*, image, mask):
    if os.path.exists(os.environ["SLOW"]):
        time.sleep(0.3)
    return {"image": image, "mask": mask}
"""
ENDLESS = """
import os, pathlib, time

if "SLURM_JOB_ID" in os.environ:
    pathlib.Path(os.environ["SLOW"]).with_name(
        "reached-" + os.environ.get("SLURM_RESTART_COUNT", "0")
    ).touch()
    time.sleep(600)

def wait(*, image, mask):
    return {"image": image, "mask": mask}
"""
BROKEN = 'def wait(*, image, mask):\n    raise ValueError("broken on purpose")\n'


@dataclass(frozen=True)
class Project:
    """A repository with a recipe and a module of its own, and a cluster to train it on."""

    folder: Path
    cluster: Any

    @property
    def slow(self) -> Path:
        """The file that makes training slow."""
        return self.folder.parent / "slow"

    @property
    def run(self) -> Path:
        return self.folder / "runs" / "job"

    def call(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run tessella in the project."""
        return subprocess.run(
            [sys.executable, "-m", "tessella", *map(str, words)],
            cwd=self.folder,
            env={**self.cluster.environment, "SLOW": str(self.slow)},
            capture_output=True,
            text=True,
            check=False,
        )

    def submit(self, *words: object) -> str:
        """The number of a job that trains into runs/job on one CPU."""
        done = self.call("slurm", "recipe.yaml", "--gpus", 0, "--out", "runs/job", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[1]

    def commit(self) -> None:
        identity = ("-c", "user.name=Someone", "-c", "user.email=someone@example.org")
        for words in (["add", "."], ["commit", "-m", "state"]):
            line = ["git", *identity, *words]
            subprocess.run(line, cwd=self.folder, check=True, capture_output=True)

    def log(self, run: Path) -> str:
        """All that its jobs have said, found from the run."""
        return "".join(path.read_text() for path in sorted((run / "slurm").glob("*.log")))

    def wait_for_a_state(self, run: Path) -> None:
        """Until an epoch is done."""
        self.wait_for_file(run / "checkpoints" / "last.pt")

    def wait_for_file(self, file: Path) -> None:
        end = time.monotonic() + 120
        while not file.exists():
            assert time.monotonic() < end, f"no {file} after 120 s"
            time.sleep(0.1)


def make_project(folder: Path, cluster: Any) -> Project:
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "own_steps.py").write_text(STEPS)
    (folder / ".gitignore").write_text("__pycache__/\n")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    project = Project(folder, cluster)
    project.commit()
    return project


@pytest.fixture
def project(cluster: Any, tmp_path: Path) -> Project:
    return make_project(tmp_path / "project", cluster)


@pytest.fixture(scope="module")
def whole(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """The weights of a run outside of Slurm that nobody stopped."""
    project = make_project(tmp_path_factory.mktemp("whole") / "project", cluster)
    words = ("train", "recipe.yaml", "train.device=cpu", "--out", "runs/job")
    done = project.call(*words)
    assert done.returncode == 0, done.stderr
    return weights(project.run)


def weights(run: Path) -> dict[str, torch.Tensor]:
    """Of the last state."""
    state = torch.load(run / "checkpoints" / "last.pt", weights_only=True)
    return state["segmenter"]  # type: ignore[no-any-return]


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_job_trains_the_code_that_was_committed_when_it_was_submitted(
    project: Project, whole: dict[str, torch.Tensor]
) -> None:
    job = project.submit("--sbatch=--hold")
    (project.folder / "own_steps.py").write_text(BROKEN)
    (project.folder / "recipe.yaml").write_text("name: broken\n")
    project.commit()
    project.cluster.ask("scontrol", "release", job)
    project.cluster.wait_for(job, "COMPLETED")
    assert_same(weights(project.run), whole)
    assert "epoch 20/20" in project.log(project.run)
    noted = json.loads((project.run / "slurm" / "job.json").read_text())
    assert noted["job"] == job
    assert noted["uncommitted_changes"] == []


def test_at_the_time_limit_a_job_saves_is_requeued_and_goes_on_bit_for_bit(
    project: Project, whole: dict[str, torch.Tensor]
) -> None:
    project.slow.touch()
    job = project.submit("--time", 60, "--warn", 150)
    project.wait_for_a_state(project.run)
    hours, minutes, _ = project.cluster.about(job)["RunTime"].split(":")
    # two to three minutes are left: whom it could not warn in time half a minute later Slurm warns
    project.cluster.ask(
        "scontrol", "update", f"JobId={job}", f"TimeLimit={60 * int(hours) + int(minutes) + 3}"
    )
    project.cluster.wait_for(job, "PENDING", restarts=1)
    project.cluster.ask("scontrol", "update", f"JobId={job}", "TimeLimit=60")
    assert "stopped by SIGUSR1 after epoch" in project.log(project.run)
    project.slow.unlink()
    project.cluster.begin_again(job)
    project.cluster.wait_for(job, "COMPLETED", restarts=1)
    assert "requeued, to go on where it was saved" in project.log(project.run)
    assert_same(weights(project.run), whole)


def test_preempted_jobs_are_requeued_and_go_on_bit_for_bit(
    project: Project, whole: dict[str, torch.Tensor]
) -> None:
    """At once, where Slurm requeues; with a time of grace, where it does not if one leaves."""
    project.slow.touch()
    runs = {name: project.run.with_name(name) for name in ("low", "grace")}
    jobs = {name: project.submit("--partition", name, "--out", run) for name, run in runs.items()}
    for run in runs.values():
        project.wait_for_a_state(run)
    words = ("--parsable", "--partition=urgent", "--ntasks=2", "--output=/dev/null", "--wrap=true")
    urgent = project.cluster.ask("sbatch", *words)
    project.cluster.wait_for(urgent, "COMPLETED")
    project.slow.unlink()
    for job in jobs.values():
        project.cluster.begin_again(job)
    for name, job in jobs.items():
        assert project.cluster.wait_for(job, "COMPLETED")["Restarts"] == "1"
        assert "stopped by SIGTERM after epoch" in project.log(runs[name])
        assert_same(weights(runs[name]), whole)


def test_a_cancelled_job_stays_so_until_its_script_is_submitted_again(
    project: Project, whole: dict[str, torch.Tensor]
) -> None:
    project.slow.touch()
    job = project.submit()
    project.wait_for_a_state(project.run)
    project.cluster.ask("scancel", job)
    assert project.cluster.wait_for(job, "CANCELLED")["Restarts"] == "0"
    project.slow.unlink()
    again = project.call("slurm", "recipe.yaml", "--gpus", 0, "--out", "runs/job")
    assert again.returncode == 2
    script = project.run.with_name("job.slurm") / "job.sh"
    assert f"go on with it by `sbatch {script}`" in again.stderr
    environment = {**project.cluster.environment, "SLOW": str(project.slow)}
    words = ["sbatch", "--parsable", str(script)]
    found = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    project.cluster.wait_for(found.stdout.strip(), "COMPLETED")
    assert_same(weights(project.run), whole)


def test_a_job_that_fails_is_not_requeued(project: Project) -> None:
    (project.folder / "own_steps.py").write_text(BROKEN)
    project.commit()
    job = project.submit()
    about = project.cluster.wait_for(job, "FAILED")
    assert (about["Restarts"], about["ExitCode"]) == ("0", "1:0")
    assert "broken on purpose" in project.log(project.run)


def test_a_job_that_never_saves_a_step_is_requeued_twice_and_fails(project: Project) -> None:
    """A warning before training has begun stands for a time limit that is too short."""
    (project.folder / "own_steps.py").write_text(ENDLESS)
    project.commit()
    job = project.submit()
    for restarts in range(3):
        if restarts:
            project.cluster.begin_again(job, restarts=restarts)
        project.wait_for_file(project.slow.with_name(f"reached-{restarts}"))
        project.cluster.ask("scancel", "--signal=USR1", job)
    about = project.cluster.wait_for(job, "FAILED")
    assert about["Restarts"] == "2"
    log = (project.run.with_name("job.slurm") / f"{job}.log").read_text()
    assert "no step was saved in three starts; give it more --time" in log


def test_an_array_of_seeds_gives_a_run_each_and_one_is_requeued_alone(project: Project) -> None:
    project.slow.touch()
    job = project.submit("--array-seeds", "3,5")
    runs = {seed: project.folder / "runs" / f"job-seed{seed}" for seed in (3, 5)}
    for run in runs.values():
        project.wait_for_a_state(run)
    # the one whose own number is that of the whole array
    own = next(s for s in runs if project.cluster.about(f"{job}_{s}")["JobId"] == job)
    project.cluster.ask("scancel", "--signal=USR1", f"{job}_{own}")
    project.cluster.wait_for(f"{job}_{own}", "PENDING", restarts=1)
    project.slow.unlink()
    project.cluster.begin_again(f"{job}_{own}")
    restarts = {
        seed: project.cluster.wait_for(f"{job}_{seed}", "COMPLETED")["Restarts"] for seed in runs
    }
    assert restarts == {seed: str(int(seed == own)) for seed in runs}
    for seed, run in runs.items():
        assert f"seed: {seed}" in (run / "recipe.yaml").read_text()
        assert "epoch 20/20" in project.log(run)


def test_processes_of_a_step_train_together_and_go_on_bit_for_bit(project: Project) -> None:
    words = ("recipe.yaml", "train.epochs=6", "train.batch_size=2")
    done = project.call("train", *words, "train.device=cpu", "train.devices=2", "--out", "pair")
    assert done.returncode == 0, done.stderr
    project.slow.touch()
    job = project.submit(*words[1:], "--tasks", 2)
    project.wait_for_a_state(project.run)
    project.cluster.ask("scancel", "--signal=USR1", job)
    project.cluster.wait_for(job, "PENDING", restarts=1)
    project.slow.unlink()
    project.cluster.begin_again(job)
    project.cluster.wait_for(job, "COMPLETED", restarts=1)
    assert_same(weights(project.run), weights(project.folder / "pair"))
    assert json.loads((project.run / "environment.json").read_text())["processes"] == 2


def test_data_is_copied_for_each_start_and_the_recipe_names_it_where_it_stays(
    project: Project,
) -> None:
    root = project.folder.parent / "my data"
    write_squares(root)
    disk = project.folder.parent / "disk"
    disk.mkdir()
    words = ("data={name: folder, options: {classes: [ground, thing]}}", "augment.crop=[16, 16]")
    project.slow.touch()
    with_disk = replace(
        project,
        cluster=replace(
            project.cluster, environment={**project.cluster.environment, "TMPDIR": str(disk)}
        ),
    )
    job = with_disk.submit(*words, "--data", root, "--stage")
    project.wait_for_a_state(project.run)
    recipe = project.run / "recipe.yaml"
    assert str(disk / f"tessella-{job}" / "my data") in recipe.read_text()
    project.cluster.ask("scancel", "--signal=USR1", job)
    project.cluster.wait_for(job, "PENDING", restarts=1)
    project.slow.unlink()
    project.cluster.begin_again(job)
    project.cluster.wait_for(job, "COMPLETED", restarts=1)
    assert project.log(project.run).count(f"copying {root}") == 2
    assert f"root: {root}" in recipe.read_text()
    assert not list(disk.iterdir())


def write_squares(root: Path) -> None:
    """Ten images of a bright square on dark ground, with masks 0 and 1."""
    rng = np.random.default_rng(0)
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    for number in range(10):
        mask = np.zeros((24, 30), np.uint8)
        top, left = rng.integers(0, 12, 2)
        mask[top : top + 10, left : left + 10] = 1
        image = (mask[..., None] * 150 + rng.integers(0, 60, (24, 30, 3))).astype(np.uint8)
        Image.fromarray(image).save(root / "images" / f"{number}.png")
        Image.fromarray(mask).save(root / "masks" / f"{number}.png")


def test_what_slurm_refuses_is_told_and_can_be_corrected(project: Project) -> None:
    words = ("slurm", "recipe.yaml", "--gpus", 0, "--out", "runs/job", "--sbatch=--hold")
    refused = project.call(*words, "--partition", "nowhere")
    assert refused.returncode == 1
    assert "error: Slurm does not take the job: " in refused.stderr
    assert "invalid partition specified: nowhere" in refused.stderr
    job = project.submit("--sbatch=--hold")
    project.cluster.ask("scancel", job)
