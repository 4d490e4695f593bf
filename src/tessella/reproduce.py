"""Train a run anew from what its folder says, and compare the two number by number."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tessella.errors import UsageError
from tessella.progress import Track, silently
from tessella.recipe import Recipe
from tessella.run import Run, changed_splits, open_run
from tessella.train import resume, train
from tessella.train.distance import weights_distance
from tessella.train.history import EpochRow, read_history

TIMES = ("seconds", "images_per_second")
"""Columns of the history that no two runs share."""

_COMPARED = (
    *("commit", "uncommitted_changes", "python", "system", "processor", "versions", "device"),
    "processes",
)


@dataclass(frozen=True)
class Difference:
    """The first figure of an epoch that is not what it was."""

    epoch: int
    """From 1."""

    figure: str
    """A column of the history."""

    was: float
    now: float


@dataclass(frozen=True)
class Reproduction:
    """What came of it."""

    run: Path
    """The new one."""

    epochs: int
    """That were compared."""

    first: Difference | None
    """None where all figures are the same, to the six digits of the history."""

    weights_apart: float | None
    """The largest difference of any weight after the last epoch; 0 is bit for bit. None where not
    all epochs were trained."""

    surroundings: tuple[str, ...]
    """What is not as it was: versions, hardware, data."""

    @property
    def is_same(self) -> bool:
        """Whether every number that was compared is what it was."""
        return self.first is None and self.weights_apart in (None, 0.0)

    def text(self) -> str:
        """What a person wants to read of it."""
        lines = [f"epochs compared: {self.epochs}"]
        if self.first is None:
            lines.append("figures: all the same")
        else:
            one = self.first
            lines.append(
                f"figures: differ from epoch {one.epoch} on: {one.figure} was {one.was:.6g}, "
                f"is {one.now:.6g}"
            )
        if self.weights_apart is not None:
            apart = f"up to {self.weights_apart:.3g} apart" if self.weights_apart else None
            lines.append(f"weights: {apart or 'the same, bit for bit'}")
        else:
            lines.append("weights: not compared, the run has more epochs")
        lines += [f"changed since: {one}" for one in self.surroundings]
        return "\n".join(lines)

    def document(self) -> dict[str, Any]:
        """Plain values for JSON."""
        apart = self.weights_apart
        return {
            "run": str(self.run),
            "epochs": self.epochs,
            "is_same": self.is_same,
            "first_difference": asdict(self.first) if self.first else None,
            "weights_apart": "inf" if apart == math.inf else apart,
            "surroundings": list(self.surroundings),
        }


class _EnoughError(Exception):
    """As many epochs are trained as were asked for."""


def reproduce(
    path: Path,
    *,
    out: Path,
    root: Path | None = None,
    epochs: int | None = None,
    track: Track = silently,
) -> Reproduction:
    """Train the run at `path` anew into `out`, and compare.

    A run that was made longer is trained and made longer in the same way.

    Args:
        path: a run that has at least one epoch.
        out: new folder.
        root: where the data lies now, if not where it did.
        epochs: compare the first so many; None: all that the run has.
        track: shows progress.

    Raises:
        UsageError: there is no run, or not so many epochs.
        ValueError: data that cannot be used.
    """
    run = open_run(path)
    history = read_history(run.history_file)
    count = len(history) if epochs is None else epochs
    if not 1 <= count <= len(history):
        raise UsageError(
            f"{path}: has {len(history)} trained epochs; {count} of them cannot be compared."
        )
    recipe = run.recipe()
    if root is not None:
        data = recipe.data.model_copy(update={"root": root})
        recipe = recipe.model_copy(update={"data": data})
    again = Run(out)
    for until, planned in _lengths(run, recipe, count):
        _train_until(again, recipe, until=until, planned=planned, track=track)
    first = _first_difference(history[:count], read_history(again.history_file))
    is_whole = count == len(history)
    return Reproduction(
        run=out,
        epochs=count,
        first=first,
        weights_apart=weights_distance(run, again) if is_whole else None,
        surroundings=tuple(_changes(run, again)),
    )


def _lengths(run: Run, recipe: Recipe, count: int) -> Iterator[tuple[int, int]]:
    """(train until this epoch, by a recipe of so many), one after the other."""
    done = 0
    for one in run.environment().get("lengthened", ()):
        if one["to"] > recipe.train.epochs or one["after"] < done:
            continue  # it was killed before it was made longer
        done = one["after"]
        yield min(done, count), one["from"]
        if done >= count:
            return
    yield count, recipe.train.epochs


def _train_until(again: Run, recipe: Recipe, *, until: int, planned: int, track: Track) -> None:
    def watch(row: EpochRow) -> None:
        if row.epoch >= until and until < planned:
            raise _EnoughError

    try:
        if not again.recipe_file.exists():
            shorter = recipe.train.model_copy(update={"epochs": planned})
            first = recipe.model_copy(update={"train": shorter})
            train(first, out=again.path, track=track, after_epoch=watch)
        else:
            more = planned - again.recipe().train.epochs
            resume(again.path, more_epochs=more, track=track, after_epoch=watch)
    except _EnoughError:
        pass


def _first_difference(
    before: list[dict[str, float]], now: list[dict[str, float]]
) -> Difference | None:
    for number, was in enumerate(before):
        found = now[number] if number < len(now) else {}
        for figure, value in was.items():
            other = found.get(figure, math.nan)
            is_same = other == value or (math.isnan(other) and math.isnan(value))
            if figure not in TIMES and not is_same:
                return Difference(number + 1, figure, value, other)
    return None


def _changes(run: Run, again: Run) -> Iterator[str]:
    before, now = run.environment(), again.environment()
    for key in _COMPARED:
        was, found = before.get(key), now.get(key)
        if isinstance(was, dict) and isinstance(found, dict):
            for name in sorted(was.keys() | found.keys()):
                if was.get(name) != found.get(name):
                    yield f"{name}: {was.get(name)} -> {found.get(name)}"
        elif was != found:
            yield f"{key.replace('_', ' ')}: {was} -> {found}"
    contents = {
        name: split["content_sha256"]
        for name, split in now["splits"].items()
        if "content_sha256" in split
    }
    for name in changed_splits(run, contents):
        yield f"the images or masks of the {name} split are others"
