"""Hand a job over to Slurm."""

import datetime
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tessella import __version__
from tessella.atomic import write_json
from tessella.slurm.job import Job
from tessella.slurm.prepare import Prepared
from tessella.slurm.script import sbatch_options

# what follows SBATCH_ in the name of a variable that stands for an option
_OURS = (
    *("ARRAY_INX", "ERROR", "GPUS", "GPUS_PER_NODE", "GPUS_PER_TASK", "JOB_NAME", "NO_REQUEUE"),
    *("OPEN_MODE", "OUTPUT", "REQUEUE", "SIGNAL"),
)
_DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "account": ("ACCOUNT",),
    "mem": ("MEM_PER_CPU", "MEM_PER_GPU", "MEM_PER_NODE"),
    "partition": ("PARTITION",),
    "time": ("TIMELIMIT",),
}


def submit(prepared: Prepared) -> str:
    """Submit the job, note that beside its script in job.json, and give its number.

    Raises:
        ValueError: Slurm is not here, or refuses the job.
        OSError: job.json cannot be written.
    """
    number = _sbatch(prepared)
    tree = prepared.tree
    write_json(
        prepared.job.folder / "job.json",
        {
            "job": number,
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "tessella": __version__,
            "runs": [str(run) for run in prepared.job.runs],
            "source": prepared.source,
            "repository": None if tree is None else str(tree.root),
            "commit": None if tree is None else tree.commit,
            "uncommitted_changes": None if tree is None else list(tree.changed),
        },
    )
    return number


def _sbatch(prepared: Prepared) -> str:
    script = prepared.script
    words = ["sbatch", "--parsable", str(script)]
    environment = environment_for(prepared.job, os.environ)
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    except FileNotFoundError as error:
        raise ValueError(
            f"sbatch is not installed here; the script is {script}: submit it where Slurm is, by "
            f"`sbatch {shlex.quote(str(script))}`."
        ) from error
    if done.returncode:
        said = " ".join(
            line.removeprefix("sbatch: ").removeprefix("error: ")
            for line in done.stderr.strip().splitlines()
        )
        raise ValueError(f"Slurm does not take the job: {said}. Its script is {script}.")
    return done.stdout.strip().partition(";")[0]  # a cluster's name may follow


def environment_for(job: Job, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables to submit with: none that says otherwise than the script.

    Those of a job within which this may run would hold for the new one, and a user's defaults for
    sbatch come before what a script says.
    """
    said = {option.removeprefix("--").partition("=")[0] for option in sbatch_options(job)}
    names = [*_OURS, *(name for option in said for name in _DEFAULTS.get(option, ()))]
    ours = {f"SBATCH_{name}" for name in names}
    return {
        name: value
        for name, value in variables.items()
        if name == "SLURM_CONF" or not (name.startswith("SLURM_") or name in ours)
    }
