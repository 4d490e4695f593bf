"""What is asked of Slurm is checked before anything is written."""

from pathlib import Path
from typing import Any

import pytest

from tessella.errors import UsageError
from tessella.slurm.job import Job, parse_gpus, parse_seeds, seconds_of

RUN = Path("/runs/street")


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        ("90", 5400),
        ("90:30", 5430),
        ("4:00:00", 14400),
        ("1:02:03", 3723),
        ("2-12", 216_000),
        ("1-00:30", 88_200),
        ("0-00:00:59", 59),
    ],
)
def test_a_time_limit_is_read_as_slurm_reads_it(time: str, seconds: int) -> None:
    assert seconds_of(time) == seconds


@pytest.mark.parametrize("time", ["", "0", "4h", "1:2:3:4", "-1", "1-", "a-3", "1.5", "0:00", "²"])
def test_another_text_is_no_time_limit(time: str) -> None:
    with pytest.raises(UsageError, match="expected MINUTES, HOURS:MM:SS or DAYS-HOURS"):
        seconds_of(time)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0-4", (0, 1, 2, 3, 4)), ("7,0,1", (0, 1, 7)), ("3", (3,)), ("0-1, 8-9", (0, 1, 8, 9))],
)
def test_seeds_are_numbers_and_ranges_of_them(text: str, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "4-0", "0,,1", "-1", "0-4%2", "0-99999", "1.0"])
def test_another_text_names_no_seeds(text: str) -> None:
    with pytest.raises(UsageError, match="expected numbers, as 0-4 or 0,1,7"):
        parse_seeds(text)


def test_a_seed_that_is_named_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="names a seed twice"):
        parse_seeds("0-4,3")


@pytest.mark.parametrize(
    ("text", "found"), [("2", (2, None)), ("a100:4", (4, "a100")), ("0", (0, None))]
)
def test_gpus_are_a_number_with_a_kind_or_without(text: str, found: tuple[int, Any]) -> None:
    assert parse_gpus(text) == found


@pytest.mark.parametrize("text", ["", "two", ":2", "a100", "a100:", "-1", "1.5"])
def test_another_text_names_no_gpus(text: str) -> None:
    with pytest.raises(UsageError, match="expected a number, or KIND:NUMBER"):
        parse_gpus(text)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"nodes": 0}, "--nodes 0: expected 1 or more"),
        ({"gpus": 0, "tasks": 0}, "--tasks 0: expected 1 or more"),
        ({"cpus": 0}, "--cpus 0: expected 1 or more"),
        ({"gpus": 2, "tasks": 4}, "there is a process for each"),
        ({"memory": "32 GB"}, "expected a number and a unit, as 32G"),
        ({"partition": "gpu;rm"}, "expected a name that the cluster knows"),
        ({"account": ""}, "expected a name that the cluster knows"),
        ({"gpu_type": "a 100"}, "expected a name that the cluster knows"),
        ({"warn_seconds": 0}, "expected 1 to 65535 seconds"),
        ({"time": "2", "warn_seconds": 120}, "the job has 120 seconds in all"),
        ({"run": Path("/runs/a\\b")}, "no path with a backslash"),
        ({"run": Path("/runs/a\nb")}, "no path with a backslash, a control character"),
        ({"run": Path("/runs/a\udcff")}, "what is not UTF-8"),
        ({"stage": Path("/data/a\tb")}, "no path with a backslash, a control character"),
        ({"extra": ("constraint=a100",)}, "expected one option as sbatch takes it"),
        ({"extra": ("--comment=a\n#SBATCH --nodes=9",)}, "expected one option"),
        ({"extra": ("--array=0-4",)}, "--array is said by --array-seeds"),
        ({"extra": ("--gpus=2",)}, "--gpus is said by --gpus"),
        ({"extra": ("-N 2",)}, "-N is said by --nodes"),
        ({"extra": ("--no-requeue",)}, "--no-requeue is ours to say"),
    ],
)
def test_what_slurm_or_the_job_could_not_take_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Job(**{"name": "street", "run": RUN, **wrong})


def test_options_of_the_cluster_pass() -> None:
    lines = ("--constraint=a100&nvlink", "--exclusive", "-w node3", "--mail-user=me@example.org")
    assert Job(name="street", run=RUN, extra=lines).extra == lines


@pytest.mark.parametrize(
    ("asked", "tasks"), [({"gpus": 4}, 4), ({"gpus": 0}, 1), ({"gpus": 0, "tasks": 3}, 3)]
)
def test_there_is_a_process_for_each_gpu_or_as_many_as_told(
    asked: dict[str, int], tasks: int
) -> None:
    assert Job(name="street", run=RUN, **asked).tasks_per_node == tasks  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("street", "street"),
        ("my recipe; rm", "my-recipe-rm"),
        ("Gebäude 3%j", "Geb-ude-3-j"),
        ("--wrap", "wrap"),
        ("***", "tessella"),
        ("bash", "tessella-bash"),
        ("interactive", "tessella-interactive"),
    ],
)
def test_a_name_for_the_queue_is_plain_and_no_shells(name: str, safe: str) -> None:
    assert Job(name=name, run=RUN).safe_name == safe


def test_runs_are_one_or_one_a_seed_and_the_folder_is_beside_them() -> None:
    assert Job(name="street", run=RUN).runs == (RUN,)
    several = Job(name="street", run=RUN, seeds=(0, 7))
    assert several.runs == (Path("/runs/street-seed0"), Path("/runs/street-seed7"))
    assert several.folder == Path("/runs/street.slurm")
