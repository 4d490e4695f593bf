"""The environment of a run: command, commits, data and machine, enough to make it again."""

import datetime
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tessella
from tessella.environment import describe_environment, processor_name, split_hash

PACKAGE = Path(tessella.__file__).parent
SPLITS = {"train": ["b", "a"], "val": ["c"]}


def test_the_hash_of_a_split_is_that_of_its_names_in_their_order() -> None:
    # printf 'b\na' | sha256sum | cut -c1-16
    assert split_hash(["b", "a"]) == "c4a78e5bdf318c85"
    assert split_hash(["a", "b"]) != split_hash(["b", "a"])
    assert split_hash([]) == "e3b0c44298fc1c14"  # SHA-256 of nothing


def test_the_environment_says_how_to_repeat_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/bin/tessella", "train", "r.yaml", "model.options={a: 1}"])
    described = describe_environment(5, SPLITS)
    assert described["command"] == "tessella train r.yaml 'model.options={a: 1}'"
    assert described["seed"] == 5
    assert described["python"] == ".".join(map(str, sys.version_info[:3]))
    assert described["cores"] == os.cpu_count()
    assert described["versions"]["numpy"].count(".") >= 1
    assert described["splits"]["train"] == {"samples": 2, "sha256": split_hash(["b", "a"])}
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(described["date"])
    assert age < datetime.timedelta(minutes=1)
    assert json.loads(json.dumps(described)) == described


@pytest.mark.parametrize(
    ("program", "command"),
    [
        ("/x/site-packages/tessella/__main__.py", "python -m tessella train r"),
        ("/x/own script.py", "'own script.py' train r"),
    ],
)
def test_the_command_is_one_that_can_be_typed(
    monkeypatch: pytest.MonkeyPatch, program: str, command: str
) -> None:
    monkeypatch.setattr(sys, "argv", [program, "train", "r"])
    assert describe_environment(0, {})["command"] == command


def test_a_split_is_described_by_its_names_and_by_what_it_holds() -> None:
    described = describe_environment(0, SPLITS, contents={"train": "aaaa", "test": "bbbb"})
    assert described["splits"] == {
        "train": {"samples": 2, "sha256": split_hash(["b", "a"]), "content_sha256": "aaaa"},
        "val": {"samples": 1, "sha256": split_hash(["c"])},
        "test": {"content_sha256": "bbbb"},  # not trained on, but looked at
    }


def test_the_processor_has_a_name() -> None:
    assert processor_name().strip()


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def test_in_a_clone_the_commit_is_that_of_git() -> None:
    if not git(PACKAGE, "ls-files", str(PACKAGE / "__init__.py")):
        pytest.skip("the package under test is not in a clone of its repository")
    described = describe_environment(0, {})
    assert described["commit"] == git(PACKAGE, "rev-parse", "HEAD")
    assert isinstance(described["uncommitted_changes"], bool)


def commit_of_a_copy(folder: Path) -> list[object]:
    """What a copy of the package in `folder` says about its commit, asked in a new process."""
    shutil.copytree(PACKAGE, folder / "tessella", ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "import json; from tessella.environment import describe_environment as d; e = d(0, {});"
        "print(json.dumps([e['commit'], e['uncommitted_changes']]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    told: list[object] = json.loads(done.stdout)
    return told


def test_outside_of_a_clone_there_is_no_commit(tmp_path: Path) -> None:
    assert commit_of_a_copy(tmp_path) == [None, None]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_commit_of_somebody_elses_repository_is_not_taken_for_ours(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    author = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    git(tmp_path, *author, "commit", "--quiet", "--allow-empty", "-m", "theirs")
    assert git(tmp_path, "rev-parse", "HEAD")
    assert commit_of_a_copy(tmp_path) == [None, None]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody's repository with one commit; the working folder is below it."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    root = tmp_path / "project"
    (root / "recipes").mkdir(parents=True)
    (root / "recipes" / "own.yaml").write_text("name: own\n")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    author = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    git(root, *author, "commit", "--quiet", "-m", "first")
    monkeypatch.chdir(root / "recipes")
    return root


def test_a_job_tells_the_commit_that_it_was_made_from(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESSELLA_PROJECT", "/elsewhere")
    monkeypatch.setenv("TESSELLA_PROJECT_COMMIT", "abc")
    expected = {"folder": "/elsewhere", "commit": "abc", "uncommitted_changes": False}
    assert describe_environment(0, {})["project"] == expected


def test_the_commit_of_the_users_own_repository_is_told(project: Path) -> None:
    assert describe_environment(0, {})["project"] == {
        "folder": str(project.resolve()),
        "commit": git(project, "rev-parse", "HEAD"),
        "uncommitted_changes": False,
    }


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("recipes/own.yaml", True),  # known to git
        ("step.py", True),  # new code
        ("runs/first/log.txt", False),  # what training itself leaves there
        ("ignored/step.py", False),
    ],
)
def test_changed_files_and_new_code_make_it_dirty_and_new_files_do_not(
    project: Path, file: str, changed: bool
) -> None:
    (project / ".git" / "info" / "exclude").write_text("ignored/\n")
    (project / file).parent.mkdir(parents=True, exist_ok=True)
    (project / file).write_text("other")
    assert describe_environment(0, {})["project"]["uncommitted_changes"] is changed


def test_a_repository_without_a_commit_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "--quiet")
    monkeypatch.chdir(tmp_path)
    if not git(tmp_path, "rev-parse", "--show-toplevel"):
        pytest.skip("git is not installed")
    assert describe_environment(0, {})["project"] == {
        "folder": str(tmp_path.resolve()),
        "commit": None,
        "uncommitted_changes": False,
    }


def test_outside_of_a_repository_there_is_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert describe_environment(0, {})["project"] is None


def test_our_own_clone_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    if not git(PACKAGE, "ls-files", str(PACKAGE / "__init__.py")):
        pytest.skip("the package under test is not in a clone of its repository")
    monkeypatch.chdir(PACKAGE.parent)
    described = describe_environment(0, {})
    assert described["commit"]
    assert described["project"] is None
