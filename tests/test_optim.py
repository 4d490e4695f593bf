"""Schedules by paper and pencil; which weights decay and at what rate."""

import math

import pytest
import torch
from torch import nn

from tessella.optim import (
    Plateau,
    build_optimizer,
    build_schedule,
    parameter_groups,
    rate_at,
    rate_factors,
    trainable_count,
)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
        self.head = nn.Conv2d(4, 2, 1)
        self.frozen = nn.Parameter(torch.zeros(2, 2), requires_grad=False)


def groups_of(model: nn.Module, **changes: float) -> list[dict[str, object]]:
    settings = {"lr": 0.1, "weight_decay": 0.01, "encoder_lr_factor": 0.5, **changes}
    factors = rate_factors(
        {name: 0 for name, _ in model.named_parameters()},
        encoder_prefix="encoder.",
        encoder_lr_factor=settings["encoder_lr_factor"],
        layer_decay=1.0,
    )
    return parameter_groups(
        model, lr=settings["lr"], weight_decay=settings["weight_decay"], factors=factors
    )


@pytest.mark.parametrize(
    ("step", "factor"),
    [(0, 1.0), (1, 0.9**0.9), (5, 0.5**0.9), (9, 0.1**0.9), (10, 0.0), (11, 0.0)],
)
def test_poly_falls_as_the_share_left_to_the_power(step: int, factor: float) -> None:
    assert rate_at("poly", total_steps=10)(step) == pytest.approx(factor)


def test_poly_with_power_1_is_a_straight_line() -> None:
    curve = rate_at("poly", total_steps=4, power=1)
    assert [curve(step) for step in range(5)] == [1.0, 0.75, 0.5, 0.25, 0.0]


@pytest.mark.parametrize(
    ("step", "factor"),
    # (1 + cos(pi p)) / 2 at p = 0, 1/4, 1/3, 1/2, 2/3, 1 and beyond
    [
        (0, 1.0),
        (3, (1 + math.sqrt(0.5)) / 2),
        (4, 0.75),
        (6, 0.5),
        (8, 0.25),
        (12, 0.0),
        (99, 0.0),
    ],
)
def test_cosine_falls_from_1_to_0_in_half_a_wave(step: int, factor: float) -> None:
    assert rate_at("cosine", total_steps=12)(step) == pytest.approx(factor, abs=1e-15)


@pytest.mark.parametrize(
    ("step", "factor"), [(0, 1), (29, 1), (30, 0.5), (59, 0.5), (60, 0.25), (90, 0.125)]
)
def test_step_halves_after_every_steps_per_drop(step: int, factor: float) -> None:
    curve = rate_at("step", total_steps=100, steps_per_drop=30, gamma=0.5)
    assert curve(step) == factor


@pytest.mark.parametrize("step", [0, 50, 1000])
def test_constant_is_1_at_every_step(step: int) -> None:
    assert rate_at("constant", total_steps=100)(step) == 1.0


