"""What is asked of Slurm, checked before anything is written."""

import re
from dataclasses import dataclass
from pathlib import Path

from tessella.errors import UsageError
from tessella.suggestion import printable

# Fabric takes a job of such a name for a shell of somebody's, and joins no processes
_NAMES_OF_SHELLS = ("bash", "interactive")

# sbatch would take the later of two lines: what the script relies on is said once
_OWN_OPTIONS = {
    **dict.fromkeys(("-N", "--nodes"), "--nodes"),
    **dict.fromkeys(("-n", "--ntasks", "--ntasks-per-node", "--ntasks-per-gpu"), "--tasks"),
    **dict.fromkeys(("-G", "--gpus", "--gpus-per-node", "--gpus-per-task"), "--gpus"),
    **dict.fromkeys(("-c", "--cpus-per-task"), "--cpus"),
    **dict.fromkeys(("-t", "--time"), "--time"),
    **dict.fromkeys(("-a", "--array"), "--array-seeds"),
    **dict.fromkeys(("-o", "--output", "-e", "--error", "-J", "--job-name"), "--out"),
    **dict.fromkeys(("--signal",), "--warn"),
    **dict.fromkeys(("-D", "--chdir", "--requeue", "--no-requeue", "--open-mode", "--wrap"), None),
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training on a cluster. Counts of GPUs, tasks and CPUs are those of one node or task.

    Raises:
        UsageError: a value that Slurm would not take, or that the job could not work with.
    """

    name: str
    """What `squeue` shows; characters that need care are replaced."""

    run: Path
    """The run folder, absolute; with `seeds`, the folder of each is this and `-seed` N."""

    nodes: int = 1
    """Machines."""

    gpus: int = 1
    """GPUs of a node, one process each; 0 trains on CPUs."""

    gpu_type: str | None = None
    """Their kind, as the cluster calls it; any unless given."""

    tasks: int | None = None
    """Processes of a node; one for each GPU, or a single one, unless given."""

    cpus: int | None = None
    """CPUs of a process, those that read data included; the cluster's default unless given."""

    memory: str | None = None
    """Main memory of a node, as 32G; the cluster's default unless given."""

    time: str | None = None
    """The limit, as Slurm writes it: MINUTES, H:MM:SS, D-HH; the partition's unless given."""

    partition: str | None = None
    """Where to queue."""

    account: str | None = None
    """Who pays."""

    seeds: tuple[int, ...] = ()
    """A run for each of them, as an array of jobs."""

    stage: Path | None = None
    """A folder of data, absolute, to be copied to the local disk of each node."""

    warn_seconds: int = 120
    """How long before the limit training is told to save and leave."""

    extra: tuple[str, ...] = ()
    """Further options of sbatch, a line each, such as `--constraint=a100`."""

    def __post_init__(self) -> None:
        """Check all of it."""
        for option, count, least in (
            ("--nodes", self.nodes, 1),
            ("--gpus", self.gpus, 0),
            ("--tasks", self.tasks_per_node, 1),
            ("--cpus", 1 if self.cpus is None else self.cpus, 1),
        ):
            if count < least:
                raise UsageError(f"{option} {count}: expected {least} or more.")
        if self.gpus and self.tasks_per_node != self.gpus:
            raise UsageError(
                f"--tasks {self.tasks}: with {self.gpus} GPUs a node there is a process for each; "
                "leave it out, or train on CPUs by --gpus 0."
            )
        if self.memory is not None and not re.fullmatch(r"\d+[KMGT]?", self.memory):
            raise UsageError(f"--memory {self.memory!r}: expected a number and a unit, as 32G.")
        for option, word in (
            ("--partition", self.partition),
            ("--account", self.account),
            ("--gpus", self.gpu_type),
        ):
            if word is not None and not re.fullmatch(r"[\w.,+-]+", word, re.ASCII):
                raise UsageError(f"{option} {word!r}: expected a name that the cluster knows.")
        self._check_time()
        for path in (self.run, *([self.stage] if self.stage else [])):
            check_path(path)
        for line in self.extra:
            _check_extra(line)

    def _check_time(self) -> None:
        limit = None if self.time is None else seconds_of(self.time)
        if not 1 <= self.warn_seconds <= 65535:
            raise UsageError(f"--warn {self.warn_seconds}: expected 1 to 65535 seconds.")
        if limit is not None and self.warn_seconds >= limit:
            raise UsageError(
                f"--warn {self.warn_seconds}: the job has {limit} seconds in all (--time "
                f"{self.time}); give it more time, or warn later."
            )

    @property
    def tasks_per_node(self) -> int:
        """Processes that train, on each node."""
        return self.tasks if self.tasks is not None else max(self.gpus, 1)

    @property
    def safe_name(self) -> str:
        """The name in characters that are plain anywhere."""
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", self.name).strip("-.") or "tessella"
        return f"tessella-{name}" if name in _NAMES_OF_SHELLS else name

    @property
    def folder(self) -> Path:
        """Beside the run, as nothing may lie in it before training begins: script, source, logs."""
        return self.run.with_name(f"{self.run.name}.slurm")

    @property
    def runs(self) -> tuple[Path, ...]:
        """The run folders that it will make."""
        if not self.seeds:
            return (self.run,)
        return tuple(self.run.with_name(f"{self.run.name}-seed{seed}") for seed in self.seeds)


def seconds_of(time: str) -> int:
    """A time limit in seconds: MINUTES[:SS], HOURS:MM:SS, or DAYS-HOURS[:MM[:SS]].

    Raises:
        UsageError: it is none of these, or it is 0, which Slurm takes for no limit.
    """
    days, dash, clock = time.rpartition("-")
    parts = clock.split(":")
    if all(part.isdecimal() and part.isascii() for part in ([days] if dash else []) + parts) and (
        len(parts) <= 3
    ):
        numbers = [int(part) for part in parts]
        first = "hours" if dash or len(parts) == 3 else "minutes"
        units = (3600, 60, 1) if first == "hours" else (60, 1)
        seconds = sum(unit * number for unit, number in zip(units, numbers, strict=False))
        seconds += int(days) * 86400 if dash else 0
        if seconds:
            return seconds
    raise UsageError(
        f"--time {time!r}: expected MINUTES, HOURS:MM:SS or DAYS-HOURS, as 90, 4:00:00 or 2-12."
    )


def parse_gpus(text: str) -> tuple[int, str | None]:
    """How many GPUs, and of which kind, of a text such as `2` or `a100:2`.

    Raises:
        UsageError: it is no such text.
    """
    kind, colon, count = text.rpartition(":")
    if not re.fullmatch(r"\d{1,4}", count, re.ASCII) or (colon and not kind):
        raise UsageError(f"--gpus {text!r}: expected a number, or KIND:NUMBER, as 2 or a100:2.")
    return int(count), kind or None


def parse_seeds(text: str) -> tuple[int, ...]:
    """The numbers of a text such as `0-4` or `0,1,7`, ascending.

    Raises:
        UsageError: it is no such text, or names a seed twice.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part.strip(), re.ASCII)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if first > last or last - first > 10_000:
            raise UsageError(f"--array-seeds {text!r}: expected numbers, as 0-4 or 0,1,7.")
        seeds += range(first, last + 1)
    if len(set(seeds)) < len(seeds):
        raise UsageError(f"--array-seeds {text!r}: names a seed twice; each makes one run.")
    return tuple(sorted(seeds))


def check_path(path: Path) -> None:
    r"""Refuse what sbatch cannot be told: it takes \ for a command, and a line ends at a newline.

    Raises:
        UsageError: the path has such a character.
    """
    text = str(path)
    if not printable(text) == text or re.search(r"[\\\x00-\x1f\x7f]", text):
        raise UsageError(
            f"{printable(text)!r}: sbatch takes no path with a backslash, a control character, or "
            "what is not UTF-8; choose another place."
        )


def _check_extra(line: str) -> None:
    name = re.match(r"--[a-z][a-z-]*|-[A-Za-z]", line)
    if name is None or not line.isprintable():
        raise UsageError(
            f"--sbatch {line!r}: expected one option as sbatch takes it, as --constraint=a100."
        )
    if name[0] in _OWN_OPTIONS:
        ours = _OWN_OPTIONS[name[0]]
        way = f"is said by {ours}" if ours else "is ours to say"
        raise UsageError(f"--sbatch {line!r}: {name[0]} {way}; leave it out here.")
