"""Values that the class list does not know and that nothing explains: they are named, with advice.

A slip in the list often shows: a colour mistyped, red and blue exchanged, values left unstated.
"""

from collections.abc import Mapping, Sequence

from tessella.check.evidence import Evidence, counted, share, value_problem
from tessella.check.findings import Problem, option_text
from tessella.check.proposal import nearest_listed
from tessella.check.tally import ValueCount
from tessella.labels import LabelMap

_MISTYPED = 8  # two classes have colours further apart, in one channel


def unlisted_values(evidence: Evidence, strays: Mapping[int, ValueCount]) -> Problem:
    """The values without a meaning, the commonest first.

    Args:
        evidence: of data with a class list.
        strays: what the masks hold and the list does not.
    """
    assert evidence.labels is not None
    pixels = sum(count.pixels for count in evidence.table.values())
    most = sorted(strays, key=lambda value: -strays[value].pixels)
    shown = ", ".join(
        f"{evidence.show(value)} ({share(strays[value].pixels, pixels)})" for value in most[:6]
    )
    more = f" and {len(most) - 6} more" if len(most) > 6 else ""
    what = counted(len(strays), "colour" if evidence.reads_colors else "value")
    advice = f"Add {'it' if len(strays) == 1 else 'them'} to the classes, or to those ignored."
    return value_problem(
        evidence,
        "unlisted_values",
        strays,
        summary=f"The masks hold {what} that the class list does not know: {shown}{more}.",
        advice=_mistyped(evidence, evidence.labels, most)
        or _exchanged(evidence, evidence.labels, most)
        or _in_order(evidence, evidence.labels)
        or advice,
    )


def _mistyped(evidence: Evidence, labels: LabelMap, strays: Sequence[int]) -> str | None:
    """A listed colour that never occurs, next to one that occurs and is not listed."""
    if labels.encoding != "color":
        return None
    absent = {v: index for v, index in labels.file_values if v not in evidence.table}
    near = nearest_listed(strays, absent, encoding="color")
    for stray in strays:
        target = near.get(stray)
        if target is None or _distance(stray, target) > _MISTYPED:
            continue
        index = absent[target]
        name = "an ignored colour" if index == labels.ignore_index else labels.names[index]
        return (
            f"The list says {labels.show(target)} for {name}, which never occurs; perhaps "
            f"{labels.show(stray)} is meant. Correct the list, or add the colour to it."
        )
    return None


def _distance(first: int, second: int) -> int:
    """The largest difference of two colours in one channel, 0..255."""
    return max(abs((first >> shift & 255) - (second >> shift & 255)) for shift in (0, 8, 16))


def _exchanged(evidence: Evidence, labels: LabelMap, strays: Sequence[int]) -> str | None:
    """Colours of the list, none of which occurs, with red and blue exchanged: OpenCV's order."""
    absent = {value for value, _ in labels.file_values if value not in evidence.table}
    if labels.encoding != "color" or not absent.issuperset(map(_with_blue_first, strays)):
        return None
    return (
        "They are colours of the list with red and blue exchanged, the order that OpenCV writes "
        "(BGR); write [red, green, blue] in the list, or export the masks again."
    )


def _with_blue_first(color: int) -> int:
    return (color & 255) << 16 | color & 0xFF00 | color >> 16


def _in_order(evidence: Evidence, labels: LabelMap) -> str | None:
    """As many values as the list has names, which say no values: 0 and 65535, say."""
    listed = [pair for pair in labels.file_values if pair[1] != labels.ignore_index]
    ignored = {value for value, index in labels.file_values if index == labels.ignore_index}
    values = sorted(value for value in evidence.table if value not in ignored)
    is_by_place = listed == [(index, index) for index in range(labels.num_classes)]
    if labels.encoding != "index" or not is_by_place or len(values) != labels.num_classes:
        return None
    stated = option_text("classes", dict(zip(labels.names, values, strict=True)))
    return f"If these are the classes in the order of the list, give each its value: {stated}."
