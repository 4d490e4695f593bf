"""How much memory there is, read from files as the kernel writes them."""

from pathlib import Path

import pytest

from tessella.plan.memory import available_bytes, forget_peak, peak_bytes

MEMINFO = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    800 kB\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "proc" / "self").mkdir(parents=True)
    (tmp_path / "proc" / "meminfo").write_text(MEMINFO)
    return tmp_path / "proc"


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


def test_without_limits_it_is_what_the_system_has(proc: Path, tmp_path: Path) -> None:
    assert available_bytes(proc=proc, cgroup=tmp_path) == 800 * 1024


def test_a_limit_of_version_2_counts_and_cached_files_do_not(proc: Path, tmp_path: Path) -> None:
    (proc / "self" / "cgroup").write_text("0::/user/box\n")
    write(
        tmp_path / "cg" / "user" / "box",
        memory__max=500_000,
        memory__current=300_000,
        memory__stat="anon 1\ninactive_file 50000\nfile 9",
    )
    assert available_bytes(proc=proc, cgroup=tmp_path / "cg") == 250_000


def test_a_limit_of_a_group_above_counts(proc: Path, tmp_path: Path) -> None:
    (proc / "self" / "cgroup").write_text("0::/user/box\n")
    write(tmp_path / "cg" / "user", memory__max=400_000, memory__current=100_000)
    write(tmp_path / "cg" / "user" / "box", memory__max="max", memory__current=100_000)
    assert available_bytes(proc=proc, cgroup=tmp_path / "cg") == 300_000


def test_inside_of_a_container_the_limit_lies_at_the_top(proc: Path, tmp_path: Path) -> None:
    (proc / "self" / "cgroup").write_text("0::/docker/4f1a\n")
    write(tmp_path / "cg", memory__max=300_000, memory__current=100_000)
    assert available_bytes(proc=proc, cgroup=tmp_path / "cg") == 200_000


def test_a_limit_of_version_1_counts(proc: Path, tmp_path: Path) -> None:
    (proc / "self" / "cgroup").write_text("5:cpu:/box\n4:memory:/box\n0::/\n")
    write(
        tmp_path / "cg" / "memory" / "box",
        memory__limit_in_bytes=600_000,
        memory__usage_in_bytes=500_000,
        memory__stat="total_inactive_file 20000",
    )
    assert available_bytes(proc=proc, cgroup=tmp_path / "cg") == 120_000


def test_the_number_by_which_version_1_says_no_limit_is_none(proc: Path, tmp_path: Path) -> None:
    (proc / "self" / "cgroup").write_text("4:memory:/\n")
    write(
        tmp_path / "cg" / "memory",
        memory__limit_in_bytes=9223372036854771712,
        memory__usage_in_bytes=5,
    )
    assert available_bytes(proc=proc, cgroup=tmp_path / "cg") == 800 * 1024


def test_more_used_than_allowed_is_nothing_left(proc: Path, tmp_path: Path) -> None:
    (proc / "self" / "cgroup").write_text("0::/\n")
    write(tmp_path / "cg", memory__max=100, memory__current=300)
    assert available_bytes(proc=proc, cgroup=tmp_path / "cg") == 0


def test_without_a_kernel_that_tells_the_peak_is_unknown(tmp_path: Path) -> None:
    forget_peak(proc=tmp_path)
    assert peak_bytes(proc=tmp_path) is None


def test_the_peak_counts_what_was_held_and_given_back() -> None:
    before = peak_bytes()
    if before is None:
        pytest.skip("this system does not tell the most memory that a process held")
    forget_peak()
    start = peak_bytes()
    assert start is not None
    block = bytearray(b"x" * 64_000_000)
    del block
    after = peak_bytes()
    assert after is not None
    assert after >= start
    assert after >= 64_000_000
