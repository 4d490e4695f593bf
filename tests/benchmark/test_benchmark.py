"""The whole of it, with real processes: figures, order, and what happens when one of them dies."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tessella.benchmark.benchmark import benchmark
from tessella.errors import UsageError
from tessella.run import Run

pytestmark = pytest.mark.processes

T = TypeVar("T")
Children = Callable[[], dict[int, str]]


class Doing:
    """A Track that does something before one of the turns, and remembers what it is told."""

    def __init__(self, action: Callable[[], object], *, before: int) -> None:
        self.action, self.before = action, before
        self.about, self.total, self.seen = "", 0, 0

    def __call__(
        self, items: Iterable[T], *, about: str, total: int, size: Callable[[T], int]
    ) -> Iterator[T]:
        self.about, self.total = about, total
        for index, item in enumerate(items):
            if index == self.before:
                self.action()
            yield item
            self.seen += size(item)


@pytest.fixture
def two_files(brightest_file: Callable[..., Path], tmp_path: Path) -> list[Path]:
    return [brightest_file(tmp_path / name / "model.onnx") for name in ("one", "two")]


@pytest.fixture(autouse=True)
def _without_openvino(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The processes find no OpenVINO, whether it is installed here or not."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "openvino.py").write_text(
        "raise ModuleNotFoundError('absent', name='openvino')"
    )
    monkeypatch.syspath_prepend(tmp_path / "modules")


def test_a_run_is_timed_by_torch_beside_its_exported_files(
    tiny_run: Run, brightest_file: Callable[..., Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    (run / "export").mkdir(parents=True)
    (run / "model").symlink_to(tiny_run.model_folder)
    (run / "recipe.yaml").symlink_to(tiny_run.recipe_file)
    brightest_file(run / "export" / "any.onnx")
    brightest_file(run / "export" / "fixed.onnx", size=(24, 40))
    found = benchmark([run], num_rounds=3, batch=2, device="cpu", threads=1)

    first, last = found.rows[0], found.rows[-1]  # between them bf16, where it is fast here
    assert (first.engine, first.precision, first.where) == ("torch", "fp32", "cpu, 1 threads")
    assert (last.model.name, last.engine, last.precision) == ("any.onnx", "onnx", "fp32")
    assert {len(row.seconds) for row in found.rows} == {3}
    assert found.protocol["size"] == [33, 47]
    assert set(found.protocol["versions"]) == {"tessella", "torch", "onnxruntime"}
    # torch alone takes more than the whole process of ONNX Runtime
    assert (first.peak_bytes or 0) > (last.peak_bytes or 0) > 1e7

    assert found.failed == ()
    absent = {(one.model.name, one.engine): one.reason for one in found.left_out}
    missing = "openvino is not installed: pip install 'tessella[openvino]'"
    assert absent.pop(("any.onnx", "openvino")) == missing
    assert absent.pop(("fixed.onnx", "openvino")) == missing
    assert absent.pop(("fixed.onnx", "onnx")) == (
        "takes images of 24 x 40 (height x width) only: --size 24x40 times it"
    )
    slow = {("run", "torch"): "this device does not compute bf16 fast"}
    assert absent == (slow if len(found.rows) == 2 else {})


def test_one_that_is_killed_is_reported_and_the_others_go_on(
    two_files: list[Path], children_now: Children
) -> None:
    def kill_second() -> None:
        (pid,) = [p for p, words in children_now().items() if f'{two_files[1]}"' in words]
        os.kill(pid, signal.SIGKILL)

    found = benchmark(
        two_files, size=(8, 9), num_rounds=4, threads=1, track=Doing(kill_second, before=3)
    )
    assert [(row.model, len(row.seconds)) for row in found.rows] == [(two_files[0], 4)]
    (failed,) = found.failed
    assert (failed.model, failed.engine) == (two_files[1], "onnx")
    assert failed.reason == (
        "its process was ended by SIGKILL, as the system does where memory runs out; try a "
        "smaller --size or --batch"
    )


def test_the_others_are_compared_with_the_first_that_is_left(
    two_files: list[Path], children_now: Children
) -> None:
    def kill_first() -> None:
        (pid,) = [p for p, words in children_now().items() if f'{two_files[0]}"' in words]
        os.kill(pid, signal.SIGKILL)

    found = benchmark(
        two_files, size=(8, 9), num_rounds=2, threads=1, track=Doing(kill_first, before=0)
    )
    (row,) = found.document()["rows"]
    assert row["model"] == str(two_files[1])
    assert row["times_as_fast"] == {"median": 1.0, "quartiles": [1.0, 1.0]}


def test_where_all_are_killed_the_error_says_so(
    two_files: list[Path], children_now: Children
) -> None:
    def kill_all() -> None:
        for pid, words in children_now().items():
            if str(two_files[0].parent.parent) in words:
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(ValueError, match=r"one/model\.onnx by onnx: .*SIGKILL.*; .*two/model"):
        benchmark(two_files, size=(8, 9), threads=1, track=Doing(kill_all, before=1))


def test_nothing_is_left_running_after_the_work(
    two_files: list[Path], children_now: Children
) -> None:
    before = set(children_now())
    benchmark(two_files, size=(8, 9), num_rounds=1, threads=1)
    assert set(children_now()) == before


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_the_processes_end_when_their_parent_is_killed_or_interrupted(
    number: signal.Signals, two_files: list[Path]
) -> None:
    code = """
