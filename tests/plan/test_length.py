"""Epochs, validations and times by paper and pencil."""

import pytest

from tessella.plan.length import (
    Costs,
    Forecast,
    forecast,
    forecast_within,
    good_epochs,
    length_choices,
)

# an epoch of 10 steps takes 20 s, a validation 3 s
COSTS = Costs(2.0, 3.0, save_seconds=0.0, start_seconds=5.0, peak_bytes=1_900_000_000)


def test_the_total_is_start_epochs_and_validations() -> None:
    # 5 + 7 * 20 + 3 * 3: epochs 3, 6 and the last are validated
    found = Forecast(COSTS, steps_per_epoch=10, epochs=7, validate_every=3)
    assert found.num_validations == 3
    assert found.total_seconds == pytest.approx(154)
    assert found.validation_share == pytest.approx(9 / 149)


def test_saving_counts_with_epochs_and_with_validations() -> None:
    # two epochs of 20 + 1 and one validation of 3 + 2
    costs = COSTS._replace(save_seconds=1.0, start_seconds=0.0)
    assert Forecast(costs, 10, 2, 2).total_seconds == pytest.approx(47)


def test_a_forecast_is_told_in_one_line() -> None:
    costs = Costs(4.2, 10.0, 0.0, 0.0, 1_900_000_000)
    assert Forecast(costs, 10, 24, 24).text() == (
        "1 epoch about 42 s, 24 epochs about 17 min with 1 validation of 10 s; 1.9 GB"
    )


@pytest.mark.parametrize(
    ("validation_seconds", "every"),
    # at 20 s an epoch, 15 % of the time are 3.53 s for each epoch
    [(0.1, 1), (3.5, 1), (3.6, 2), (10.0, 3), (20.0, 6)],
)
def test_validation_takes_at_most_15_percent_of_the_time(
    validation_seconds: float, every: int
) -> None:
    costs = COSTS._replace(validation_seconds=validation_seconds)
    found = forecast(costs, steps_per_epoch=10, epochs=60)
    assert found.validate_every == every
    assert found.validation_share <= 0.15


def test_three_validations_are_worth_more_than_the_share() -> None:
    costs = COSTS._replace(validation_seconds=500.0)
    assert forecast(costs, steps_per_epoch=10, epochs=12).num_validations == 3


@pytest.mark.parametrize("budget", [100.0, 180.0, 600.0, 7200.0])
@pytest.mark.parametrize("validation_seconds", [0.5, 3.0, 30.0])
def test_training_ends_within_the_budget_and_one_more_epoch_would_not(
    budget: float, validation_seconds: float
) -> None:
    costs = COSTS._replace(validation_seconds=validation_seconds)
    found = forecast_within(costs, steps_per_epoch=10, budget_seconds=budget, most_epochs=10_000)
    assert found.total_seconds <= 0.9 * budget
    more = forecast(costs, steps_per_epoch=10, epochs=found.epochs + 1)
    assert more.total_seconds > 0.9 * budget


def test_the_users_rhythm_of_validation_is_kept() -> None:
    # 900 * 0.9 = 810 = 5 + n * 23: n is 35
    found = forecast_within(
        COSTS, steps_per_epoch=10, budget_seconds=900, most_epochs=99, validate_every=1
    )
    assert (found.epochs, found.validate_every) == (35, 1)


def test_a_long_budget_is_not_used_up_for_nothing() -> None:
    found = forecast_within(COSTS, steps_per_epoch=10, budget_seconds=1e6, most_epochs=99)
    assert found.epochs == 99


def test_a_budget_shorter_than_an_epoch_is_refused_with_the_time_it_takes() -> None:
    # 5 + 20 + 3 = 28 s, and a reserve of a tenth: 31.1 s
    with pytest.raises(ValueError, match="30 s is too short for one epoch") as caught:
        forecast_within(COSTS, steps_per_epoch=10, budget_seconds=30, most_epochs=9)
    assert "about 20 s with 3.0 s of validation and 5.0 s of preparation" in str(caught.value)
    assert "give at least 32s" in str(caught.value)
    forecast_within(COSTS, steps_per_epoch=10, budget_seconds=32, most_epochs=9)


@pytest.mark.parametrize(
    ("steps_per_epoch", "is_pretrained", "is_gpu", "epochs"),
    [
        (45, True, False, 40),  # 40 epochs are 1800 steps
        (45, False, False, 120),
        (2, True, False, 300),  # 1000 steps would be 500 epochs of a few images
        (400, True, False, 10),  # 4000 steps and no more on a CPU
        (400, True, True, 40),  # 16,000 steps
        (100_000, True, False, 1),
    ],
)
def test_without_a_budget_epochs_follow_from_steps(
    steps_per_epoch: int, is_pretrained: bool, is_gpu: bool, epochs: int
) -> None:
    found = good_epochs(steps_per_epoch=steps_per_epoch, is_pretrained=is_pretrained, is_gpu=is_gpu)
    assert found == epochs


def test_warm_up_and_average_follow_from_the_steps() -> None:
    found = length_choices(Forecast(COSTS, 10, 200, 5), given={}, why_epochs="enough")
    # 2000 steps: 5 % are 100 steps, so a decay of 1 - 1/100
    assert found["train.ema_decay"].value == pytest.approx(0.99)
    assert found["schedule.warmup_steps"].value == 50
    assert found["train.epochs"] == (200, "enough")
    assert found["train.validate_every"].value == 5
    assert all(choice.reason for choice in found.values())


def test_a_short_training_has_a_short_warm_up_and_no_average() -> None:
    found = length_choices(Forecast(COSTS, 10, 4, 1), given={}, why_epochs="enough")
    assert found["schedule.warmup_steps"].value == 4
    assert "train.ema_decay" not in found


def test_what_the_user_said_about_length_stays() -> None:
    given = {"train.ema_decay": 0.0, "schedule.warmup_steps": 7}
    found = length_choices(Forecast(COSTS, 10, 200, 5), given=given, why_epochs="enough")
    assert not found.keys() & given.keys()
