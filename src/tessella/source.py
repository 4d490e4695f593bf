"""Where data comes from: a data set (of the table or one's own), its folder, its options."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tessella.data import DATASETS
from tessella.data.dataset import Dataset, DatasetEntry
from tessella.data.splits import SPLITS
from tessella.errors import UsageError
from tessella.lookup import check_options, look_up
from tessella.suggestion import unknown_name


@dataclass(frozen=True)
class Source:
    """A data set that can be opened, split by split."""

    name: str
    """A data set of the table, or package.module:function of the user's own."""

    root: Path | None = None
    """The folder or zip that holds it."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of its reader."""

    def open(self, split: str) -> Dataset:
        """One split.

        Raises:
            UsageError: unknown data set, option or split.
            ValueError: the files are not as the data set needs them.
        """
        entry = find_entry(self.name)
        check_options("data.options", entry.read, self.options, given=())
        return entry.read(self.root, split, **self.options)

    def open_all(self) -> dict[str, Dataset]:
        """Every split that is there, by name, in the order train, val, test.

        Raises:
            UsageError: unknown data set or option.
            ValueError: not one split can be opened; the message is the first one's.
        """
        found: dict[str, Dataset] = {}
        failures: list[ValueError] = []
        for split in find_entry(self.name).splits:
            try:
                found[split] = self.open(split)
            except UsageError:
                raise
            except ValueError as error:  # many data sets come without test masks, say
                failures.append(error)
        if not found:
            raise failures[0]
        return found


def find_entry(name: str) -> DatasetEntry:
    """The table's line about a data set; one made up for a function of the user's own.

    Raises:
        UsageError: no such data set, module or function.
    """
    if ":" in name:
        readers: Mapping[str, Callable[..., Any]] = {}
        return DatasetEntry("your own", look_up("data set", name, readers), SPLITS)
    if name not in DATASETS:
        raise UsageError(unknown_name("data set", name, DATASETS))
    return DATASETS[name]
