"""All that was seen of a data set, and how the finders of problems put a problem into words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tessella.check.findings import MOST_FILES, Problem, Severity
from tessella.check.observe import Failure, Form, ImageSeen, MaskSeen, PairSeen
from tessella.check.tally import Tally, ValueCount, forms_of
from tessella.data.pairs import Pair
from tessella.data.splits import SPLITS
from tessella.labels import LabelMap
from tessella.suggestion import printable


@dataclass(frozen=True)
class Evidence:
    """What one look at every file gave."""

    pairs: Sequence[tuple[str, Pair]]
    """(split, pair) in the order of the looks."""

    seen: Sequence[PairSeen]
    tally: Tally
    labels: LabelMap | None
    """What the class list states; None where there is none."""

    is_own_list: bool
    """Whether a user wrote the class list, rather than the reader of a public data set."""

    lonely_images: tuple[Path, ...] = ()
    """Images to which no mask belongs."""

    lonely_masks: tuple[Path, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the user stated of how to read the data, as a recipe has it under `data.options`."""

    def images(self) -> Iterator[tuple[int, ImageSeen]]:
        """(place, facts) of every image that could be read."""
        for place, seen in enumerate(self.seen):
            if not isinstance(seen.image, Failure):
                yield place, seen.image

    def masks(self) -> Iterator[tuple[int, MaskSeen]]:
        """(place, facts) of every mask that could be read."""
        for place, seen in enumerate(self.seen):
            if isinstance(seen.mask, MaskSeen):
                yield place, seen.mask

    def without_mask(self, split: str) -> list[int]:
        """The places of a split's images to which no mask belongs."""
        return [
            place
            for place, (own, pair) in enumerate(self.pairs)
            if own == split and pair.mask is None and self.seen[place].mask is None
        ]

    def image_file(self, place: int) -> str:
        """The image of a pair, for a message."""
        return str(self.pairs[place][1].image)

    def mask_file(self, place: int) -> str:
        """The mask of a pair, for a message; a drawn one goes by its image."""
        pair = self.pairs[place][1]
        return str(pair.mask if isinstance(pair.mask, Path) else pair.image)

    @cached_property
    def forms(self) -> Mapping[Form, int]:
        """How many masks have each form."""
        return forms_of([mask.form for _, mask in self.masks()])

    @cached_property
    def reads_colors(self) -> bool:
        """Whether the values that count are colours: as the class list says, else as files do."""
        if self.labels is not None:
            return self.labels.encoding != "index"
        return bool(self.forms.get("color")) or self.tally.is_palette_sorted_anew

    @cached_property
    def table(self) -> Mapping[int, ValueCount]:
        """The values that count, as `LabelMap.file_values` has them."""
        return self.tally.colors if self.reads_colors else self.tally.numbers

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """The splits that there are: train, val, test, then others in the order of the pairs."""
        found = dict.fromkeys(split for split, _ in self.pairs)
        return (*(s for s in SPLITS if s in found), *(s for s in found if s not in SPLITS))

    def show(self, value: int) -> str:
        """A value as a person would write it."""
        if self.labels is not None:
            return self.labels.show(value)
        if not self.reads_colors:
            return str(value)
        return str((value >> 16, value >> 8 & 255, value & 255))

    def show_some(self, values: Iterable[int], *, most: int = 6) -> str:
        """The first few of some values, and how many more there are."""
        listed = sorted(values)
        more = f" and {len(listed) - most} more" if len(listed) > most else ""
        return ", ".join(self.show(value) for value in listed[:most]) + more

    def files_with(self, values: Iterable[int]) -> list[str]:
        """The first few masks that hold one of these values."""
        places = {place for value in values for place in self.table[value].first}
        return [self.mask_file(place) for place in sorted(places)]


def problem(
    kind: str,
    severity: Severity,
    summary: str,
    *,
    files: Sequence[str] = (),
    count: int | None = None,
    advice: str,
) -> Problem:
    """A problem that names the first few of its files; `count` says how many there are."""
    total = len(files) if count is None else count
    shown = tuple(printable(file) for file in files[:MOST_FILES])
    return Problem(kind, severity, printable(summary), shown, total, printable(advice))


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 mask, 2 masks, 3 classes."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}es" if noun.endswith("ss") else f"{number} {noun}s"


def share(part: int, whole: int) -> str:
    """A share of pixels, never rounded down to nothing."""
    portion = part / max(1, whole)
    return "under 0.1%" if 0 < portion < 0.001 else f"{portion:.1%}"


def value_problem(
    evidence: Evidence,
    kind: str,
    strays: Mapping[int, ValueCount],
    *,
    summary: str,
    advice: str,
    is_solved: bool = False,
) -> Problem:
    """A problem of values; a remark only where nobody stated classes and the proposal solves it."""
    severity = "remark" if is_solved and evidence.labels is None else "error"
    files = evidence.files_with(strays)
    count = max((stray.files for stray in strays.values()), default=0)
    return problem(kind, severity, summary, files=files, count=count, advice=advice)
