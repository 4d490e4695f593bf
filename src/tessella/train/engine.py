"""What computes: the devices, the processes on them, and the precision, by Lightning Fabric."""

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from lightning_fabric.strategies import DDPStrategy, ModelParallelStrategy
from torch import Tensor, nn

from tessella.backends.torch import Precision, resolve_device, resolve_precision
from tessella.cores import threads_each
from tessella.errors import UsageError
from tessella.rank import Rank, this_rank
from tessella.recipe import Recipe
from tessella.train.ranks import PATIENCE, Ranks
from tessella.train.sharding import shard

# Fabric's names of our precisions
_FABRIC_PRECISION: Mapping[Precision, str] = {
    "fp32": "32-true",
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
}

MEETING_PLACE = "TESSELLA_MEETING_PLACE"
"""Environment variable: the file by which processes that we started find one another."""


class Engine(NamedTuple):
    """Where training computes, and how."""

    fabric: Fabric
    precision: Precision
    ranks: Ranks


def start_engine(recipe: Recipe, *, alone: bool = False) -> Engine:
    """Choose the device and join the other processes, if there are any.

    Args:
        recipe: says how many there are to be; those who started them have the last word.
        alone: train in this process only, whatever the recipe says.

    Raises:
        UsageError: the recipe wants what one of its other choices or the hardware excludes.
        ValueError: a device or a process is not there.
    """
    choice = recipe.train
    device = resolve_device(choice.device)
    precision = resolve_precision(choice.precision, device)
    rank = Rank() if alone else this_rank()
    if not alone:
        _check_number(recipe, rank)
    if rank.count == 1:
        fabric = _fabric(device, precision, devices=1, plugins=[LightningEnvironment()])
        return Engine(fabric, precision, Ranks())
    _refuse_what_cannot_be_shared(recipe, device, rank)
    fabric = _fabric(
        device,
        precision,
        devices=rank.local_count,
        num_nodes=rank.machines,
        strategy=_strategy(recipe, rank),
        plugins=[cluster_of(rank)],
    )
    if device.type == "cpu":
        torch.set_num_threads(threads_each(rank))
    if place := os.environ.get(MEETING_PLACE):
        torch.distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            init_method=f"file://{place}",
            rank=rank.index,
            world_size=rank.count,
            timeout=PATIENCE,
        )
    fabric.launch()
    return Engine(fabric, precision, Ranks(rank))


def _fabric(device: torch.device, precision: Precision, **choices: Any) -> Fabric:
    with warnings.catch_warnings():
        # who started us is said by a plugin
        warnings.filterwarnings("ignore", "The `srun` command is available")
        return Fabric(
            accelerator=device.type,
            precision=_FABRIC_PRECISION[precision],  # type: ignore[arg-type]
            **choices,
        )


def _strategy(recipe: Recipe, rank: Rank) -> DDPStrategy | ModelParallelStrategy:
    if recipe.train.strategy == "fsdp":
        return ModelParallelStrategy(
            shard,
            data_parallel_size=rank.count,
            tensor_parallel_size=1,
            timeout=PATIENCE,
        )
    return DDPStrategy(
        timeout=PATIENCE,
        gradient_as_bucket_view=True,
        # what is frozen until an epoch gives no gradient before it
        find_unused_parameters=recipe.model.unfreeze_epoch is not None,
    )


def _check_number(recipe: Recipe, rank: Rank) -> None:
    choice = recipe.train
    wanted = choice.devices * choice.nodes
    if wanted not in (1, rank.count):
        raise UsageError(
            f"train.devices={choice.devices} and train.nodes={choice.nodes} make {wanted} "
            f"processes, but {rank.count} {'was' if rank.count == 1 else 'were'} started; start "
            "as many on each machine by torchrun or Slurm, or change the recipe."
        )


def _refuse_what_cannot_be_shared(recipe: Recipe, device: torch.device, rank: Rank) -> None:
    if device.type == "mps":
        raise UsageError("train.devices: an Apple GPU is one device; set train.devices=1.")
    if device.type == "cuda" and rank.local_count > torch.cuda.device_count():
        raise UsageError(
            f"{rank.local_count} processes were asked for and this machine has "
            f"{torch.cuda.device_count()} GPUs; a process needs one of its own. Lower "
            "train.devices."
        )
    if recipe.train.strategy == "fsdp" and recipe.train.ema_decay:
        raise UsageError(
            "train.strategy=fsdp: spreads the weights, of which train.ema_decay keeps a second "
            "copy in each process; set train.ema_decay=0 or train.strategy=ddp."
        )
    if recipe.train.sync_norm and device.type != "cuda":
        raise UsageError(
            "train.sync_norm: torch joins the statistics of norm layers on GPUs only; leave it "
            "out, or choose a model with group norm."
        )


def cluster_of(rank: Rank) -> ClusterEnvironment:
    """Who started this process, and so where the first one is met.

    Raises:
        UsageError: Slurm was told too little to say so.
    """
    try:
        if rank.starter == "slurm":
            return SLURMEnvironment(auto_requeue=False)
        is_torchrun = torch.distributed.is_torchelastic_launched()
        return TorchElasticEnvironment() if is_torchrun else LightningEnvironment()
    except RuntimeError as error:  # srun without --ntasks-per-node
        raise UsageError(str(error)) from error


class Scored(nn.Module):
    """A module as it computes outside of training: this process alone, in the run's precision."""

    def __init__(self, module: nn.Module, fabric: Fabric) -> None:
        super().__init__()
        self.module, self._fabric = module, fabric

    def forward(self, images: Tensor) -> Tensor:
        with self._fabric.autocast():
            return self.module(images).float()


@contextmanager
def deterministic(*, wanted: bool) -> Iterator[None]:
    """Have torch take the same way each time, or say what cannot.

    Raises:
        ValueError: an operation of the block has no such way on this device.
    """
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    memory = torch.utils.deterministic
    fills = memory.fill_uninitialized_memory  # type: ignore[attr-defined]
    chooses = torch.backends.cudnn.benchmark
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when a GPU is first used
    torch.use_deterministic_algorithms(True)
    memory.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    try:
        yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        reason = str(error).split(". ")[0]
        raise ValueError(
            f"train.deterministic: {reason}; choose another loss or model, train on a CPU, or "
            "leave train.deterministic out."
        ) from error
    finally:
        torch.use_deterministic_algorithms(before)
        memory.fill_uninitialized_memory = fills  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark = chooses
