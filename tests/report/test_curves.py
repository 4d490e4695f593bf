"""Training curves: what is drawn from patchy histories, and what is said about over-fitting."""

import math
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tessella.report.curves import (
    Line,
    accuracy_chart,
    best_epoch,
    caution,
    column,
    learning_rate_chart,
    line_chart,
    loss_chart,
    mean_iou_chart,
    overfitting_remark,
)

NAN = math.nan


def losses(train: list[float], val: list[float]) -> list[dict[str, float]]:
    return [
        {"epoch": index + 1, "train_loss": t, "val_loss": v}
        for index, (t, v) in enumerate(zip(train, val, strict=True))
    ]


def elements(chart: str, tag: str, css_class: str = "") -> list[ET.Element]:
    found = ET.fromstring(chart).iter(tag)
    return [e for e in found if css_class in (e.get("class") or "").split() or not css_class]


def test_no_epochs_draw_nothing() -> None:
    assert [loss_chart([]), mean_iou_chart([]), learning_rate_chart([])] == ["", "", ""]


def test_a_history_of_nan_only_draws_nothing() -> None:
    assert loss_chart(losses([NAN, NAN], [NAN, NAN])) == ""


def test_one_epoch_is_a_dot_for_each_curve() -> None:
    chart = loss_chart(losses([1.0], [1.2]))
    assert len(elements(chart, "circle", "dot")) == 2
    assert elements(chart, "polyline") == []


def test_a_missing_value_breaks_the_curve() -> None:
    chart = loss_chart(losses([1, 2, NAN, 4, 5], [NAN] * 5))
    assert [len(e.get("points", "").split()) for e in elements(chart, "polyline", "train")] == [
        2,
        2,
    ]


def test_a_curve_without_any_value_is_neither_drawn_nor_listed() -> None:
    chart = loss_chart(losses([1, 2], [NAN, NAN]))
    assert elements(chart, "polyline", "val") == []
    assert "validation" not in chart


def test_two_curves_have_a_legend() -> None:
    texts = [e.text for e in elements(loss_chart(losses([1, 2], [3, 4])), "text")]
    assert {"training", "validation", "epoch", "Loss"} <= set(texts)


def test_points_lie_where_the_axes_say() -> None:
    points = [(1.0, 0.0), (3.0, 2.0), (2.0, 1.0)]
    chart = line_chart([Line("a", "plain", points)], title="t", y_name="y")
    # the frame runs from (46, 202) for (epoch 1, value 0) to (390, 26) for (epoch 3, value 2)
    path = elements(chart, "polyline")[0].get("points")
    assert path == "46.0,202.0 390.0,26.0 218.0,114.0"


def test_each_point_tells_its_epoch_and_value() -> None:
    chart = loss_chart(losses([1.5, 0.25], [NAN, NAN]))
    titles = [e.text for e in elements(chart, "title")]
    assert titles == ["epoch 1, training: 1.5", "epoch 2, training: 0.25"]


def test_the_chart_is_announced_with_first_and_last_values() -> None:
    root = ET.fromstring(loss_chart(losses([2, 0.5], [NAN, 3])))
    assert root.get("role") == "img"
    assert root.get("aria-label") == (
        "Loss per epoch: training from 2 at epoch 1 to 0.5 at epoch 2; validation 3 at epoch 2."
    )


def test_the_best_epoch_is_marked_in_the_chart_of_mean_iou() -> None:
    history = [{"epoch": e, "val_mean_iou": v} for e, v in ((1, 0.2), (2, 0.7), (3, 0.6))]
    assert "best: 0.700, epoch 2" in mean_iou_chart(history)


def test_the_best_epoch_is_the_first_of_the_highest_finite_validation_mean_iou() -> None:
    history = [{"epoch": e, "val_mean_iou": v} for e, v in ((5, NAN), (6, 0.7), (7, 0.7), (8, 0.1))]
    assert best_epoch(history) == (6, 0.7)


def test_there_is_no_best_epoch_without_validation() -> None:
    assert best_epoch([{"epoch": 1, "train_loss": 1.0}]) is None


