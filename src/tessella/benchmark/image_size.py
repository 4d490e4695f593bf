"""At which size models are timed: as asked for, as they take it, or as their images are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tessella.errors import UsageError
from tessella.model_place import card_at
from tessella.source import data_of, source_of

DEFAULT = (360, 480)
"""Height and width where nothing says how large the images are."""


class ChosenSize(NamedTuple):
    """Height and width, and why these."""

    size: tuple[int, int]
    reason: str


def choose_size(
    asked: tuple[int, int] | None,
    *,
    fixed: Mapping[Path, tuple[int, int]],
    models: Sequence[Path],
) -> ChosenSize:
    """The size of the images.

    Args:
        asked: what a person asked for.
        fixed: files that a person named and that take one size only, with that size.
        models: those whose data may tell, the first that does counts.

    Raises:
        UsageError: two files need different sizes, or one another than was asked for.
    """
    if asked is None and not fixed:
        return _size_of_data(models)
    wanted, reason = (asked, "as asked for") if asked else _only_size(fixed)
    for file, takes in fixed.items():
        if takes != wanted:
            raise UsageError(
                f"{file}: takes images of {text_of(takes)} only, not {text_of(wanted)}; give "
                f"--size {takes[0]}x{takes[1]}, or leave this file out."
            )
    return ChosenSize(wanted, reason)


def text_of(size: tuple[int, int]) -> str:
    """The size in words: "360 x 480 (height x width)"."""
    return f"{size[0]} x {size[1]} (height x width)"


def _only_size(fixed: Mapping[Path, tuple[int, int]]) -> tuple[tuple[int, int], str]:
    file, size = next(iter(fixed.items()))
    return size, f"the only size that {file.name} takes"


def _size_of_data(models: Sequence[Path]) -> ChosenSize:
    for model in models:
        size = _first_image(model)
        if size is not None:
            return ChosenSize(size, f"as the images that {model} learnt from")
    return ChosenSize(DEFAULT, "the usual one: nothing here says how large the images are")


def _first_image(model: Path) -> tuple[int, int] | None:
    try:
        card = card_at(model) if model.is_dir() else None
        data = data_of(model, card)
    except (ValueError, OSError):
        return None
    for split in dict.fromkeys((data.test_split, data.val_split, data.train_split)):
        try:
            dataset = source_of(data).open(split)
            height, width = dataset[0].image.shape[:2]
        except (ValueError, OSError, IndexError, ImportError):
            continue  # the data is elsewhere, or this split has no masks, say
        return height, width
    return None
