"""The most memory that this process has held since it began."""

import importlib
import os
import sys
from pathlib import Path

_resource = importlib.import_module("resource") if os.name == "posix" else None


def peak_bytes(*, status: Path = Path("/proc/self/status")) -> int | None:
    """Main memory; None where the system does not tell.

    Args:
        status: where Linux tells it. Its `ru_maxrss` is no use here: a process begins with that of
            the one that started it.
    """
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return _by_resource()
    found = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), None)
    return _by_resource() if found is None else int(found) * 1024


def gpu_peak_bytes() -> int | None:
    """Memory that torch took of an NVIDIA GPU; None where torch is not loaded or uses none.

    What the driver takes for itself does not count.
    """
    torch = sys.modules.get("torch")  # no import: it is there if the engine has brought it
    if torch is None or not torch.cuda.is_initialized():
        return None
    return int(torch.cuda.max_memory_reserved())


def _by_resource() -> int | None:
    if _resource is None:
        return None
    most: int = _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # bytes there, KiB elsewhere
