"""The places in a sweep's folder."""

from dataclasses import dataclass
from pathlib import Path

from tessella.atomic import leftovers
from tessella.errors import UsageError


@dataclass(frozen=True)
class SweepFolder:
    """The places of a sweep."""

    path: Path

    @property
    def settings_file(self) -> Path:
        """All that the sweep was told."""
        return self.path / "sweep.yaml"

    @property
    def lock_file(self) -> Path:
        """Held while a trial is chosen."""
        return self.path / ".lock"

    @property
    def records(self) -> Path:
        """A JSON document and a lock for each trial."""
        return self.path / "trials"

    @property
    def table_file(self) -> Path:
        """Every trial, a line each."""
        return self.path / "trials.csv"

    @property
    def page_file(self) -> Path:
        """The page to look at."""
        return self.path / "sweep.html"

    def trial_lock_file(self, number: int) -> Path:
        """Held by the process that trains the trial."""
        return self.records / f".{number:03}.lock"

    def record_file(self, number: int) -> Path:
        """What is known of a trial beside its run."""
        return self.records / f"{number:03}.json"


def create_sweep(path: Path) -> SweepFolder:
    """A new, empty folder.

    Raises:
        UsageError: there is something at `path` already.
        OSError: the folder cannot be made.
    """
    refuse_taken(path)
    for unfinished in leftovers(path):
        unfinished.unlink()
    sweep = SweepFolder(path)
    sweep.records.mkdir(parents=True, exist_ok=True)
    return sweep


def refuse_taken(path: Path) -> None:
    """See that a new sweep could be made there.

    Raises:
        UsageError: there is something at `path` already.
    """
    if path.is_dir():
        own = {path / "trials", *leftovers(path)}  # of a process that was killed in this very place
        is_taken = any(entry not in own for entry in path.iterdir())
    else:
        is_taken = path.exists()
    if is_taken:
        raise UsageError(
            f"{path}: is not empty; choose another --out, go on with it by --resume, or delete it."
        )


def open_sweep(path: Path) -> SweepFolder:
    """The sweep at `path`.

    Raises:
        UsageError: there is none.
    """
    sweep = SweepFolder(path)
    if not sweep.settings_file.is_file():
        what = "is no sweep (it has no sweep.yaml)" if path.exists() else "does not exist"
        raise UsageError(f"{path}: {what}; expected the folder that `tessella sweep` wrote.")
    return sweep
