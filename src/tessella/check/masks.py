"""Problems of how mask files hold their values: JPEG, transparency, palettes, mixed kinds."""

from collections.abc import Iterator
from math import isfinite

from tessella.check.evidence import Evidence, counted, problem, share
from tessella.check.findings import Problem, option_text
from tessella.check.observe import LOSSY, Form, MaskSeen
from tessella.check.proposal import proposed_colors, split_off_seams
from tessella.check.smoothing import masks_smoothed
from tessella.labels import MAX_CLASSES

_MODES = ("1", "L", "P", "RGB", "RGBA", "LA", "PA", "RGBa", "La", "F")
_FORM_WORDS: dict[Form, str] = {
    "grey": "single grey values",
    "palette": "palette indices",
    "gray_as_rgb": "grey saved as RGB",
    "color": "RGB colours",
    "deep": "16 bits a channel",
    "classes": "outlines",
}
_FEW_VALUES = 32  # a JPEG that holds no more, and only listed ones, got through unharmed


def form_problems(evidence: Evidence) -> Iterator[Problem]:
    """What is wrong with the files, whatever their values mean."""
    masks = list(evidence.masks())
    yield from _jpeg(evidence, masks)
    yield from _transparent(evidence, masks)
    yield from _odd_modes(evidence, masks)
    yield from _odd_numbers(evidence, masks)
    yield from _mixed(evidence, masks)
    yield from _palettes(evidence, masks)
    yield from _constant(evidence, masks)


def _files(evidence: Evidence, places: list[int]) -> list[str]:
    return [evidence.mask_file(place) for place in places]


def _jpeg(evidence: Evidence, masks: list[tuple[int, MaskSeen]]) -> Iterator[Problem]:
    places = [place for place, mask in masks if mask.format in LOSSY]
    if not places:
        return
    kinds = sorted(
        {mask.format.replace("MPO", "JPEG") for _, mask in masks if mask.format in LOSSY}
    )
    is_harmed = _is_harmed(evidence) or any(masks_smoothed(evidence))
    harm = f"; the masks hold {len(evidence.table)} different values" if is_harmed else ""
    copied = "; a fixed copy takes the nearest value" if is_harmed else ""
    yield problem(
        "jpeg_mask",
        "error" if is_harmed else "warning",
        f"{counted(len(places), 'mask')} of {len(masks)} {_are(places)} saved as "
        f"{' and '.join(kinds)}, which changes values at every edge{harm}.",
        files=_files(evidence, places),
        advice=f"Export the masks as PNG from the program that made them{copied}.",
    )


def _is_harmed(evidence: Evidence) -> bool:
    """Whether there are values that JPEG made up, as far as values tell."""
    if evidence.labels is not None:
        listed = {value for value, _ in evidence.labels.file_values}
        return not listed.issuperset(evidence.table)
    return len(evidence.table) > _FEW_VALUES or bool(split_off_seams(evidence.table)[1])


def _are(places: list[int]) -> str:
    return "is" if len(places) == 1 else "are"


def _transparent(evidence: Evidence, masks: list[tuple[int, MaskSeen]]) -> Iterator[Problem]:
    clear = [place for place, mask in masks if mask.alpha == "transparent"]
    opaque = [place for place, mask in masks if mask.alpha == "opaque"]
    if clear:
        yield problem(
            "alpha",
            "error",
            f"{counted(len(clear), 'mask')} of {len(masks)} {'has' if len(clear) == 1 else 'have'} "
            "transparent pixels, whose class is unclear.",
            files=_files(evidence, clear),
            advice="Flatten them and save them without an alpha channel.",
        )
    if opaque:
        yield problem(
            "alpha",
            "remark",
            f"{counted(len(opaque), 'mask')} of {len(masks)} {_are(opaque)} saved with an alpha "
            "channel that is opaque everywhere.",
            files=_files(evidence, opaque),
            advice="It does no harm; without it the files are smaller.",
        )


