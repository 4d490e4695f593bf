"""Weights spread over processes; training with them is in test_launch."""

import torch
from torch import nn

from tessella.train import sharding
from tessella.train.sharding import is_sharded, read_optimizer, read_weights, whole, write_weights


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3))


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 3, 1)
        self.stage = nn.Sequential(Block(), Block())
        self.head = nn.Conv2d(3, 2, 1)


def test_blocks_that_a_network_repeats_are_gathered_by_themselves() -> None:
    network = Network()
    assert sharding._blocks(network) == [network.stage[0], network.stage[1]]


def test_a_network_without_repeated_blocks_is_gathered_as_one() -> None:
    assert sharding._blocks(nn.Sequential(nn.Conv2d(3, 3, 1), Block())) == []


def test_weights_that_are_not_spread_are_read_and_written_as_they_are() -> None:
    network, other = Network(), Network()
    assert not is_sharded(network)
    with whole(network):
        write_weights(other, read_weights(network))
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    assert read_optimizer(network, optimizer) == optimizer.state_dict()