import signal, sys
from pathlib import Path
from tessella.benchmark.benchmark import benchmark

# a shell has programs in the background ignore Ctrl-C
signal.signal(signal.SIGINT, signal.default_int_handler)

def track(items, *, about, total, size):
    for item in items:
        print(item.worker._process.pid, flush=True)
        sys.stdin.readline()  # forever: nothing is ever written
        yield item

benchmark([Path(sys.argv[1])], size=(8, 9), threads=1, track=track)
"""
    words = [sys.executable, "-c", code, str(two_files[0])]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe) as parent:
        assert parent.stdout is not None
        child = os.pidfd_open(int(parent.stdout.readline()))
        parent.send_signal(number)
        ended, _, _ = select.select([child], [], [], 60)
        os.close(child)
        parent.wait(60)
    assert ended
    assert parent.returncode == -number


def test_progress_counts_images(two_files: list[Path]) -> None:
    track = Doing(lambda: None, before=0)
    benchmark(two_files, size=(8, 9), num_rounds=3, batch=5, threads=1, track=track)
    assert (track.about, track.total, track.seen) == ("benchmark", 2 * 3 * 5, 2 * 3 * 5)


@pytest.mark.slow
def test_small_work_ends_after_two_hundred_rounds_at_most(two_files: list[Path]) -> None:
    # 20 seconds hold more than 200 of these, but for the pauses of 0.05 s between turns
    track = Doing(lambda: None, before=0)
    found = benchmark(two_files[:1], size=(8, 9), threads=1, track=track)
    assert found.protocol["rounds"] <= 200
    assert found.protocol["rounds"] == len(found.rows[0].seconds)


def test_a_named_file_without_probabilities_says_what_to_do(two_files: list[Path]) -> None:
    with pytest.raises(UsageError) as error:
        benchmark(two_files[:1], threads=1, output="probabilities")
    assert str(error.value) == (
        f"{two_files[0]}: gives class maps only; leave out --probabilities, or export it with "
        "--add probabilities."
    )


def test_a_file_of_one_size_is_timed_at_that_size(
    brightest_file: Callable[..., Path], tmp_path: Path
) -> None:
    file = brightest_file(tmp_path / "fixed.onnx", size=(24, 40))
    found = benchmark([file], num_rounds=1, threads=1)
    assert found.protocol["size"] == [24, 40]
    assert found.protocol["size_from"] == "the only size that fixed.onnx takes"


def test_a_file_of_one_size_at_another_is_an_error(
    brightest_file: Callable[..., Path], tmp_path: Path
) -> None:
    file = brightest_file(tmp_path / "fixed.onnx", size=(24, 40))
    with pytest.raises(UsageError, match=r"takes images of 24 x 40 .*; give --size 24x40, or "):
        benchmark([file], size=(32, 32), num_rounds=1, threads=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (0, 9)}, "--size 0x9: give height and width in pixels, from 1 up."),
        ({"size": (10**5, 10**5)}, "--size 100000x100000: no image of more than 179 megapixels"),
        ({"batch": 0}, "--batch 0: give a whole number from 1 up."),
        ({"num_rounds": 0}, "--rounds 0: give a whole number from 1 up."),
        ({"threads": -1}, "--threads -1: give a whole number from 1 up."),
    ],
)
def test_a_number_out_of_range_is_refused_before_any_process_starts(
    options: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as error:
        benchmark([tmp_path / "absent.onnx"], **options)  # type: ignore[arg-type]
    assert str(error.value).startswith(message)


def test_the_threads_are_those_of_omp_num_threads_unless_told(
    two_files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = benchmark(two_files[:1], size=(8, 9), num_rounds=1)
    assert found.protocol["threads"] == 3
    assert found.rows[0].where == "cpu, 3 threads"
