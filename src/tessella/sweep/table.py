"""The trials of a sweep in a table: for the terminal, ranked, and as CSV."""

import csv
import io
from collections.abc import Mapping, Sequence

from tessella.sweep.ranking import Place, score_of
from tessella.sweep.settings import Settings
from tessella.sweep.space import SEED_KEY
from tessella.sweep.trials import Tried, short_names

_LONGEST_VALUE = 32


def values_words(values: Mapping[str, str]) -> str:
    """Values in one line: lr=0.01, crop=[64, 64]."""
    names = short_names(list(values))
    return ", ".join(f"{names[key]}={value}" for key, value in values.items())


def score_words(place: Place, settings: Settings) -> str:
    """The score of a combination: mean IoU 0.5123 (trial 3), or with its spread over seeds."""
    score = f"{settings.monitor_name} {score_text(place)}"
    if place.spread is not None or place.best is None:
        return f"{score} ({values_words(place.values)})" if place.values else score
    return f"{score} (trial {place.best.trial.number})"


def score_text(place: Place) -> str:
    """0.5123, with ± standard deviation over seeds, or empty."""
    if place.score is None:
        return ""
    spread = "" if place.spread is None else f" ± {place.spread:.4f}"
    return f"{place.score:.4f}{spread}"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours for a person: 8.1 s, 12 min 5 s, 3 h 20 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def head(settings: Settings) -> list[str]:
    """Names of the columns of `rows`."""
    names = short_names(settings.space.keys)
    of_trial = ["trials"] if settings.space.seeds else ["trial", "epoch"]
    return [
        *("rank", *names.values(), settings.monitor_name, *of_trial),
        *("epochs", "time", "state"),
    ]


def rows(places: Sequence[Place], settings: Settings) -> list[list[str]]:
    """A line for each combination, the best first; where seeds vary, over all of its seeds."""
    return [
        [
            str(rank),
            *(_shortened(place.values[key]) for key in settings.space.keys),
            score_text(place),
            *_of_trial(place, settings),
            str(sum(one.epochs for one in place.trials)),
            duration(sum(one.seconds for one in place.trials)),
            place.state,
        ]
        for rank, place in enumerate(places, start=1)
    ]


def _of_trial(place: Place, settings: Settings) -> list[str]:
    if settings.space.seeds:
        return [", ".join(str(one.trial.number) for one in place.trials)]
    one = place.trials[0]
    best = one.best(higher_is_better=settings.higher_is_better)
    return [str(one.trial.number), str(best[0]) if best else ""]


def _shortened(value: str) -> str:
    return value if len(value) <= _LONGEST_VALUE else value[: _LONGEST_VALUE - 3] + "..."


def number_columns(rows: Sequence[Sequence[str]]) -> list[bool]:
    """Which columns hold numbers, or nothing, in every row."""
    return [
        all(not cell or cell[0].isdigit() or cell[0] == "-" for cell in column)
        for column in zip(*rows, strict=True)
    ]


def text_table(places: Sequence[Place], settings: Settings, *, most: int = 30) -> str:
    """The table as text, at most so many lines of it."""
    shown = rows(places[:most], settings)
    lines = [head(settings), *shown]
    sides = [">" if is_number else "<" for is_number in number_columns(shown)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = [
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths, strict=True)
        ).rstrip()
        for line in lines
    ]
    if len(places) > most:
        table.append(f"... and {len(places) - most} more in trials.csv")
    return "\n".join(table)


def csv_table(places: Sequence[Place], settings: Settings) -> str:
    """Every trial as CSV, in the order of the ranks.

    Columns are rank (of its combination), trial, each key, the monitored figure and its epoch,
    epochs, seconds, state, reason and run. Where seeds vary, `mean` and `spread` are those of the
    combination.
    """
    keys = [*settings.space.keys, *([SEED_KEY] if settings.space.seeds else [])]
    over_seeds = ["mean", "spread"] if settings.space.seeds else []
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ["rank", "trial", *keys, settings.monitor, "epoch", *over_seeds]
        + ["epochs", "seconds", "state", "reason", "run"]
    )
    for rank, place in enumerate(places, start=1):
        means = [_plain(place.score), _plain(place.spread)] if settings.space.seeds else []
        for one in place.trials:
            writer.writerow([rank, *_trial_cells(one, keys, settings, means)])
    return stream.getvalue()


def _trial_cells(
    one: Tried, keys: Sequence[str], settings: Settings, means: Sequence[str]
) -> list[str | int]:
    trial = one.trial
    best = one.best(higher_is_better=settings.higher_is_better)
    return [
        trial.number,
        *(trial.values[key] for key in keys),
        _plain(score_of(one, settings)),
        best[0] if best else "",
        *means,
        one.epochs,
        f"{one.seconds:.3f}",
        trial.state,
        trial.reason,
        trial.folder,
    ]


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"
