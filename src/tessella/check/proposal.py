"""A proposal of what the masks mean where nobody said it: a label map and its recipe line."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np

from tessella.check.known import VOC, Palette, palette_of
from tessella.check.tally import ValueCount, mean_run_px
from tessella.data.classes import labels_from_classes
from tessella.labels import MAX_CLASSES, LabelMap
from tessella.palette import Color

AREA_RUN_PX = 3.0
"""Areas have longer stretches than this, on average; seams of smoothing shorter ones."""

BORDER_RUN_PX = 8.0
"""A line drawn around objects is thinner than this."""

MOST_SMOOTHED_SHARE = 0.25
"""More of the pixels than this cannot be seams."""

_SEAM_PX, _MUCH_SHORTER = 2.0, 4
_AREA_SHARE = 0.001
_THIN_CLASS_SHARE, _STANDS_OUT, _AROUND = 0.004, 5, 2


class Proposal(NamedTuple):
    """What the masks seem to mean."""

    labels: LabelMap
    options: dict[str, Any]
    """`classes`, and `ignore` where needed, as a recipe states them under `data.options`."""

    repairs: dict[int, int]
    """Value of smoothing -> the nearest class value, or ignored value; for a fixed copy."""

    reason: str
    """How it came about, in half a sentence."""


def split_off_seams(table: Mapping[int, ValueCount]) -> tuple[list[int], list[int]]:
    """(values of areas, values that smoothing left at their seams), each ascending.

    Smoothing (a bilinear resize, an anti-aliased brush, JPEG) leaves many values with few pixels
    each in stretches of one or two; where there are not at least three of those beside two areas,
    or they hold too many pixels, all values count as areas.
    """
    areas = [value for value, count in table.items() if count.run_px >= AREA_RUN_PX]
    seams = [value for value, count in table.items() if count.run_px < AREA_RUN_PX]
    if len(areas) < 2 or len(seams) < max(3, len(areas) / 2):
        return sorted(table), []
    pixels = sum(count.pixels for count in table.values())
    # of thousands of mixed colours some form a straight line by chance
    areas = [value for value in areas if table[value].pixels >= _AREA_SHARE * pixels]
    areas += _thin_classes(table, seams)
    seams = [value for value in table if value not in set(areas)]
    is_little = sum(table[value].pixels for value in seams) <= MOST_SMOOTHED_SHARE * pixels
    is_thin = are_thinner([table[v] for v in seams], [table[v] for v in areas])
    if len(areas) < 2 or not is_little or not is_thin:
        return sorted(table), []
    return sorted(areas), sorted(seams)


def are_thinner(seams: Sequence[ValueCount], areas: Sequence[ValueCount]) -> bool:
    """Whether some values are in stretches as short as seams', next to those of others."""
    seam_px = mean_run_px(seams)
    return bool(seams) and seam_px <= _SEAM_PX and seam_px * _MUCH_SHORTER <= mean_run_px(areas)


def _thin_classes(table: Mapping[int, ValueCount], seams: Sequence[int]) -> list[int]:
    """Values in short stretches that stand out among all and their neighbours: poles, say."""
    least = _THIN_CLASS_SHARE * sum(count.pixels for count in table.values())
    usual = float(np.median([table[value].pixels for value in seams]))
    around = [offset for offset in range(-_AROUND, _AROUND + 1) if offset]

    def stands_out(value: int) -> bool:
        neighbours = [table[value + step].pixels for step in around if value + step in table]
        return table[value].pixels >= max(least, _STANDS_OUT * max(usual, *neighbours, 0))

    return [value for value in seams if stands_out(value)]


