"""The cores that this process may use, which may be fewer than the machine has."""

import os


def usable_cores() -> int:
    """How many there are, at least 1; a container or `taskset` may allow fewer than all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
