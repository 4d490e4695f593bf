"""What git says of the user's project, and a copy that no edit reaches; with git itself."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tessella.slurm.source_tree import (
    copy_tracked,
    find_source_tree,
    own_import_paths,
    pinned_paths,
)


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=Someone", "-c", "user.email=someone@example.org")
    line = ["git", *identity, "-c", "protocol.file.allow=always", *words]
    return subprocess.run(line, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One commit: a module in a package, a script, a link, and what git is to ignore."""
    folder = tmp_path / "project"
    (folder / "own").mkdir(parents=True)
    (folder / "own" / "steps.py").write_text("old\n")
    (folder / "own" / "ä \n b.txt").write_text("odd name\n")
    (folder / "run.sh").write_text("true\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link.py").symlink_to("own/steps.py")
    (folder / ".gitignore").write_text("ignored.py\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-m", "first")
    return folder


def test_outside_of_a_repository_there_is_no_tree(tmp_path: Path) -> None:
    assert find_source_tree(tmp_path) is None


def test_a_committed_tree_is_clean_and_found_from_any_of_its_folders(project: Path) -> None:
    tree = find_source_tree(project / "own")
    assert tree is not None
    assert tree.root == project.resolve()
    assert tree.commit == git(project, "rev-parse", "HEAD").strip()
    assert tree.is_clean


@pytest.mark.parametrize("staged", [False, True])
def test_a_changed_file_makes_it_dirty(project: Path, staged: bool) -> None:
    (project / "own" / "ä \n b.txt").write_text("new\n")
    if staged:
        git(project, "add", ".")
    tree = find_source_tree(project)
    assert tree is not None
    assert tree.changed == ("own/ä \n b.txt",)
    assert not tree.is_clean


def test_a_deleted_and_a_renamed_file_make_it_dirty(project: Path) -> None:
    git(project, "mv", "run.sh", "go.sh")
    (project / "link.py").unlink()
    tree = find_source_tree(project)
    assert tree is not None
    assert set(tree.changed) == {"run.sh", "go.sh", "link.py"}


def test_a_module_that_git_does_not_know_makes_it_dirty_and_other_files_do_not(
    project: Path,
) -> None:
    (project / "runs").mkdir()
    for name in ("new.py", "notes.txt", "runs/history.csv", "ignored.py"):
        (project / name).touch()
    tree = find_source_tree(project)
    assert tree is not None
    assert tree.changed == ("new.py",)


def test_before_the_first_commit_nothing_is_clean(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    tree = find_source_tree(tmp_path)
    assert tree is not None
    assert tree.commit is None
    assert not tree.is_clean


def test_a_repository_that_git_cannot_read_is_told(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: nowhere\n")
    with pytest.raises(ValueError, match="git rev-parse failed: fatal: not a git repository"):
        find_source_tree(tmp_path)


def test_a_repository_without_git_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(ValueError, match="lies in a git repository, but git is not installed"):
        find_source_tree(project)


def test_the_copy_holds_what_is_tracked_as_it_is(project: Path, tmp_path: Path) -> None:
    (project / "ignored.py").touch()
    tree = find_source_tree(project)
    assert tree is not None
    copy = tmp_path / "copy"
    copy_tracked(tree, copy)
    (project / "own" / "steps.py").write_text("new\n")
    assert (copy / "own" / "steps.py").read_text() == "old\n"
    assert (copy / "own" / "ä \n b.txt").read_text() == "odd name\n"
    assert os.access(copy / "run.sh", os.X_OK)
    assert os.readlink(copy / "link.py") == "own/steps.py"  # noqa: PTH115  the text of the link
    assert not (copy / "ignored.py").exists()
    assert not (copy / ".git").exists()


def test_the_copy_holds_submodules(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "part.py").touch()
    git(other, "init", "-q")
    git(other, "add", ".")
    git(other, "commit", "-m", "first")
    git(project, "submodule", "add", str(other), "parts")
    git(project, "commit", "-m", "parts")
    tree = find_source_tree(project)
    assert tree is not None
    assert tree.is_clean
    copy_tracked(tree, tmp_path / "copy")
    assert (tmp_path / "copy" / "parts" / "part.py").is_file()


def test_import_paths_are_those_that_are_not_installed(tmp_path: Path) -> None:
    installed = [sysconfig.get_path(name) for name in ("stdlib", "purelib", "scripts")]
    library = str(Path(sysconfig.get_path("stdlib"), "lib-dynload"))
    paths = [str(tmp_path), *installed, library, str(tmp_path / "gone.zip"), str(tmp_path)]
    assert own_import_paths(paths) == [tmp_path]


def test_import_paths_are_pythons_own_unless_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    assert own_import_paths()[0] == tmp_path
    assert not [path for path in own_import_paths() if path.is_relative_to(sys.base_prefix)]


def test_folders_of_the_tree_are_replaced_by_those_of_the_copy(
    project: Path, tmp_path: Path
) -> None:
    tree = find_source_tree(project)
    assert tree is not None
    copy = tmp_path / "copy"
    copy_tracked(tree, copy)
    untracked = project / "build"
    untracked.mkdir()
    asked = [project, project / "own", tmp_path, untracked]
    assert pinned_paths(asked, tree, copy) == [copy, copy / "own", tmp_path, untracked]
