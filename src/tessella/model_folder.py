"""A trained model on disk: weights that cannot run code, and a card that says what they are."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialize
from torch import Tensor

from tessella.atomic import write_bytes, write_json
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.models.build import build_segmenter
from tessella.models.origin import WeightsOrigin
from tessella.models.segmenter import Segmenter
from tessella.recipe_parts import ModelRecipe

CARD = "card.json"
WEIGHTS = "model.safetensors"
_BUILT_FROM = {"name", "encoder", "options", "accept_noncommercial"}
_NEEDED = {"model", "in_channels", "labels", "precision"}


@dataclass(frozen=True)
class StoredModel:
    """What a model folder holds, ready to use."""

    segmenter: Segmenter
    labels: LabelMap
    precision: str
    """fp32, bf16 or fp16: what it was trained in."""


def write_model(
    folder: Path,
    weights: Mapping[str, Tensor],
    *,
    recipe: ModelRecipe,
    labels: LabelMap,
    precision: str,
    score: Mapping[str, Any],
    weights_from: WeightsOrigin | None = None,
) -> None:
    """Write weights and card, each whole or not at all.

    Args:
        folder: made if need be.
        weights: the segmenter's state.
        recipe: how its network is built.
        labels: what its classes mean.
        precision: what it was trained in.
        score: name -> value on the validation split, for whoever reads the card.
        weights_from: the pretrained weights that training began with, and their licence.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    write_bytes(folder / WEIGHTS, serialize(plain, metadata={"format": "pt"}))
    card = {
        "format": 1,
        "model": recipe.model_dump(mode="json", include=_BUILT_FROM),
        "encoder_weights": recipe.encoder_weights,
        "pretrained": asdict(weights_from) if weights_from else None,
        "in_channels": 3,
        "labels": labels.as_indices().to_dict(),
        "precision": precision,
        "validation": dict(score),
    }
    write_json(folder / CARD, card)


def read_model(path: Path) -> StoredModel:
    """The model in a run folder or in a model folder, its weights loaded.

    Raises:
        UsageError: there is no model at `path`.
        ValueError: its files are damaged.
    """
    folder = path / "model" if (path / "model").is_dir() else path
    if not (folder / CARD).is_file():
        what = "holds no model" if path.exists() else "does not exist"
        raise UsageError(
            f"{path}: {what}; expected a run folder after its first epoch, or a folder with "
            f"{CARD} and {WEIGHTS}."
        )
    card = _read_card(folder / CARD)
    labels = LabelMap.from_dict(card["labels"])
    segmenter = build_segmenter(
        card["model"]["name"],
        num_classes=labels.num_classes,
        in_channels=card["in_channels"],
        encoder=card["model"]["encoder"],
        encoder_weights="none",
        options=card["model"]["options"],
        accept_noncommercial=card["model"]["accept_noncommercial"],
    )
    _load_weights(segmenter, folder / WEIGHTS)
    return StoredModel(segmenter, labels, card["precision"])


def _read_card(file: Path) -> dict[str, Any]:
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: cannot be read ({error}); the model is damaged.") from error
    if not isinstance(card, dict) or (missing := _NEEDED - set(card)):
        lacks = ", ".join(sorted(missing)) if isinstance(card, dict) else "everything"
        raise ValueError(f"{file}: lacks {lacks}; the model is damaged.")
    return card


def _load_weights(segmenter: Segmenter, file: Path) -> None:
    try:
        segmenter.load_state_dict(load_file(file))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{file}: cannot load the weights ({reason}).") from error