def _odd_modes(evidence: Evidence, masks: list[tuple[int, MaskSeen]]) -> Iterator[Problem]:
    deep = [place for place, mask in masks if mask.form == "deep"]
    if deep:
        yield problem(
            "deep_color",
            "error",
            f"{counted(len(deep), 'mask')} of {len(masks)} {_are(deep)} saved with 16 bits in each "
            "of several channels.",
            files=_files(evidence, deep),
            advice="Save them with 8 bits a channel, or as 16-bit grey.",
        )
    odd = [
        (place, mask.mode)
        for place, mask in masks
        if mask.form not in ("deep", "classes")
        and mask.mode not in _MODES
        and not mask.mode.startswith("I")
    ]
    if odd:
        modes = ", ".join(sorted({mode for _, mode in odd}))
        yield problem(
            "color_mode",
            "error",
            f"{counted(len(odd), 'mask')} of {len(masks)} {_are([p for p, _ in odd])} saved in "
            f"the colour mode {modes}, in which values are mixed.",
            files=_files(evidence, [place for place, _ in odd]),
            advice="Save them as 8-bit grey, palette or RGB PNG.",
        )


def _odd_numbers(evidence: Evidence, masks: list[tuple[int, MaskSeen]]) -> Iterator[Problem]:
    floats = [(place, mask) for place, mask in masks if mask.values.kind == "f"]
    broken = [(place, mask) for place, mask in floats if not mask.values.are_whole]
    if broken:
        yield problem(
            "fractions",
            "error",
            f"{counted(len(broken), 'mask')} of {len(masks)} {_hold(broken)} numbers that are not "
            f"whole, {_range_of(broken)}: no class has such a number.",
            files=_files(evidence, [place for place, _ in broken]),
            advice="Save the class numbers themselves, as 8-bit PNG; make classes of probabilities "
            "by a threshold.",
        )
    elif floats:
        low = min(mask.values.lowest for _, mask in floats)
        high = max(mask.values.highest for _, mask in floats)
        yield problem(
            "float_values",
            "error",
            f"{counted(len(floats), 'mask')} of {len(masks)} {_hold(floats)} floating-point "
            f"numbers, from {low:g} to {high:g}.",
            files=_files(evidence, [place for place, _ in floats]),
            advice="Save the masks as whole numbers, for example as 8-bit PNG; a fixed copy does.",
        )
    below = [(place, mask) for place, mask in masks if mask.values.lowest < 0]
    if below:
        low = min(mask.values.lowest for _, mask in below)
        yield problem(
            "negative_values",
            "error",
            f"{counted(len(below), 'mask')} of {len(masks)} {_hold(below)} negative values, down "
            f"to {low:g}.",
            files=_files(evidence, [place for place, _ in below]),
            advice="Save the masks with values in 0..65535; 255 is the usual one for pixels that "
            "count nowhere.",
        )


def _range_of(masks: list[tuple[int, MaskSeen]]) -> str:
    low = min(mask.values.lowest for _, mask in masks)
    high = max(mask.values.highest for _, mask in masks)
    return "some of them infinite or NaN" if not isfinite(low + high) else f"{low:g} to {high:g}"


def _hold(masks: list[tuple[int, MaskSeen]]) -> str:
    return "holds" if len(masks) == 1 else "hold"


