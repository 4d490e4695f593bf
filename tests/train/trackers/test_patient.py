"""Whatever a tracker does, training goes on, and what it missed is sent when it is back."""

import logging
from collections.abc import Callable
from typing import cast

import pytest

from tessella.recipe import Recipe
from tessella.run import Run
from tessella.stop import StoppedError
from tessella.train.history import EpochRow
from tessella.train.trackers import Status
from tessella.train.trackers.patient import PatientTracker, open_trackers


class Shelf:
    """A tracker in memory that can be out of reach."""

    def __init__(self, *, last_epoch: int = 0) -> None:
        self.last_epoch = last_epoch
        self.epochs: list[int] = []
        self.status: Status | None = None
        self.gone = False

    def add(self, row: EpochRow) -> None:
        self._answer()
        self.epochs.append(row.epoch)
        self.last_epoch = row.epoch

    def finish(self, *, status: Status) -> None:
        self._answer()
        self.status = status

    def open(self) -> "Shelf":
        self._answer()
        return self

    def _answer(self) -> None:
        if self.gone:
            raise ConnectionError("no answer from http://me:secret@server/api\nat all")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("tessella.train.trackers.patient.time", clock)
    return clock


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO, "tessella")
    return lambda: [record.getMessage() for record in caplog.records]


def test_rows_arrive_as_they_come(rows: list[EpochRow]) -> None:
    shelf = Shelf()
    tracker = PatientTracker("shelf", shelf.open)
    tracker.add(rows[:2])
    assert shelf.epochs == [1, 2]
    tracker.add(rows[2:3])
    tracker.finish(status="finished")
    assert (shelf.epochs, shelf.status) == ([1, 2, 3], "finished")


def test_what_is_recorded_already_is_not_recorded_again(rows: list[EpochRow]) -> None:
    shelf = Shelf(last_epoch=3)
    PatientTracker("shelf", shelf.open).add(rows)
    assert shelf.epochs == [4, 5]


def test_what_was_missed_is_sent_when_it_is_back(
    rows: list[EpochRow], clock: Clock, said: Callable[[], list[str]]
) -> None:
    shelf = Shelf()
    tracker = PatientTracker("shelf", shelf.open)
    tracker.add(rows[:1])
    shelf.gone = True
    tracker.add(rows[1:2])
    clock.now += 61
    tracker.add(rows[2:3])
    assert shelf.epochs == [1]
    shelf.gone = False
    clock.now += 121
    tracker.add(rows[3:4])
    assert shelf.epochs == [1, 2, 3, 4]
    assert said() == [
        "shelf does not record this run: no answer from http://server/api at all. Training goes "
        "on; it is tried again now and then.",
        "shelf records this run again",
    ]


def test_a_tracker_that_cannot_be_opened_yet_is_opened_later(
    rows: list[EpochRow], clock: Clock
) -> None:
    shelf = Shelf()
    shelf.gone = True
    tracker = PatientTracker("shelf", shelf.open)
    tracker.add(rows[:1])
    shelf.gone = False
    clock.now += 61
    tracker.add(rows[1:2])
    assert shelf.epochs == [1, 2]


@pytest.mark.parametrize(("waited", "tried"), [(59, False), (61, True)])
def test_after_a_failure_training_is_left_in_peace_for_a_minute(
    rows: list[EpochRow], clock: Clock, waited: int, tried: bool
) -> None:
    shelf = Shelf()
    shelf.gone = True
    tracker = PatientTracker("shelf", shelf.open)
    tracker.add(rows[:1])
    shelf.gone = False
    clock.now += waited
    tracker.add(rows[1:2])
    assert bool(shelf.epochs) is tried


def test_pauses_grow_while_it_stays_away(rows: list[EpochRow], clock: Clock) -> None:
    tries: list[float] = []

    def open_it() -> Shelf:
        tries.append(clock.now - 1000)
        raise OSError("gone")

    tracker = PatientTracker("shelf", open_it)
    for _ in range(8000):
        tracker.add(())
        clock.now += 1
    assert tries == [0, 60, 180, 420, 900, 1860, 3660, 5460, 7260]  # 30 minutes at most


