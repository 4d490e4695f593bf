"""Which samples of a split a figure shows: by index, by name, or spread over the split."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from tessella.data.dataset import Dataset
from tessella.data.spread import spread
from tessella.errors import UsageError
from tessella.suggestion import unknown_name

NUM_SAMPLES = 4
"""Samples shown when nobody says which."""


def choose(
    dataset: Dataset, *, split: str, indices: Sequence[int] = (), names: Sequence[str] = ()
) -> list[int]:
    """Indices of the samples to show, in the order asked for, none twice.

    Args:
        dataset: the split.
        split: its name, for messages.
        indices: counted from 0.
        names: of samples; the last part of a name will do where only one sample has it.

    Raises:
        UsageError: both are given, or there is no such sample.
        ValueError: the split is empty.
    """
    if indices and names:
        raise UsageError("figures: samples are given by index and by name; give one of the two.")
    if not len(dataset):
        raise ValueError(f"figures: split {split!r} is empty; choose one that has samples.")
    if names:
        chosen = _by_name(dataset.names, names, split=split)
    else:
        chosen = list(indices) or spread(len(dataset), NUM_SAMPLES)
    for index in chosen:
        if not 0 <= index < len(dataset):
            raise UsageError(
                f"figures: split {split!r} has {len(dataset)} samples, 0..{len(dataset) - 1}; "
                f"there is no {index}; give one of these."
            )
    return list(dict.fromkeys(chosen))


def _by_name(known: Sequence[str], names: Sequence[str], *, split: str) -> list[int]:
    places = {name: index for index, name in enumerate(known)}
    last_parts: dict[str, list[int]] = {}
    for index, name in enumerate(known):
        last_parts.setdefault(PurePosixPath(name).name, []).append(index)
    chosen = []
    for name in names:
        if name in places:
            chosen.append(places[name])
            continue
        matches = last_parts.get(name, [])
        if len(matches) > 1:
            listed = ", ".join(known[index] for index in matches[:6])
            raise UsageError(
                f"figures: {len(matches)} samples of split {split!r} end in {name!r}; expected "
                f"one; give its whole name: {listed}."
            )
        if not matches:
            raise UsageError(
                f"figures: {unknown_name(f'sample of split {split!r}', name, known, most=6)}"
            )
        chosen.append(matches[0])
    return chosen
