"""Parameters that no output depends on want no gradient."""

import torch
from torch import Tensor, nn


def freeze_unreached(network: nn.Module, images: Tensor) -> None:
    """Make untrainable what the output does not depend on; everything else becomes trainable.

    Several processes that train together wait for a gradient of every parameter that wants one.

    Args:
        network: gives one tensor.
        images: of any size that the network takes; their values don't matter.
    """
    parameters = list(network.parameters())
    output = network.eval()(images)
    network.train()
    gradients = torch.autograd.grad(output.sum(), parameters, allow_unused=True)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.requires_grad_(gradient is not None)
