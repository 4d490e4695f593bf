"""One row an epoch, kept as CSV, and as TSV for spreadsheets and `column -t`."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from tessella.atomic import write_text

Monitor = Literal["mean_iou", "macro_f1", "pixel_accuracy", "loss"]


class EpochRow(NamedTuple):
    """What one epoch gave."""

    epoch: int
    """From 1."""

    train_loss: float
    """Mean over the labelled pixels of the epoch's crops."""

    train_mean_iou: float
    """Over the epoch's crops while the weights were changing, 0..1."""

    train_pixel_accuracy: float
    """Over the same crops, 0..1."""

    val_loss: float
    """Mean over the labelled pixels of the validation split."""

    val_mean_iou: float
    """0..1, at each image's own size."""

    val_macro_f1: float
    """0..1, at each image's own size."""

    val_pixel_accuracy: float
    """0..1, at each image's own size."""

    learning_rate: float
    """Of the decoder, at the epoch's last step."""

    seconds: float
    """Training and validation together."""

    images_per_second: float
    """Of training alone, data loading included."""


def monitored(row: EpochRow, monitor: Monitor) -> float:
    """The validation figure that chooses the best epoch, turned so that greater is better."""
    if monitor == "loss":
        return -row.val_loss
    figures = {
        "mean_iou": row.val_mean_iou,
        "macro_f1": row.val_macro_f1,
        "pixel_accuracy": row.val_pixel_accuracy,
    }
    return figures[monitor]


def write_history(path: Path, rows: Sequence[EpochRow]) -> None:
    """Write all rows as CSV to `path` and as TSV beside it, each whole or not at all.

    The CSV comes last: where it has all rows, so has the other.
    """
    for file, delimiter in ((path.with_suffix(".tsv"), "\t"), (path, ",")):
        stream = io.StringIO()
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        writer.writerow(EpochRow._fields)
        writer.writerows([row.epoch, *(f"{value:.6g}" for value in row[1:])] for row in rows)
        write_text(file, stream.getvalue())


def read_history(path: Path) -> list[dict[str, float]]:
    """Rows as column -> value, NaN where a cell is empty; no rows when there is no file.

    Raises:
        ValueError: a cell is not a number, or a row has more cells than there are columns.
    """
    if not path.is_file():
        return []
    rows = []
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        for row in reader:
            try:
                rows.append({key: float(cell) if cell else math.nan for key, cell in row.items()})
            except (ValueError, TypeError) as error:
                raise ValueError(
                    f"{path}:{reader.line_num}: expected a number in each column, got "
                    f"{list(row.values())}; delete or mend the line."
                ) from error
    return rows