@pytest.mark.parametrize("name", ["constant", "poly", "cosine", "step"])
def test_warm_up_climbs_in_equal_steps_to_the_peak(name: str) -> None:
    curve = rate_at(name, total_steps=100, warmup_steps=4, steps_per_drop=50)  # type: ignore[arg-type]
    assert [curve(step) for step in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


@pytest.mark.parametrize(("step", "factor"), [(2, 1.0), (6, 0.5), (10, 0.0)])
def test_after_the_warm_up_the_curve_runs_over_the_steps_that_are_left(
    step: int, factor: float
) -> None:
    assert rate_at("cosine", total_steps=10, warmup_steps=2)(step) == pytest.approx(factor)


@pytest.mark.parametrize("name", ["poly", "cosine"])
def test_a_warm_up_longer_than_training_never_divides_by_zero(name: str) -> None:
    curve = rate_at(name, total_steps=3, warmup_steps=5)  # type: ignore[arg-type]
    assert [curve(step) for step in (0, 3, 5, 6)] == pytest.approx([1 / 6, 4 / 6, 1.0, 0.0])


def test_the_schedule_multiplies_each_groups_own_peak() -> None:
    model = Net()
    optimizer = build_optimizer("sgd", groups_of(model), lr=0.1)
    schedule = build_schedule(optimizer, rate_at("poly", total_steps=4, power=1))
    seen = []
    for _ in range(4):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.step()
    # decoder at 0.1 (weights, bias), encoder at 0.05 (weights, bias and norm)
    peaks = [0.1, 0.1, 0.05, 0.05]
    expected = [[peak * share for peak in peaks] for share in (1, 0.75, 0.5, 0.25)]
    assert seen == [pytest.approx(row) for row in expected]
    assert [group["lr"] for group in optimizer.param_groups] == [0, 0, 0, 0]


def test_every_trainable_parameter_is_in_one_group_and_frozen_ones_in_none() -> None:
    model = Net()
    grouped = [id(p) for group in groups_of(model) for p in group["params"]]  # type: ignore[attr-defined]
    assert sorted(grouped) == sorted(id(p) for p in model.parameters() if p.requires_grad)


def test_biases_and_norm_layers_are_not_decayed() -> None:
    model = Net()
    decay = {
        id(parameter): group["weight_decay"]
        for group in groups_of(model)
        for parameter in group["params"]  # type: ignore[attr-defined]
    }
    named = {
        name: decay[id(parameter)]
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    assert named == {
        "encoder.0.weight": 0.01,
        "encoder.0.bias": 0.0,
        "encoder.1.weight": 0.0,
        "encoder.1.bias": 0.0,
        "head.weight": 0.01,
        "head.bias": 0.0,
    }


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd"])
def test_the_optimiser_takes_decay_and_rate_from_the_groups(name: str) -> None:
    optimizer = build_optimizer(name, groups_of(Net()), lr=0.1)  # type: ignore[arg-type]
    assert type(optimizer).__name__.lower() == name
    told = [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups]
    assert told == [(0.1, 0.0), (0.1, 0.01), (0.05, 0.0), (0.05, 0.01)]


def test_a_factor_of_0_leaves_the_encoder_as_it_is() -> None:
    torch.manual_seed(0)
    model = Net()
    before = model.encoder[0].weight.detach().clone()
    head = model.head.weight.detach().clone()
    optimizer = build_optimizer("adamw", groups_of(model, encoder_lr_factor=0.0), lr=0.1)
    model.head(model.encoder(torch.rand(2, 3, 5, 5))).sum().backward()
    optimizer.step()
    assert torch.equal(model.encoder[0].weight, before)
    assert not torch.equal(model.head.weight, head)


def test_one_step_of_sgd_is_momentum_of_nesterov_and_decay() -> None:
    # w = 1, gradient 2, decay 0.5: g = 2 + 0.5; first buffer v = g; step lr * (g + 0.9 v)
    weight = nn.Parameter(torch.ones(1, 1))
    optimizer = build_optimizer(
        "sgd", [{"params": [weight], "lr": 0.1, "weight_decay": 0.5}], lr=0.1, momentum=0.9
    )
    (2 * weight).sum().backward()
    optimizer.step()
    assert weight.item() == pytest.approx(1 - 0.1 * (2.5 + 0.9 * 2.5))


def test_sgd_without_momentum_is_plain() -> None:
    weight = nn.Parameter(torch.ones(1, 1))
    optimizer = build_optimizer("sgd", [{"params": [weight]}], lr=0.1, momentum=0.0)
    (2 * weight).sum().backward()
    optimizer.step()
    assert weight.item() == pytest.approx(1 - 0.1 * 2)


def test_trainable_count_leaves_out_frozen_parameters() -> None:
    # conv 3*4*9 + 4, norm 4 + 4, head 4*2 + 2
    assert trainable_count(Net().parameters()) == 108 + 4 + 8 + 10


@pytest.mark.parametrize(
    ("step", "factor"),
    # up to 1 at 30 of 100, half a wave; down to 1/250,000 at the end
    [(0, 0.04), (15, 0.52), (30, 1.0), (65, (1 + 1 / 250_000) / 2), (100, 1 / 250_000)],
)
def test_one_cycle_climbs_for_30_percent_and_falls_to_almost_nothing(
    step: int, factor: float
) -> None:
    assert rate_at("one_cycle", total_steps=100)(step) == pytest.approx(factor)


def test_one_cycle_can_go_on_past_its_end() -> None:
    """Further epochs of a finished run must not end in an error, as with torch's OneCycleLR."""
    assert rate_at("one_cycle", total_steps=10)(11) == pytest.approx(1 / 250_000)


def test_plateau_drops_after_patience_scores_without_a_new_best() -> None:
    plateau = Plateau(gamma=0.5, patience=2)
    factors = []
    for score in [0.1, 0.3, 0.2, 0.3, 0.31, math.nan, 0.2, 0.1, 0.1]:
        plateau.note(score)
        factors.append(plateau.factor)
    assert factors == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]


def test_plateau_leaves_the_rate_alone_while_the_score_rises() -> None:
    """S3-B04: stepping with a score in the direction of a loss cut the rate as it rose."""
    plateau = Plateau(gamma=0.1, patience=1)
    for score in (0.1, 0.2, 0.3):
        plateau.note(score)
    assert plateau.factor == 1


def test_each_layer_of_the_encoder_learns_slower_than_the_one_above() -> None:
    depths = {"encoder.a": 0, "encoder.b": 1, "encoder.c": 2, "head": 3}
    factors = rate_factors(
        depths, encoder_prefix="encoder.", encoder_lr_factor=0.8, layer_decay=0.5
    )
    assert factors == pytest.approx({"encoder.a": 0.2, "encoder.b": 0.4, "encoder.c": 0.8})


def test_without_an_encoder_all_learn_at_one_rate() -> None:
    assert rate_factors({"a": 0}, encoder_prefix=None, encoder_lr_factor=0.1, layer_decay=0.5) == {}
