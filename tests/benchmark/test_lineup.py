"""Who runs, who is left out, who failed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tessella.benchmark.candidates import Candidate
from tessella.benchmark.lineup import Facts, Lineup
from tessella.benchmark.process import Worker
from tessella.errors import UsageError


@pytest.fixture
def admit() -> Iterator[Callable[..., Lineup]]:
    """A lineup of files behind ONNX Runtime, each named or found; all end after the test."""
    workers = []

    def admit_all(**files: Path) -> Lineup:
        lineup = Lineup()
        for how, file in files.items():
            candidate = Candidate(file, "onnx", None, how == "named")
            workers.append(Worker(candidate, device="cpu", threads=1))
        for worker in workers:
            lineup.admit(worker)
        return lineup

    yield admit_all
    for worker in workers:
        worker.end()


@pytest.fixture
def file(brightest_file: Callable[..., Path], tmp_path: Path) -> Path:
    return brightest_file(tmp_path / "a.onnx", size=(8, 16))


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    (tmp_path / "damaged.onnx").write_bytes(b"not a model")
    return tmp_path / "damaged.onnx"


def why_not(facts: Facts) -> str | None:
    return f"takes {facts.size}"


def test_a_file_that_fails_to_open_is_set_aside(
    admit: Callable[..., Lineup], file: Path, damaged: Path
) -> None:
    lineup = admit(named=damaged, found=file)
    assert [runner.worker.candidate.path for runner in lineup.running] == [file]
    assert [(one.model, one.engine) for one in lineup.failed] == [(damaged, "onnx")]


def test_a_found_file_is_left_out_with_the_reason(admit: Callable[..., Lineup], file: Path) -> None:
    lineup = admit(found=file)
    lineup.leave_out(why_not)
    assert not lineup.running
    assert [one.reason for one in lineup.left_out] == ["takes (8, 16)"]
    with pytest.raises(UsageError, match=r"a\.onnx by onnx: takes \(8, 16\)$"):
        lineup.check()


def test_a_named_file_is_never_left_out_silently(admit: Callable[..., Lineup], file: Path) -> None:
    lineup = admit(named=file)
    with pytest.raises(UsageError, match=r"a\.onnx: takes \(8, 16\)\.$"):
        lineup.leave_out(why_not)


def test_where_all_failed_the_error_is_no_matter_of_usage(
    admit: Callable[..., Lineup], damaged: Path
) -> None:
    with pytest.raises(ValueError, match=r"damaged\.onnx by onnx: .*cannot be read") as error:
        admit(named=damaged).check()
    assert not isinstance(error.value, UsageError)


def test_the_first_turn_is_warm_up_and_counts_in_no_row(
    admit: Callable[..., Lineup], file: Path
) -> None:
    lineup = admit(named=file)
    (runner,) = lineup.running
    request = {"size": [8, 16], "batch": 1, "output": "class map"}
    lineup.take_turn(runner, request, content=bytes(8 * 16 * 3))
    lineup.take_turn(runner, {})
    lineup.take_turn(runner, {})
    row = runner.row()
    assert row.seconds == tuple(turn.seconds for turn in runner.turns)[1:]
    assert len(row.seconds) == 2
    assert row.file_bytes == file.stat().st_size
