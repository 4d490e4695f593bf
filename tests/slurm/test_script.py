"""The script says what was asked, and takes any name that a folder can have."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tessella.slurm.job import Job
from tessella.slurm.script import Program, job_script, sbatch_options

RUN = Path("/runs/street")
PROGRAM = Program(
    python="/opt/env/bin/python",
    version="tessella 1.2.3",
    folder=Path("/home/me/project"),
    import_paths=(Path("/runs/street.slurm/source"),),
    source="0123456789ab of /home/me/project, copied",
    recipe="recipe-01234567.yaml",
)


def test_what_is_asked_of_slurm_is_one_line_each() -> None:
    job = Job(
        name="street",
        run=RUN,
        nodes=2,
        gpus=4,
        gpu_type="a100",
        cpus=8,
        memory="64G",
        time="1-12",
        partition="gpu",
        account="lab",
        seeds=(0, 1, 7),
        warn_seconds=300,
        extra=("--constraint=nvlink",),
    )
    assert sbatch_options(job) == [
        "--job-name=street",
        "--partition=gpu",
        "--account=lab",
        "--nodes=2",
        "--ntasks-per-node=4",
        "--gpus-per-node=a100:4",
        "--cpus-per-task=8",
        "--mem=64G",
        "--time=1-12",
        "--array=0,1,7",
        '--output="/runs/street.slurm/%A_%a.log"',
        "--open-mode=append",
        "--signal=USR1@300",
        "--requeue",
        "--constraint=nvlink",
    ]


def test_what_is_not_asked_is_left_to_the_cluster() -> None:
    said = " ".join(sbatch_options(Job(name="street", run=RUN, gpus=0)))
    assert not [n for n in ("gpu", "cpus", "mem", "time", "array", "partition") if f"--{n}" in said]


def test_the_options_come_before_the_first_command() -> None:
    """Sbatch reads no line after it."""
    lines = job_script(Job(name="street", run=RUN), PROGRAM).splitlines()
    assert lines[0] == "#!/bin/bash"
    commands = [n for n, line in enumerate(lines) if line and not line.startswith("#")]
    assert max(n for n, line in enumerate(lines) if line.startswith("#SBATCH")) < min(commands)


def test_quotes_and_percent_signs_in_a_path_are_written_as_sbatch_reads_them() -> None:
    job = Job(name="street", run=Path('/runs/5" at 100% %j'))
    assert '--output="/runs/5\\" at 100%% %%j.slurm/%j.log"' in sbatch_options(job)


def test_only_what_was_asked_for_is_in_the_script() -> None:
    plain = job_script(Job(name="street", run=RUN), PROGRAM)
    assert "TMPDIR" not in plain
    assert "ARRAY" not in plain
    staged = job_script(Job(name="street", run=RUN, stage=Path("/data"), seeds=(1,)), PROGRAM)
    assert "TMPDIR" in staged
    assert '"train.seed=$SLURM_ARRAY_TASK_ID"' in staged


@pytest.mark.parametrize("stage", [None, Path("/data")])
@pytest.mark.parametrize("seeds", [(), (1, 2)])
def test_bash_can_read_it(stage: Path | None, seeds: tuple[int, ...]) -> None:
    script = job_script(Job(name="street", run=RUN, stage=stage, seeds=seeds), PROGRAM)
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# what the job calls, in place of Slurm and Tessella: only how words arrive is looked at here
SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do shift; done
exec "$@"
"""
SCONTROL = """#!/bin/bash
if [[ $1 == requeue ]]; then echo "[\\"$*\\", \\"$(ls "$TMPDIR" | grep -c tessella-)\\"]"; fi
"""
PYTHON = """#!{python}
import json, os, sys
if sys.argv[-1] == "--version":
    print("tessella 1.2.3")
else:
    names = ("PYTHONPATH", "MASTER_PORT", "MASTER_ADDR", "OMP_NUM_THREADS")
    found = {{name: os.environ.get(name) for name in names}}
    print(json.dumps([sys.argv[1:], os.getcwd(), found, os.listdir(sys.argv[-1])]))
    sys.exit(int(os.environ.get("EXIT_CODE", "0")))
"""


