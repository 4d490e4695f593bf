"""Means over classes by hand."""

import pytest
import torch

from tessella.losses.class_mean import mean_over_classes

COSTS = torch.tensor([[0.2, 0.6, 1.0], [0.5, 0.1, 0.9]], requires_grad=True)
PIXELS = torch.tensor([[4.0, 1.0, 0.0], [0.0, 7.0, 0.0]])
WEIGHTS = torch.tensor([1.0, 3.0, 4.0])


@pytest.mark.parametrize(
    ("classes", "weights", "expected"),
    [
        ("present", None, (0.4 + 0.1) / 2),
        ("present", WEIGHTS, ((0.2 + 1.8) / 4 + 0.1) / 2),
        ("all", None, (0.6 + 0.5) / 2),
        ("all", WEIGHTS, ((0.2 + 1.8 + 4) / 8 + (0.5 + 0.3 + 3.6) / 8) / 2),
    ],
)
def test_classes_are_averaged_in_each_group_and_then_the_groups(
    classes: str, weights: torch.Tensor | None, expected: float
) -> None:
    mean = mean_over_classes(COSTS, PIXELS, classes=classes, class_weights=weights)
    assert mean.item() == pytest.approx(expected)


@pytest.mark.parametrize("classes", ["present", "all"])
def test_groups_without_labels_are_left_out(classes: str) -> None:
    pixels = PIXELS * torch.tensor([[1.0], [0.0]])
    mean = mean_over_classes(COSTS, pixels, classes=classes, class_weights=None)
    assert mean.item() == pytest.approx(0.4 if classes == "present" else 0.6)


@pytest.mark.parametrize("classes", ["present", "all"])
def test_no_labels_at_all_give_0_with_a_gradient_of_0(classes: str) -> None:
    mean = mean_over_classes(COSTS, 0 * PIXELS, classes=classes, class_weights=None)
    assert mean.item() == 0
    assert not torch.autograd.grad(mean, COSTS)[0].any()


def test_groups_whose_classes_weigh_0_are_left_out() -> None:
    weights = torch.tensor([1.0, 0.0, 1.0])  # the second group has class 1 only
    mean = mean_over_classes(COSTS, PIXELS, classes="present", class_weights=weights)
    assert mean.item() == pytest.approx(0.2)
