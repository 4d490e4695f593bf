"""What a sweep varies: choices and ranges of a recipe's keys, as a person types them."""

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tessella.errors import UsageError
from tessella.suggestion import did_you_mean
from tessella.yaml_text import parse_scalar

SEED_KEY = "train.seed"
"""Several values of it are repetitions of the same choices, not choices."""

_EXAMPLE = "for example optimizer.lr=1e-3,1e-2 or optimizer.lr=1e-4..1e-2"
_NUMBER = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_RANGE = re.compile(rf"\s*({_NUMBER})\.\.({_NUMBER})(?::(\w*))?\s*")
_SCALES = ("log", "linear")
_LOG_FROM = 10.0  # times as large as its low end, a range is drawn from evenly by magnitude
_FEWEST_DIGITS = 3
_FINENESS = 1000  # drawn numbers are rounded by less than this part of their range


@dataclass(frozen=True)
class Choices:
    """A key and the values to try."""

    key: str
    values: tuple[str, ...]
    """As YAML, in the order given."""

    def text(self) -> str:
        """For a person: key and values."""
        return f"{self.key} {', '.join(self.values)}"


@dataclass(frozen=True)
class Range:
    """A key and the numbers to draw its values from, both ends included."""

    key: str
    low: float
    high: float
    is_log: bool
    """Drawn evenly by magnitude."""

    is_whole: bool
    """Whole numbers only."""

    def value(self, number: float) -> str:
        """A number as YAML.

        Of a fraction, as few digits are kept (but three) as move it by less than a thousandth of
        the range, so that what is shown is what was trained with.
        """
        if self.is_whole:
            return str(round(number))
        near = (self.high - self.low) / _FINENESS
        for digits in range(_FEWEST_DIGITS, 17):
            short = float(f"{number:.{digits}g}")
            if self.low <= short <= self.high and abs(short - number) < near:
                return repr(short)
        return repr(number)

    def text(self) -> str:
        """For a person: key, ends and how numbers are drawn."""
        kind = "whole numbers, " if self.is_whole else ""
        ends = f"{self.value(self.low)}..{self.value(self.high)}"
        return f"{self.key} {ends} ({kind}{'log' if self.is_log else 'linear'})"


Dimension = Choices | Range


@dataclass(frozen=True)
class Space:
    """Everything that a sweep varies."""

    words: tuple[str, ...]
    """Of what varies, as typed: key.path=VALUES."""

    fixed: tuple[str, ...]
    """Overrides with one value: key.path=VALUE."""

    dimensions: tuple[Dimension, ...]
    """What is chosen, in the order given; without the seeds."""

    seeds: tuple[str, ...] = ()
    """Values of `train.seed` that each combination is trained with; empty: the recipe's own."""

    @property
    def size(self) -> int | None:
        """How many combinations there are; None: as many as one likes."""
        sizes = [num_values(dimension) for dimension in self.dimensions]
        known = [size for size in sizes if size is not None]
        return math.prod(known) if len(known) == len(sizes) else None

    @property
    def repetitions(self) -> int:
        """How often each combination is trained."""
        return max(1, len(self.seeds))

    @property
    def keys(self) -> tuple[str, ...]:
        """What varies, without the seed."""
        return tuple(dimension.key for dimension in self.dimensions)

    def combination(self, index: int) -> dict[str, str]:
        """The one at `index` of all that there are, the last key changing fastest."""
        values = []
        for dimension in reversed(self.dimensions):
            size = num_values(dimension)
            assert size is not None
            index, place = divmod(index, size)
            values.append(_value_at(dimension, place))
        return dict(zip(self.keys, reversed(values), strict=True))


def num_values(dimension: Dimension) -> int | None:
    """How many values there are; None: as many as one likes."""
    if isinstance(dimension, Choices):
        return len(dimension.values)
    return round(dimension.high - dimension.low) + 1 if dimension.is_whole else None


def _value_at(dimension: Dimension, index: int) -> str:
    if isinstance(dimension, Choices):
        return dimension.values[index]
    return dimension.value(dimension.low + index)


