"""The cores that this process may use, which may be fewer than the machine has."""

import os

from tessella.rank import Rank


def usable_cores() -> int:
    """How many there are, at least 1; a container or `taskset` may allow fewer than all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cores_each(rank: Rank) -> int:
    """How many each process of this machine has, at least 1.

    Slurm has bound a process to its own already; what it says of these is not divided again.
    """
    told = os.environ.get("SLURM_CPUS_PER_TASK", "") if rank.starter == "slurm" else ""
    if told.isdecimal() and int(told):
        return min(int(told), usable_cores())
    return max(1, usable_cores() // rank.local_count)


def threads_each(rank: Rank) -> int:
    """How many each process computes with: one a core, or as many as a Slurm job is told.

    That is `OMP_NUM_THREADS`, which torchrun itself sets to 1: there it says nothing.
    """
    told = os.environ.get("OMP_NUM_THREADS", "") if rank.starter == "slurm" else ""
    return int(told) if told.isdecimal() and int(told) else cores_each(rank)
