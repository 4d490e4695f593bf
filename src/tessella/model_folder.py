"""A trained model on disk: weights that cannot run code, and a card that says what they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialize
from torch import Tensor

from tessella.atomic import write_bytes, write_json
from tessella.model_card import ModelCard
from tessella.model_place import CARD, WEIGHTS, card_at, folder_of
from tessella.models.build import build_segmenter
from tessella.models.segmenter import Segmenter


@dataclass(frozen=True)
class StoredModel:
    """What a model folder holds, ready to use."""

    segmenter: Segmenter
    card: ModelCard


def write_model(folder: Path, weights: Mapping[str, Tensor], card: ModelCard) -> None:
    """Write weights and card, each whole or not at all.

    Args:
        folder: made if need be.
        weights: the segmenter's state.
        card: what they are.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    write_bytes(folder / WEIGHTS, serialize(plain, metadata={"format": "pt"}))
    write_json(folder / CARD, card.to_dict())


def read_model(path: Path) -> StoredModel:
    """The model in a run folder or in a model folder, its weights loaded.

    Raises:
        UsageError: there is no model at `path`.
        ValueError: its files are damaged.
    """
    card = card_at(path)
    segmenter = build_segmenter(
        card.model["name"],
        num_classes=card.labels.num_classes,
        in_channels=card.in_channels,
        encoder=card.model["encoder"],
        encoder_weights="none",
        options=card.model["options"],
        accept_noncommercial=card.model["accept_noncommercial"],
    )
    _load_weights(segmenter, folder_of(path) / WEIGHTS)
    return StoredModel(segmenter, card)


def _load_weights(segmenter: Segmenter, file: Path) -> None:
    try:
        segmenter.load_state_dict(load_file(file))
    except (OSError, SafetensorError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{file}: cannot load the weights ({reason}).") from error
