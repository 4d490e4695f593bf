"""Check a data set: one look at every file, then every known mistake against what was seen."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tessella.check.classes import class_problems
from tessella.check.content import Content, content_of
from tessella.check.copies import copy_problems
from tessella.check.evidence import Evidence
from tessella.check.findings import (
    Findings,
    ImageSize,
    ValueSeen,
    by_severity,
)
from tessella.check.images import alignment_problems, content_problems, file_problems
from tessella.check.leaks import leak_problems, leaks_of
from tessella.check.masks import form_problems
from tessella.check.observe import MaskSeen, PairSeen
from tessella.check.proposal import Proposal, nearest_listed, propose
from tessella.check.tally import Tally
from tessella.check.values import value_problems
from tessella.data.files import existing_root
from tessella.data.in_order import in_order
from tessella.data.layout import Layout, find_layout
from tessella.data.pairs import Pair
from tessella.data.recognise import recognise
from tessella.labels import LabelMap
from tessella.progress import Track, silently
from tessella.source import Source

_MOST_VALUES = 4096
_HOPELESS = {
    *("instance_masks", "not_class_masks", "codes_24bit", "ids_16_bit", "color_as_gray"),
    *("binary_mixed", "constant_masks", "fractions"),
}
"""Problems of values from which no list of classes can be proposed."""

_NO_CLASSES = {"fractions", "negative_values"}
"""Problems of files whose values, or some of them, are no classes at all."""

_SMOOTHED = {"blended_mask", "jpeg_mask"}


def check_path(
    root: Path,
    *,
    classes: Sequence[str] | Mapping[str, Any] | None = None,
    ignore: Sequence[Any] | None = None,
    track: Track = silently,
) -> Findings:
    """Check any folder or zip: a public data set in its own layout, or images and masks.

    Args:
        root: the folder or zip.
        classes: as `read_folder` takes them; None leaves it to the folder's own list, or to a
            proposal.
        ignore: values or colours that count nowhere, as `read_folder` takes them.
        track: shows progress.

    Raises:
        UsageError: classes or ignore are not stated as they should be.
        ValueError: there is no such folder, nothing in it is an image, or names are ambiguous.
    """
    if classes is None and ignore is None:
        found = recognise(root)
        source = Source(found.name, found.root, found.options, found.reason)
        return check(source, layout=found.layout, track=track)
    stated = {"classes": classes, "ignore": ignore}
    options = {key: value for key, value in stated.items() if value is not None}
    reason = "classes are stated, so it is read as a folder of images and masks"
    return check(Source("folder", existing_root("folder", root), options, reason), track=track)


def check(source: Source, *, layout: Layout | None = None, track: Track = silently) -> Findings:
    """Check a data set as a recipe names it.

    Args:
        source: the data set, its folder and its options.
        layout: what lies in the folder, where that has been found out already; images and masks
            that lack each other are told from it.
        track: shows progress.

    Raises:
        UsageError: unknown data set or option.
        ValueError: not one split can be opened.
    """
    if layout is None and source.name == "folder" and source.root is not None:
        root = existing_root("folder", source.root)
        images, masks = (source.options.get(key) for key in ("images", "masks"))
        layout = find_layout(root, images=images, masks=masks)
    content = content_of(source, layout)
    is_own_list = source.name == "folder" or ":" in source.name
    evidence = _look(content, layout, track, is_own_list=is_own_list)
    evidence = replace(evidence, options=source.options)
    findings = _findings(content, evidence)
    return replace(findings, name=source.name, reason=source.about)


def _look(content: Content, layout: Layout | None, track: Track, *, is_own_list: bool) -> Evidence:
    """The one pass over all files, in threads; the values are added up and dropped on the way."""
    tally = Tally()
    seen: list[PairSeen] = []
    looks = in_order(lambda item: item.look(), content.items)
    for one in track(looks, about="check", total=len(content.items), size=lambda _: 1):
        if isinstance(one.mask, MaskSeen) and one.runs is not None and one.mask.form != "deep":
            place = len(seen)
            split, form = content.items[place].split, one.mask.form
            tally.add(place, split, one.runs, form=form, used_colors=one.used_colors)
        seen.append(one._replace(runs=None, used_colors=None))
    labels = content.labels
    if labels and any(isinstance(s.mask, MaskSeen) and s.mask.form == "classes" for s in seen):
        labels = labels.as_indices()
    return Evidence(
        pairs=[(item.split, item.pair) for item in content.items],
        seen=seen,
        tally=tally,
        labels=labels,
        is_own_list=is_own_list,
        lonely_images=tuple(pair.image for _, pair in layout.lonely_images) if layout else (),
        lonely_masks=tuple(layout.lonely_masks) if layout else (),
    )


def _findings(content: Content, evidence: Evidence) -> Findings:
    of_values = list(value_problems(evidence))
    leaks = leaks_of(evidence, official=content.official)
    problems = [
        *content.problems,
        *file_problems(evidence),
        *alignment_problems(evidence),
        *content_problems(evidence),
        *form_problems(evidence),
        *of_values,
        *copy_problems(evidence),
        *leak_problems(leaks),
    ]
    kinds = {found.kind for found in problems if found.severity == "error"}
    proposal = None if evidence.labels or kinds & _HOPELESS else _proposed(evidence)
    labels = proposal.labels if proposal else evidence.labels
    # which classes occur cannot be said where values are misunderstood
    is_understood = not any(found.severity == "error" for found in of_values)
    is_understood = is_understood and not kinds & _NO_CLASSES
    if labels is not None and is_understood:
        problems += class_problems(evidence, labels)
    sizes = Counter(image.size for _, image in evidence.images())
    pairs: dict[str, list[Pair]] = {split: [] for split in evidence.splits}
    for split, pair in evidence.pairs:
        pairs[split].append(pair)
    return Findings(
        name="",
        reason="",
        pairs={s: tuple(p) for s, p in pairs.items()} if content.has_files else {},
        num_samples={split: len(pairs[split]) for split in pairs},
        problems=by_severity(problems),
        labels=content.labels or labels,
        is_proposed=proposal is not None,
        num_images=len(evidence.pairs) + len(evidence.lonely_images),
        num_masks=sum(seen.mask is not None for seen in evidence.seen) + len(evidence.lonely_masks),
        image_sizes=tuple(ImageSize(*size, count) for size, count in sizes.most_common()),
        values=_values(evidence, labels),
        options=dict(proposal.options) if proposal else {},
        repairs=_repairs(evidence, proposal, kinds),
        leaks=leaks,
    )


def _proposed(evidence: Evidence) -> Proposal | None:
    return propose(evidence.table, is_color=evidence.reads_colors, palette=evidence.tally.palette)


def _repairs(evidence: Evidence, proposal: Proposal | None, kinds: set[str]) -> dict[int, int]:
    if proposal is not None:
        return dict(proposal.repairs)
    if evidence.labels is None or not kinds & _SMOOTHED:
        return {}
    listed = [value for value, _ in evidence.labels.file_values]
    strays = set(evidence.table) - set(listed)
    return nearest_listed(strays, listed, encoding=evidence.labels.encoding)


def _values(evidence: Evidence, labels: LabelMap | None) -> tuple[ValueSeen, ...]:
    meanings = dict(labels.file_values) if labels else {}
    most = sorted(evidence.table, key=lambda value: -evidence.table[value].pixels)[:_MOST_VALUES]
    return tuple(
        ValueSeen(
            value=value,
            shown=evidence.show(value),
            pixels=evidence.table[value].pixels,
            files=evidence.table[value].files,
            meaning=_meaning(labels, meanings.get(value)),
        )
        for value in sorted(most)
    )


def _meaning(labels: LabelMap | None, index: int | None) -> str | None:
    if labels is None or index is None:
        return None
    return "ignored" if index == labels.ignore_index else labels.names[index]
