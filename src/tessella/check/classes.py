"""Problems of the class list as a whole: classes that never occur, and what is ignored."""

from collections.abc import Iterator

from tessella.check.binary import is_written_in_two_ways
from tessella.check.evidence import Evidence, counted, problem, share
from tessella.check.findings import Problem, option_text
from tessella.check.proposal import BORDER_RUN_PX
from tessella.labels import LabelMap

_MUCH, _COMMON = 0.5, 0.25
_FEW_CLASSES = 32  # a list that still fits into a message


def class_problems(evidence: Evidence, labels: LabelMap) -> Iterator[Problem]:
    """What is odd about the classes, as stated or as proposed, given what the masks hold.

    Args:
        evidence: what was seen.
        labels: the classes, in the values that `evidence.table` has.
    """
    seen_in = _splits_by_class(evidence, labels)
    if not any(seen_in.values()):  # nothing fits, which is said elsewhere
        return
    if evidence.labels is not None:
        yield from _never_seen(evidence, labels, seen_in)
        yield from _ignored(evidence, labels)
        yield from _border_as_class(evidence, labels)
    yield from _not_in_every_split(evidence, labels, seen_in)


def _splits_by_class(evidence: Evidence, labels: LabelMap) -> dict[int, frozenset[str]]:
    found: dict[int, frozenset[str]] = dict.fromkeys(range(labels.num_classes), frozenset())
    for value, index in labels.file_values:
        if index in found and value in evidence.table:
            found[index] |= evidence.table[value].splits
    return found


def _named(labels: LabelMap, classes: list[int], *, most: int = 6) -> str:
    more = f" and {len(classes) - most} more" if len(classes) > most else ""
    return ", ".join(labels.names[index] for index in classes[:most]) + more


def _never_seen(
    evidence: Evidence, labels: LabelMap, seen_in: dict[int, frozenset[str]]
) -> Iterator[Problem]:
    absent = [index for index, splits in seen_in.items() if not splits]
    if not absent:
        return
    severity = "warning" if evidence.is_own_list else "remark"
    last_seen = max(index for index, splits in seen_in.items() if splits)
    if absent == list(range(last_seen + 1, labels.num_classes)):
        yield problem(
            "class_list_long",
            severity,
            f"The class list has {counted(labels.num_classes, 'class')}, but the masks hold only "
            f"the first {last_seen + 1}; never seen: {_named(labels, absent)}.",
            count=len(absent),
            advice="Remove what does not belong to this data from the list, or look whether masks "
            "are missing.",
        )
        return
    yield problem(
        "class_absent",
        severity,
        f"{_num_of(absent, labels)} {_occur(absent)}: {_named(labels, absent)}.",
        count=len(absent),
        advice=_what_to_do(absent, labels, is_own_list=evidence.is_own_list),
    )


def _num_of(classes: list[int], labels: LabelMap) -> str:
    return f"{len(classes)} of {counted(labels.num_classes, 'class')}"


def _occur(classes: list[int]) -> str:
    return "never occurs" if len(classes) == 1 else "never occur"


def _what_to_do(absent: list[int], labels: LabelMap, *, is_own_list: bool) -> str:
    it, start = ("it", "It") if len(absent) == 1 else ("them", "They")
    values = dict(enumerate(labels.names))
    listed = [pair for pair in labels.file_values if pair[1] != labels.ignore_index]
    # the list of a public data set is its own, and its reader takes no other
    is_by_place = is_own_list and listed == [(index, index) for index in values]
    if absent == [0] and is_by_place:
        shifted = option_text("classes", {name: value + 1 for value, name in values.items()})
        return (
            f"Look at a mask: if 1 is {labels.names[0]}, the masks count from 1; give each class "
            f"its value then: {shifted}. Otherwise add images that show {it}."
        )
    remove = f"remove {it} from the list"
    if is_by_place and len(values) <= _FEW_CLASSES:  # the classes behind would move up
        kept = {name: value for value, name in values.items() if value not in absent}
        remove = f"leave {it} out: {option_text('classes', kept)}"
    elif is_by_place:
        remove = f"leave {it} out and give the others their values"
    return f"{start} cannot be learned or scored; add images that show {it}, or {remove}."


def _not_in_every_split(
    evidence: Evidence, labels: LabelMap, seen_in: dict[int, frozenset[str]]
) -> Iterator[Problem]:
    splits = evidence.splits
    if len(splits) < 2:
        return
    for split in splits:
        lacking = [index for index, seen in seen_in.items() if seen and split not in seen]
        has_masks = any(split in seen for seen in seen_in.values())
        if not lacking or not has_masks:
            continue
        is_train = split == "train"
        yield problem(
            "class_absent",
            "warning" if is_train else "remark",
            f"{_num_of(lacking, labels)} {_occur(lacking)} in {split}, but elsewhere: "
            f"{_named(labels, lacking)}.",
            count=len(lacking),
            advice="A model cannot learn what it never sees; move some images that show "
            f"{'it' if len(lacking) == 1 else 'them'} into train."
            if is_train
            else f"{'It has' if len(lacking) == 1 else 'They have'} no score in {split}.",
        )


def _ignored(evidence: Evidence, labels: LabelMap) -> Iterator[Problem]:
    table = evidence.table
    values = [v for v, i in labels.file_values if i == labels.ignore_index and v in table]
    if not values or set(table) <= {0, 255} and 255 in values:  # binary_0_255 says it
        return
    pixels = sum(count.pixels for count in table.values())
    ignored = sum(table[value].pixels for value in values)
    commonest = max(table, key=lambda value: table[value].pixels)
    if ignored < _MUCH * pixels and not (commonest in values and ignored >= _COMMON * pixels):
        return
    yield problem(
        "ignore_suspicious",
        "warning",
        f"{share(ignored, pixels)} of all pixels are ignored (value "
        f"{evidence.show_some(values)}), so nothing is learned or scored there.",
        files=evidence.files_with(values),
        count=max(table[value].files for value in values),
        advice="If these pixels are background, make them a class; ignore only what nobody could "
        "label.",
    )


def _border_as_class(evidence: Evidence, labels: LabelMap) -> Iterator[Problem]:
    """255 as one class more beside classes that count up: the void band of VOC, learned."""
    meanings = dict(labels.file_values)
    others = sorted(value for value in evidence.table if value != 255 and value in meanings)
    is_class = labels.encoding == "index" and meanings.get(255, 255) != labels.ignore_index
    if not is_class or 255 not in evidence.table or len(others) < 2:
        return
    # the foreground of some masks is 1 and of others 255, as the list says
    if meanings.get(1) == meanings[255] and is_written_in_two_ways(evidence):
        return
    is_dense = others[-1] < 2 * len(others) + 2
    if not is_dense and evidence.table[255].run_px >= BORDER_RUN_PX:
        return
    name = labels.names[meanings[255]]
    yield problem(
        "ignore_suspicious",
        "warning",
        f"The value 255 is listed as the class {name}, beside classes that count up from "
        f"{others[0]}; it usually marks pixels that count nowhere.",
        files=evidence.files_with([255]),
        count=evidence.table[255].files,
        advice="If it is the void band around objects, take it out of the classes and ignore it: "
        "'data.options.ignore=[255]'.",
    )