def test_rows_without_an_epoch_are_counted_from_one() -> None:
    assert column([{"x": 4.0}, {"x": 5.0}], "x") == [(1, 4.0), (2, 5.0)]


def test_negative_losses_stay_inside_the_frame() -> None:
    chart = loss_chart(losses([-1.0, -2.0], [NAN, NAN]))
    assert all(26 <= float(e.get("cy", "nan")) <= 202 for e in elements(chart, "circle"))


@pytest.mark.parametrize(
    ("train", "val", "said"),
    [
        ([], [], "No epochs are recorded."),
        ([3, 2, 1], [3, 2, 1], "Too few epochs to judge over-fitting: 3 with both losses, 5"),
        ([3, 2, 1, 1], [NAN] * 4, "No validation loss is recorded"),
        # medians of epochs 2 to 4 and 5 to 7: validation 1.1 and 1.3 (18 %), training 1.5 and 0.75
        (
            [3, 2, 1.5, 1.2, 1, 0.75, 0.6],
            [3, 2, 1.0, 1.1, 1.2, 1.3, 1.4],
            "Smoothed over 3 epochs, validation loss rose by 18 % since epoch 3 while training "
            "loss fell by 50 %: over-fitting; stop earlier, augment more or add data.",
        ),
        # the same validation loss, but training goes from 2 to 4
        (
            [3, 2, 1, 2, 3, 4, 5],
            [3, 2, 1.0, 1.1, 1.2, 1.3, 1.4],
            "rose by 18 % since epoch 3, and training loss by 100 % as well: the training is unst",
        ),
        # or stays
        (
            [3, 2, 1, 1, 1, 1, 1],
            [3, 2, 1.0, 1.1, 1.2, 1.3, 1.4],
            "since epoch 3 while training loss stayed: stop earlier or lower the learning rate.",
        ),
        # a share of a loss that is not above zero means nothing
        (
            [3, 2, 1.5, 1.2, 1, 0.75, 0.6],
            [1, 0, -1, -0.9, -0.8, -0.7, -0.6],
            "validation loss rose since epoch 3 while training loss fell by 50 %: over-fitting",
        ),
        # 4, 3.6, ...: each epoch is a tenth better
        ([4, 3.6, 3.2, 2.9, 2.6, 2.3], [5, 4.5, 4, 3.6, 3.2, 2.9], "both still fall at the last"),
        ([4, 2, 1, 0.9, 0.9, 0.9, 0.9], [4, 2, 1, 1, 1.01, 1.02, 1.0], "levelled off (lowest at"),
        ([2, 2.1, 2.2, 2, 2.1, 2.2], [3, 3, 3, 3, 3, 3], "Training loss does not fall"),
        ([2, 1, NAN, NAN, NAN], [2, 1, NAN, NAN, NAN], "not a number since epoch 3"),
    ],
)
def test_the_remark_says_what_the_losses_show(
    train: list[float], val: list[float], said: str
) -> None:
    assert said in overfitting_remark(losses(train, val))


def test_a_rise_below_five_per_cent_is_not_called_over_fitting() -> None:
    remark = overfitting_remark(losses([5, 4, 3, 2, 1, 0.5], [3, 1, 1.04, 1.04, 1.04, 1.04]))
    assert remark == (
        "Validation loss has levelled off (lowest at epoch 2), with no sign of over-fitting."
    )


OVERFITTED = ([3, 2, 1.5, 1.2, 1, 0.75, 0.6], [3, 2, 1.0, 1.1, 1.2, 1.3, 1.4])


