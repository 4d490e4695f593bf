"""How the command line shows progress and tables."""

import datetime
import math
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from tessella.suggestion import printable

T = TypeVar("T")


def progress_bar(
    items: Iterable[T], *, about: str, total: int, size: Callable[[T], int]
) -> Iterator[T]:
    """A `Track` with a bar, images/s or bytes/s, the time left; silent when not on a terminal."""
    if not sys.stderr.isatty():
        yield from items
        return
    in_bytes = about in ("download", "unpack")
    columns = (
        TextColumn("{task.description:<9}"),
        BarColumn(),
        DownloadColumn() if in_bytes else MofNCompleteColumn(),
        TransferSpeedColumn() if in_bytes else TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(about, total=total, rate="")
        for item in items:
            yield item
            progress.advance(bar, size(item))
            speed = progress.tasks[0].finished_speed or progress.tasks[0].speed
            progress.update(bar, rate=f"{speed:.1f} images/s" if speed else "")


def score_table(document: Mapping[str, Any]) -> str:
    """An evaluation document as text: scores beside the trivial predictor's, then each class."""
    protocol = document["protocol"]
    lines = [
        f"{protocol['split']}: {protocol['num_images']} images, {protocol['resolution']}; "
        f"{protocol['averaging']}; {protocol['ignored']}.",
        "",
        f"{'score':<26} {'model':>7} {'trivial':>9}",
    ]
    for name, value in document["scores"].items():
        trivial = document["trivial"].get(name)
        lines.append(f"{name.replace('_', ' '):<26} {_number(value):>7} {_number(trivial):>9}")
    width = max(len(row["name"]) for row in document["per_class"])
    lines += ["", f"{'class':<{width}} {'IoU':>7} {'precision':>10} {'recall':>7} {'pixels':>8}"]
    lines += [
        f"{row['name']:<{width}} {_number(row['iou']):>7} {_number(row['precision']):>10} "
        f"{_number(row['recall']):>7} {row['share'] or 0:>8.2%}"
        for row in document["per_class"]
    ]
    return "\n".join(lines)


def before_and_after(rows: Iterable[Mapping[str, Any]], mean: Mapping[str, float]) -> str:
    """IoU of each class of the run and of the file made from it, and their mean."""
    listed: list[Mapping[str, Any]] = [*rows, {"class": "mean IoU", **mean}]
    width = max(len(row["class"]) for row in listed)
    lines = [f"{'class':<{width}} {'run':>7} {'file':>7} {'points':>7}"]
    for row in listed:
        before, after = row["run"], row["file"]
        points = "" if before is None or after is None else f"{(after - before) * 100:+.2f}"
        name = row["class"]
        lines.append(f"{name:<{width}} {_number(before):>7} {_number(after):>7} {points:>7}")
    return "\n".join(lines)


def class_table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Statistics as text: pixels, share and images of each class in each split."""
    lines: list[str] = []
    split = None
    listed = list(rows)
    width = max((len(str(row["class"])) for row in listed), default=5)
    for row in listed:
        if row["split"] != split:
            split = row["split"]
            head = f"{split:<{width}} {'pixels':>15} {'share':>8} {'images':>8}"
            lines += ["", head] if lines else [head]
        share = "" if row["share"] is None else f"{row['share']:.2%}"
        images = "" if row["images"] is None else f"{row['images']:,}"
        lines.append(f"{row['class']:<{width}} {row['pixels']:>15,} {share:>8} {images:>8}")
    return "\n".join(lines)


def audit_table(document: Mapping[str, Any]) -> str:
    """An audit document as text: each number beside the right one, and what went wrong."""
    lines = [
        f"{document['title']}; split {document['split']}, {document['num_images']} images",
        "",
        f"{'the tutorial says':<20} {'value':>8}   {'right':<20} {'value':>8}",
    ]
    for line in document["lines"]:
        lines += [
            f"{line['called']:<20} {_number(line['as_tutorial']):>8}   "
            f"{line['right_name']:<20} {_number(line['right']):>8}",
            *textwrap.wrap(
                f"{line['explanation']} ({', '.join(line['faults'])})",
                width=96,
                initial_indent="    ",
                subsequent_indent="    ",
            ),
        ]
    return "\n".join(lines)


def benchmark_table(document: Mapping[str, Any]) -> str:
    """A benchmark document as text: conditions, a line for each candidate, who was left out."""
    protocol, rows = document["protocol"], document["rows"]
    height, width = protocol["size"]
    versions = ", ".join(f"{name} {version}" for name, version in protocol["versions"].items())
    lines = [
        f"images of {height} x {width} (height x width), {protocol['size_from']}; batch "
        f"{protocol['batch']}, {protocol['threads']} threads, {protocol['rounds']} rounds",
        f"{protocol['processor']}, {protocol['cores']} cores, {protocol['system']}",
        f"Python {protocol['python']}, {versions}",
        f"timed: {protocol['timed']}; {protocol['image']}",
        "",
    ]
    cells = [_BENCHMARK_HEAD, *map(_benchmark_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        left = [f"{cell:<{wide}}" for cell, wide in zip(row[:3], widths[:3], strict=True)]
        right = [f"{cell:>{wide}}" for cell, wide in zip(row[3:], widths[3:], strict=True)]
        lines.append("  ".join([*left, *right]).rstrip())
    lines += ["", "as fast: times as fast as the first, the median of paired rounds (quartiles)"]
    for absent in document["left_out"]:
        kind = " ".join(filter(None, (absent["engine"], absent["precision"])))
        lines.append(f"left out: {absent['model']}, {kind}: {absent['reason']}")
    return "\n".join(lines)


_BENCHMARK_HEAD = (
    *("model", "engine", "on", "median", "95 %", "images/s", "memory", "GPU", "file", "as fast"),
)


def _benchmark_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    ratio = row["times_as_fast"]
    low, high = ratio["quartiles"]
    return (
        row["model"],
        f"{row['engine']} {row['precision']}",
        row["where"],
        _milliseconds(row["median_seconds"]),
        _milliseconds(row["p95_seconds"]),
        f"{row['images_per_second']:.1f}",
        _mebibytes(row["peak_bytes"]),
        _mebibytes(row["gpu_peak_bytes"]),
        _mebibytes(row["file_bytes"]),
        f"{ratio['median']:.2f} ({low:.2f}..{high:.2f})",
    )


def runs_table(document: Mapping[str, Any], *, width: int | None = None) -> str:
    """Runs as text, a line each, then the folders that could not be told.

    Args:
        document: as `tessella.runs.Found` gives it.
        width: columns of the terminal; what does not fit is left out, the least important first,
            and long paths lose their beginning. None: everything, for a file or another program.
    """
    rows = document["runs"]
    columns = {title: [title, *map(cell, rows)] for title, cell in _RUN_COLUMNS.items()}
    left_out: list[str] = []
    if width is not None:
        paths = columns.pop("run")
        shortest = min(_SHORTENED_PATH, max(map(len, paths)))
        while left_out != list(_DROPPED) and shortest + _width_of(columns) > width:
            left_out.append(_DROPPED[len(left_out)])
            del columns[left_out[-1]]
        longest = max(shortest, width - _width_of(columns))
        columns = {"run": [_without_start(path, longest) for path in paths], **columns}
    lines = _aligned(columns, left=("run", "state", "recipe", "model")) if rows else []
    if left_out and rows:
        lines += textwrap.wrap(f"(no room for {', '.join(left_out)}: see --json)", width or 80)
    if rows and document["unreadable"]:
        lines.append("")
    lines += [printable(f"{each['path']}: {each['reason']}") for each in document["unreadable"]]
    return "\n".join(lines)


def _width_of(columns: Mapping[str, list[str]]) -> int:
    """Of these columns, with two spaces before each."""
    return sum(2 + max(map(len, cells)) for cells in columns.values())


def _without_start(path: str, longest: int) -> str:
    return path if len(path) <= longest else f"…{path[1 - longest :]}"


def _aligned(columns: Mapping[str, list[str]], *, left: tuple[str, ...]) -> list[str]:
    wide = {title: max(map(len, cells)) for title, cells in columns.items()}
    padded = [
        [f"{cell:<{wide[title]}}" if title in left else f"{cell:>{wide[title]}}" for cell in cells]
        for title, cells in columns.items()
    ]
    return ["  ".join(line).rstrip() for line in zip(*padded, strict=True)]


_RUN_COLUMNS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "run": lambda row: printable(row["path"]),
    "state": lambda row: row["state"],
    "epochs": lambda row: f"{row['epochs']}/{row['planned_epochs']}",
    "recipe": lambda row: row["recipe"],
    "model": lambda row: " ".join(filter(None, (row["model"], row["encoder"]))),
    "val mIoU": lambda row: _or_dash(row["val_mean_iou"], _number),
    "at epoch": lambda row: _or_dash(row["best_epoch"], str),
    "test mIoU": lambda row: _or_dash(row["test_mean_iou"], _number),
    "time": lambda row: _duration(row["seconds"]),
    "begun": lambda row: _or_dash(row["date"], _moment),
    "commit": lambda row: (
        _or_dash(row["commit"], lambda commit: commit[:7])
        + ("*" if row["uncommitted_changes"] else "")
    ),
    "data": lambda row: _or_dash(row["data"], lambda data: data[:8]),
}

_SHORTENED_PATH = 24  # a longer path loses its beginning before a column is left out
_DROPPED = ("data", "commit", "begun", "at epoch", "time", "recipe", "model", "epochs")


def _or_dash(value: Any, shown: Callable[[Any], str]) -> str:
    return "-" if value is None else shown(value)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02}" if hours else f"{minutes} min" if minutes else f"{rest} s"


def _moment(date: str) -> str:
    """In the time of this place."""
    try:
        return f"{datetime.datetime.fromisoformat(date).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return date


def _milliseconds(seconds: float) -> str:
    amount = seconds * 1000
    return f"{amount:.{2 if amount < 10 else 1 if amount < 100 else 0}f} ms"


def _mebibytes(count: int | None) -> str:
    if count is None:
        return "-"
    unit, amount = ("MiB", count / 2**20) if count >= 2**20 / 10 else ("KiB", count / 2**10)
    return f"{amount:.{2 if amount < 1 else 1 if amount < 100 else 0}f} {unit}"


def _number(value: float | None) -> str:
    return "n/a" if value is None or math.isnan(value) else f"{value:.3f}"
