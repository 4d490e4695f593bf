"""Weights spread over processes; training with them is in test_launch."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import distributed as dist
from torch import nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from tessella.train import sharding
from tessella.train.sharding import (
    is_sharded,
    read_optimizer,
    read_weights,
    shard,
    whole,
    write_optimizer,
    write_weights,
)


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


@pytest.fixture
def mesh() -> Iterator[DeviceMesh]:
    """Of this process alone, with all that is done for several."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        yield init_device_mesh("cpu", (1,), mesh_dim_names=("data_parallel",))
    finally:
        dist.destroy_process_group()


def spread(mesh: DeviceMesh, *, frozen: bool) -> nn.Module:
    network = shard(nn.Sequential(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 2, 1)), mesh)
    if frozen:
        network[0].requires_grad_(False)  # type: ignore[index]
    return network


OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=0.1),
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "plain sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.1),
}


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_state_of_every_optimiser_is_taken_up_whole(
    name: str, frozen: bool, mesh: DeviceMesh
) -> None:
    """Also of what is frozen again at that moment: it is unfrozen when its epoch comes."""
    network = spread(mesh, frozen=False)
    optimizer = OPTIMIZERS[name](network.parameters())
    network(torch.randn(1, 3, 4, 4)).sum().backward()
    optimizer.step()
    state = read_optimizer(network, optimizer)
    resumed = spread(mesh, frozen=frozen)
    again = OPTIMIZERS[name](resumed.parameters())
    write_optimizer(resumed, again, state)
    assert [one.requires_grad for one in resumed.parameters()] == [not frozen] * 2 + [True] * 2
    resumed.requires_grad_(True)
    for index, moments in state["state"].items():
        for key, tensor in moments.items():
            found = read_optimizer(resumed, again)["state"][index][key]
            assert torch.equal(found, tensor), f"{index}.{key}"
