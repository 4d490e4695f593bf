"""A moving average of the weights while they change; it scores better than the last step's."""

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def weight_average(
    module: nn.Module, *, decay: float, device: torch.device | None = None
) -> AveragedModel:
    """A copy of `module` whose `update_parameters(module)` moves it towards the present weights.

    After n updates the share of the old average is min(decay, (1 + n) / (10 + n)): early steps,
    far from where training ends, are soon forgotten. Statistics of norm layers are averaged too.

    Args:
        module: what is trained.
        decay: share of the old average in the long run, 0..1, e.g. 0.999.
        device: where `module` will be when it is trained; None: where it is.
    """

    @torch.no_grad()
    def move(averaged: Tensors, current: Tensors, num_averaged: Tensor | int) -> None:
        done = int(num_averaged)
        share = 1 - min(decay, (1 + done) / (10 + done))
        if averaged[0].is_floating_point():
            torch._foreach_lerp_(list(averaged), list(current), share)  # noqa: SLF001  no public name yet
        else:
            for old, new in zip(averaged, current, strict=True):
                old.copy_(new)

    average = AveragedModel(module, device=device, multi_avg_fn=move, use_buffers=True)
    # counted on the host: the share is then known without asking the device
    average.n_averaged = torch.zeros((), dtype=torch.long)
    return average.requires_grad_(False)
