"""The user's own code: which commit it is, whether it was changed, and a copy that stays."""

import os
import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SourceTree:
    """The working tree of a git repository."""

    root: Path
    """Its top folder."""

    commit: str | None
    """Of HEAD; None before the first."""

    changed: tuple[str, ...]
    """Files that differ from it, and modules that git neither tracks nor ignores. Other files that
    it does not know are no source: runs and data often lie there."""

    @property
    def is_clean(self) -> bool:
        """Whether the commit says all about it."""
        return self.commit is not None and not self.changed


def find_source_tree(folder: Path) -> SourceTree | None:
    """The working tree around `folder`; None outside of a repository.

    Raises:
        ValueError: there is a repository and git cannot read it, or is not installed.
    """
    here = folder.absolute()
    if not any((parent / ".git").exists() for parent in (here, *here.parents)):
        return None
    root = Path(_git(here, "rev-parse", "--show-toplevel").removesuffix("\n"))
    # exits with 1 and says nothing where there is no commit yet
    commit = _git(root, "rev-parse", "--quiet", "--verify", "HEAD", may_fail=True).strip()
    status = ("status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=no")
    changed = [entry[3:] for entry in _listed(root, *status)]
    unknown = _listed(root, "ls-files", "-z", "--others", "--exclude-standard", "--", "*.py")
    return SourceTree(root, commit or None, (*changed, *unknown))


def copy_tracked(tree: SourceTree, to: Path) -> None:
    """Copy every file that git tracks into the new folder `to`, those of submodules included.

    Raises:
        ValueError: git cannot list them.
        OSError: `to` exists, or cannot be written.
    """
    to.mkdir(parents=True)
    for name in _listed(tree.root, "ls-files", "-z", "--recurse-submodules"):
        source, copy = tree.root / name, to / name
        if not os.path.lexists(source):  # of a sparse checkout
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, copy, follow_symlinks=False)


def own_import_paths(paths: Sequence[str] | None = None) -> list[Path]:
    """The folders that Python imports from, but for its own library and installed packages.

    Args:
        paths: `sys.path` unless given.
    """
    installed = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "scripts")]
    installed += [*site.getsitepackages(), site.getusersitepackages()]
    folders = [Path(path).absolute() for path in (sys.path if paths is None else paths)]
    foreign = [Path(path) for path in installed]
    return [
        folder
        for folder in dict.fromkeys(folders)
        if folder.is_dir() and not any(folder.is_relative_to(path) for path in foreign)
    ]


def pinned_paths(paths: Sequence[Path], tree: SourceTree, copy: Path) -> list[Path]:
    """The folders, each that the copy of `tree` holds too replaced by the one in the copy."""
    return [_pinned(path, tree, copy) for path in paths]


def _pinned(path: Path, tree: SourceTree, copy: Path) -> Path:
    real = path.resolve()
    if not real.is_relative_to(tree.root):
        return path
    pinned = copy / real.relative_to(tree.root)
    return pinned if pinned.is_dir() else path


def _listed(root: Path, *words: str) -> list[str]:
    return [entry for entry in _git(root, *words).split("\0") if entry]


def _git(folder: Path, *words: str, may_fail: bool = False) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise ValueError(
            f"{folder}: lies in a git repository, but git is not installed; install it, so that "
            "the commit can be told."
        ) from error
    if done.returncode and not may_fail:
        said = os.fsdecode(done.stderr).strip().replace("\n", " ")
        raise ValueError(f"{folder}: git {words[0]} failed: {said}")
    return os.fsdecode(done.stdout)
