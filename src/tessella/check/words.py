"""What a check found, in words: one paragraph for a person, then each problem with its advice."""

import textwrap
from collections.abc import Sequence

from tessella.check.findings import Findings, ImageSize, Problem, Severity
from tessella.labels import LabelMap

_MOST_CLASSES = 12
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def paragraph(findings: Findings) -> str:
    """What the data is, what the masks mean, and whether it can be trained on: a few sentences."""
    return " ".join(
        sentence
        for sentence in (
            _what_it_is(findings),
            _how_much(findings),
            _what_masks_mean(findings),
            _what_to_do(findings),
        )
        if sentence
    )


def problem_text(problem: Problem, *, width: int = 96) -> str:
    """A problem over several lines: what, which files, what to do."""
    files = ", ".join(problem.files)
    more = problem.count - len(problem.files)
    listed = f"{files} and {more:,} more" if files and more > 0 else files
    head = f"{problem.severity}: {problem.summary}"
    return "\n".join(
        [
            *textwrap.wrap(head, width, subsequent_indent="  "),
            # file names are never broken: they are there to be copied
            *([f"  {listed}"] if listed else []),
            *textwrap.wrap(
                f"-> {problem.advice}", width, initial_indent="  ", subsequent_indent="     "
            ),
        ]
    )


def counted(number: int, thing: str, things: str | None = None) -> str:
    """A number with its noun: one image, 12,000 images."""
    word = _NUMBERS[number] if number < len(_NUMBERS) else f"{number:,}"
    return f"{word} {thing if number == 1 else things or thing + 's'}"


def _what_it_is(findings: Findings) -> str:
    reason = findings.reason.rstrip(".")
    return f"Data set {findings.name!r}: {reason}."


def _how_much(findings: Findings) -> str:
    counts = {split: count for split, count in findings.num_samples.items() if split != "all"}
    listed = ", ".join(f"{count:,} {split}" for split, count in counts.items())
    images = counted(findings.num_images, "image").capitalize()
    masks = counted(findings.num_masks, "mask")
    return f"{images} and {masks}{f' ({listed})' if listed else ''}{_sizes(findings.image_sizes)}."


def _sizes(sizes: Sequence[ImageSize]) -> str:
    if not sizes:
        return ""
    first = f"{sizes[0].height}x{sizes[0].width}"
    if len(sizes) == 1:
        return f", all {first} (height x width)"
    smallest = min(sizes, key=lambda size: (size.height * size.width, size))
    largest = max(sizes, key=lambda size: (size.height * size.width, size))
    return (
        f", {smallest.height}x{smallest.width} to {largest.height}x{largest.width} "
        f"(height x width), mostly {first}"
    )


def _what_masks_mean(findings: Findings) -> str:
    if findings.labels is None:
        return "What the masks mean cannot be told from their values."
    names = _names(findings.labels)
    if not findings.is_proposed:
        return f"The masks are read as {names}."
    return f"Nobody states the classes; from the values in the masks they are {names}."


def _names(labels: LabelMap) -> str:
    """The classes with the values that stand for them, and the ignored values."""
    shown = []
    for index, name in enumerate(labels.names[:_MOST_CLASSES]):
        values = [labels.show(value) for value, target in labels.file_values if target == index]
        few = ", ".join(values[:2]) + (", ..." if len(values) > 2 else "")
        shown.append(f"{name} = {few}" if values else name)
    more = labels.num_classes - len(shown)
    listed = ", ".join(shown) + (f" and {more} more" if more > 0 else "")
    ignored = [labels.show(v) for v, target in labels.file_values if target == labels.ignore_index]
    few = ", ".join(ignored[:4]) + (", ..." if len(ignored) > 4 else "")
    kind = counted(labels.num_classes, "class", "classes")
    return f"{kind} ({listed}{f'; ignored: {few}' if ignored else ''})"


def _what_to_do(findings: Findings) -> str:
    if not findings.problems:
        return "Nothing is wrong with it."
    parts = [
        counted(number, word)
        for severity, word in (("error", "error"), ("warning", "warning"), ("remark", "remark"))
        if (number := _num_of(findings, severity))  # type: ignore[arg-type]
    ]
    told = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
    if findings.ok:
        return f"It can be trained on; {told}."
    first = findings.problems[0]
    is_alone = len(findings.problems) == 1
    start = f"Before training look at {'this' if is_alone else f'{told}, first this'}: "
    return f"{start}{first.summary} {first.advice}"


def _num_of(findings: Findings, severity: Severity) -> int:
    return sum(problem.severity == severity for problem in findings.problems)
