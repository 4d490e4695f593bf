"""How much memory this process may still take, and the most it has taken."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

_UNLIMITED = 1 << 60  # version 1 of control groups writes a huge number where there is no limit
_RESET_PEAK = "5"


def available_bytes(
    *, proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Memory that can be taken without swapping and within the limits of a container.

    Args:
        proc: where the kernel tells about memory and this process.
        cgroup: where it tells about limits of groups of processes.

    Returns:
        Bytes; None where the system does not tell.
    """
    free = [amount for amount in (_of_system(proc),) if amount is not None]
    free += _of_groups(proc, cgroup)
    return max(0, min(free)) if free else None


def forget_peak(*, proc: Path = Path("/proc")) -> None:
    """Let `peak_bytes` count from now on, where the system can do that."""
    try:
        (proc / "self" / "clear_refs").write_text(_RESET_PEAK)
    except OSError:
        return  # then the peak is that of the whole process, which is never too small


def peak_bytes(*, proc: Path = Path("/proc")) -> int | None:
    """The most memory that this process held since `forget_peak`; None where nobody tells."""
    return _kilobytes(proc / "self" / "status", "VmHWM:")


def _of_system(proc: Path) -> int | None:
    told = _kilobytes(proc / "meminfo", "MemAvailable:")
    if told is not None or sys.platform == "win32":
        return told
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):  # macOS knows no SC_AVPHYS_PAGES
        return None


def _kilobytes(path: Path, name: str) -> int | None:
    """The figure behind a name in a file of the kernel, in bytes."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return None
    found = next((line.split() for line in lines if line.startswith(name)), None)
    return int(found[1]) * 1024 if found else None


def _of_groups(proc: Path, cgroup: Path) -> Iterator[int]:
    """What each limited group that this process is in has left."""
    try:
        lines = (proc / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, place = line.split(":", 2)
        if number == "0":
            names, top = ("memory.max", "memory.current"), cgroup
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
            top = cgroup / "memory"
        else:
            continue
        here = top / place.lstrip("/")
        # a container sees its own group at the top, whatever the path says
        for folder in (here, *here.parents):
            if folder == cgroup.parent or not folder.is_relative_to(top):
                break
            if (left := _left_in(folder, names)) is not None:
                yield left


def _left_in(folder: Path, names: tuple[str, str]) -> int | None:
    limit, usage = (_number(folder / name) for name in names)
    if limit is None or usage is None or limit >= _UNLIMITED:
        return None
    return limit - usage + _reclaimable(folder)


def _number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None  # "max" is no limit


def _reclaimable(folder: Path) -> int:
    """Files that the kernel keeps in memory while nobody else needs it count as used."""
    try:
        lines = [line.split() for line in (folder / "memory.stat").read_text().splitlines()]
    except OSError:
        return 0
    found = {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}
    return found.get("total_inactive_file", found.get("inactive_file", 0))
