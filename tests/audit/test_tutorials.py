"""The table of tutorials, and the numbers that came from loss curves."""

import math

import pytest

from tessella.audit.tutorials import (
    TUTORIALS,
    best_by_never_reset_loss,
    never_reset_loss,
)


def row(epoch: int, train: float, val: float, iou: float) -> dict[str, float]:
    return {"epoch": epoch, "train_loss": train, "val_loss": val, "val_mean_iou": iou}


OVERFIT = [row(1, 2.0, 1.0, 0.5), row(2, 0.6, 1.2, 0.6), row(3, 0.2, 1.4, 0.4)]


def test_the_never_reset_loss_mixes_every_pass() -> None:
    # S0-B02: (2 + 1 + 0.6 + 1.2 + 0.2 + 1.4) / 6
    assert never_reset_loss(OVERFIT) == pytest.approx((6.4 / 6, 1.4))


def test_the_never_reset_loss_takes_the_last_epoch_for_the_best() -> None:
    # 1.5, 1.2, 1.07: falling while the validation loss climbs
    assert best_by_never_reset_loss(OVERFIT) == (3, 2)


def test_epochs_without_validation_count_for_training_only() -> None:
    rows = [row(1, 2.0, math.nan, math.nan), row(2, 1.0, 3.0, 0.5)]
    assert never_reset_loss(rows) == (2.0, 3.0)
    assert best_by_never_reset_loss(rows) == (2, 2)


def test_without_a_history_there_is_no_number() -> None:
    assert all(math.isnan(value) for value in never_reset_loss([]))
    assert all(math.isnan(value) for value in best_by_never_reset_loss([]))


@pytest.mark.parametrize("name", TUTORIALS)
def test_every_line_names_its_faults(name: str) -> None:
    tutorial = TUTORIALS[name]
    number = list(TUTORIALS).index(name)
    lines = [*tutorial.lines, *tutorial.history_lines]
    assert lines
    assert all(line.faults for line in lines)
    assert all(fault.startswith(f"S{number}-B") for line in lines for fault in line.faults)