def parse_space(words: Sequence[str]) -> Space:
    """What the words KEY.PATH=VALUES vary and fix.

    VALUES are YAML with commas between them, or a range LOW..HIGH, LOW..HIGH:log or
    LOW..HIGH:linear. A range is log unless told otherwise where both ends are above zero and the
    high one is ten times the low one or more.

    Raises:
        UsageError: a word is none of these, a key comes twice, or nothing varies.
    """
    fixed: list[str] = []
    varied: list[tuple[str, Dimension]] = []
    for word in words:
        key, equals, text = word.partition("=")
        key = key.strip()
        if not equals or not all(key.split(".")):
            raise UsageError(f"{word!r} is not key.path=values, {_EXAMPLE}.")
        dimension = _dimension(key, text)
        if dimension is None:
            fixed.append(f"{key}={text}")
        else:
            varied.append((f"{key}={text}", dimension))
    if not varied:
        raise UsageError(
            f"nothing varies; give a key several values or a range, {_EXAMPLE}. To train once, "
            "use tessella train."
        )
    _refuse_overlap(fixed, [dimension.key for _, dimension in varied])
    seeds = _seeds([dimension for _, dimension in varied])
    dimensions = tuple(d for _, d in varied if not (seeds and d.key == SEED_KEY))
    return Space(tuple(word for word, _ in varied), tuple(fixed), dimensions, seeds)


def _dimension(key: str, text: str) -> Dimension | None:
    """What varies by the word; None where it has one value."""
    values = [value.strip() for value in split_at_commas(text)]
    if len(values) == 1:
        if _RANGE.fullmatch(text):
            return _range(key, text)
        parse_scalar(text, where=f"{key}={text}")
        return None
    for value in values:
        if not value:
            raise UsageError(f"{key}={text}: one of the values is empty; write null for none.")
        if _RANGE.fullmatch(value):
            raise UsageError(
                f"{key}={text}: {value} is a range, which stands alone; give a range or values."
            )
        parse_scalar(value, where=f"{key}={text}: {value!r}")
    return Choices(key, tuple(values))


def _range(key: str, text: str) -> Range:
    found = _RANGE.fullmatch(text)
    assert found is not None
    ends, scale = found.group(1, 2), found.group(3)
    low, high = map(float, ends)
    where = f"{key}={text}"
    if not low < high or math.isinf(high):
        raise UsageError(f"{where}: expected LOW..HIGH with LOW below HIGH.")
    if scale is not None and scale not in _SCALES:
        clue = did_you_mean(scale, _SCALES) or "; give log or linear."
        raise UsageError(f"{where}: no scale is called {scale!r}{clue}")
    if scale == "log" and low <= 0:
        raise UsageError(f"{where}: a log range begins above 0; raise its low end, or use :linear.")
    is_log = scale == "log" or (scale is None and low > 0 and high >= _LOG_FROM * low)
    is_whole = all(re.fullmatch(r"[+-]?\d+", end) for end in ends)
    return Range(key, low, high, is_log, is_whole)


def _refuse_overlap(fixed: Sequence[str], varied: Sequence[str]) -> None:
    fixed_keys = [word.partition("=")[0] for word in fixed]
    for key in varied:
        if varied.count(key) > 1 or key in fixed_keys:
            raise UsageError(f"{key} is given twice; give all of its values at once, {_EXAMPLE}.")
    for above, below in itertools.permutations(varied, 2):
        if below.startswith(f"{above}."):
            raise UsageError(
                f"{below} is a part of {above}, and both vary; vary the one or the other."
            )


def _seeds(dimensions: Sequence[Dimension]) -> tuple[str, ...]:
    dimension = next((d for d in dimensions if d.key == SEED_KEY), None)
    if isinstance(dimension, Choices):
        return dimension.values
    if dimension is not None and (size := num_values(dimension)):
        return tuple(_value_at(dimension, index) for index in range(size))
    return ()


_CLOSING = {"[": "]", "{": "}"}


def split_at_commas(text: str) -> list[str]:
    """The parts between commas that stand outside of brackets, braces and quotes.

    As in YAML a quote counts only where a value begins.
    """
    parts: list[str] = []
    start = 0
    for place in _commas(text):
        parts.append(text[start:place])
        start = place + 1
    return [*parts, text[start:]]


def _commas(text: str) -> Iterator[int]:
    closing: list[str] = []
    quote, begins, is_escaped = "", True, False
    for place, character in enumerate(text):
        if is_escaped:
            is_escaped = False
        elif quote:
            is_escaped = character == "\\" and quote == '"'
            quote = "" if character == quote else quote
        elif character in "'\"" and begins:
            quote = character
        elif character in _CLOSING:
            closing.append(_CLOSING[character])
        elif closing and character == closing[-1]:
            closing.pop()
        elif character == "," and not closing:
            yield place
        begins = character in "[{,:'" if not character.isspace() else begins
