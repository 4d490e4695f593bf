"""Weights, gradients and the optimiser's state spread over the processes that train together.

Source: Zhao et al. 2023, "PyTorch FSDP", arXiv:2304.11277; here torch's `fully_shard`.
"""

import warnings
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_READ = StateDictOptions(full_state_dict=True, cpu_offload=True)
_WRITE = StateDictOptions(full_state_dict=True)


def shard(module: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """Spread a module's parameters; each block that a network repeats is gathered by itself.

    Args:
        module: changed in place.
        mesh: with a dimension "data_parallel".
    """
    # of the crop that our output is; nobody writes into it
    warnings.filterwarnings("ignore", "FSDP2-wrapped module .* returned a view tensor")
    for parameter in module.parameters():  # channels-last weights cannot be spread
        parameter.data = parameter.data.contiguous()
    for block in _blocks(module):
        fully_shard(block, mesh=mesh["data_parallel"])
    fully_shard(module, mesh=mesh["data_parallel"])
    return module


def _blocks(module: nn.Module) -> list[nn.Module]:
    """The outermost modules with parts of their own whose kind occurs more than once."""
    kinds = Counter(type(part) for part in module.modules() if _is_composite(part))
    found: list[nn.Module] = []

    def walk(part: nn.Module) -> None:
        for child in part.children():
            if _is_composite(child) and kinds[type(child)] > 1:
                found.append(child)
            else:
                walk(child)

    walk(module)
    return found


def _is_composite(module: nn.Module) -> bool:
    has_weights = any(True for _ in module.parameters())
    return has_weights and not isinstance(module, _CONTAINERS) and any(module.children())


def is_sharded(module: nn.Module) -> bool:
    """Whether `shard` spread it."""
    return isinstance(module, FSDPModule)


@contextmanager
def whole(module: nn.Module) -> Iterator[None]:
    """With all weights in every process while the block runs, so that each computes alone."""
    parts = [part for part in module.modules() if isinstance(part, FSDPModule)]
    for part in parts:
        part.set_reshard_after_forward(False)
        part.unshard()
    try:
        yield
    finally:
        for part in parts:
            part.set_reshard_after_forward(True)
            part.reshard()


def read_weights(module: nn.Module) -> dict[str, Any]:
    """The weights by name; spread ones are gathered by all processes, and the first gets them."""
    return (
        get_model_state_dict(module, options=_READ) if is_sharded(module) else module.state_dict()
    )


def write_weights(module: nn.Module, content: Mapping[str, Any]) -> None:
    """Take up what `read_weights` gave, in every process."""
    if is_sharded(module):
        set_model_state_dict(module, dict(content), options=_WRITE)
    else:
        module.load_state_dict(content)


def read_optimizer(module: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """The optimiser's state; of spread weights it is gathered as `read_weights` does."""
    if is_sharded(module):
        return get_optimizer_state_dict(module, optimizer, options=_READ)
    return optimizer.state_dict()


def write_optimizer(
    module: nn.Module, optimizer: torch.optim.Optimizer, content: dict[str, Any]
) -> None:
    """Take up what `read_optimizer` gave, in every process."""
    if not is_sharded(module):
        optimizer.load_state_dict(content)
    elif content["state"]:  # plain SGD has none, which torch does not take
        with _trainable(module, content["state"]):
            set_optimizer_state_dict(module, optimizer, content, options=_WRITE)


@contextmanager
def _trainable(module: nn.Module, names: Container[str]) -> Iterator[None]:
    """With parameters unfrozen while the block runs: torch passes over the state of frozen ones."""
    named = module.named_parameters()
    frozen = [one for name, one in named if name in names and not one.requires_grad]
    for parameter in frozen:
        parameter.requires_grad_(True)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
