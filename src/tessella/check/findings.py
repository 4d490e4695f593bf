"""What a check found, for people and for programs."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from tessella.data.leaks import Leaks
from tessella.data.pairs import Pair
from tessella.labels import LabelMap

Severity = Literal["error", "warning", "remark"]
"""Training would fail or learn the wrong thing; it probably would; or it is good to know."""

_PLAIN = re.compile(r"(?!(?:true|false|null)$)[A-Za-z_][\w-]*( [\w-]+)*", re.IGNORECASE)
MOST_FILES = 5
"""How many of the files that show a problem are named."""


class Problem(NamedTuple):
    """One thing that is wrong, or worth knowing, with all files that show it."""

    kind: str
    """A stable word for programs, e.g. binary_0_255."""

    severity: Severity
    summary: str
    """One sentence with numbers."""

    files: tuple[str, ...]
    """The first few files that show it, as the user would find them."""

    count: int
    """How many files, pairs or classes show it."""

    advice: str
    """One sentence that says what to do."""


class ValueSeen(NamedTuple):
    """A value that the mask files hold."""

    value: int
    """As in the file; colours and codes as 0xRRGGBB."""

    shown: str
    """As a person would write it: 7, or (128, 0, 64)."""

    pixels: int
    files: int
    """In how many masks it occurs."""

    meaning: str | None
    """The class, "ignored", or None when the label map does not list it."""


class ImageSize(NamedTuple):
    """How many images have one size."""

    height: int
    width: int
    count: int


@dataclass(frozen=True)
class Findings:
    """All that a check found out about a data set."""

    name: str
    """Which reader fits, as in a recipe's `data.name`."""

    reason: str
    """Why that one, in one sentence."""

    pairs: Mapping[str, tuple[Pair, ...]]
    """Split -> its images and masks; "all" where nothing states a split. Empty for a data set that
    reads no image files."""

    problems: tuple[Problem, ...]
    """Errors first, then warnings, then remarks."""

    labels: LabelMap | None
    """What the masks mean: as stated, or proposed; None where no proposal can be made."""

    is_proposed: bool
    """Whether nobody stated the classes, so that `labels` is a guess."""

    num_images: int
    """Images that could be read, or not, with or without a mask."""

    num_masks: int
    num_samples: Mapping[str, int] = field(default_factory=dict)
    """Split -> how many pairs it has."""

    image_sizes: tuple[ImageSize, ...] = ()
    """The commonest first."""

    values: tuple[ValueSeen, ...] = ()
    """What the masks hold, in order; at most a few thousand."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """`classes` and `ignore` of the proposal as a recipe states them; empty where stated."""

    leaks: Leaks = Leaks(())
    """What the splits share."""

    repairs: Mapping[int, int] = field(default_factory=dict)
    """Value in the files that stands for nothing -> the nearest that does, for a fixed copy."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found that should be looked at before training."""
        return all(problem.severity == "remark" for problem in self.problems)

    @property
    def recipe_line(self) -> str | None:
        """What to add to a recipe or to the command line; None where the classes are stated."""
        if not self.options:
            return None
        return " ".join(option_text(key, value) for key, value in self.options.items())

    def document(self) -> dict[str, Any]:
        """All but the list of files as plain values for JSON."""
        return {
            "name": self.name,
            "reason": self.reason,
            "ok": self.ok,
            "splits": dict(self.num_samples),
            "num_images": self.num_images,
            "num_masks": self.num_masks,
            "image_sizes": [size._asdict() for size in self.image_sizes],
            "problems": [
                {**problem._asdict(), "files": list(problem.files)} for problem in self.problems
            ],
            "labels": self.labels.to_dict() if self.labels else None,
            "is_proposed": self.is_proposed,
            "options": dict(self.options),
            "recipe_line": self.recipe_line,
            "values": [value._asdict() for value in self.values],
            "leaks": self.leaks.document(),
            "repairs": [[value, nearest] for value, nearest in self.repairs.items()],
        }


def by_severity(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """Errors first, then warnings, then remarks; otherwise in the order they came."""
    order = ("error", "warning", "remark")
    return tuple(sorted(problems, key=lambda problem: order.index(problem.severity)))


def option_text(key: str, value: Any) -> str:
    """An option of the reader as a person types it in a shell, in quotes."""
    return shlex.quote(f"data.options.{key}={flow(value)}")


def flow(value: Any) -> str:
    """A value in YAML's one-line form, as it stands in a recipe or on the command line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(k)}: {flow(entry)}" for k, entry in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(flow(entry) for entry in value) + "]"
    plain = not isinstance(value, str) or _PLAIN.fullmatch(value)
    return str(value) if plain else json.dumps(value, ensure_ascii=False)
