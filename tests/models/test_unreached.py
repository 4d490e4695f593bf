"""Which parameters the output depends on."""

import torch
from torch import Tensor, nn

from tessella.models.unreached import freeze_unreached


class Detour(nn.Module):
    """Uses one of its two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.used = nn.Conv2d(1, 1, 1)
        self.idle = nn.Conv2d(1, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.used(images)


def test_only_parameters_that_the_output_depends_on_stay_trainable():
    network = Detour()
    freeze_unreached(network, torch.zeros(1, 1, 2, 2))
    trainable = [name for name, p in network.named_parameters() if p.requires_grad]
    assert trainable == ["used.weight", "used.bias"]


def test_norm_statistics_are_left_as_they_were_and_training_goes_on():
    network = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
    before = network[1].running_mean.clone()
    freeze_unreached(network, torch.ones(2, 1, 2, 2))
    assert torch.equal(network[1].running_mean, before)
    assert network.training
