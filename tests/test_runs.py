"""Runs as rows: states, scores and order, and folders that are no runs told in a line."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from tessella.errors import UsageError
from tessella.lock import locked
from tessella.recipe import Recipe, read_recipe
from tessella.run import Run
from tessella.runs import Order, RunRow, find_runs
from tessella.train.history import EpochRow, write_history

MakeRecipe = Callable[..., Recipe]
MakeRun = Callable[..., Run]


def history(val_losses: list[float]) -> list[EpochRow]:
    return [
        EpochRow(number, 1.0, 0.1, 0.1, loss, 0.2, 0.2, 0.2, 0.001, 2.5, 30.0)
        for number, loss in enumerate(val_losses, start=1)
    ]


@pytest.fixture
def make_run(recipe_of: MakeRecipe, tmp_path: Path) -> MakeRun:
    """A run of ten epochs as far as it came, as the files that `runs` reads."""

    def make(
        name: str,
        *overrides: str,
        epochs: int = 10,
        score: float | None = 0.5,
        best_epoch: int = 1,
        date: str = "2026-01-01T00:00:00+00:00",
    ) -> Run:
        run = Run(tmp_path / name)
        run.path.mkdir(parents=True)
        recipe = recipe_of("train.epochs=10", *overrides)
        run.recipe_file.write_text(recipe.to_yaml(), encoding="utf-8")
        environment = {"date": date, "splits": {"train": {"content_sha256": "cafe"}}}
        run.environment_file.write_text(json.dumps(environment))
        if epochs:
            write_history(run.history_file, history([1.0] * epochs))
        if score is not None:
            card = {"validation": {"mean_iou": score, "epoch": best_epoch}}
            run.model_folder.mkdir()
            (run.model_folder / "card.json").write_text(json.dumps(card))
        return run

    return make


def only(folder: Path) -> RunRow:
    found = find_runs([folder])
    assert found.unreadable == ()
    (row,) = found.runs
    return row


def test_a_row_says_what_training_itself_kept(tiny_run: Run) -> None:
    row = only(tiny_run.path)
    environment = tiny_run.environment()
    card = json.loads((tiny_run.model_folder / "card.json").read_text())
    assert row.path == str(tiny_run.path)
    assert (row.state, row.epochs, row.planned_epochs) == ("finished", 2, 2)
    assert (row.recipe, row.model, row.encoder) == ("tiny", "plain_unet", None)
    assert row.val_mean_iou == card["validation"]["mean_iou"]
    assert row.best_epoch == card["validation"]["epoch"]
    assert row.test_mean_iou is None
    assert (row.date, row.commit) == (environment["date"], environment["commit"])
    assert row.uncommitted_changes == environment["uncommitted_changes"]
    assert row.seconds > 0


def test_times_of_all_epochs_add_up(make_run: MakeRun) -> None:
    assert only(make_run("run", epochs=4).path).seconds == 10.0


def test_the_score_on_the_test_split_is_there_once_it_was_evaluated(make_run: MakeRun) -> None:
    run = make_run("run", "data.test_split=night")
    run.evaluation_folder.mkdir()
    for split, score in (("val", 0.7), ("night", 0.625)):
        content = {"scores": {"mean_iou": score}}
        (run.evaluation_folder / f"{split}.json").write_text(json.dumps(content))
    assert only(run.path).test_mean_iou == 0.625


@pytest.mark.parametrize(
    ("overrides", "epochs", "best_epoch", "state"),
    [
        ((), 10, 3, "finished"),
        ((), 9, 3, "unfinished"),
        ((), 0, 1, "unfinished"),
        (("train.early_stop=4",), 7, 3, "ended early"),
        (("train.early_stop=4",), 6, 3, "unfinished"),
        (("train.early_stop=4",), 10, 3, "finished"),
    ],
)
def test_the_state_follows_from_the_epochs(
    make_run: MakeRun, overrides: tuple[str, ...], epochs: int, best_epoch: int, state: str
) -> None:
    assert only(make_run("r", *overrides, epochs=epochs, best_epoch=best_epoch).path).state == state


def test_only_epochs_with_a_validation_count_towards_an_early_end(make_run: MakeRun) -> None:
    run = make_run("r", "train.early_stop=2", "train.validate_every=2", best_epoch=2)
    nan = float("nan")
    write_history(run.history_file, history([nan, 1.0, nan, 1.0, nan]))
    assert only(run.path).state == "unfinished"
    write_history(run.history_file, history([nan, 1.0, nan, 1.0, nan, 1.0]))
    assert only(run.path).state == "ended early"


@pytest.mark.skipif(not Path("/proc/locks").is_file(), reason="only Linux tells")
def test_a_run_that_a_process_is_training_is_told(make_run: MakeRun) -> None:
    run = make_run("run", epochs=3)
    with locked(run.lock_file):
        assert only(run.path).state == "training"
    assert only(run.path).state == "unfinished"


def test_a_run_before_its_first_epoch_has_no_score(make_run: MakeRun) -> None:
    row = only(make_run("run", epochs=0, score=None).path)
    assert (row.val_mean_iou, row.best_epoch, row.epochs, row.seconds) == (None, None, 0, 0.0)


def test_a_run_of_which_only_the_recipe_was_written_is_a_run(make_run: MakeRun) -> None:
    run = make_run("run", epochs=0, score=None)
    run.environment_file.unlink()
    row = only(run.path)
    assert (row.date, row.commit, row.data) == (None, None, None)


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("score", ["b", "d", "a", "c"]),  # equal ones by name, the one without last
        ("date", ["c", "d", "b", "a"]),
        ("name", ["a", "b", "c", "d"]),
    ],
)
def test_the_order_is_as_asked_for(
    make_run: MakeRun, tmp_path: Path, order: Order, names: list[str]
) -> None:
    make_run("a", score=0.25, date="2026-01-01T00:00:00+00:00")
    make_run("b", score=0.5, date="2026-01-02T00:00:00+00:00")
    make_run("c", score=None, date="2026-01-04T00:00:00+00:00")
    make_run("d", score=0.5, date="2026-01-03T00:00:00+00:00")
    found = find_runs([tmp_path], order=order)
    assert [Path(row.path).name for row in found.runs] == names


def test_runs_are_found_however_deep_and_once(make_run: MakeRun, tmp_path: Path) -> None:
    for name in ("one", "sweep/trials/1", "sweep/trials/2", ".hidden/run"):
        make_run(name)
    shutil.copytree(tmp_path / "one", tmp_path / "sweep" / "trials" / "1" / "within")
    found = find_runs([tmp_path, tmp_path / "sweep", tmp_path / "one"], order="name")
    below = [Path(row.path).relative_to(tmp_path).as_posix() for row in found.runs]
    assert below == ["one", "sweep/trials/1", "sweep/trials/2"]


def test_a_folder_without_runs_has_none(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    assert find_runs([tmp_path]).document() == {"runs": [], "unreadable": []}


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_is_no_folder_is_wrong_usage(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=f"{name}: there is no such folder; name the one that"):
        find_runs([tmp_path / name])


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("recipe.yaml", "name: pasta\nserves: 4\n", "recipe.yaml: data: Field required"),
        ("recipe.yaml", "", "recipe.yaml: expected `key: value` lines, got nothing."),
        ("recipe.yaml", "{", "recipe.yaml:1: expected the node content"),
        ("recipe.yaml", b"\xff\xfe", "'utf-8' codec"),
        ("history.csv", "epoch,seconds\n1,x\n", "history.csv: expected a number in each column"),
        ("history.csv", "epoch,train_loss\n1,1\n", "history.csv: expected a number in each"),
        ("environment.json", "{", "environment.json: is no JSON"),
        ("environment.json", "[]", "environment.json: holds a list; expected keys and values."),
        ("environment.json", '{"splits": 3}', "'int' object has no attribute 'get'"),
        ("model/card.json", "", "model/card.json: is no JSON"),
        ("evaluation/test.json", '"x"', "evaluation/test.json: holds a str"),
    ],
)
def test_what_cannot_be_read_is_a_line_with_its_reason_and_hides_no_other_run(
    make_run: MakeRun, tmp_path: Path, file: str, content: str | bytes, reason: str
) -> None:
    make_run("good")
    broken = make_run("bad")
    broken.evaluation_folder.mkdir()
    text = content if isinstance(content, bytes) else content.encode()
    (broken.path / file).write_bytes(text)
    found = find_runs([tmp_path])
    assert [Path(row.path).name for row in found.runs] == ["good"]
    (told,) = found.unreadable
    assert told.path == str(broken.path)
    assert told.reason.startswith(reason)
    assert "\n" not in told.reason


def recipe_lines(text: str) -> dict[str, Any]:
    recipe = read_recipe(text, where="r")
    return {
        "recipe": recipe.name,
        "model": recipe.model.name,
        "encoder": recipe.model.encoder,
        "planned_epochs": recipe.train.epochs,
    }


OWN = "name: own\ndata: {name: folder}\nmodel: {name: fpn, encoder: resnet18}\n"


@pytest.mark.parametrize(
    "text",
    [
        OWN,
        f"{OWN}train: {{epochs: 3}}\n",
        f"{OWN}train:\n    epochs: 3  # a few\n",
        "name: '3'\ndata:\n  name: folder\nmodel:\n  name: unet\n  encoder: 'resnet18'\n",
        'name: "a: b"\ndata: {name: folder}\nmodel: {name: unet}\n',
        read_recipe(
            OWN,
            where="r",
            overrides=[
                "name='nicht ganz: é'",
                r'about="one\ntrain:\n  epochs: 99\nmodel:\n  name: other"',
                "model.options={name: 7, encoder: x}",
                "train.epochs=12",
            ],
        ).to_yaml(),
        read_recipe(OWN, where="r", overrides=["name='12'", "model.encoder='1e3'"]).to_yaml(),
        read_recipe(OWN, where="r", overrides=[f"name={'long name ' * 30}"]).to_yaml(),
    ],
)
def test_a_recipe_is_read_as_its_own_reader_reads_it(make_run: MakeRun, text: str) -> None:
    """However it is written: by training, or by hand."""
    run = make_run("run")
    run.recipe_file.write_text(text, encoding="utf-8")
    row = asdict(only(run.path))
    assert {key: row[key] for key in recipe_lines(text)} == recipe_lines(text)


def test_listing_loads_no_torch() -> None:
    code = "import sys, tessella.runs, tessella.terminal; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "cv2"} & set(done.stdout.split())
