"""How long to train and how often to validate, from what was measured: pure arithmetic."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tessella.plan.annotated import Choice
from tessella.plan.duration import gigabytes, spoken

MOST_VALIDATION_SHARE = 0.15
"""Of the time of training and validation, unless fewer than `FEWEST_VALIDATIONS` would be left."""

FEWEST_VALIDATIONS = 3
RESERVE = 0.1
"""Share of a budget that is kept for a machine that gets slower than it was when measured."""

_SAVES_PER_VALIDATION = 2  # the best state and the model beside the last state
_GOOD_EPOCHS = 40
_MOST_EPOCHS = 300
_SCRATCH_FACTOR = 3
_FEWEST_STEPS = 1000
_MOST_STEPS = {"cpu": 4000, "gpu": 20000}
_AVERAGED_SHARE = 0.05
_MOST_DECAY = 0.999
_WARMUP_STEPS = 50


class Costs(NamedTuple):
    """What was measured."""

    step_seconds: float
    """Of the optimiser, with reading and augmenting its images."""

    validation_seconds: float
    """Of the whole validation split."""

    save_seconds: float
    """Of the state, once."""

    start_seconds: float
    """Before the first epoch: samples are read and compared."""

    peak_bytes: int | None
    """The most memory held; None where the system does not tell."""


@dataclass(frozen=True)
class Forecast:
    """What a run will cost."""

    costs: Costs
    steps_per_epoch: int
    epochs: int
    validate_every: int

    @property
    def epoch_seconds(self) -> float:
        """Of training alone, without validation."""
        return self.steps_per_epoch * self.costs.step_seconds + self.costs.save_seconds

    @property
    def validation_seconds(self) -> float:
        """Of one validation."""
        return self.costs.validation_seconds + _SAVES_PER_VALIDATION * self.costs.save_seconds

    @property
    def num_validations(self) -> int:
        """The last epoch is always validated."""
        return math.ceil(self.epochs / self.validate_every)

    @property
    def validation_share(self) -> float:
        """Of the time of training and validation, 0..1."""
        validating = self.num_validations * self.validation_seconds
        return validating / (self.epochs * self.epoch_seconds + validating)

    @property
    def total_seconds(self) -> float:
        """Until the last epoch is validated."""
        validating = self.num_validations * self.validation_seconds
        return self.costs.start_seconds + self.epochs * self.epoch_seconds + validating

    def text(self) -> str:
        """One line: an epoch, all of them, memory."""
        epochs = f"{self.epochs} epoch{'' if self.epochs == 1 else 's'}"
        memory = "" if self.costs.peak_bytes is None else f"; {gigabytes(self.costs.peak_bytes)}"
        times = f"validation{'' if self.num_validations == 1 else 's'}"
        return (
            f"1 epoch about {spoken(self.epoch_seconds)}, {epochs} about "
            f"{spoken(self.total_seconds)} with {self.num_validations} {times} of "
            f"{spoken(self.validation_seconds)}{memory}"
        )


def good_epochs(*, steps_per_epoch: int, is_pretrained: bool, is_gpu: bool) -> int:
    """A sensible number of epochs where nobody set a time: neither few steps nor endless ones."""
    factor = 1 if is_pretrained else _SCRATCH_FACTOR
    fewest = factor * _FEWEST_STEPS
    most = factor * _MOST_STEPS["gpu" if is_gpu else "cpu"]
    steps = min(most, max(fewest, factor * _GOOD_EPOCHS * steps_per_epoch))
    return max(1, min(factor * _MOST_EPOCHS, round(steps / steps_per_epoch)))


def forecast(
    costs: Costs,
    *,
    steps_per_epoch: int,
    epochs: int,
    validate_every: int | None = None,
) -> Forecast:
    """What so many epochs cost; the rhythm of validation is chosen where it is None."""
    every = validate_every or 1
    found = Forecast(costs, steps_per_epoch, epochs, every)
    if validate_every is not None:
        return found
    share = MOST_VALIDATION_SHARE
    each = found.validation_seconds * (1 - share) / share / found.epoch_seconds
    every = max(1, min(math.ceil(each), epochs // FEWEST_VALIDATIONS))
    return Forecast(costs, steps_per_epoch, epochs, every)


def forecast_within(
    costs: Costs,
    *,
    steps_per_epoch: int,
    budget_seconds: float,
    most_epochs: int,
    validate_every: int | None = None,
) -> Forecast:
    """As many epochs as end within a time, some reserve kept.

    Args:
        costs: as measured.
        steps_per_epoch: of the optimiser.
        budget_seconds: from the start of training to its end.
        most_epochs: no more than these, however long the time is.
        validate_every: epochs between two validations; None chooses.

    Raises:
        ValueError: not even one epoch does.
    """
    usable = budget_seconds * (1 - RESERVE)
    one = forecast(costs, steps_per_epoch=steps_per_epoch, epochs=1, validate_every=validate_every)
    if one.total_seconds > usable:
        need = one.total_seconds / (1 - RESERVE)
        raise ValueError(
            f"budget: {spoken(budget_seconds)} is too short for one epoch, which takes about "
            f"{spoken(one.epoch_seconds)} with {spoken(one.validation_seconds)} of validation and "
            f"{spoken(costs.start_seconds)} of preparation; give at least {_up(need)}, a smaller "
            "augment.crop, or fewer training images."
        )
    # one by one: with another rhythm of validation, more epochs can take less time
    for epochs in range(min(most_epochs, int(usable / one.epoch_seconds)), 1, -1):
        longer = forecast(
            costs, steps_per_epoch=steps_per_epoch, epochs=epochs, validate_every=validate_every
        )
        if longer.total_seconds <= usable:
            return longer
    return one


def length_choices(
    expected: Forecast, *, given: Mapping[str, Any], why_epochs: str
) -> dict[str, Choice]:
    """Epochs and what depends on the number of steps; keys that the user gave are left out."""
    steps = expected.epochs * expected.steps_per_epoch
    found = {
        "train.epochs": Choice(expected.epochs, why_epochs),
        "train.validate_every": Choice(
            expected.validate_every,
            f"validation takes {spoken(expected.validation_seconds)}, "
            f"{expected.validation_share:.0%} of the time this way",
        ),
        "schedule.warmup_steps": Choice(
            min(_WARMUP_STEPS, steps // 10), f"of {steps:,}: first steps are small"
        ),
    }
    decay = min(_MOST_DECAY, 1 - 1 / max(1.0, _AVERAGED_SHARE * steps))
    if decay >= 0.9:
        window = round(1 / (1 - decay))
        found["train.ema_decay"] = Choice(
            round(decay, 4), f"an average over about the last {window} steps scores better"
        )
    return {key: choice for key, choice in found.items() if key not in given}


def _up(seconds: float) -> str:
    """A budget as it is written, rounded up."""
    if seconds < 100:
        return f"{math.ceil(seconds)}s"
    return f"{math.ceil(seconds / 60)}m" if seconds < 6000 else f"{math.ceil(seconds / 3600)}h"
