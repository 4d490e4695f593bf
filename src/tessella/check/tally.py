"""The values of all masks added up: how often, in how many files, in which splits."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tessella.check.findings import MOST_FILES
from tessella.check.observe import Form
from tessella.check.runs import Runs

MOST_VALUES = 1 << 16
"""How many different values are kept; no label map lists more."""


@dataclass
class ValueCount:
    """How often one value occurs."""

    pixels: int = 0
    runs: int = 0
    """Horizontal stretches of it."""

    files: int = 0
    first: tuple[int, ...] = ()
    """The first few pairs whose mask holds it, by their place in the list of all."""

    splits: frozenset[str] = frozenset()
    last: int = -1
    """The latest pair that was added."""

    @property
    def run_px(self) -> float:
        """Mean length of its stretches: some pixels for areas, one or two for seams."""
        return self.pixels / max(1, self.runs)


@dataclass
class Tally:
    """The values of all masks, once as single values and once as colours."""

    numbers: dict[int, ValueCount] = field(default_factory=dict)
    """Grey values and palette indices."""

    colors: dict[int, ValueCount] = field(default_factory=dict)
    """0xRRGGBB: of colour masks, and of all others as they would look."""

    palette: dict[int, int] = field(default_factory=dict)
    """Palette index -> the colour that it shows where it is used."""

    palette_conflicts: list[int] = field(default_factory=list)
    """Pairs whose palette shows an index in another colour than an earlier one's."""

    palette_pairs: set[tuple[int, int]] = field(default_factory=set)
    """(palette index, the colour it shows) where it is used, of all palettes."""

    num_left_out: int = 0
    """Values met when `MOST_VALUES` were known already; counted once a file."""

    _splits: dict[tuple[frozenset[str], str], frozenset[str]] = field(default_factory=dict)

    @property
    def is_palette_sorted_anew(self) -> bool:
        """Whether the same colours come back under other indices: files were sorted one by one.

        Then the colours tell the classes. Where several palettes merely lie side by side, few
        colours are in more than one of them.
        """
        if not self.palette_conflicts:
            return False
        times = Counter(color for _, color in self.palette_pairs)
        moved = sum(number > 1 for number in times.values())
        return moved > 1 and 2 * moved >= len(times)

    def add(
        self, pair: int, split: str, runs: Runs, *, form: Form, used_colors: np.ndarray | None
    ) -> None:
        """Add the values of one mask.

        Args:
            pair: its place in the list of all pairs.
            split: its split.
            runs: its values.
            form: how the file holds them.
            used_colors: of a palette mask, the colour of each value.
        """
        if form == "color":
            self._add_to(self.colors, (pair, split), runs=runs, values=runs.values)
            return
        whole = runs
        if runs.values.dtype.kind == "f":
            is_whole = np.isfinite(runs.values) & (runs.values == np.floor(runs.values))
            whole = _only(runs, is_whole)
        self._add_to(self.numbers, (pair, split), runs=whole, values=whole.values)
        if used_colors is not None:
            self._add_to(self.colors, (pair, split), runs=whole, values=used_colors)
            self._note_palette(pair, whole.values, used_colors)
        else:
            grey = _only(whole, (whole.values >= 0) & (whole.values <= 255))
            shown = grey.values.astype(np.int64) * 0x010101
            self._add_to(self.colors, (pair, split), runs=grey, values=shown)

    def _add_to(
        self,
        table: dict[int, ValueCount],
        where: tuple[int, str],
        *,
        runs: Runs,
        values: np.ndarray,
    ) -> None:
        pair, split = where
        for value, pixels, stretches in zip(
            values.tolist(), runs.pixels.tolist(), runs.runs.tolist(), strict=True
        ):
            count = table.get(int(value))
            if count is None:
                if len(table) >= MOST_VALUES:
                    self.num_left_out += 1
                    continue
                count = table[int(value)] = ValueCount()
            count.pixels += pixels
            count.runs += stretches
            if count.last != pair:  # two indices of a palette may show one colour
                count.last = pair
                count.files += 1
                if len(count.first) < MOST_FILES:
                    count.first = (*count.first, pair)
            if split not in count.splits:
                count.splits = self._joined(count.splits, split)

    def _joined(self, splits: frozenset[str], split: str) -> frozenset[str]:
        """One shared set for each combination, however many values have it."""
        return self._splits.setdefault((splits, split), splits | {split})

    def _note_palette(self, pair: int, values: np.ndarray, used_colors: np.ndarray) -> None:
        shown = list(zip(values.tolist(), used_colors.tolist(), strict=True))
        self.palette_pairs.update(shown)
        if any(self.palette.setdefault(value, color) != color for value, color in shown):
            self.palette_conflicts.append(pair)


def mean_run_px(counts: Iterable[ValueCount]) -> float:
    """Mean length of the stretches of several values."""
    listed = list(counts)
    return sum(c.pixels for c in listed) / max(1, sum(c.runs for c in listed))


def _only(runs: Runs, chosen: np.ndarray) -> Runs:
    return runs._replace(
        values=runs.values[chosen], pixels=runs.pixels[chosen], runs=runs.runs[chosen]
    )


def forms_of(forms: Sequence[Form]) -> Counter[Form]:
    """How many masks have each form; grey saved as RGB counts as colour beside true colours.

    An all-black mask saved as RGB has three equal channels, and is a colour mask all the same.
    """
    counts = Counter(forms)
    if counts["color"]:
        counts["color"] += counts.pop("gray_as_rgb", 0)
    return +counts
