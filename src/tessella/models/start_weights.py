"""Starting a model from the weights of another whole model, and saying what was taken."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from tessella.errors import UsageError
from tessella.models.foreign_names import names_within_network
from tessella.models.segmenter import Segmenter
from tessella.models.state_file import read_tensors
from tessella.suggestion import some

WEIGHTS = Path("model.safetensors")
"""Where a model folder keeps its weights."""

_AUXILIARY = "network.auxiliary_head."
_COUNTER = "num_batches_tracked"
_Fate = Literal["matched", "new head", "auxiliary", "shape", "missing", "unknown", "counter"]


@dataclass(frozen=True)
class LoadReport:
    """What became of every tensor of a model and of a file; names are the model's."""

    path: Path
    """The file."""

    matched: tuple[str, ...]
    """Taken from the file."""

    new_head: tuple[str, ...]
    """Class logits of another number of classes: the model's stay as they were."""

    auxiliary: tuple[str, ...]
    """Tensors of an auxiliary head that only the model or only the file has."""

    other_shape: tuple[str, ...]
    """In both, but of another shape: the model's stay as they were."""

    missing: tuple[str, ...]
    """Not in the file: the model's stay as they were."""

    unknown: tuple[str, ...]
    """In the file only: not used."""

    def text(self) -> str:
        """For people: one line a kind, with the first few names."""
        lines = [f"weights from {self.path}: {len(self.matched)} tensors taken"]
        for names, said in (
            (self.new_head, "not taken, the class head is new: the file has other classes"),
            (self.auxiliary, "not taken, the auxiliary head: only one of the two has one"),
            (self.other_shape, "not taken, of another shape"),
            (self.missing, "not in the file, left as they were"),
            (self.unknown, "of the file not used, the model has no such tensor"),
        ):
            if names:
                lines.append(f"  {len(names)} {said} ({some(names)})")
        return "\n".join(lines)


def load_start_weights(segmenter: Segmenter, path: Path, *, allow_partial: bool) -> LoadReport:
    """Fill a model from the weights of another whole model.

    What may differ is said in the report: the layers that give the class logits, where the number
    of classes differs, and the auxiliary head, where only one side has one. Layers of the same
    size are taken though the classes may mean something else. Mean and standard deviation of the
    images are taken where the file has them, because the weights were fitted to them.

    Args:
        segmenter: changed in place, and not at all when the file is refused.
        path: a run folder, a model folder, or a file: a state dict of ours, of torchvision's
            segmentation models, of segmentation_models_pytorch, or of a network alone, bare or
            wrapped ("module.", "model.", "_orig_mod.").
        allow_partial: take what fits although more differs than said above.

    Raises:
        UsageError: there is no such file.
        ValueError: the file is damaged, holds numbers that are not finite, fits nowhere, or
            (without `allow_partial`) not everywhere.
    """
    file = _weights_file(path)
    found = _by_name_in(segmenter, read_tensors(file))
    own = segmenter.state_dict()
    fates = {name: _fate(name, own, found, segmenter.head_prefixes) for name in own | found}

    def names(*wanted: _Fate) -> tuple[str, ...]:
        return tuple(name for name, fate in fates.items() if fate in wanted)

    report = LoadReport(
        file,
        names("matched"),
        names("new head"),
        names("auxiliary"),
        names("shape"),
        names("missing"),
        names("unknown"),
    )
    _refuse(report, own, found, allow_partial=allow_partial)
    segmenter.load_state_dict({name: found[name] for name in report.matched}, strict=False)
    return report


def _weights_file(path: Path) -> Path:
    for file in (path, path / WEIGHTS, path / "model" / WEIGHTS):
        if file.is_file():
            return file
    raise UsageError(
        f"start weights {path}: {'holds no model' if path.exists() else 'does not exist'}; give a "
        f"run folder, a model folder with {WEIGHTS}, or a file of weights."
    )


def _by_name_in(segmenter: Segmenter, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The file's tensors under the segmenter's names."""
    found = {f"network.{n}": t for n, t in names_within_network(tensors).items()}
    for name in ("mean", "std"):
        tensor = next((t for n, t in tensors.items() if n.rpartition(".")[2] == name), None)
        if tensor is not None and tensor.shape == getattr(segmenter, name).shape:
            found[name] = tensor
    return found


def _fate(
    name: str,
    own: Mapping[str, Tensor],
    found: Mapping[str, Tensor],
    head_prefixes: tuple[str, ...],
) -> _Fate:
    in_both = name in own and name in found
    if in_both and own[name].shape == found[name].shape:
        return "matched"
    if in_both:
        # one channel per class: only the first size may differ
        same_inputs = own[name].shape[1:] == found[name].shape[1:]
        return "new head" if same_inputs and name.startswith(head_prefixes) else "shape"
    if name.startswith(_AUXILIARY) and not _has_auxiliary(found if name in own else own):
        return "auxiliary"
    if name in found:
        return "unknown"
    # older files lack batch norm's counter, which only a momentum of None would use
    return "counter" if name.endswith(_COUNTER) or name in ("mean", "std") else "missing"


def _has_auxiliary(names: Collection[str]) -> bool:
    return any(name.startswith(_AUXILIARY) for name in names)


def _refuse(
    report: LoadReport,
    own: Mapping[str, Tensor],
    found: Mapping[str, Tensor],
    *,
    allow_partial: bool,
) -> None:
    broken = [n for n in report.matched if not torch.isfinite(found[n]).all()]
    if broken:
        raise ValueError(
            f"{report.path}: {len(broken)} tensors hold numbers that are not finite "
            f"({some(broken)}); expected a trained model. Choose an earlier checkpoint."
        )
    learnt = [name for name in report.matched if name not in ("mean", "std")]
    if not learnt:
        raise ValueError(
            f"{report.path}: none of its {len(found)} tensors ({some(list(found))}) fits the model "
            f"({some(list(own))}); give the weights of the same model and encoder."
        )
    parts = [
        f"{len(names)} {kind} ({some(names, most=3)})"
        for names, kind in (
            (report.other_shape, "of another shape"),
            (report.missing, "missing"),
            (report.unknown, "not the model's"),
        )
        if names
    ]
    if parts and not allow_partial:
        raise ValueError(
            f"{report.path}: {len(learnt)} of {len(own)} tensors fit, but {'; '.join(parts)}. "
            "Give the weights of the same model, encoder and options, or allow a partial start "
            "to keep what was random."
        )
