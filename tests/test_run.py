"""A run folder: made once, opened only where there is one, and complete."""

import datetime
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tessella
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.recipe import Recipe, read_recipe
from tessella.run import (
    Run,
    create_run,
    default_run_path,
    describe_environment,
    open_run,
    processor_name,
    split_hash,
    write_beginnings,
)

PACKAGE = Path(tessella.__file__).parent
LABELS = LabelMap.from_colors({"road": (1, 2, 3), "car": (4, 5, 6)}, ignore_colors=[(0, 0, 0)])
SPLITS = {"train": ["b", "a"], "val": ["c"]}


def recipe() -> Recipe:
    return read_recipe(
        "name: short\ndata: {name: folder}\nmodel: {name: unet}\ntrain: {seed: 5}\n"
        "loss: {class_weights: {traffic light: 2, '?unknown': 0.5}}\n",
        where="r.yaml",
    )


@pytest.fixture
def begun(tmp_path: Path) -> Run:
    run = create_run(tmp_path / "run")
    write_beginnings(run, recipe(), LABELS, SPLITS, device="cpu, 2 threads")
    return run


def test_a_new_run_is_an_empty_folder_with_the_folders_above_it(tmp_path: Path) -> None:
    run = create_run(tmp_path / "a" / "b")
    assert run.path.is_dir()
    assert list(run.path.iterdir()) == []


def test_an_empty_folder_can_become_a_run(tmp_path: Path) -> None:
    assert create_run(tmp_path).path == tmp_path


def test_a_folder_with_anything_in_it_is_never_written_over(begun: Run) -> None:
    with pytest.raises(UsageError, match="is not empty; choose another --out, go on with it by"):
        create_run(begun.path)


def test_a_file_in_the_place_of_the_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file: "):
        create_run(tmp_path / "file")


def test_a_begun_run_opens_and_gives_its_recipe_and_labels_back(begun: Run) -> None:
    run = open_run(begun.path)
    assert run == begun
    assert run.recipe() == recipe()
    assert run.labels() == LABELS


def test_splits_are_kept_by_name_in_their_order(begun: Run) -> None:
    assert json.loads(begun.split_file.read_text(encoding="utf-8")) == SPLITS


def test_everything_about_a_run_lies_in_its_folder(begun: Run) -> None:
    assert sorted(path.name for path in begun.path.iterdir()) == [
        "environment.json",
        "labels.json",
        "recipe.yaml",
        "split.json",
    ]
    places = [
        value
        for name in dir(Run)
        if isinstance(value := getattr(begun, name), Path) and name != "path"
    ]
    assert len(places) == len(set(places)) >= 11
    assert all(place.is_relative_to(begun.path) for place in places)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "missing: does not exist; expected the folder that `tessella train` wrote"),
        ("", "is no run folder (it has no recipe.yaml); expected the folder"),
    ],
)
def test_opening_what_is_no_run_is_wrong_usage(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_run(tmp_path / name)
    assert message in str(caught.value)


def test_a_spoilt_recipe_is_named_with_its_line(begun: Run) -> None:
    text = begun.recipe_file.read_text(encoding="utf-8")
    begun.recipe_file.write_text(text.replace("name: short", "nam: short"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"recipe\.yaml:1: nam: unknown key; did you mean 'name'"):
        begun.recipe()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"names": 3}', "null"])
def test_spoilt_labels_are_named_with_their_file(begun: Run, content: str) -> None:
    begun.labels_file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"labels\.json: not a label map \(.*restore the file"):
        begun.labels()


def test_the_default_place_names_the_recipe_and_the_moment() -> None:
    before = datetime.datetime.now().replace(microsecond=0)
    path = default_run_path("camvid-unet")
    assert path.parent == Path("runs")
    moment = datetime.datetime.strptime(path.name, "camvid-unet-%Y%m%d-%H%M%S")
    assert before <= moment <= datetime.datetime.now()


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


def test_the_processor_has_a_name() -> None:
    assert processor_name().strip()


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def test_in_a_clone_the_commit_is_that_of_git() -> None:
    if not git(PACKAGE, "ls-files", str(PACKAGE / "run.py")):
        pytest.skip("the package under test is not in a clone of its repository")
    described = describe_environment(0, {})
    assert described["commit"] == git(PACKAGE, "rev-parse", "HEAD")
    assert isinstance(described["uncommitted_changes"], bool)


def commit_of_a_copy(folder: Path) -> list[object]:
    """What a copy of the package in `folder` says about its commit, asked in a new process."""
    shutil.copytree(PACKAGE, folder / "tessella", ignore=shutil.ignore_patterns("__pycache__"))
    code = (
        "import json; from tessella.run import describe_environment as d; e = d(0, {});"
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


def test_two_runs_of_one_second_get_places_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = []
    for _ in range(3):
        places.append(default_run_path("camvid"))
        places[-1].mkdir(parents=True)
    assert len(set(places)) == 3
