"""Sweeps, trained for real: all trials once, hopeless ones ended, nothing lost when killed."""

import csv
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tessella.errors import UsageError
from tessella.lock import locked
from tessella.recipe import Recipe
from tessella.stop import StoppedError
from tessella.sweep.folder import SweepFolder
from tessella.sweep.settings import settings_for
from tessella.sweep.sweep import Outcome, resume, sweep
from tessella.sweep.trials import read_trial, write_trial

pytestmark = pytest.mark.processes

MakeRecipe = Callable[..., Recipe]
PROPOSED = ("optimizer.lr=1e-4..1e-1", "model.options.base_channels=2..6")


def found(path: Path) -> list[dict[str, str]]:
    """All that the table says, but for times, in the order of the trials."""
    with (path / "trials.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        del row["seconds"]
    return sorted(rows, key=lambda row: int(row["trial"]))


def values_of(outcome: Outcome) -> list[tuple[str, ...]]:
    return [tuple(one.trial.values.values()) for one in outcome.trials]


class Signalling:
    """A Track that sends a signal in the middle of a pass."""

    def __init__(self, number: signal.Signals, *, about: str, turn: int) -> None:
        self.number, self.about, self.turn = number, about, turn
        self.turns = 0

    def __call__(self, items, *, about, total, size):  # noqa: ANN001, ANN204, ARG002
        self.turns += about == self.about
        for index, item in enumerate(items):
            if (about, self.turns, index) == (self.about, self.turn, 0):
                os.kill(os.getpid(), self.number)
            yield item


@pytest.fixture(scope="module")
def grid(recipe_of: MakeRecipe, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Four combinations, one epoch each; read and never written into."""
    words = ["optimizer.lr=1e-2,3e-2", "augment.flip=0,1", "train.epochs=1"]
    return sweep(settings_for(recipe_of(), words), out=tmp_path_factory.mktemp("grid") / "sweep")


def test_a_grid_trains_every_combination_once(grid: Outcome) -> None:
    assert values_of(grid) == [("1e-2", "0"), ("1e-2", "1"), ("3e-2", "0"), ("3e-2", "1")]
    assert {one.trial.state for one in grid.trials} == {"done"}
    for one in grid.trials:
        recipe = one.run.recipe()
        assert recipe.optimizer.lr == float(one.trial.values["optimizer.lr"])
        assert recipe.augment.flip == float(one.trial.values["augment.flip"])


def test_the_best_has_the_highest_figure_of_the_table(grid: Outcome) -> None:
    rows = found(grid.folder.path)
    assert grid.best is not None
    assert grid.best.best is not None
    best = max(rows, key=lambda row: float(row["mean_iou"]))
    assert str(grid.best.best.trial.number) == best["trial"]
    assert best["rank"] == "1"


def test_what_is_done_already_is_not_trained_again(grid: Outcome) -> None:
    before = [one.run.history_file.stat().st_mtime_ns for one in grid.trials]
    again = resume(grid.folder.path)
    assert [one.run.history_file.stat().st_mtime_ns for one in again.trials] == before
    assert again.places == grid.places


def test_a_hopeless_learning_rate_ends_early_and_a_good_one_does_not(
    recipe_of: MakeRecipe, tmp_path: Path
) -> None:
    words = ["optimizer.lr=1e-2,2e-2,3e-2,4e-2,1e-9,5e-2", "train.epochs=6", "train.monitor=loss"]
    outcome = sweep(settings_for(recipe_of(), words, warm_up=3), out=tmp_path / "sweep")
    epochs = {one.trial.values["optimizer.lr"]: one.epochs for one in outcome.trials}
    assert epochs["1e-9"] == 3
    assert epochs["1e-2"] == epochs["4e-2"] == 6
    assert outcome.places[-1].state == "pruned"


def test_a_trial_that_fails_does_not_end_the_sweep(recipe_of: MakeRecipe, tmp_path: Path) -> None:
    words = ["optimizer.lr=1e30,1e-2", "train.epochs=5"]
    outcome = sweep(settings_for(recipe_of(), words), out=tmp_path / "sweep")
    failed, done = found(tmp_path / "sweep")
    assert (failed["state"], failed["reason"][:15]) == ("failed", "the loss became")
    assert (done["state"], done["rank"], done["reason"]) == ("done", "1", "")
    assert outcome.best is not None


def test_when_all_fail_nothing_is_best(recipe_of: MakeRecipe, tmp_path: Path) -> None:
    words = ["optimizer.lr=1e30,1e38", "train.epochs=5"]
    outcome = sweep(settings_for(recipe_of(), words), out=tmp_path / "sweep")
    assert outcome.best is None
    assert [row["state"] for row in found(tmp_path / "sweep")] == ["failed", "failed"]


def test_a_bad_choice_is_refused_before_anything_is_made(
    recipe_of: MakeRecipe, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"model\.options\.depth=9: plain_unet: depth is 9"):
        sweep(settings_for(recipe_of(), ["model.options.depth=1,9"]), out=tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()


def test_a_folder_that_is_taken_is_refused(grid: Outcome) -> None:
    with pytest.raises(UsageError, match="is not empty; choose another --out"):
        sweep(grid.settings, out=grid.folder.path)


def test_several_processes_that_train_together_are_refused(
    grid: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}
    for name, value in {**started, "MASTER_ADDR": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="start it without torchrun or srun"):
        resume(grid.folder.path)


def test_it_is_said_which_trial_of_how_many_and_what_is_best(
    recipe_of: MakeRecipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = ["optimizer.lr=1e-2,3e-2", "train.epochs=1"]
    with caplog.at_level(logging.INFO, logger="tessella.sweep"):
        sweep(settings_for(recipe_of(), words), out=tmp_path / "sweep")
    ours = [record for record in caplog.records if record.name.startswith("tessella.sweep")]
    said = [record.getMessage() for record in ours]
    first, second = (row["mean_iou"] for row in found(tmp_path / "sweep"))
    assert said == [
        "2 combinations, one after the other",
        "  optimizer.lr 1e-2, 3e-2",
        "trial 1 of 2: lr=1e-2",
        f"trial 1: done, mean IoU {float(first):.4f} at epoch 1",
        f"trial 2 of 2: lr=3e-2; best so far mean IoU {float(first):.4f} (trial 1)",
        f"trial 2: done, mean IoU {float(second):.4f} at epoch 1",
    ]


@pytest.fixture(scope="module")
def whole(recipe_of: MakeRecipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of proposals that nobody stopped."""
    path = tmp_path_factory.mktemp("whole") / "sweep"
    sweep(settings_for(recipe_of(), PROPOSED, trials=6), out=path)
    return path


@pytest.mark.parametrize(
    ("about", "turn", "said"),
    [
        ("train", 4, "in trial 2 of 6, after epoch 1"),
        ("validate", 3, "in trial 2 of 6, after epoch 0"),
    ],
)
def test_a_signal_saves_within_a_trial_and_the_sweep_goes_on_as_if_never_stopped(
    whole: Path, recipe_of: MakeRecipe, tmp_path: Path, about: str, turn: int, said: str
) -> None:
    settings = settings_for(recipe_of(), PROPOSED, trials=6)
    path = tmp_path / "a sweep"
    with pytest.raises(StoppedError) as stopped:
        sweep(settings, out=path, track=Signalling(signal.SIGTERM, about=about, turn=turn))
    assert str(stopped.value) == (
        f"stopped by SIGTERM {said}; nothing is lost, go on by: tessella sweep --resume '{path}'"
    )
    assert stopped.value.number == signal.SIGTERM
    resume(path)
    assert found(path) == found(whole)


def test_a_signal_while_a_trial_ends_is_not_missed(recipe_of: MakeRecipe, tmp_path: Path) -> None:
    """Training passes over a signal that comes when its last epoch is kept already."""

    class Late(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith("epoch 2/2"):
                os.kill(os.getpid(), signal.SIGTERM)

    late = Late()
    logging.getLogger("tessella.train").addHandler(late)
    try:
        with pytest.raises(StoppedError, match="stopped by SIGTERM after trial 1 of 6"):
            sweep(settings_for(recipe_of(), PROPOSED, trials=6), out=tmp_path / "sweep")
    finally:
        logging.getLogger("tessella.train").removeHandler(late)
    assert [row["state"] for row in found(tmp_path / "sweep")] == ["done"]


def test_a_sweep_can_be_made_longer(whole: Path, recipe_of: MakeRecipe, tmp_path: Path) -> None:
    path = tmp_path / "sweep"
    sweep(settings_for(recipe_of(), PROPOSED, trials=4), out=path)
    outcome = resume(path, trials=6)
    assert len(outcome.trials) == 6
    # the first are random, and proposed alike however many are to come
    assert found(path)[:4] == found(whole)[:4]


@pytest.fixture
def stopped_in_second(recipe_of: MakeRecipe, tmp_path: Path) -> Path:
    """A sweep of three trials that was stopped in the second."""
    settings = settings_for(recipe_of(), ["optimizer.lr=1e-2,2e-2,3e-2"])
    track = Signalling(signal.SIGTERM, about="train", turn=3)
    with pytest.raises(StoppedError):
        sweep(settings, out=tmp_path / "sweep", track=track)
    return tmp_path / "sweep"


def test_a_trial_that_is_given_up_has_failed_and_the_sweep_goes_on(
    stopped_in_second: Path,
) -> None:
    resume(stopped_in_second, give_up=[2])
    assert [(row["state"], row["reason"]) for row in found(stopped_in_second)] == [
        *(("done", ""), ("failed", "given up"), ("done", "")),
    ]


@pytest.mark.parametrize(
    ("number", "message"), [(1, "trial 1 is done; only one that"), (3, "no trial 3 was begun")]
)
def test_only_what_is_in_work_can_be_given_up(
    stopped_in_second: Path, number: int, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        resume(stopped_in_second, give_up=[number])


def test_a_failed_trial_can_be_taken_up_again(stopped_in_second: Path) -> None:
    resume(stopped_in_second, give_up=[2])
    resume(stopped_in_second, retry=[2])
    assert [(row["state"], row["reason"]) for row in found(stopped_in_second)] == [("done", "")] * 3


@pytest.mark.parametrize(("number", "state"), [(1, "done"), (2, "in work"), (3, "not begun")])
def test_only_what_has_failed_can_be_retried(
    stopped_in_second: Path, number: int, state: str
) -> None:
    with pytest.raises(UsageError, match=f"trial {number} is {state}; only one that has failed"):
        resume(stopped_in_second, retry=[number])


@pytest.fixture
def vanishing(recipe_of: MakeRecipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """A recipe whose data is there as long as `tmp_path/data` is."""
    (tmp_path / "vanishing.py").write_text(VANISHING)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "data").mkdir()
    return recipe_of("data.name=vanishing:read", f"data.root={tmp_path / 'data'}")


VANISHING = """
from tessella.data import DATASETS

def read(root, split, *, count: int, height: int, width: int):
    if not root.exists():
        raise ValueError(f"{root}: there is no such folder.")
    return DATASETS["synthetic"].read(None, split, count=count, height=height, width=width)
"""


def test_a_machine_without_the_data_does_not_fail_the_trials(
    vanishing: Recipe, tmp_path: Path
) -> None:
    folder = tmp_path / "sweep"

    def track(items, **told):  # noqa: ANN001, ANN003, ANN202
        if told["about"].startswith("train") and SweepFolder(folder).record_file(2).exists():
            shutil.rmtree(tmp_path / "data", ignore_errors=True)
            raise ValueError("c.png: there is no such file.")
        return items

    with pytest.raises(ValueError, match="data: there is no such folder"):
        sweep(settings_for(vanishing, ["optimizer.lr=1e-2,2e-2,3e-2"]), out=folder, track=track)
    with pytest.raises(ValueError, match="data: there is no such folder"):
        resume(folder)
    (tmp_path / "data").mkdir()
    resume(folder)
    assert [row["state"] for row in found(folder)] == ["done"] * 3
    (tmp_path / "data").rmdir()
    assert len(resume(folder).trials) == 3  # the table needs no data


def test_what_another_process_works_on_is_not_given_up(stopped_in_second: Path) -> None:
    with (
        locked(SweepFolder(stopped_in_second).trial_lock_file(2)),
        pytest.raises(UsageError, match="trial 2 is in work in another process"),
    ):
        resume(stopped_in_second, give_up=[2])


def test_a_trial_whose_process_vanishes_again_and_again_is_told(
    stopped_in_second: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = SweepFolder(stopped_in_second)
    trial = read_trial(folder, 2)
    write_trial(folder, replace(trial, deaths=1))
    shutil.rmtree(stopped_in_second / trial.folder / "checkpoints")
    resume(stopped_in_second)
    (warning,) = (r.getMessage() for r in caplog.records if r.levelno == logging.WARNING)
    assert warning.startswith("trial 2 was begun 2 times before, and its process vanished")
    assert "--give-up 2 " in warning


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "tessella", "sweep", *map(str, words)]


@pytest.fixture
def recipe_file(recipe_of: MakeRecipe, tmp_path: Path) -> Path:
    (tmp_path / "tiny.yaml").write_text(recipe_of().to_yaml())
    return tmp_path / "tiny.yaml"


@pytest.mark.slow
def test_a_sweep_killed_at_any_moment_finds_the_same_as_one_never_killed(
    whole: Path, recipe_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "sweep"
    draw = random.Random(0)
    num_killed = 0
    words = command(recipe_file, *PROPOSED, "--trials", 6, "--out", path)
    for _ in range(6):
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert process.stderr is not None
        # imports take most of the time: what follows the first line is what can be hurt
        process.stderr.readline()
        try:
            process.wait(timeout=draw.uniform(0.1, 2))
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            num_killed += 1
        if (path / "sweep.yaml").exists():
            words = command("--resume", path)
    assert num_killed >= 2
    resume(path)
    assert found(path) == found(whole)


@pytest.mark.slow
def test_two_processes_share_the_trials_of_a_sweep(
    recipe_file: Path, recipe_of: MakeRecipe, tmp_path: Path
) -> None:
    path = tmp_path / "sweep"
    settings = settings_for(recipe_of(), PROPOSED, trials=16)
    with pytest.raises(StoppedError):
        sweep(settings, out=path, track=Signalling(signal.SIGTERM, about="train", turn=1))
    processes = [
        subprocess.Popen(command("--resume", path), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    said = [process.communicate()[1].decode() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    rows = found(path)
    assert [row["trial"] for row in rows] == [str(number) for number in range(1, 17)]
    assert {row["state"] for row in rows} <= {"done", "pruned"}
    begun = [line for text in said for line in text.splitlines() if " of 16: " in line]
    assert len(begun) == len(set(begun)) == 16
    assert len({(row[PROPOSED[0].partition("=")[0]]) for row in rows}) == 16
