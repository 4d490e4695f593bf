"""How deep in a model each parameter lies, for learning rates that fall towards the input."""

import itertools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tessella.models.segmenter import Segmenter

# not subclasses: those are blocks that somebody gave a name
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


class _Unit(NamedTuple):
    """A block or a single layer of an encoder."""

    module: nn.Module
    names: list[str]
    """Its parameters, and those that stand beside it: class tokens, position embeddings."""

    @property
    def is_layer(self) -> bool:
        """Whether it is a single layer."""
        return self.is_norm or not any(True for _ in self.module.children())

    @property
    def is_norm(self) -> bool:
        """Whether it only scales and shifts channels."""
        return all(parameter.ndim < 2 for parameter in self.module.parameters())


def depth_of_parameters(segmenter: Segmenter) -> dict[str, int]:
    """The depth of every parameter: 0 at the encoder's input, the largest in decoder and head.

    The encoder's layers up to its first block are depth 0; then each block counts one (a residual
    block, a transformer block, an inverted bottleneck; a whole stage where it is one module). In
    an encoder of single layers each convolution counts one. Norms go with the layer before them.
    Layers count in the order in which they compute (the last time, where they do so more than
    once), which one small image tells; layers that compute nothing come after those that were
    defined before them.

    Args:
        segmenter: computes one image on its own device; left as it was.

    Returns:
        Name of a parameter -> depth. All 0 without an encoder.

    Source: layer-wise decay as in Clark et al. 2020 (ELECTRA), arXiv:2003.10555, section 3.1 and
    appendix A; for images Bao et al. 2022 (BEiT), arXiv:2106.08254, section 3.
    """
    names = {id(parameter): name for name, parameter in segmenter.named_parameters()}
    prefix = segmenter.encoder_prefix
    if prefix is None:
        return dict.fromkeys(names.values(), 0)
    encoder = segmenter.get_submodule(prefix.removesuffix("."))
    while len(inner := _with_parameters(encoder)) == 1:
        (encoder,) = inner
    levels = _levels(_in_order_of_computing(segmenter, _units(encoder, names)))
    depths = {n: depth for depth, level in enumerate(levels) for unit in level for n in unit.names}
    return {n: depths.get(n, 0 if n.startswith(prefix) else len(levels)) for n in names.values()}


def _units(module: nn.Module, names: dict[int, str]) -> list[_Unit]:
    """What is inside a module that is a row of blocks or layers, in the order of definition."""
    units: list[_Unit] = []
    for child in _with_parameters(module):
        if _is_row(child):
            units += _units(child, names)
        else:
            units.append(_Unit(child, [names[id(p)] for p in child.parameters()]))
    beside = [names[id(p)] for p in module.parameters(recurse=False)]
    if not units:
        return [_Unit(module, beside)]
    return [_Unit(units[0].module, beside + units[0].names), *units[1:]]


def _with_parameters(module: nn.Module) -> list[nn.Module]:
    return [child for child in module.children() if any(True for _ in child.parameters())]


def _is_row(module: nn.Module) -> bool:
    """Whether a module's children follow one another: a container, or a stage of a transformer."""
    blocks = dict(module.named_children()).get("blocks")
    return type(module) in _CONTAINERS or type(blocks) in _CONTAINERS


def _in_order_of_computing(segmenter: Segmenter, units: list[_Unit]) -> list[_Unit]:
    """Units by when one of their modules last computed; idle ones stay behind those before."""
    calls: dict[int, int] = {}
    clock = itertools.count()

    def note(module: nn.Module, _: tuple[Tensor, ...]) -> None:
        calls[id(module)] = next(clock)

    inside = {id(m): m for unit in units for m in unit.module.modules()}
    hooks = [module.register_forward_pre_hook(note) for module in inside.values()]
    modes = {module: module.training for module in segmenter.modules()}
    side = segmenter.min_size
    images = torch.zeros(1, segmenter.in_channels, side, side, device=segmenter.mean.device)
    try:
        with torch.no_grad():
            segmenter.eval()(images)
    finally:
        for hook in hooks:
            hook.remove()
        for module, training in modes.items():
            module.training = training
    times = []
    for unit in units:
        called = [calls[id(m)] for m in unit.module.modules() if id(m) in calls]
        times.append(max(called) if called else max(times[-1:], default=-1))
    order = sorted(range(len(units)), key=times.__getitem__)
    return [units[index] for index in order]


def _levels(units: list[_Unit]) -> list[list[_Unit]]:
    """Units of one depth together: norms with what they follow, single layers before the blocks."""
    has_blocks = not all(unit.is_layer for unit in units)
    levels: list[list[_Unit]] = []
    for unit in units:
        in_stem = has_blocks and all(before.is_layer for level in levels for before in level)
        if levels and (unit.is_norm or (unit.is_layer and in_stem)):
            levels[-1].append(unit)
        else:
            levels.append([unit])
    return levels
