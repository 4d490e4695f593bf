"""How far the weights of two runs are apart."""

import math

import torch

from tessella.run import Run
from tessella.train.checkpoint import read_state


def weights_distance(first: Run, second: Run) -> float:
    """The largest difference of any number in the last states' weights; 0 means bit for bit.

    Raises:
        ValueError: a run has no whole state.
    """
    states = [read_state(run.last_checkpoint)["segmenter"] for run in (first, second)]
    if states[0].keys() != states[1].keys():
        return math.inf
    pairs = [(states[0][name], states[1][name]) for name in states[0]]
    return max((_distance(left, right) for left, right in pairs), default=0.0)


def _distance(left: torch.Tensor, right: torch.Tensor) -> float:
    if left.shape != right.shape:
        return math.inf
    if torch.equal(left, right):
        return 0.0
    apart = float((left.double() - right.double()).abs().max())
    return apart if math.isfinite(apart) else math.inf
