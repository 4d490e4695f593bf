"""One row an epoch, as CSV: what is written reads back, what is spoilt is named."""

import math
from pathlib import Path

import pytest

from tessella.train.history import EpochRow, Monitor, monitored, read_history, write_history

ROW = EpochRow(
    epoch=1,
    train_loss=2.5,
    train_mean_iou=0.125,
    train_pixel_accuracy=0.75,
    val_loss=1.75,
    val_mean_iou=0.25,
    val_macro_f1=0.375,
    val_pixel_accuracy=0.5,
    learning_rate=0.001,
    seconds=12.5,
    images_per_second=30.0,
)
HEADER = ",".join(EpochRow._fields)


def test_the_file_has_a_column_for_each_field_and_a_line_for_each_epoch(tmp_path: Path) -> None:
    write_history(tmp_path / "history.csv", [ROW, ROW._replace(epoch=2)])
    assert (tmp_path / "history.csv").read_text(encoding="utf-8").splitlines() == [
        HEADER,
        "1,2.5,0.125,0.75,1.75,0.25,0.375,0.5,0.001,12.5,30",
        "2,2.5,0.125,0.75,1.75,0.25,0.375,0.5,0.001,12.5,30",
    ]


def test_what_was_written_reads_back(tmp_path: Path) -> None:
    write_history(tmp_path / "history.csv", [ROW])
    assert read_history(tmp_path / "history.csv") == [ROW._asdict()]


@pytest.mark.parametrize("value", [1 / 3, 1e-12, 123456.789, 2e30])
def test_numbers_keep_six_digits(tmp_path: Path, value: float) -> None:
    write_history(tmp_path / "history.csv", [ROW._replace(val_loss=value)])
    read = read_history(tmp_path / "history.csv")[0]["val_loss"]
    assert read == pytest.approx(value, rel=5e-6)


def test_an_epoch_beyond_six_digits_stays_a_whole_number(tmp_path: Path) -> None:
    write_history(tmp_path / "history.csv", [ROW._replace(epoch=1234567)])
    assert read_history(tmp_path / "history.csv")[0]["epoch"] == 1234567


def test_a_score_that_is_not_a_number_stays_so(tmp_path: Path) -> None:
    write_history(tmp_path / "history.csv", [ROW._replace(val_mean_iou=math.nan)])
    read = read_history(tmp_path / "history.csv")[0]
    assert math.isnan(read["val_mean_iou"])
    assert read["val_loss"] == 1.75


def test_rows_are_written_anew_each_time(tmp_path: Path) -> None:
    write_history(tmp_path / "history.csv", [ROW, ROW])
    write_history(tmp_path / "history.csv", [ROW])
    assert len(read_history(tmp_path / "history.csv")) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv", "history.tsv"]


def test_the_same_rows_lie_beside_it_with_tabs(tmp_path: Path) -> None:
    write_history(tmp_path / "history.csv", [ROW, ROW._replace(epoch=2, val_loss=math.nan)])
    lines = (tmp_path / "history.tsv").read_text(encoding="utf-8").splitlines()
    assert [line.split("\t") for line in lines] == [
        list(EpochRow._fields),
        ["1", "2.5", "0.125", "0.75", "1.75", "0.25", "0.375", "0.5", "0.001", "12.5", "30"],
        ["2", "2.5", "0.125", "0.75", "nan", "0.25", "0.375", "0.5", "0.001", "12.5", "30"],
    ]


def test_where_the_csv_has_all_rows_so_has_the_tsv(tmp_path: Path) -> None:
    """A resumed run looks at the CSV alone."""
    (tmp_path / "history.tsv").mkdir()  # nothing can be written here
    with pytest.raises(OSError, match="history.tsv"):
        write_history(tmp_path / "history.csv", [ROW])
    assert not (tmp_path / "history.csv").exists()


@pytest.mark.parametrize("rows", [[], [ROW]])
def test_there_are_as_many_rows_as_epochs(tmp_path: Path, rows: list[EpochRow]) -> None:
    write_history(tmp_path / "history.csv", rows)
    assert len(read_history(tmp_path / "history.csv")) == len(rows)


def test_without_a_file_there_are_no_rows(tmp_path: Path) -> None:
    assert read_history(tmp_path / "missing.csv") == []


@pytest.mark.parametrize("line", ["1,,", "1"])
def test_empty_and_missing_cells_are_not_a_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "history.csv"
    path.write_text(f"epoch,a,b\n{line}\n", encoding="utf-8")
    (row,) = read_history(path)
    assert row["epoch"] == 1
    assert math.isnan(row["a"])
    assert math.isnan(row["b"])


@pytest.mark.parametrize("line", ["2,x", "2,1,3"])
def test_a_spoilt_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "history.csv"
    path.write_text(f"epoch,a\n1,1\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"history\.csv:3: expected a number in each column, got"):
        read_history(path)


@pytest.mark.parametrize(
    ("monitor", "value"),
    [("mean_iou", 0.25), ("macro_f1", 0.375), ("pixel_accuracy", 0.5), ("loss", -1.75)],
)
def test_of_every_monitored_figure_greater_is_better(monitor: Monitor, value: float) -> None:
    assert monitored(ROW, monitor) == value
