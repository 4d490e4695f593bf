"""Images that a split holds twice; what two splits share is told as a leak."""

from collections.abc import Iterator
from pathlib import Path

from tessella.check.evidence import Evidence, counted, problem
from tessella.check.findings import Problem, Severity
from tessella.check.observe import MaskSeen
from tessella.data.images import read_image
from tessella.data.in_order import in_order
from tessella.data.twins import Twin, confirm, find_twins

_LIKE_A_COPY = 0.998  # thumbnails of an image saved, resized or lit anew; frames of a video vary
_MOST_CONFIRMED = 500  # each reads two files again


def copy_problems(evidence: Evidence) -> Iterator[Problem]:
    """Images that are copies of others, and copies that have different masks."""
    places = [place for place, _ in evidence.images()]
    images = [image for _, image in evidence.images()]
    if len(images) < 2:
        return
    same: list[tuple[int, int]] = []
    likely: list[Twin] = []
    for twin in find_twins([image.print for image in images]):
        if twin.mirrored or twin.likeness < _LIKE_A_COPY:
            continue
        if evidence.pairs[places[twin.first]][0] != evidence.pairs[places[twin.second]][0]:
            continue
        first, second = images[twin.first], images[twin.second]
        if first.content == second.content and first.size == second.size:
            same.append((places[twin.first], places[twin.second]))
        else:
            likely.append(Twin(places[twin.first], places[twin.second], twin.likeness, False))
    near: list[tuple[int, int]] = []
    likely = sorted(likely, key=lambda twin: -twin.likeness)[:_MOST_CONFIRMED]
    for twin, verdict in zip(likely, in_order(_Confirm(evidence), likely), strict=True):
        if verdict != "different":
            (same if verdict == "same" else near).append((twin.first, twin.second))
    yield from _told(evidence, sorted(same), "duplicate")
    yield from _told(evidence, sorted(near), "near_duplicate")


class _Confirm:
    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def __call__(self, twin: Twin) -> str:
        paths = [Path(self._evidence.image_file(place)) for place in (twin.first, twin.second)]
        try:
            return confirm(read_image(paths[0]), read_image(paths[1]))
        except ValueError:  # drawn by a data set without files
            return "different"


def _told(evidence: Evidence, pairs: list[tuple[int, int]], kind: str) -> Iterator[Problem]:
    if not pairs:
        return
    conflicts = sum(_have_different_masks(evidence, *pair) for pair in pairs)
    severity: Severity = "warning"
    if conflicts and kind == "duplicate":
        severity = "error"
    elif kind == "near_duplicate" and all(_are_of_one_group(evidence, *pair) for pair in pairs):
        severity = "remark"  # a video that stands still
    what = "is the same picture as" if kind == "duplicate" else "is nearly the same picture as"
    first, second = pairs[0]
    summary = (
        f"{counted(len({b for _, b in pairs}), 'image')} {_are(len({b for _, b in pairs}))} in a "
        f"split more than once; {evidence.image_file(second)} {what} {evidence.image_file(first)}"
    )
    if conflicts and kind == "duplicate":
        summary += f"; {conflicts} of them with different masks"
    yield problem(
        kind,
        severity,
        summary + ".",
        files=[evidence.image_file(place) for pair in pairs for place in pair],
        count=len({b for _, b in pairs}),
        advice="Keep one of each, with the better mask.",
    )


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _are_of_one_group(evidence: Evidence, first: int, second: int) -> bool:
    return evidence.pairs[first][1].group == evidence.pairs[second][1].group


def _have_different_masks(evidence: Evidence, first: int, second: int) -> bool:
    masks = (evidence.seen[first].mask, evidence.seen[second].mask)
    contents = [mask.content for mask in masks if isinstance(mask, MaskSeen)]
    return len(contents) == 2 and contents[0] != contents[1]
