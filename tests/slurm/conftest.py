"""A cluster of one machine: munge, Slurm's controller and its node daemon, on the loopback."""

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

DAEMONS = ("munged", "slurmctld", "slurmd")
PATH = os.pathsep.join((os.environ["PATH"], "/usr/local/sbin", "/usr/sbin", "/sbin"))

# Two partitions below a third: a job in `urgent` takes the node from those in the other two at
# once, or after the seconds of grace. Scheduled at once, and again each second.
CONFIGURATION = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge/socket
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=30
ReturnToService=2
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=2000
PartitionName=low Nodes={host} PriorityTier=1 Default=YES State=UP
PartitionName=grace Nodes={host} PriorityTier=1 GraceTime=60 State=UP
PartitionName=urgent Nodes={host} PriorityTier=9 State=UP
"""


@dataclass(frozen=True)
class Cluster:
    """A Slurm that takes jobs."""

    environment: dict[str, str]

    def ask(self, *words: object) -> str:
        """What a command of Slurm answers."""
        line = [str(word) for word in words]
        return subprocess.run(
            line, env=self.environment, capture_output=True, text=True, check=True
        ).stdout.strip()

    def about(self, job: str) -> dict[str, str]:
        """What Slurm knows of a job."""
        pairs = self.ask("scontrol", "--oneliner", "show", "job", job).split()
        return dict(pair.split("=", 1) for pair in pairs if "=" in pair)

    def wait_for(self, job: str, state: str, *, restarts: int = 0) -> dict[str, str]:
        """Until the job is in this state, having been requeued at least so often."""

        def is_there() -> bool:
            found = self.about(job)
            return found["JobState"] == state and int(found["Restarts"]) >= restarts

        until(is_there, f"job {job} to be {state} after {restarts} restarts")
        return self.about(job)

    def begin_again(self, job: str, *, restarts: int = 1) -> None:
        """Let a requeued job begin soon, which Slurm holds back for two minutes."""
        self.wait_for(job, "PENDING", restarts=restarts)

        def has_begun() -> bool:
            found = self.about(job)
            if found["JobState"] == "PENDING":
                wait = datetime.fromisoformat(found["EligibleTime"]) - datetime.now()
                if wait.total_seconds() > 10:  # not before the last of its processes is gone
                    # not now: what is granted in the second of its end counts as withdrawn
                    self.ask("scontrol", "update", f"JobId={job}", "StartTime=now+3")
            return found["JobState"] in ("RUNNING", "COMPLETED", "FAILED")

        until(has_begun, f"job {job} to begin again")


def until(is_so: Callable[[], bool], what: str, *, seconds: float = 300) -> None:
    """Wait for something that other processes do."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"waited {seconds} s for: {what}"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Slurm as installed here, with a configuration, a key and ports of its own."""
    missing = [name for name in (*DAEMONS, "sbatch") if shutil.which(name, path=PATH) is None]
    if missing:
        pytest.skip(f"{missing[0]} is not installed; apt-get install slurm-wlm munge")
    # not below pytest's own folder, which is closed to others: munge refuses to work in such
    folder = Path(tempfile.mkdtemp(prefix="tessella-slurm-"))
    folder.chmod(0o755)
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir(mode=0o755)
    configuration = folder / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=folder,
            host=socket.gethostname().partition(".")[0],
            user=getpass.getuser(),
            controller_port=free_port(),
            node_port=free_port(),
        )
    )
    # those who start jobs may be within one themselves
    own = {name: text for name, text in os.environ.items() if not name.startswith("SLURM")}
    environment = {**own, "PATH": PATH, "SLURM_CONF": str(configuration)}
    found = Cluster(environment)
    started: list[subprocess.Popen[bytes]] = []
    try:
        for words in daemons(folder):
            with (folder / f"{words[0]}.log").open("wb") as log:
                started.append(subprocess.Popen(words, env=environment, stdout=log, stderr=log))
        until(lambda: is_idle(found), f"an idle node; see {folder}", seconds=60)
        yield found
        found.ask("scancel", "--user", getpass.getuser())
        until(lambda: not found.ask("squeue", "--noheader"), "all jobs to end", seconds=60)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(timeout=60)
    shutil.rmtree(folder)


def daemons(folder: Path) -> list[list[str]]:
    """The command lines, in the order to be started; each stays in the foreground."""
    key = folder / "munge" / "key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o600)
    places = {"key": "key", "socket": "socket", "pid": "pid", "log": "log", "seed": "seed"}
    files = [
        f"--{n}{'' if n == 'socket' else '-file'}={folder}/munge/{p}" for n, p in places.items()
    ]
    return [["munged", "--foreground", *files], ["slurmctld", "-D", "-c"], ["slurmd", "-D", "-c"]]


def is_idle(cluster: Cluster) -> bool:
    words = ["sinfo", "--noheader", "--format=%T"]
    found = subprocess.run(
        words, env=cluster.environment, capture_output=True, text=True, check=False
    )
    return set(found.stdout.split()) == {"idle"}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
