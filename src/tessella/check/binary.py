"""Masks of background and foreground: 255 taken for ignored, or written in two ways."""

from collections.abc import Iterator, Mapping

from tessella.check.evidence import Evidence, problem, share, value_problem
from tessella.check.findings import Problem, option_text
from tessella.check.observe import ValueFacts
from tessella.check.proposal import MOST_SMOOTHED_SHARE, are_thinner, split_off_seams
from tessella.check.tally import ValueCount
from tessella.labels import LabelMap

_MANY_SEAMS = 16  # so many different values are no classes drawn as thin lines


def ignored_foreground(evidence: Evidence, labels: LabelMap) -> Iterator[Problem]:
    """0 and 255 with 255 ignored, or not listed: every pixel of the foreground would be lost."""
    meanings = dict(labels.file_values)
    is_ignored = meanings.get(255, labels.ignore_index) == labels.ignore_index
    if labels.encoding != "index" or not is_ignored or not is_0_255(evidence):
        return
    others = set(evidence.table) - {0, 255}
    if others and others <= meanings.keys():  # classes drawn as thin lines, and none is missing
        return
    pixels = sum(count.pixels for count in evidence.table.values())
    treated, lost = ("ignores", "would count nowhere")
    if 255 not in meanings:
        treated, lost = ("does not list", "stand for nothing")
    background, foreground = _names(labels)
    yield problem(
        "binary_0_255",
        "error",
        f"The masks hold 0 and 255 only, and the class list {treated} 255: "
        f"{share(evidence.table[255].pixels, pixels)} of all pixels, the foreground, {lost}.",
        files=evidence.files_with([255]),
        count=evidence.table[255].files,
        advice=f"Give both values: {option_text('classes', {background: 0, foreground: 255})}"
        f"{_without_255(evidence)}.",
    )


def _without_255(evidence: Evidence) -> str:
    """What has to go before 255 can be a class."""
    stated = evidence.options.get("ignore") or ()
    if 255 not in stated:
        return ""
    left = [value for value in stated if value != 255]
    return f" and {option_text('ignore', left)}"


def is_0_255(evidence: Evidence) -> bool:
    """Whether the masks hold 0 and 255 only, but for what smoothing or JPEG left at the edges."""
    table = evidence.table
    values, _seams = split_off_seams(table)
    if values == [0, 255]:
        return True
    # a bicubic resize overshoots: a few of its many values are frequent, and taken for classes
    others = [count for value, count in table.items() if value not in (0, 255)]
    if not {0, 255} <= table.keys() or len(others) < _MANY_SEAMS:
        return False
    pixels = sum(count.pixels for count in others)
    is_little = pixels <= MOST_SMOOTHED_SHARE * sum(count.pixels for count in table.values())
    return is_little and are_thinner(others, [table[0], table[255]])


def _names(labels: LabelMap) -> tuple[str, str]:
    """What the class list calls the two; a list of one name leaves the background out."""
    if labels.num_classes == 1 and labels.names[0].lower() != "background":
        return "background", labels.names[0]
    return labels.names if len(labels.names) == 2 else ("background", "foreground")


def only_0_and_255(evidence: Evidence, strays: Mapping[int, ValueCount]) -> Problem | None:
    """The same where nobody stated classes: the proposal takes care of it."""
    if evidence.labels is not None or set(evidence.table) != {0, 255}:
        return None
    return value_problem(
        evidence,
        "binary_0_255",
        strays,
        summary="The masks hold 0 and 255 only: background and foreground, and 255 is no ignored "
        "value.",
        advice="Take the proposed classes, and give them their names.",
        is_solved=True,
    )


def is_written_in_two_ways(evidence: Evidence) -> bool:
    """Whether some masks hold 0 and 1, others 0 and 255, and none 1 and 255.

    A void band around objects would lie beside the objects, in the same masks.
    """
    if evidence.reads_colors or set(evidence.table) != {0, 1, 255}:
        return False
    held = [mask.values for _, mask in evidence.masks()]
    return not any(values.highest == 255 and _holds_1(values) for values in held)


def _holds_1(values: ValueFacts) -> bool:
    return values.count == 3 or values.lowest == 1


def foreground_in_two_ways(evidence: Evidence) -> Iterator[Problem]:
    """1 in some masks and 255 in others, where nobody states 255 to be a class."""
    labels = evidence.labels
    if not is_written_in_two_ways(evidence):
        return
    if labels and dict(labels.file_values).get(255, labels.ignore_index) != labels.ignore_index:
        return
    number, others = evidence.table[255].files, evidence.table[1].files
    background, foreground = _names(labels) if labels else ("background", "foreground")
    classes = {background: 0, foreground: {"values": [1, 255]}}
    yield problem(
        "binary_mixed",
        "error",
        f"The masks that hold 255 ({number}) are others than those that hold 1 ({others}): the "
        "foreground seems to be written in two ways, and 255 to be no ignored value.",
        files=evidence.files_with([255]),
        count=number,
        advice="Look at some of both kinds; if both are the foreground: "
        f"{option_text('classes', classes)}{_without_255(evidence)}.",
    )
