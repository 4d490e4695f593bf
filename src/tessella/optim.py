"""Optimisers and learning-rate schedules from plain values."""

import math
from collections.abc import Callable, Iterable
from typing import Literal

import torch
from torch import nn


def build_optimizer(
    name: Literal["adamw", "adam", "sgd"],
    groups: list[dict[str, object]],
    *,
    lr: float,
    momentum: float = 0.9,
) -> torch.optim.Optimizer:
    """The optimiser over `parameter_groups`, which hold their own weight decay and rate factor."""
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=lr)
    if name == "adam":
        return torch.optim.Adam(groups, lr=lr)
    return torch.optim.SGD(groups, lr=lr, momentum=momentum, nesterov=momentum > 0)


def parameter_groups(
    model: nn.Module,
    *,
    lr: float,
    weight_decay: float,
    encoder_lr_factor: float,
    encoder_prefix: str,
) -> list[dict[str, object]]:
    """Trainable parameters by (encoder or not) x (decayed or not).

    Biases and the scales of norm layers, all one-dimensional, are not decayed.

    Args:
        model: any module.
        lr: peak learning rate.
        weight_decay: for everything that is decayed.
        encoder_lr_factor: the encoder's rate as a share of `lr`.
        encoder_prefix: parameters whose name starts with it are the encoder's.
    """
    groups: list[dict[str, object]] = []
    for in_encoder in (False, True):
        for decayed in (False, True):
            chosen = [
                parameter
                for name, parameter in model.named_parameters()
                if parameter.requires_grad
                and name.startswith(encoder_prefix) == in_encoder
                and (parameter.ndim > 1) == decayed
            ]
            if chosen:
                groups.append(
                    {
                        "params": chosen,
                        "lr": lr * (encoder_lr_factor if in_encoder else 1.0),
                        "weight_decay": weight_decay if decayed else 0.0,
                    }
                )
    return groups


def rate_at(
    name: Literal["constant", "poly", "cosine", "step"],
    *,
    total_steps: int,
    warmup_steps: int = 0,
    power: float = 0.9,
    steps_per_drop: int = 1,
    gamma: float = 0.5,
) -> Callable[[int], float]:
    """Step number (from 0) -> factor of the peak learning rate, 0..1.

    After a linear warm-up, with p the share of the remaining steps that is done: poly (1 - p) **
    power (Liu et al. 2015, arXiv:1506.04579, section 4.1), cosine (1 + cos(pi p)) / 2 (Loshchilov
    and Hutter 2017, arXiv:1608.03983, equation 5), step gamma ** (drops so far).
    """

    def factor(step: int) -> float:
        if step < warmup_steps:
            return (step + 1) / (warmup_steps + 1)
        done = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
        if name == "poly":
            return float((1 - done) ** power)
        if name == "cosine":
            return (1 + math.cos(math.pi * done)) / 2
        if name == "step":
            return float(gamma ** (step // steps_per_drop))
        return 1.0

    return factor


def build_schedule(
    optimizer: torch.optim.Optimizer, factor: Callable[[int], float]
) -> torch.optim.lr_scheduler.LambdaLR:
    """A schedule that multiplies each group's own peak rate by `factor(step)`."""
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def trainable_count(parameters: Iterable[nn.Parameter]) -> int:
    """How many numbers will be learnt."""
    return sum(parameter.numel() for parameter in parameters if parameter.requires_grad)
