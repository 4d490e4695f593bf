"""What a plan must know about the hardware: the device, its memory and its fast precision."""

from dataclasses import dataclass

import torch

from tessella.backends.torch import Precision, resolve_device, resolve_precision
from tessella.cores import usable_cores
from tessella.environment import processor_name
from tessella.plan.duration import gigabytes
from tessella.plan.memory import available_bytes


@dataclass(frozen=True)
class Machine:
    """Where training will compute."""

    device: str
    """cpu, cuda or mps."""

    about: str
    """As a person would call it."""

    free_bytes: int | None
    """Memory that training can take: the GPU's, else the system's; None where nobody tells."""

    precision: Precision

    @property
    def is_gpu(self) -> bool:
        """Whether it is made for this."""
        return self.device != "cpu"

    def text(self) -> str:
        """One line."""
        memory = "" if self.free_bytes is None else f", {gigabytes(self.free_bytes)} free"
        return f"{self.about}{memory}, computes in {self.precision}"


def look_at_machine(*, device: str, precision: str) -> Machine:
    """The hardware that a recipe's `train.device` and `train.precision` mean here.

    Raises:
        ValueError: there is no such device here, or it cannot compute in that precision.
    """
    chosen = resolve_device(device)
    resolved = resolve_precision(precision, chosen)
    if chosen.type == "cuda":
        free, _ = torch.cuda.mem_get_info(chosen)
        return Machine("cuda", torch.cuda.get_device_name(chosen), free, resolved)
    cores = usable_cores()
    about = f"{cores} {'core' if cores == 1 else 'cores'} of {processor_name()}"
    if chosen.type == "mps":
        about = f"Apple GPU beside {about}"
    return Machine(chosen.type, about, available_bytes(), resolved)
