"""A run folder: made once, opened only where there is one, and complete."""

import datetime
import json
import sys
from pathlib import Path

import pytest

from tessella.atomic import write_json
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.lock import locked
from tessella.recipe import Recipe, read_recipe
from tessella.run import (
    Run,
    changed_splits,
    create_run,
    default_run_path,
    note_resumption,
    open_run,
    write_beginnings,
)

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


def test_a_training_that_was_killed_before_it_wrote_anything_can_be_begun_again(
    tmp_path: Path,
) -> None:
    run = create_run(tmp_path / "run")
    with locked(run.lock_file):
        pass
    assert create_run(run.path) == run


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


def test_device_and_processes_are_kept(tmp_path: Path) -> None:
    run = create_run(tmp_path / "run")
    write_beginnings(run, recipe(), LABELS, SPLITS, device="2 GPUs", processes=2)
    assert (run.environment()["device"], run.environment()["processes"]) == ("2 GPUs", 2)


def test_of_one_process_is_the_default(begun: Run) -> None:
    assert begun.environment()["processes"] == 1


def test_a_run_that_goes_on_says_when_by_what_and_what_is_not_as_before(
    begun: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = begun.environment()
    write_json(begun.environment_file, {**before, "versions": {"torch": "1.0"}})
    monkeypatch.setattr(sys, "argv", ["tessella", "train", "--resume", "run"])
    note_resumption(begun, device="cpu, 2 threads")
    note_resumption(begun, device="2 GPUs", processes=2)
    first, second = begun.environment()["resumed"]
    assert first["command"] == "tessella train --resume run"
    assert sorted(first) == ["command", "date", "versions"]
    assert first["versions"] == before["versions"]
    assert (second["device"], second["processes"]) == ("2 GPUs", 2)
    kept = begun.environment()
    assert {key: kept[key] for key in before} == {**before, "versions": {"torch": "1.0"}}


NOTED = {"train": "aaaa", "val": "bbbb"}


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        ({"train": "aaaa", "val": "bbbb"}, []),
        ({"train": "aaaa", "val": "cccc"}, ["val"]),
        ({"val": "cccc", "train": "dddd"}, ["val", "train"]),
        ({"test": "eeee"}, []),  # nothing was noted about it
        ({}, []),
    ],
)
def test_data_that_changed_is_told_by_split(
    tmp_path: Path, now: dict[str, str], changed: list[str]
) -> None:
    run = create_run(tmp_path / "run")
    write_beginnings(run, recipe(), LABELS, SPLITS, device="cpu", contents=NOTED)
    assert changed_splits(run, now) == changed


def test_a_run_that_noted_only_names_has_no_changed_splits(begun: Run) -> None:
    assert changed_splits(begun, {"train": "aaaa"}) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"environment\.json: not JSON \(.*restore the file that training wrote"),
        ("[]", r"environment\.json: does not say what the splits were; restore the file"),
        ('{"splits": null}', r"environment\.json: does not say what the splits were"),
    ],
)
def test_a_spoilt_environment_is_named_with_its_file(
    begun: Run, content: str, message: str
) -> None:
    begun.environment_file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        begun.environment()


def test_two_runs_of_one_second_get_places_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = []
    for _ in range(3):
        places.append(default_run_path("camvid"))
        places[-1].mkdir(parents=True)
    assert len(set(places)) == 3
