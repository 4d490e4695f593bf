"""What is said about the hardware."""

import pytest

from tessella.plan.machine import Machine, look_at_machine


def test_a_cpu_is_described_with_its_cores_and_its_memory() -> None:
    found = look_at_machine(device="cpu", precision="fp32")
    assert (found.device, found.precision, found.is_gpu) == ("cpu", "fp32", False)
    assert "core" in found.about
    assert found.text().endswith("computes in fp32")


def test_memory_is_told_where_it_is_known(cpu: Machine) -> None:
    assert cpu.text() == "2 cores, 8.0 GB free, computes in fp32"
    unknown = Machine("cpu", "2 cores", None, "fp32")
    assert unknown.text() == "2 cores, computes in fp32"


def test_a_precision_that_the_device_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="fp16 needs a GPU"):
        look_at_machine(device="cpu", precision="fp16")
