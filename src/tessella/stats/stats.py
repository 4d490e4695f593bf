"""The statistics of a data set: every sample read once, one page and one file written."""

from collections.abc import Sequence
from pathlib import Path

from tessella.atomic import write_json, write_text
from tessella.errors import UsageError
from tessella.progress import Track, silently
from tessella.source import Source
from tessella.stats.measure import measure
from tessella.stats.numbers import Statistics
from tessella.stats.page import render


def stats(
    source: Source, *, out: Path, splits: Sequence[str] | None = None, track: Track = silently
) -> Statistics:
    """Measure a data set and write `stats.html` and `stats.json` into the folder `out`.

    Args:
        source: the data.
        out: folder to write into, made where it is missing; files of an earlier run are replaced.
        splits: which ones; None takes all that are there.
        track: shows progress.

    Raises:
        UsageError: unknown data set, option or split, or `out` is a file.
        ValueError: the data cannot be read.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; the statistics need a folder, give another --out.")
    datasets = source.open_all() if splits is None else {s: source.open(s) for s in splits}
    statistics = measure(datasets, track=track)
    write_text(out / "stats.html", render(statistics, title=_title(source)))
    write_json(out / "stats.json", statistics.document())
    return statistics


def _title(source: Source) -> str:
    """The data set's name, with its folder's when that says more."""
    folder = "" if source.root is None else source.root.resolve().name
    return f"{source.name}: {folder}" if folder and folder != source.name else source.name
