"""What the splits of a checked data set share, from the one look that the check took already."""

from collections.abc import Sequence
from dataclasses import dataclass

from tessella.check.evidence import Evidence, problem
from tessella.check.findings import Problem
from tessella.data.dataset import Dataset
from tessella.data.images import read_image
from tessella.data.leaks import Kind, Leak, Leaks, find_leaks
from tessella.data.pairs import Pair
from tessella.labels import LabelMap
from tessella.sample import Sample

_TOLD: dict[Kind, str] = {
    "same": "the same picture is in two splits",
    "name": "the same picture is in two splits under one name",
    "near": "a copy of a picture (saved, resized, cropped or mirrored anew) is in another split",
    "neighbour": "neighbouring frames of a video are in different splits",
    "group": "a group is in two splits",
}


@dataclass(frozen=True)
class Pictures:
    """The images of a split without their masks: a data set for looking only."""

    pairs: Sequence[Pair]
    official: bool
    """Whether the split is the one that the data set's authors published."""

    labels: LabelMap = LabelMap.from_names(["anything"])  # noqa: RUF009 - frozen

    @property
    def names(self) -> tuple[str, ...]:
        """The name of every image, in order."""
        return tuple(pair.name for pair in self.pairs)

    @property
    def groups(self) -> tuple[str, ...]:
        """The group of every image, in order."""
        return tuple(pair.group for pair in self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Sample:
        """Read image `index`.

        Raises:
            IndexError: past the end.
            ValueError: it cannot be read.
        """
        pair = self.pairs[index]
        return Sample(read_image(pair.image), None, pair.name)


def leaks_of(evidence: Evidence, *, official: bool) -> Leaks:
    """The leaks between the splits; none where nothing states splits.

    Args:
        evidence: of the check's one look.
        official: whether the splits are the ones that the data set's authors published.

    Raises:
        ValueError: an image that was read before cannot be read again.
    """
    by_split: dict[str, list[int]] = {}
    for place, _ in evidence.images():
        by_split.setdefault(evidence.pairs[place][0], []).append(place)
    by_split.pop("all", None)
    if len(by_split) < 2:
        return Leaks(())
    seen = dict(evidence.images())
    datasets: dict[str, Dataset] = {
        split: Pictures([evidence.pairs[place][1] for place in places], official)
        for split, places in by_split.items()
    }
    prints = {split: [seen[place].print for place in places] for split, places in by_split.items()}
    return find_leaks(datasets, prints=prints)


def leak_problems(leaks: Leaks) -> list[Problem]:
    """A problem for each kind of leak: an error where training would refuse to start."""
    problems = []
    for refused in (True, False):
        for kind in _TOLD:
            found = [leak for leak in leaks.found if (leak.kind, leak.refused) == (kind, refused)]
            if found:
                problems.append(_problem(kind, found, refused=refused))
    return problems


def _problem(kind: Kind, found: Sequence[Leak], *, refused: bool) -> Problem:
    times = "once" if len(found) == 1 else f"{len(found):,} times"
    files = [
        f"{leak.first.split}/{leak.first.name} = {leak.second.split}/{leak.second.name}"
        for leak in found
    ]
    said = f"; {found[0].about}" if found[0].about else ""
    return problem(
        f"leak_{kind}",
        "error" if refused else "remark",
        f"The splits are not independent: {_TOLD[kind]} ({times}{said}).",
        files=files,
        count=len(found),
        advice=(
            "Split anew with 'tessella data split' (by group, or in time with a gap); training "
            "refuses these splits unless data.allow_leak=true."
            if refused
            else "Nothing to change: mention it beside the score."
        ),
    )
