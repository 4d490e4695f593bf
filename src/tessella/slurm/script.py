"""The text of a job's script: options for sbatch, settings, and what the job does."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from tessella.slurm.job import Job


@dataclass(frozen=True)
class Program:
    """What the job runs, and where."""

    python: str
    """The interpreter that Tessella is installed for."""

    version: str
    """What `tessella --version` says."""

    folder: Path
    """The current folder; relative paths in a recipe count from it."""

    import_paths: tuple[Path, ...]
    """Where the user's own modules are."""

    source: str
    """Which commit of the user's project it is, in words."""

    recipe: str
    """Its file in the job's folder, a plain name."""

    pinned: tuple[Path, str] | None = None
    """Repository and commit of what does not change while the job waits; None: it may."""


def job_script(job: Job, program: Program) -> str:
    """The script that sbatch takes; it can be submitted again, and goes on where the run stands."""
    parts = [_CHECKS, _STAGE if job.stage else "", _TRAIN, _MOVE_BACK if job.stage else "", _END]
    return "\n".join(
        [
            "#!/bin/bash",
            *(f"#SBATCH {option}" for option in sbatch_options(job)),
            "",
            f"# Written by {program.version}. `sbatch` with this file submits it again; it goes on",
            "# where the run stands.",
            f"# Source: {' '.join(program.source.split())}",
            "set -euo pipefail",
            "",
            *_settings(job, program),
            *(part for part in parts if part),
        ]
    )


def sbatch_options(job: Job) -> list[str]:
    """What is asked of Slurm, an option each."""
    log = "%A_%a.log" if job.seeds else "%j.log"
    kind = f"{job.gpu_type}:" if job.gpu_type else ""
    asked = {
        "job-name": job.safe_name,
        "partition": job.partition,
        "account": job.account,
        "nodes": job.nodes,
        "ntasks-per-node": job.tasks_per_node,
        "gpus-per-node": f"{kind}{job.gpus}" if job.gpus else None,
        "cpus-per-task": job.cpus,
        "mem": job.memory,
        "time": job.time,
        "array": ",".join(map(str, job.seeds)) or None,
        "output": f'{_quoted(job.folder)[:-1]}/{log}"',
        "open-mode": "append",
        "signal": f"USR1@{job.warn_seconds}",
    }
    said = [f"--{name}={value}" for name, value in asked.items() if value is not None]
    return [*said, "--requeue", *job.extra]


def _quoted(path: Path) -> str:
    """As sbatch reads a path: quotes for spaces, and % begins a pattern."""
    return '"' + str(path).replace('"', '\\"').replace("%", "%%") + '"'


def _settings(job: Job, program: Program) -> list[str]:
    run, seed, number = shlex.quote(str(job.run)), "", "$SLURM_JOB_ID"
    if job.seeds:
        run += '"-seed$SLURM_ARRAY_TASK_ID"'
        seed = ' "train.seed=$SLURM_ARRAY_TASK_ID"'
        # the number of an array's last job is the array's own: it would stand for all of them
        number = '"${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"'
    cpus = f" --cpus-per-task={job.cpus}" if job.cpus else ""
    lines = [
        f"job={number}",
        f"run={run}",
        f"folder={shlex.quote(str(job.folder))}",
        f'begin=("$folder"/{program.recipe} --out "$run"{seed})',
        'go_on=(--resume "$run")',
        f"tasks={job.tasks_per_node}",
        "# --export: even where sbatch was told to export nothing",
        "# --kill-on-bad-exit, --wait: the one that still writes has 300 s when another is gone",
        f"launch=(srun --export=ALL --kill-on-bad-exit=0 --wait=300{cpus})",
        "# -P: modules come from the paths below, and not from wherever the job runs",
        f"tessella=({shlex.quote(program.python)} -P -m tessella)",
        f"made_by={shlex.quote(program.version)}",
        f"export PYTHONPATH={shlex.quote(':'.join(map(str, program.import_paths)))}",
        f"cd {shlex.quote(str(program.folder))}",
    ]
    if program.pinned:
        folder, commit = program.pinned
        lines += [
            "# for the run card: the working tree may be at another commit by now",
            f"export TESSELLA_PROJECT={shlex.quote(str(folder))} TESSELLA_PROJECT_COMMIT={commit}",
        ]
    return [*lines, f"data={shlex.quote(str(job.stage))}"] if job.stage else lines