def _mixed(evidence: Evidence, masks: list[tuple[int, MaskSeen]]) -> Iterator[Problem]:
    forms = evidence.forms
    same = [place for place, mask in masks if mask.form == "gray_as_rgb"]
    if same and not forms.get("color"):
        yield problem(
            "gray_saved_as_rgb",
            "remark",
            f"{counted(len(same), 'mask')} of {len(masks)} {_are(same)} grey saved as RGB: three "
            "equal channels, read as one.",
            files=_files(evidence, same),
            advice="It does no harm; saved as grey the files are smaller and faster to read.",
        )
    single = [place for place, mask in masks if mask.form in ("grey", "palette")]
    if not forms.get("color") or not single:
        return
    fewer = min(
        ([place for place, mask in masks if mask.form == "color"], single), key=lambda s: len(s)
    )
    listed = ", ".join(f"{count} {_FORM_WORDS[form]}" for form, count in sorted(forms.items()))
    yield problem(
        "mixed_forms",
        "warning",
        f"The masks are of several kinds: {listed}.",
        files=_files(evidence, fewer),
        count=len(fewer),
        advice="Save all masks alike, as palette indices or in the same colours.",
    )


def _palettes(evidence: Evidence, masks: list[tuple[int, MaskSeen]]) -> Iterator[Problem]:
    tally = evidence.tally
    count = len(tally.palette_conflicts)
    is_sorted_anew = tally.is_palette_sorted_anew
    if not tally.palette or (evidence.reads_colors and evidence.labels is not None):
        return
    if is_sorted_anew:
        read = "" if evidence.labels else "; the proposed classes are colours"
        yield problem(
            "palette_varies",
            "warning",
            f"In {counted(count, 'mask')} of {len(masks)} a palette index shows another colour "
            f"than in the masks before, and the same {len(tally.colors)} colours come back under "
            "other indices: a program sorted the palette of each file, so that colours tell the "
            f"classes and indices do not{read}.",
            files=_files(evidence, tally.palette_conflicts),
            advice="Give the classes as colours: "
            f"{option_text('classes', proposed_colors(sorted(tally.colors)))}."
            if len(tally.colors) <= MAX_CLASSES
            else "Export the masks with one palette, or in colours.",
        )
        return
    if evidence.reads_colors:
        return
    if tally.palette_conflicts:
        yield problem(
            "palette_varies",
            "warning",
            f"In {counted(count, 'mask')} of {len(masks)} a palette index shows another colour "
            f"than in the masks before; all masks together show {len(tally.colors)} colours. If "
            "a program sorted the palettes, the same index is another class from file to file.",
            files=_files(evidence, tally.palette_conflicts),
            advice="If the colours are right, give the classes as colours; if the indices are, "
            "save the masks with one palette.",
        )
        return
    if evidence.labels is None:
        num_palettes = sum(mask.form == "palette" for _, mask in masks)
        yield problem(
            "palette",
            "remark",
            f"{counted(num_palettes, 'mask')} of {len(masks)} "
            f"{'has' if num_palettes == 1 else 'have'} a palette of {len(tally.palette)} used "
            "colours; their indices are read as the classes.",
            count=num_palettes,
            advice="If the colours tell the classes rather than the indices, give the classes as "
            "colours.",
        )


def _constant(evidence: Evidence, masks: list[tuple[int, MaskSeen]]) -> Iterator[Problem]:
    places = [place for place, mask in masks if mask.values.count == 1]
    if not places:
        return
    values = {mask.values.lowest for _, mask in masks if mask.values.count == 1}
    if len(places) == len(masks) and len(values) == 1:
        total = sum(count.pixels for count in evidence.table.values())
        value = next(iter(evidence.table), 0)
        yield problem(
            "constant_masks",
            "error",
            f"All {counted(len(masks), 'mask')} hold nothing but the value {evidence.show(value)} "
            f"({share(total, total)} of the pixels).",
            files=_files(evidence, places),
            advice="Nothing can be learned from them; export the masks again, and look whether "
            "the program saved them as pictures rather than as labels.",
        )
        return
    yield problem(
        "constant_masks",
        "remark",
        f"{counted(len(places), 'mask')} of {len(masks)} {_hold_single(places)} a single value.",
        files=_files(evidence, places),
        advice="That is right where an image shows one class only; look at some of them.",
    )


def _hold_single(places: list[int]) -> str:
    return "holds" if len(places) == 1 else "hold"
