"""Training some parameters only, and keeping the layers of all others exactly as they are."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

from torch import nn

from tessella.errors import UsageError
from tessella.models.segmenter import Segmenter
from tessella.suggestion import did_you_mean, some

Choice = Literal["encoder", "all_but_head"] | Sequence[str]
"""Which parameters to freeze: a part of the model, or patterns of names."""


def freeze(segmenter: Segmenter, choice: Choice) -> int:
    """Make some parameters untrainable, until `unfreeze`.

    Parameters that no output depends on are untrainable already and stay so for good. Freezing
    twice freezes both choices. Normalisation layers need `keep_frozen_in_eval` besides.

    Args:
        segmenter: changed in place.
        choice: "encoder"; "all_but_head", which leaves the layers that give one channel per class
            (of the auxiliary head too); or patterns such as "network.encoder.layer1.*", where *
            stands for any characters and ? for one.

    Returns:
        How many numbers are not learnt any more because of this call.

    Raises:
        UsageError: the choice is unknown, a pattern matches no name, the model's parts are not
            known, or nothing would be left to learn.
    """
    chosen = _chosen_names(segmenter, choice)
    learnt = {n: p for n, p in segmenter.named_parameters() if p.requires_grad}
    frozen = {name: p for name, p in learnt.items() if name in chosen}
    if len(frozen) == len(learnt):
        raise UsageError(
            f"freeze {choice!r}: leaves none of the {len(learnt)} trainable parameters to learn; "
            "freeze fewer."
        )
    for parameter in frozen.values():
        parameter.requires_grad_(False)
        parameter.grad = None
    segmenter.frozen_by_choice |= frozen.keys()
    return sum(parameter.numel() for parameter in frozen.values())


def unfreeze(segmenter: Segmenter) -> int:
    """Make trainable again what `freeze` made untrainable, and nothing else.

    Returns:
        How many numbers are learnt again because of this call; 0 when nothing was frozen.
    """
    again = [p for n, p in segmenter.named_parameters() if n in segmenter.frozen_by_choice]
    for parameter in again:
        parameter.requires_grad_(True)
    segmenter.frozen_by_choice = frozenset()
    return sum(parameter.numel() for parameter in again)


def keep_frozen_in_eval(module: nn.Module) -> None:
    """Put every part of which nothing is learnt into evaluation mode.

    To be called after each `.train()`: otherwise the running statistics of frozen normalisation
    layers drift and frozen dropout acts, so the frozen part changes all the same. Parts without
    parameters follow what they are in: dropout in a frozen encoder stops, dropout between layers
    that are learnt acts.

    Args:
        module: a model, wrapped or not; changed in place.
    """
    parameters = list(module.parameters())
    if not parameters:
        return
    if not any(parameter.requires_grad for parameter in parameters):
        module.eval()
        return
    for child in module.children():
        keep_frozen_in_eval(child)


def _chosen_names(segmenter: Segmenter, choice: Choice) -> set[str]:
    names = [name for name, _ in segmenter.named_parameters()]
    if choice == "encoder":
        prefix = segmenter.encoder_prefix
        if prefix is None:
            raise UsageError(_unknown_part("encoder", names))
        return {name for name in names if name.startswith(prefix)}
    if choice == "all_but_head":
        if not segmenter.head_prefixes:
            raise UsageError(_unknown_part("head", names))
        return {name for name in names if not name.startswith(segmenter.head_prefixes)}
    if isinstance(choice, str):
        clue = did_you_mean(choice, ("encoder", "all_but_head")) or "."
        raise UsageError(
            f"freeze: got {choice!r}{clue} Expected encoder, all_but_head or a list of patterns of "
            "parameter names; correct it."
        )
    return {name for pattern in choice for name in _matching(pattern, names)}


def _matching(pattern: str, names: Sequence[str]) -> list[str]:
    found = [name for name in names if fnmatchcase(name, pattern)]
    if not found:
        ends = [*names[:2], *names[-3:]] if len(names) > 5 else names
        clue = did_you_mean(pattern, names) or "."
        raise UsageError(
            f"freeze: pattern {pattern!r} matches no parameter{clue} Expected part of a name such "
            f"as {', '.join(ends)}; correct it (* stands for any characters)."
        )
    return found


def _unknown_part(part: str, names: Sequence[str]) -> str:
    return (
        f"freeze: this network has no layer called {part}, so it is not known which parameters "
        f"that is; name the layer so, or give patterns of parameter names ({some(names)})."
    )
