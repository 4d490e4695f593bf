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
from tessella.slurm.prepare import Prepared


def submit(prepared: Prepared) -> str:
    """Submit the job, note that beside its script in job.json, and give its number.

    Raises:
        ValueError: Slurm is not here, or refuses the job.
        OSError: job.json cannot be written.
    """
    number = _sbatch(prepared.script)
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


def _sbatch(script: Path) -> str:
    words = ["sbatch", "--parsable", str(script)]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, env=_environment(os.environ)
        )
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


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Without what belongs to a job within which this may run: it would hold for the new one."""
    return {
        name: value
        for name, value in variables.items()
        if not name.startswith("SLURM_") or name == "SLURM_CONF"
    }
