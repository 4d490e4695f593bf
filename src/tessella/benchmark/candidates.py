"""What is timed: every engine that opens a model, in every precision that may be worth it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tessella.backends import BACKENDS, engines_for
from tessella.errors import UsageError
from tessella.model_place import WEIGHTS, card_at, folder_of
from tessella.run import Run

FAST = "auto"
"""The precision that a device computes fast: bf16 on much hardware, else fp32 once more."""

_OF_FOLDERS = ("fp32", FAST)


@dataclass(frozen=True)
class Candidate:
    """One model behind one engine in one precision; it gets a process of its own."""

    path: Path
    engine: str
    precision: str | None
    """What is asked of the engine; None: what the file was exported in."""

    was_named: bool
    """Whether a person named this path; else it was found in the folder of a run."""

    @property
    def file_bytes(self) -> int:
        """Size of the file, or of the weights in the folder."""
        file = self.path if self.path.is_file() else folder_of(self.path) / WEIGHTS
        return file.stat().st_size


def candidates_of(models: Iterable[Path]) -> list[Candidate]:
    """Everything to time of some models, in their order, nothing twice.

    A run folder stands for its weights and for every file in its `export/`.

    Args:
        models: run folders, model folders and exported files.

    Raises:
        UsageError: one of them is no model.
        ValueError: a card is damaged.
    """
    found: dict[tuple[Path, str, str | None], Candidate] = {}
    for model in models:
        for candidate in _of_file(model) if _is_for_files(model) else _of_folder(model):
            key = (candidate.path.resolve(), candidate.engine, candidate.precision)
            if key not in found or candidate.was_named:
                found[key] = candidate
    return list(found.values())


def _is_for_files(model: Path) -> bool:
    return bool(BACKENDS[engines_for(model)[0]].endings)


def _of_file(file: Path, *, was_named: bool = True) -> list[Candidate]:
    if not file.is_file():
        what = "is a folder; expected a file" if file.is_dir() else "there is no such file"
        raise UsageError(f"{file}: {what}.")
    return [Candidate(file, engine, None, was_named) for engine in engines_for(file)]


def _of_folder(folder: Path) -> list[Candidate]:
    card_at(folder)  # says so where there is no model
    (engine,) = engines_for(folder)
    found = [Candidate(folder, engine, precision, True) for precision in _OF_FOLDERS]
    endings = tuple(ending for entry in BACKENDS.values() for ending in entry.endings)
    for file in sorted(Run(folder).export_folder.glob("*")):
        if file.name.endswith(endings) and file.is_file():
            found += _of_file(file, was_named=False)
    return found
