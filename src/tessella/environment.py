"""Where, with what and on which data a run is made: the content of its card."""

import datetime
import hashlib
import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

_PACKAGES = ("tessella", "torch", "torchvision", "segmentation-models-pytorch", "timm", "numpy")
_PACKAGES += ("opencv-python-headless", "pillow", "lightning-fabric")

_NOTHING: Mapping[str, str] = MappingProxyType({})


def split_hash(names: Iterable[str]) -> str:
    """A short fingerprint of which samples a split holds, in their order."""
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]


def describe_environment(
    seed: int, splits: Mapping[str, Sequence[str]], *, contents: Mapping[str, str] = _NOTHING
) -> dict[str, Any]:
    """Where, with what and on which data a run was made, as plain values."""
    commit, dirty = _commit()
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": shlex.join([*_program(), *sys.argv[1:]]),
        "commit": commit,
        "uncommitted_changes": dirty,
        "project": _project(),
        "seed": seed,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "versions": _versions(),
        "splits": _described(splits, contents),
    }


def _program() -> list[str]:
    path = Path(sys.argv[0])
    return ["python", "-m", path.parent.name] if path.name == "__main__.py" else [path.name]


def _described(
    splits: Mapping[str, Sequence[str]], contents: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    described: dict[str, dict[str, Any]] = {
        name: {"samples": len(samples), "sha256": split_hash(samples)}
        for name, samples in splits.items()
    }
    for name, content in contents.items():
        described.setdefault(name, {})["content_sha256"] = content
    return described


def processor_name() -> str:
    """The processor's model, as the system calls it."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _commit() -> tuple[str | None, bool | None]:
    """The commit of Tessella's own source and whether it was changed; None outside of a clone."""
    here = Path(__file__).resolve().parent
    try:
        commit = _git(here, "rev-parse", "HEAD")
        # a file unknown to git (installed into somebody else's repository) says nothing about us
        _git(here, "ls-files", "--error-unmatch", str(here / "__init__.py"))
        return commit, bool(_git(here, "status", "--porcelain", "--", str(here)))
    except (OSError, subprocess.SubprocessError):
        return None, None


def _project() -> dict[str, Any] | None:
    """The repository of the working folder, where recipes and code of one's own lie.

    None outside of one, and in the clone that Tessella itself runs from. Files that git does not
    know count as changes where they are code: runs and data often lie there too. A job of Slurm
    says which commit it was made from: the repository may be at another by now.
    """
    if pinned := os.environ.get("TESSELLA_PROJECT_COMMIT"):
        folder = os.environ.get("TESSELLA_PROJECT")
        return {"folder": folder, "commit": pinned, "uncommitted_changes": False}
    try:
        top = _git(Path.cwd(), "rev-parse", "--show-toplevel")
    except (OSError, subprocess.SubprocessError):
        return None
    here = Path(__file__).resolve().parent
    if here.is_relative_to(Path(top).resolve()) and _commit()[0] is not None:
        return None
    found: dict[str, Any] = {"folder": top, "commit": None, "uncommitted_changes": None}
    try:
        unknown = _git(Path(top), "ls-files", "--others", "--exclude-standard", "--", "*.py")
        changed = _git(Path(top), "status", "--porcelain", "--untracked-files=no")
        found["uncommitted_changes"] = bool(unknown or changed)
        found["commit"] = _git(Path(top), "rev-parse", "--verify", "HEAD")
    except (OSError, subprocess.SubprocessError):  # no commit yet, or too many files to look at
        pass
    return found


def _git(folder: Path, *words: str) -> str:
    result = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=True, timeout=10
    )
    return result.stdout.strip()