@pytest.mark.parametrize(
    ("mean_iou", "said"),
    [
        # the mean IoU of epoch 3 is 0.5
        (
            [0.1, 0.3, 0.5, 0.5, 0.52, 0.55, 0.54],
            "confidence only: mean IoU rose on to its best at epoch 6",
        ),
        ([0.1, 0.3, 0.5, 0.5, 0.505, 0.5, 0.4], "over-fitting; stop earlier"),
        ([0.1, 0.6, 0.5, 0.5, 0.52, 0.55, 0.54], "over-fitting; stop earlier"),
        ([NAN] * 7, "over-fitting; stop earlier"),
    ],
)
def test_nobody_is_told_to_stop_earlier_than_the_best_mean_iou(
    mean_iou: list[float], said: str
) -> None:
    history = losses(*OVERFITTED)
    assert said in caution(
        [{**row, "val_mean_iou": v} for row, v in zip(history, mean_iou, strict=True)]
    )


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ([], []),
        ([3, 2, 1], [1, 2, 3]),
        ([4, 3.6, 3.2, 2.9, 2.6, 2.3], [5, 4.5, 4, 3.6, 3.2, 2.9]),
        ([4, 2, 1, 0.9, 0.9, 0.9, 0.9], [4, 2, 1, 1, 1.01, 1.02, 1.0]),
        # one lucky epoch, then as before: 1.0 at the end is 100 % above 0.5 and means nothing
        ([4, 3, 2, 1.5, 1.2, 1, 0.9, 0.8], [3, 1, 1, 0.5, 1, 1, 1, 1]),
        # one unlucky last epoch
        ([4, 3, 2, 1.5, 1.2, 1, 0.9, 0.8], [3, 2, 1, 1, 1, 1, 1, 3]),
        # up and down by a fifth, lowest at epoch 4: noise
        ([5, 4, 3, 2.5, 2, 1.8, 1.6, 1.4], [1.2, 0.8, 1.2, 0.8, 1.2, 0.8, 1.2, 0.8]),
    ],
)
def test_nothing_is_said_when_there_is_nothing_to_say(train: list[float], val: list[float]) -> None:
    assert caution(losses(train, val)) == ""


@pytest.mark.parametrize("num_epochs", [12, 40])
def test_noise_on_a_level_loss_is_seldom_called_over_fitting(num_epochs: int) -> None:
    rng = np.random.default_rng(0)
    train = [2 / (1 + epoch) for epoch in range(num_epochs)]
    noisy = 1 + 0.1 * rng.standard_normal((200, num_epochs))
    alarms = sum(bool(caution(losses(train, row.tolist()))) for row in noisy)
    assert alarms <= 30  # 15 % of 200; comparing with the lowest epoch gives 80 and more


@pytest.mark.parametrize("num_epochs", [12, 40])
def test_a_rise_by_half_is_found_below_noise(num_epochs: int) -> None:
    rng = np.random.default_rng(0)
    train = [2 / (1 + epoch) for epoch in range(num_epochs)]
    rising = 1 + 0.8 * np.maximum(0, np.arange(num_epochs) / num_epochs - 0.4)
    noisy = rising * (1 + 0.05 * rng.standard_normal((200, num_epochs)))
    found = sum("over-fitting" in caution(losses(train, row.tolist())) for row in noisy)
    assert found >= 170


def test_accuracy_in_training_is_drawn_where_it_is_recorded() -> None:
    history = [{"epoch": e, "val_pixel_accuracy": e / 4} for e in (1, 2)]
    assert elements(accuracy_chart(history), "polyline", "train") == []
    both = [{**row, "train_pixel_accuracy": 0.5} for row in history]
    assert len(elements(accuracy_chart(both), "polyline", "train")) == 1
    assert len(elements(accuracy_chart(both), "polyline", "val")) == 1


def test_epochs_without_validation_do_not_count_in_the_remark() -> None:
    train = [3.0, 2.9, 2, 1.9, 1.5, 1.4, 1.2, 1.1, 1, 0.9, 0.8, 0.7]
    val = [3.0, NAN, 2, NAN, 1, NAN, 1.2, NAN, 1.3, NAN, 1.4, NAN]
    assert "rose by 8 % since epoch 5 " in overfitting_remark(losses(train, val))


def test_a_validation_every_second_epoch_is_still_one_curve() -> None:

    history = [
        {"epoch": e, "train_loss": 1 / e, "val_loss": 1 / e if e % 2 == 0 else NAN}
        for e in range(1, 9)
    ]
    curve = re.search(r'class="curve val" points="([^"]*)"', str(loss_chart(history)))
    assert curve is not None
    assert len(curve[1].split()) == 4
