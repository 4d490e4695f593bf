"""What a process may use counts, not what the machine has."""

import os
import subprocess
import sys

import pytest

from tessella.cores import cores_each, threads_each, usable_cores
from tessella.rank import Rank


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_a_process_that_is_bound_to_one_core_has_one() -> None:
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
        "from tessella.cores import usable_cores; print(usable_cores())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_where_the_system_does_not_tell_all_cores_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert usable_cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


@pytest.fixture
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tessella.cores.usable_cores", lambda: 8)
    for name in ("SLURM_CPUS_PER_TASK", "OMP_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("_eight_cores")
@pytest.mark.parametrize(("processes", "cores"), [(1, 8), (2, 4), (3, 2), (16, 1)])
def test_processes_of_one_machine_share_its_cores(processes: int, cores: int) -> None:
    rank = Rank(0, processes, 0, processes, "torchrun")
    assert (cores_each(rank), threads_each(rank)) == (cores, cores)


@pytest.mark.usefixtures("_eight_cores")
def test_what_slurm_has_bound_a_process_to_is_not_divided_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "8")
    assert cores_each(Rank(0, 4, 0, 4, "slurm")) == 8
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "12")
    assert cores_each(Rank(0, 4, 0, 4, "slurm")) == 8  # bound to fewer than it asked for
    assert cores_each(Rank(0, 4, 0, 4, "torchrun")) == 2


@pytest.mark.usefixtures("_eight_cores")
def test_threads_that_the_user_set_for_a_slurm_job_are_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert threads_each(Rank(0, 2, 0, 2, "slurm")) == 3
    assert threads_each(Rank(0, 2, 0, 2, "torchrun")) == 4  # torchrun itself sets 1
