"""Memory of this process alone."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tessella.benchmark.peak import peak_bytes


def test_the_peak_is_read_as_the_kernel_writes_it(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmPeak:\t  9000 kB\nVmHWM:\t     300 kB\nVmRSS:\t 200 kB\n")
    assert peak_bytes(status=status) == 300 * 1024


def test_where_the_kernel_tells_nothing_the_system_does(tmp_path: Path) -> None:
    peak = peak_bytes(status=tmp_path / "absent")
    assert peak is not None
    assert 1e7 < peak < 1e12  # an interpreter takes some 10 MB; no unit is mistaken by 1024


def test_memory_that_was_given_back_still_counts() -> None:
    code = (
        "from tessella.benchmark.peak import peak_bytes; block = b'x' * 300_000_000; del block; "
        "print(peak_bytes())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 300_000_000


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs Linux")
def test_a_process_does_not_begin_with_the_peak_of_the_one_that_started_it() -> None:
    block = np.ones(300_000_000, np.uint8)
    code = "from tessella.benchmark.peak import peak_bytes; print(peak_bytes())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < block.size


def test_without_torch_nothing_is_said_of_a_gpu_and_torch_stays_away() -> None:
    code = (
        "import sys; from tessella.benchmark.peak import gpu_peak_bytes; "
        "print(gpu_peak_bytes(), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "None False\n"
