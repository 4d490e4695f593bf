"""Problems of what the mask values mean: the field's commonest mistakes, each by its name."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from tessella.check.binary import (
    foreground_in_two_ways,
    ignored_foreground,
    is_written_in_two_ways,
    only_0_and_255,
)
from tessella.check.evidence import Evidence, counted, problem, share, value_problem
from tessella.check.findings import Problem, option_text
from tessella.check.known import palette_of_greys
from tessella.check.objects import codes, gradients, numbered_objects, photographs, sixteen_bit
from tessella.check.observe import LOSSY
from tessella.check.proposal import split_off_seams
from tessella.check.smoothing import smoothed_classes, smoothed_values
from tessella.check.tally import ValueCount, mean_run_px
from tessella.check.unlisted import unlisted_values
from tessella.labels import MAX_CLASSES, LabelMap, pack
from tessella.palette import distinct_colors

_SPECKS_PX = 1.5  # stretches of photographs; what JPEG makes of masks has longer ones

Explanation = Callable[[Evidence, Mapping[int, ValueCount]], Problem | None]


def value_problems(evidence: Evidence) -> Iterator[Problem]:
    """What the values are, against the class list or, where there is none, by themselves."""
    if is_written_in_two_ways(evidence):
        yield from foreground_in_two_ways(evidence)
        return
    strays = evidence.table
    if evidence.labels is not None:
        yield from _wrong_kind(evidence, evidence.labels)
        told = list(ignored_foreground(evidence, evidence.labels))
        yield from told
        listed = {value for value, _ in evidence.labels.file_values}
        strays = {value: count for value, count in evidence.table.items() if value not in listed}
        if told:  # what it says settles both values
            strays = {v: count for v, count in strays.items() if v not in (0, 255)}
    if strays and _is_of_jpegs(evidence, strays):
        if mean_run_px(strays.values()) < _SPECKS_PX and (found := photographs(evidence, strays)):
            yield found
        return
    if strays:
        yield from _unlisted(evidence, strays)
    yield from smoothed_classes(evidence)


def _wrong_kind(evidence: Evidence, labels: LabelMap) -> Iterator[Problem]:
    """Colours where the class list gives single values, or the reverse."""
    places = [place for place, mask in evidence.masks() if mask.form == "color"]
    if labels.encoding == "index" and places:
        yield problem(
            "rgb_coded",
            "error",
            f"{counted(len(places), 'mask')} "
            f"{'is an RGB picture' if len(places) == 1 else 'are RGB pictures'} of "
            f"{_some_colors(evidence.tally.colors)}, but the class list gives single values.",
            files=[evidence.mask_file(place) for place in places],
            advice="Give a colour for each class, for example 'data.options.classes={road: [128, "
            "64, 128]}'."
            if len(evidence.tally.colors) <= MAX_CLASSES
            else "So many colours are no classes; look whether images and masks are swapped, or "
            "whether the colours number single objects.",
        )
    grey = [place for place, mask in evidence.masks() if mask.form in ("grey", "gray_as_rgb")]
    if labels.encoding == "color" and grey and len(grey) == sum(1 for _ in evidence.masks()):
        listed = {value for value, _ in labels.file_values}
        if not set(evidence.table) <= listed:
            yield problem(
                "index_coded",
                "error",
                f"The masks hold single values ({_some(evidence.tally.numbers)}), but the class "
                "list gives colours.",
                files=[evidence.mask_file(place) for place in grey],
                advice="Give a value for each class, for example 'data.options.classes={road: 7}'.",
            )


def _some_colors(colors: Mapping[int, ValueCount], *, most: int = 6) -> str:
    listed = sorted(colors, key=lambda color: -colors[color].pixels)[:most]
    shown = ", ".join(str((color >> 16, color >> 8 & 255, color & 255)) for color in listed)
    more = f" and {len(colors) - most} more" if len(colors) > most else ""
    return f"{counted(len(colors), 'colour')} ({shown}{more})"


def _some(values: Mapping[int, ValueCount], *, most: int = 8) -> str:
    listed = sorted(values)
    more = ", ..." if len(listed) > most else ""
    return ", ".join(str(value) for value in listed[:most]) + more


def _is_of_jpegs(evidence: Evidence, strays: Mapping[int, ValueCount]) -> bool:
    """Whether all masks with stray values are JPEG or alike, which is a problem of its own."""
    formats = {place: mask.format for place, mask in evidence.masks()}
    return all(formats.get(place) in LOSSY for count in strays.values() for place in count.first)


def _unlisted(evidence: Evidence, strays: Mapping[int, ValueCount]) -> Iterator[Problem]:
    """The one explanation that fits values without a meaning best."""
    explanations: Sequence[Explanation] = (
        (smoothed_values, photographs, codes, _other_colors)
        if evidence.reads_colors
        else (
            *(sixteen_bit, smoothed_values, numbered_objects, _greys_of_colors, gradients),
            *(photographs, only_0_and_255, _lost_border, _off_by_one, _beyond, _other_values),
        )
    )
    for explain in explanations:
        if found := explain(evidence, strays):
            yield found
            return


def _greys_of_colors(evidence: Evidence, _: Mapping[int, ValueCount]) -> Problem | None:
    stated: dict[str, int] = {}
    labels = evidence.labels
    # colours that we made up say nothing about the files
    if labels and labels.colors != distinct_colors(labels.num_classes):
        stated = dict(zip(labels.names, map(pack, labels.colors), strict=True))
    values, _seams = split_off_seams(evidence.table)
    found = palette_of_greys(values, stated)
    if found is None:
        return None
    return value_problem(
        evidence,
        "color_as_gray",
        evidence.table,
        summary=f"The masks are grey, but their values ({evidence.show_some(values)}) are those of "
        f"{found.about} turned to grey, where different classes can share one value.",
        advice="Take the colour masks before that, and never open a palette PNG as grey "
        "(cv2.IMREAD_GRAYSCALE, convert('L')).",
    )


def _lost_border(evidence: Evidence, strays: Mapping[int, ValueCount]) -> Problem | None:
    if evidence.labels is None or set(strays) != {255} or len(evidence.table) < 3:
        return None
    ignored = [v for v, i in evidence.labels.file_values if i == evidence.labels.ignore_index]
    pixels = sum(count.pixels for count in evidence.table.values())
    listed = evidence.show_some(ignored) if ignored else "no value"
    return value_problem(
        evidence,
        "ignore_suspicious",
        strays,
        summary=f"{share(strays[255].pixels, pixels)} of all pixels hold 255, the usual value for "
        f"pixels that count nowhere, but the class list ignores {listed}.",
        advice="If 255 is no class, ignore it: 'data.options.ignore=[255]'.",
    )


def _off_by_one(evidence: Evidence, strays: Mapping[int, ValueCount]) -> Problem | None:
    values = sorted(value for value in evidence.table if value != 255)
    if not values or values[0] != 1:
        return None
    if evidence.labels is None:
        if values != list(range(1, len(values) + 1)) or len(values) < 2:
            return None
        what = f"The masks hold the values 1..{values[-1]} and no 0: the classes count from 1."
    else:
        number = evidence.labels.num_classes
        if set(strays) != {number}:
            return None
        what = (
            f"The masks hold values up to {number} and no 0, but the class list gives "
            f"{counted(number, 'class')} the values 0..{number - 1}: the masks count from 1."
        )
    return value_problem(
        evidence,
        "off_by_one",
        strays,
        summary=what,
        advice=_counted_from_one(evidence.labels.names)
        if evidence.labels
        else "Take the proposed classes, and give them their names.",
        is_solved=True,
    )


def _counted_from_one(names: Sequence[str]) -> str:
    return f"Give each class its value: {_from_one(names)}."


def _from_one(names: Sequence[str]) -> str:
    return option_text("classes", {name: value for value, name in enumerate(names, 1)})


def _beyond(evidence: Evidence, strays: Mapping[int, ValueCount]) -> Problem | None:
    if evidence.labels is None:
        return None
    classes = [v for v, i in evidence.labels.file_values if i != evidence.labels.ignore_index]
    if min(strays) <= max(classes, default=-1) or len(strays) > MAX_CLASSES:
        return None
    # the next numbers in turn; a lone 128 after 0..4 is something else
    if max(strays) > max(classes, default=0) + 2 * len(strays) + len(classes):
        return None
    pixels = sum(count.pixels for count in evidence.table.values())
    return value_problem(
        evidence,
        "class_list_short",
        strays,
        summary=f"The class list ends at the value {max(classes, default=0)}, but the masks hold "
        f"{evidence.show_some(strays)} too "
        f"({share(sum(c.pixels for c in strays.values()), pixels)} of all pixels).",
        advice=_how_to_lengthen(evidence.labels, strays),
    )


def _how_to_lengthen(labels: LabelMap, strays: Mapping[int, ValueCount]) -> str:
    """What may be missing; where 0 has no name, every name is off by one, so it is said first."""
    numbered = [(value, index) for index, value in enumerate(range(labels.num_classes))]
    listed = [pair for pair in labels.file_values if pair[1] != labels.ignore_index]
    if listed == numbered and set(strays) == {labels.num_classes}:
        last = labels.names[-1]
        return (
            f"Look at a mask: if {labels.num_classes} is {last}, the list lacks what 0 is; put "
            "that class first (mostly the background), or where it is none, give the others their "
            f"values and ignore 0: {_from_one(labels.names)} {option_text('ignore', [0, 255])}. "
            "Otherwise add the missing class at the end."
        )
    return "Add the missing classes to the list, or the values to those that are ignored."


def _other_values(evidence: Evidence, strays: Mapping[int, ValueCount]) -> Problem | None:
    values = sorted(value for value in strays if value != 255)
    if evidence.labels is None:
        if not values or values[-1] < 2 * len(values) + 2:
            return None  # counted up, or nearly
        return value_problem(
            evidence,
            "sparse_values",
            strays,
            summary=f"The masks hold {counted(len(strays), 'value')} that do not count up: "
            f"{evidence.show_some(strays)}.",
            advice="Take the proposed classes, and give them their names.",
            is_solved=True,
        )
    return unlisted_values(evidence, strays)


def _other_colors(evidence: Evidence, strays: Mapping[int, ValueCount]) -> Problem | None:
    if evidence.labels is None:
        if not evidence.forms.get("color"):  # a palette that varies is told on its own
            return None
        return value_problem(
            evidence,
            "rgb_coded",
            strays,
            summary=f"The masks are RGB pictures of {counted(len(strays), 'colour')}: "
            f"{evidence.show_some(strays)}.",
            advice="Take the proposed classes, and give them their names.",
            is_solved=True,
        )
    return unlisted_values(evidence, strays)