def nearest_listed(
    values: Collection[int],
    listed: Collection[int],
    *,
    encoding: Literal["index", "color", "code"],
) -> dict[int, int]:
    """For each value the nearest of `listed`: by difference, or by distance in RGB.

    Empty where nearness means nothing: with codes, or with nothing listed.
    """
    if encoding == "code" or not listed or not values:
        return {}
    targets = np.array(sorted(listed), np.int64)
    others = np.array(sorted(values), np.int64)
    nearest: list[int] = []
    for part in np.array_split(others, max(1, len(others) // 1024)):
        there, here = _points(targets, encoding), _points(part, encoding)
        distance = ((here[:, None] - there[None]) ** 2).sum(-1)
        nearest += targets[distance.argmin(1)].tolist()
    return dict(zip(others.tolist(), nearest, strict=True))


def _points(values: np.ndarray, encoding: str) -> np.ndarray:
    if encoding == "index":
        return values[:, None]
    return np.stack([values >> 16, values >> 8 & 255, values & 255], -1)


def propose(
    table: Mapping[int, ValueCount],
    *,
    is_color: bool,
    palette: Mapping[int, int] | None = None,
) -> Proposal | None:
    """What masks with these values mean; None where no list of classes can explain them.

    Args:
        table: single values, or colours as 0xRRGGBB.
        is_color: which of the two.
        palette: of palette masks, the colour of each index.
    """
    if not table:
        return None
    values, seams = split_off_seams(table)
    if is_color:
        return _of_colors(values, seams)
    return _of_numbers(table, values, seams, palette or {})


def _of_colors(values: list[int], seams: list[int]) -> Proposal | None:
    known = palette_of(values)
    if known is not None:
        classes = {name: _color(value) for name, value in known.classes.items()}
        ignored: list[int] = sorted(set(values) & known.ignored)
        reason = f"the masks are drawn in {known.about}"
    elif len(values) <= MAX_CLASSES:
        classes = proposed_colors(values)
        ignored: list[int] = []
        reason = f"the masks hold {len(values)} colours"
    else:
        return None
    options: dict[str, Any] = {"classes": classes}
    if ignored:
        options["ignore"] = [_color(value) for value in ignored]
    return _proposal(options, seams, reason)


def proposed_colors(values: Sequence[int]) -> dict[str, list[int]]:
    """Class name -> colour for colours (0xRRGGBB) whose meaning nobody knows."""
    others = [value for value in values if value]
    named = {f"class_{number}": _color(value) for number, value in enumerate(others, 1)}
    return ({"background": [0, 0, 0]} if 0 in values else {}) | named


def _color(value: int) -> list[int]:
    return [value >> 16, value >> 8 & 255, value & 255]


def _of_numbers(
    table: Mapping[int, ValueCount], values: list[int], seams: list[int], palette: Mapping[int, int]
) -> Proposal | None:
    if len(values) > MAX_CLASSES + 1 or not 0 <= values[0] <= values[-1] <= 0xFFFF:
        return None
    border = 255 if _is_border(table, values, palette) else None
    classed = [value for value in values if value != border]
    known = _known_by_index(classed, palette)
    if known is not None:
        names = {name: index for index, name in enumerate(known.classes)}
        reason = f"the palette shows {known.about}"
    else:
        names = _named_numbers(classed)
        reason = f"the masks hold {_listed(values)}"
    if len(names) > MAX_CLASSES:
        return None
    # 255 is ignored unless it is a class: that need not be stated
    proposal = _proposal({"classes": names}, seams, reason)
    return _with_colors(proposal, [palette.get(value) for value in names.values()], known)


def _is_border(
    table: Mapping[int, ValueCount], values: Sequence[int], palette: Mapping[int, int]
) -> bool:
    """Whether 255 marks pixels that count nowhere.

    Classes are counted up, or it is a thin line, or it has the colour that VOC's palette gives it.
    """
    others = [value for value in values if value != 255]
    if 255 not in values or len(others) < 2:
        return False
    is_counted_up = others[-1] - others[0] == len(others) - 1 and others[0] <= 1
    # some classes may be absent; a few values spread over 0..255 have 255 as their last
    is_dense = others[-1] < 2 * len(others) + 2
    is_line = table[255].run_px < BORDER_RUN_PX
    return is_counted_up or is_dense or is_line or palette.get(255) in VOC.ignored


def _known_by_index(values: Sequence[int], palette: Mapping[int, int]) -> Palette | None:
    """The palette that shows index i in the colour of its class i."""
    shown = {value: palette.get(value) for value in values}
    if not shown or None in shown.values():
        return None
    known = palette_of([color for color in shown.values() if color is not None])
    if known is None:
        return None
    by_index = dict(enumerate(known.classes.values()))
    return known if all(by_index.get(value) == color for value, color in shown.items()) else None


def _named_numbers(values: Sequence[int]) -> dict[str, int]:
    if len(values) == 2 and values[0] == 0:
        return {"background": values[0], "foreground": values[1]}
    return {f"class_{value}": value for value in values}


def _with_colors(
    proposal: Proposal, colors: Sequence[int | None], known: Palette | None
) -> Proposal:
    """The proposal with the masks' own colours, where each class has one and no two are equal."""
    found = list(known.classes.values()) if known else colors
    distinct = {color for color in found if color is not None}
    if None in found or len(distinct) != proposal.labels.num_classes:
        return proposal
    own: list[Color] = [(c >> 16, c >> 8 & 255, c & 255) for c in found if c is not None]
    return proposal._replace(labels=replace(proposal.labels, colors=tuple(own)))


def _proposal(options: dict[str, Any], seams: Sequence[int], reason: str) -> Proposal:
    labels = labels_from_classes(options["classes"], ignore=options.get("ignore"))
    listed = [value for value, _ in labels.file_values]
    return Proposal(
        labels, options, nearest_listed(seams, listed, encoding=labels.encoding), reason
    )


def _listed(values: Sequence[int]) -> str:
    if len(values) == 1:
        return f"only the value {values[0]}"
    if values[-1] - values[0] == len(values) - 1:
        return f"the values {values[0]}..{values[-1]}"
    shown = ", ".join(str(value) for value in values[:8])
    return f"the values {shown}" + (", ..." if len(values) > 8 else "")
