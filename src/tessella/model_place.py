"""Where a model lies in a folder, and the card beside it; neither needs an engine."""

from pathlib import Path

from tessella.errors import UsageError
from tessella.model_card import ModelCard, card_from_json

CARD = "card.json"
WEIGHTS = "model.safetensors"


def folder_of(path: Path) -> Path:
    """The folder with card and weights, in a run or the path itself."""
    return path / "model" if (path / "model").is_dir() else path


def card_at(path: Path) -> ModelCard:
    """The card in a run folder or in a model folder.

    Raises:
        UsageError: there is no model at `path`.
        ValueError: the card is damaged.
    """
    file = folder_of(path) / CARD
    if not file.is_file():
        what = "holds no model" if path.exists() else "does not exist"
        raise UsageError(
            f"{path}: {what}; expected a run folder after its first epoch, a folder with {CARD} "
            f"and {WEIGHTS}, or an exported file."
        )
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: cannot be read ({error}); the model is damaged.") from error
    return card_from_json(text, where=str(file))
