"""Which process this is, read off what torchrun, Slurm and we set."""

import pytest

from tessella.rank import Rank, this_rank

TORCHRUN = {
    "RANK": "5",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "4",
    "MASTER_ADDR": "10.0.0.1",
}
SLURM = {
    "SLURM_JOB_ID": "77",
    "SLURM_STEP_ID": "0",
    "SLURM_STEP_NUM_TASKS": "8",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
}


@pytest.fixture(autouse=True)
def _nobody_started_us(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*TORCHRUN, *SLURM):
        monkeypatch.delenv(name, raising=False)


def surrounded(monkeypatch: pytest.MonkeyPatch, *environments: dict[str, str]) -> Rank:
    for environment in environments:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
    return this_rank()


def test_a_process_that_a_user_started_is_alone() -> None:
    assert this_rank() == Rank(0, 1, 0, 1, "user")
    assert this_rank().is_first


def test_torchrun_tells_by_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    rank = surrounded(monkeypatch, TORCHRUN)
    assert rank == Rank(5, 8, 1, 4, "torchrun")
    assert rank.machines == 2
    assert not rank.is_first


def test_a_task_of_a_slurm_step_tells_by_slurms_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert surrounded(monkeypatch, SLURM) == Rank(5, 8, 1, 4, "slurm")


def test_torchrun_within_a_slurm_step_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert surrounded(monkeypatch, SLURM, TORCHRUN).starter == "torchrun"


def test_a_batch_script_is_alone_however_many_tasks_its_job_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A tool that takes the job's number of tasks for processes that run waits for ever."""
    batch = {"SLURM_JOB_ID": "77", "SLURM_NTASKS": "8", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
    assert surrounded(monkeypatch, batch) == Rank()


def test_a_variable_that_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="variable LOCAL_RANK is 'x'"):
        surrounded(monkeypatch, {**TORCHRUN, "LOCAL_RANK": "x"})
