"""What training says of itself, a line at a time."""

import logging
import shlex
import signal
from pathlib import Path

from tessella.optim import trainable_count
from tessella.stop import StoppedError
from tessella.train.history import EpochRow
from tessella.train.setup import Setup

logger = logging.getLogger(__name__)


def announce(setup: Setup) -> None:
    """What is going to be trained, on what."""
    segmenter, ranks = setup.state.segmenter, setup.ranks
    logger.info(
        "%s: %d training and %d validation images, %d classes; %s of %s parameters are "
        "trained, %s on %s%s%s",
        setup.recipe.name,
        len(setup.splits.train),
        len(setup.splits.val),
        setup.labels.num_classes,
        f"{trainable_count(segmenter.parameters()):,}",
        f"{sum(parameter.numel() for parameter in segmenter.parameters()):,}",
        setup.precision,
        setup.device.type if ranks.count > 1 else setup.device,
        f" in {ranks.count} processes" if ranks.count > 1 else "",
        _resuming(setup),
    )


def _resuming(setup: Setup) -> str:
    done, part = len(setup.state.rows), setup.state.part
    if not (done or part):
        return ""
    step = f", step {part.steps} of the next" if part else ""
    return f"; resuming after epoch {done} of {setup.recipe.train.epochs}{step}"


def report(setup: Setup, row: EpochRow, *, is_validated: bool, is_best: bool) -> None:
    """The figures of an epoch."""
    validation = (
        f", validation loss {row.val_loss:.3f}, mean IoU {row.val_mean_iou:.3f}"
        if is_validated
        else ""
    )
    logger.info(
        "epoch %d/%d: loss %.3f%s%s; %.1f s, %.0f images/s",
        row.epoch,
        setup.recipe.train.epochs,
        row.train_loss,
        validation,
        " (best)" if is_best else "",
        row.seconds,
        row.images_per_second,
    )


def stopped(setup: Setup, path: Path, number: int) -> StoppedError:
    """Where training was when a signal came, and how to go on."""
    done, part = len(setup.state.rows), setup.state.part
    step = f" and {part.steps} steps of the next" if part else ""
    return StoppedError(
        f"stopped by {signal.Signals(number).name} after epoch {done} of "
        f"{setup.recipe.train.epochs}{step}; nothing is lost, go on by: "
        f"tessella train --resume {shlex.quote(str(path))}",
        number=number,
    )
