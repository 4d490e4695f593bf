"""State dicts of torchvision, of other trainers and of ours, by the names within our networks."""

from collections.abc import Mapping

from torch import Tensor

_TORCHVISION = {
    "backbone.": "encoder.",
    "classifier.": "decoder.",
    "aux_classifier.": "auxiliary_head.",
}

# DistributedDataParallel, torch.compile, and what most trainers call the network in their module
_WRAPPERS = ("module.", "_orig_mod.", "network.", "model.")


def names_within_network(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors by the names that they have within a network of ours.

    Wrappers' prefixes that all names share go away (mean and std of a `Segmenter` do not count,
    and are left out), and the parts of torchvision's segmentation models get our names.
    Segmentation models of segmentation_models_pytorch already have ours.
    """
    found = {name: tensor for name, tensor in tensors.items() if name not in ("mean", "std")}
    while prefix := next((w for w in _WRAPPERS if _all_start(found, w)), None):
        found = {name.removeprefix(prefix): tensor for name, tensor in found.items()}
        found = {name: tensor for name, tensor in found.items() if name not in ("mean", "std")}
    if not any(name.startswith("backbone.") for name in found):
        return found
    return {_of_torchvision(name): tensor for name, tensor in found.items()}


def _all_start(tensors: Mapping[str, Tensor], prefix: str) -> bool:
    return bool(tensors) and all(name.startswith(prefix) for name in tensors)


def _of_torchvision(name: str) -> str:
    for theirs, ours in _TORCHVISION.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name