def executed(job: Job, folder: Path, **environment: str) -> list[list[object]]:
    """Words, current folder and variables of each start of Tessella."""
    done = run_script(job, folder, **environment)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def run_script(job: Job, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The script in a shell, with `EXIT_CODE` as what training ends with."""
    tools = folder / "tools"
    tools.mkdir()
    python = tools / "a python's $HOME"
    for path, text in (
        (tools / "srun", SRUN),
        (tools / "scontrol", SCONTROL),
        (python, PYTHON.format(python=sys.executable)),
    ):
        path.write_text(text)
        path.chmod(0o755)
    project = folder / "my\nproject's `id`"
    project.mkdir()
    program = Program(
        python=str(python),
        version="tessella 1.2.3",
        folder=project,
        import_paths=(folder / "x y", folder / "$z"),
        source="two\nlines",
        recipe="recipe-01234567.yaml",
    )
    variables = {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "SLURM_JOB_ID": "1234567",
        "SLURM_CPUS_ON_NODE": "12",
        "SLURM_NNODES": "1",
        "TMPDIR": str(folder),
        **environment,
    }
    script = folder / "job.sh"
    script.write_text(job_script(job, program))
    return subprocess.run(
        ["bash", str(script)], env=variables, capture_output=True, text=True, check=False
    )


NAME = 'a run\'s "$HOME" `id` * 100% é; true'


def test_any_folder_name_arrives_as_it_is(tmp_path: Path) -> None:
    run = tmp_path / NAME
    run.mkdir()
    job = Job(name="street", run=run, gpus=0)
    recipe = str(job.folder / "recipe-01234567.yaml")
    found = executed(job, tmp_path)
    assert found[0][:2] == [
        ["-P", "-m", "tessella", "train", recipe, "--out", str(run)],
        str(tmp_path / "my\nproject's `id`"),
    ]
    assert not list(run.iterdir())  # nothing has begun: whatever lies there would be in the way


def test_a_run_that_has_begun_is_gone_on_with(tmp_path: Path) -> None:
    run = tmp_path / NAME
    run.mkdir()
    (run / "recipe.yaml").touch()
    found = executed(Job(name="street", run=run, gpus=0), tmp_path)
    assert found[0][0] == ["-P", "-m", "tessella", "train", "--resume", str(run)]
    assert (run / "slurm").readlink() == Path("..", f"{NAME}.slurm")


def test_data_is_there_while_training_and_gone_afterwards(tmp_path: Path) -> None:
    run, data = tmp_path / NAME, tmp_path / "mine's $data"
    run.mkdir()
    (data / "images").mkdir(parents=True)
    data.chmod(0o555)  # what may not be written shall not hinder its removal
    first, last = executed(Job(name="street", run=run, gpus=0, stage=data), tmp_path)
    copy = tmp_path / "tessella-1234567" / "mine's $data"
    assert first[0][-4:] == ["--out", str(run), "--data", str(copy)]
    assert first[3] == ["images"]
    assert not copy.parent.exists()
    assert last[0][-4:] == ["--resume", str(run), "--data", str(data)]


def test_ports_are_apart_and_threads_are_the_processs_share(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    found = executed(
        Job(name="street", run=run, gpus=3), tmp_path, MASTER_PORT="1", MASTER_ADDR="login"
    )
    assert found[0][2] == {
        "PYTHONPATH": f"{tmp_path}/x y:{tmp_path}/$z",
        "MASTER_PORT": "19567",  # 15000 and the last four digits of the job's number
        "MASTER_ADDR": None,
        "OMP_NUM_THREADS": "4",  # 12 CPUs, 3 processes
    }


def test_threads_that_the_user_has_set_stay(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    found = executed(Job(name="street", run=run), tmp_path, OMP_NUM_THREADS="7")
    assert found[0][2]["OMP_NUM_THREADS"] == "7"  # type: ignore[index]


def test_another_version_of_tessella_is_refused(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/bash\necho tessella 9.9.9\n")
    python.chmod(0o755)
    program = Program(str(python), "tessella 1.2.3", tmp_path, (), "none", "recipe.yaml")
    done = subprocess.run(
        ["bash"],
        input=job_script(Job(name="street", run=RUN), program),
        env={"PATH": os.environ["PATH"], "SLURM_JOB_ID": "5"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "job 5: this is tessella 9.9.9, but the job was made by tessella 1.2.3" in done.stderr


def test_a_requeued_job_has_removed_its_copy_of_the_data_before(tmp_path: Path) -> None:
    """When it is requeued it can start nothing any more on its other nodes."""
    run, data = tmp_path / "run", tmp_path / "data"
    run.mkdir()
    data.mkdir()
    (run / "recipe.yaml").touch()
    job = Job(name="street", run=run, gpus=0, stage=data)
    job.folder.mkdir()
    done = run_script(job, tmp_path, EXIT_CODE="138")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == ["requeue 1234567", "0"]