def test_at_the_end_it_is_tried_once_more_at_once(rows: list[EpochRow], clock: Clock) -> None:
    shelf = Shelf()
    shelf.gone = True
    tracker = PatientTracker("shelf", shelf.open)
    tracker.add(rows[:2])
    shelf.gone = False
    tracker.finish(status="stopped")
    assert (shelf.epochs, shelf.status) == ([1, 2], "stopped")


def test_epochs_that_never_arrived_are_told_at_the_end(
    rows: list[EpochRow], said: Callable[[], list[str]]
) -> None:
    shelf = Shelf()
    tracker = PatientTracker("shelf", shelf.open)
    tracker.add(rows[:1])
    shelf.gone = True
    tracker.add(rows[1:4])
    tracker.finish(status="finished")
    assert said()[1:] == ["shelf: has no record of epochs 2 to 4; history.csv has them."]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError(), "KeyError. Training goes on"),
        (ValueError("x" * 250 + " " + "y" * 100), "x ... Training goes on"),
        (ValueError("it ends."), "it ends. Training goes on"),
    ],
)
def test_any_failure_is_told_in_one_line(
    error: Exception, text: str, said: Callable[[], list[str]]
) -> None:
    def open_it() -> Shelf:
        raise error

    PatientTracker("shelf", open_it).add(())
    assert text in said()[0]


@pytest.fixture
def shelves(monkeypatch: pytest.MonkeyPatch) -> dict[str, Shelf]:
    """What stands in the place of each tracker."""
    made: dict[str, Shelf] = {}

    def open_tracker(name: str, run: Run, recipe: Recipe) -> Shelf:
        assert name not in made
        return made.setdefault(name, Shelf())

    monkeypatch.setattr("tessella.train.trackers.patient.open_tracker", open_tracker)
    return made


def test_every_tracker_of_the_recipe_gets_every_epoch_once(
    shelves: dict[str, Shelf], begun: Run, tracked: Callable[..., Recipe], rows: list[EpochRow]
) -> None:
    recipe = tracked("mlflow", "wandb", "mlflow")
    with open_trackers(begun, recipe, rows=rows[:2]) as record:
        record(rows[2])
    assert {name: shelf.epochs for name, shelf in shelves.items()} == {
        "mlflow": [1, 2, 3],
        "wandb": [1, 2, 3],
    }


@pytest.mark.parametrize(
    ("ends_with", "status"),
    [
        (None, "finished"),
        (ValueError("the loss is NaN"), "failed"),
        (StoppedError("saved", number=15), "stopped"),
        (KeyboardInterrupt(), "stopped"),
    ],
)
def test_how_training_ended_is_recorded(
    shelves: dict[str, Shelf],
    begun: Run,
    tracked: Callable[..., Recipe],
    ends_with: BaseException | None,
    status: str,
) -> None:
    def body() -> None:
        with open_trackers(begun, tracked("mlflow")):
            if ends_with is not None:
                raise ends_with

    if ends_with is None:
        body()
    else:
        with pytest.raises(type(ends_with)):
            body()
    assert cast(Shelf, shelves["mlflow"]).status == status


def test_a_run_begins_to_be_recorded_before_its_first_epoch(
    shelves: dict[str, Shelf], begun: Run, tracked: Callable[..., Recipe]
) -> None:
    with open_trackers(begun, tracked("mlflow")):
        assert "mlflow" in shelves


def test_without_trackers_nothing_happens(
    begun: Run, tracked: Callable[..., Recipe], rows: list[EpochRow]
) -> None:
    before = sorted(begun.path.iterdir())
    with open_trackers(begun, tracked()) as record:
        record(rows[0])
    assert sorted(begun.path.iterdir()) == before
