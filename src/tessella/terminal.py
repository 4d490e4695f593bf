"""How the command line shows progress and tables."""

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


def _number(value: float | None) -> str:
    return "n/a" if value is None or math.isnan(value) else f"{value:.3f}"
