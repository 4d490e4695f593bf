"""The moving average of weights, by paper and pencil."""

import pytest
import torch
from torch import nn

from tessella.train.average import weight_average


def one_weight(value: float) -> nn.Linear:
    layer = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(value)
    return layer


def averaged(values: list[float], *, decay: float) -> float:
    layer = one_weight(9.0)
    average = weight_average(layer, decay=decay)
    for value in values:
        with torch.no_grad():
            layer.weight.fill_(value)
        average.update_parameters(layer)
    return float(average.module.weight)


def test_the_first_update_forgets_the_random_start() -> None:
    assert averaged([2.0], decay=0.9) == 2.0


# after the first, the share of the old is min(decay, (1 + n) / (10 + n)): 2/11, 3/12, ...
@pytest.mark.parametrize(
    ("decay", "expected"),
    [(0.9, (1.0 * 2 / 11 + 2.0 * 9 / 11) * 3 / 12 + 4.0 * 9 / 12), (0.1, (0.1 + 1.8) * 0.1 + 3.6)],
)
def test_early_updates_count_more_until_the_decay_is_reached(decay: float, expected: float) -> None:
    assert averaged([1.0, 2.0, 4.0], decay=decay) == pytest.approx(expected, rel=1e-6)


def test_it_lies_where_training_will_be() -> None:
    """The weights move to the GPU after the copy is made; meta stands for one here."""
    average = weight_average(one_weight(1.0), decay=0.9, device=torch.device("meta"))
    assert average.module.weight.is_meta  # type: ignore[union-attr]
    assert average.n_averaged.device.type == "cpu"


def test_statistics_of_norm_layers_are_averaged_and_counters_copied() -> None:
    norm = nn.BatchNorm2d(2)
    average = weight_average(norm, decay=0.5)
    average.update_parameters(norm)
    for _ in range(3):
        norm(torch.randn(2, 2, 3, 3) + 5)
    average.update_parameters(norm)
    assert int(average.module.num_batches_tracked) == 3
    expected = norm.running_mean * 9 / 11  # the average held 0 until then
    torch.testing.assert_close(average.module.running_mean, expected)


def test_the_average_asks_for_no_gradients_and_leaves_the_module_alone() -> None:
    layer = one_weight(1.0)
    average = weight_average(layer, decay=0.9)
    average.update_parameters(layer)
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert layer.weight.requires_grad
    assert layer.weight.item() == 1.0