_CHECKS = r"""
say() { printf 'job %s: %s\n' "$job" "$*" >&2; }

found=$("${tessella[@]}" --version)
if [[ $found != "$made_by" ]]; then
  say "this is $found, but the job was made by $made_by; install that, or make the job anew"
  exit 1
fi

# What the shell had that submitted the job holds for threads alone: two jobs on a node shall not
# meet at one port. With no address given, the processes meet at the job's first node.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-${SLURM_CPUS_PER_TASK:-$((SLURM_CPUS_ON_NODE / tasks))}}"
export MASTER_PORT=$((15000 + SLURM_JOB_ID % 10000))
unset MASTER_ADDR

# Signals that tell training to save and leave may come to this shell too; it stays to the end.
trap : TERM USR1
code=0
"""

_STAGE = r"""# A copy of the data on the local disk of each node, gone with the job.
place=${TMPDIR:-/tmp}/tessella-$SLURM_JOB_ID
on_each_node=(srun --export=ALL --ntasks="$SLURM_NNODES" --ntasks-per-node=1)
discard() {
  if ((SLURM_NNODES > 1)); then "${on_each_node[@]}" rm -rf -- "$place" || true; fi
  rm -rf -- "$place"
}
trap discard EXIT
say "copying $data to $place"
copy='rm -rf -- "$2"; mkdir -p -- "$2"; cp -RL --no-preserve=mode -- "$1" "$2/"'
"${on_each_node[@]}" bash -euc "$copy" copy "$data" "$place" || code=$?
begin+=(--data "$place/${data##*/}")
go_on+=(--data "$place/${data##*/}")
"""

_TRAIN = r"""# The newest state of the run: its number and time change with each that is saved.
state() { stat --format='%i %y' -- "$run/checkpoints/last.pt" 2> /dev/null || true; }

before=$(state)
if ((code == 0)); then
  if [[ -e $run/recipe.yaml ]]; then words=("${go_on[@]}"); else words=("${begin[@]}"); fi
  "${launch[@]}" "${tessella[@]}" train "${words[@]}" || code=$?
fi
# not before: a folder with anything in it is no new run's
if [[ -e $run/recipe.yaml ]]; then ln -sfn -- "../${folder##*/}" "$run/slurm"; fi
"""

_MOVE_BACK = r"""# Nothing is left to train; the recipe of the run names the data where it stays.
if ((code == 0)); then
  "${launch[@]}" "${tessella[@]}" train --resume "$run" --data "$data" || code=$?
fi
"""

_END = r"""# 128 + SIGUSR1: the time limit is near. 128 + SIGTERM: cancelled or preempted.
# Slurm requeues by itself what it preempts, but not a job that leaves within its time of grace.
is_preempted() {
  local told
  told=$(scontrol --oneliner show job "$job")
  [[ $told =~ \ JobState=RUNNING\ .*\ PreemptTime=[0-9] ]]
}
if ((code != 138 && code != 143)); then exit "$code"; fi
if ! is_preempted; then
  if ((code == 143)); then exit "$code"; fi
  starved=$folder/$job.starved # a line for each start in a row in which no step was saved
  if [[ $(state) == "$before" ]]; then echo "$before" >> "$starved"; else rm -f -- "$starved"; fi
  if [[ -e $starved ]] && (($(wc -l < "$starved") >= 3)); then
    say "no step was saved in three starts; give it more --time, or --warn later"
    exit 1
  fi
fi
if declare -F discard > /dev/null; then # a job that is requeued starts no step any more
  trap - EXIT
  discard
fi
say "requeued, to go on where it was saved"
scontrol requeue "$job"
"""
