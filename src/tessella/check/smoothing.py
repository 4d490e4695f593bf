"""Masks whose values were mixed at the seams between areas, by a brush or by a resize."""

from collections.abc import Iterator, Mapping

from tessella.check.evidence import Evidence, counted, problem, share, value_problem
from tessella.check.findings import Problem
from tessella.check.proposal import AREA_RUN_PX, are_thinner, split_off_seams
from tessella.check.tally import ValueCount

_SEAM_RATIO = 0.3  # clean masks: a thin class between two others, under 0.1 of the long stretches
_FEWEST_SEAMS = 3


def seams_of(evidence: Evidence, strays: Mapping[int, ValueCount]) -> list[int]:
    """The stray values that smoothing left, where most of the stray values are of that kind."""
    if evidence.labels is None:
        return split_off_seams(evidence.table)[1]
    thin = sorted(v for v, count in strays.items() if count.run_px < AREA_RUN_PX)
    areas = [count for value, count in evidence.table.items() if value not in strays]
    is_thin = are_thinner([strays[value] for value in thin], areas)
    return thin if is_thin and len(thin) >= max(_FEWEST_SEAMS, len(strays) / 2) else []


def masks_smoothed(evidence: Evidence) -> list[int]:
    """The places of single-valued masks whose seams are full of values in between."""
    return [
        place
        for place, mask in evidence.masks()
        if mask.form in ("grey", "palette", "gray_as_rgb") and mask.values.seam_ratio > _SEAM_RATIO
    ]


def smoothed_values(evidence: Evidence, strays: Mapping[int, ValueCount]) -> Problem | None:
    seams = seams_of(evidence, strays)
    if not seams:
        return None
    table = evidence.table
    thin = {value: table[value] for value in seams}
    main = sorted((v for v in table if v not in thin), key=lambda value: -table[value].pixels)
    pixels = sum(count.pixels for count in table.values())
    in_seams = sum(count.pixels for count in thin.values())
    what = "colour" if evidence.reads_colors else "value"
    return value_problem(
        evidence,
        "blended_mask",
        thin,
        summary=f"Beside {evidence.show_some(main)} the masks hold "
        f"{counted(len(thin), what)} in seams a pixel or two wide, {share(in_seams, pixels)} of "
        "all pixels: they were smoothed, by an anti-aliased brush or a resize that mixes values.",
        advice="Export them without anti-aliasing and resize with the nearest value; a fixed copy "
        "takes the nearest listed value.",
    )


def smoothed_classes(evidence: Evidence) -> Iterator[Problem]:
    """Values between the classes on both sides of a seam that are classes themselves."""
    listed = {value for value, _ in evidence.labels.file_values} if evidence.labels else set()
    has_strays = any(value not in listed for value in evidence.table)
    places = masks_smoothed(evidence)
    if not places or evidence.reads_colors or (has_strays and _seams_of_all(evidence)):
        return
    yield problem(
        "blended_mask",
        "warning",
        f"In {counted(len(places), 'mask')} the seams between classes are full of values in "
        "between: a resize mixed the numbers of classes, and so made up others.",
        files=[evidence.mask_file(place) for place in places],
        advice="Make the masks again from the originals and resize with the nearest value.",
    )


def _seams_of_all(evidence: Evidence) -> bool:
    listed = {value for value, _ in evidence.labels.file_values} if evidence.labels else set()
    return bool(seams_of(evidence, {v: c for v, c in evidence.table.items() if v not in listed}))
