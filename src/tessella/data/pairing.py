"""Which mask belongs to which image, by their names alone: dictionaries, never all against all.

Names are compared as they are, then with less and less of them: without the words for image and
mask, without what all files of a series share, with numbers freed of leading zeros. A looser
comparison counts only where it leaves no choice.
"""

import os
import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_EXACT, _MASK_CORE, _CORE, _SHARED, _PLAIN, _PLAIN_SHARED = range(6)  # how names are compared
_RESEMBLING = (_SHARED, _PLAIN_SHARED)
_SAME_HINT, _SAME_PLACE, _ANYWHERE = range(3)  # and where
_MOST = 16  # so many images of one name, anywhere, and none of them can be meant


class Found(NamedTuple):
    """An image or mask file and what its path says."""

    path: Path
    split: str | None
    dirs: tuple[str, ...]
    """Its folders, but for those that say what lies in them or which split it is."""

    hint: str
    """Further words of the folder that says what lies in it: "b" of images_b."""

    stem: str
    """Its name without the ending."""

    cores: tuple[str, ...]
    """The same without the words for image and mask, least taken off first."""

    place: str
    """Its folder as a pattern, empty or with a slash at the end: `images/{split}/`."""

    series: str
    """The same for all files that were made alike; an image has one mask in each series."""

    rank: tuple[int, int]
    """When several fit, the lowest is taken."""

    @property
    def is_surely_wanted(self) -> bool:
        """Whether a folder's name, or the user, says that it is an image or a hand-drawn mask."""
        return self.rank[0] == 0


class Match(NamedTuple):
    """An image with its mask."""

    image: Found
    mask: Found
    name: str
    """What the names of the two have in common."""

    mask_name: str
    """The same as the mask file spells it: 001 where `name` is 1."""


def match(images: Sequence[Found], masks: Sequence[Found]) -> tuple[list[Match], list[Found]]:
    """Pairs in the order of the images, and the masks that fit an image but were not taken.

    Raises:
        ValueError: several masks fit one image, or several images one mask, and nothing says
            which is meant.
    """
    index = _Index(images)
    series: dict[str, list[Found]] = defaultdict(list)
    for mask in masks:
        series[mask.series].append(mask)
    fits: dict[Path, list[_Fit]] = defaultdict(list)
    for alike in series.values():
        for fit in _fits(alike, index):
            fits[fit.match.image.path].append(fit)
    matches: list[Match] = []
    passed_over: list[Found] = []
    for image in images:
        if listed := fits.get(image.path):
            chosen = _choose(listed)
            if chosen is not None:
                matches.append(chosen)
                passed_over += [f.match.mask for f in listed if f.match.mask is not chosen.mask]
    return matches, passed_over


def match_names(images: Sequence[Found], masks: Sequence[Found]) -> list[Match]:
    """Pairs of the very same folders and name, for files whose patterns the user gave.

    Where one side states no split, it goes with each of the other's.

    Raises:
        ValueError: two images, or two masks, have the same name.
    """
    _by_name(images)
    named = _by_name(masks)
    matches: list[Match] = []
    for image in images:
        splits = (image.split, None) if image.split else (None, "train", "val", "test")
        keys = [(split, image.dirs, image.stem) for split in splits]
        fitting = [named[key] for key in keys if key in named]
        if len(fitting) > 1 and not image.split:
            raise _several("masks", image, [(mask, mask.stem) for mask in fitting])
        matches += [Match(image, mask, image.stem, mask.stem) for mask in fitting[:1]]
    return matches


def _by_name(files: Sequence[Found]) -> dict[tuple[str | None, tuple[str, ...], str], Found]:
    named: dict[tuple[str | None, tuple[str, ...], str], Found] = {}
    for file in files:
        key = (file.split, file.dirs, file.stem)
        if key in named:
            raise _same_name(named[key].path, file.path)
        named[key] = file
    return named


class _Fit(NamedTuple):
    where: int
    how: int
    match: Match

    @property
    def is_certain(self) -> bool:
        return self.where < _ANYWHERE and self.how < _SHARED


def _core(file: Found) -> str:
    return file.cores[-1] if file.cores else file.stem


def _plain(text: str) -> str:
    return re.sub(r"[0-9]+", lambda run: run[0].lstrip("0") or "0", text.casefold())


def _place(file: Found, where: int) -> Hashable:
    """What of its place is compared; nothing at `_ANYWHERE`, see `_may_meet`."""
    if where == _ANYWHERE:
        return None
    return (file.split, file.dirs, file.hint if where == _SAME_HINT else None)


class _Names:
    """What of the names of some files is compared, from strict to loose."""

    def __init__(self, files: Sequence[Found]) -> None:
        self._shared = _without_shared_ends(files)

    def of_image(self, image: Found, how: int) -> str:
        if how <= _MASK_CORE:
            return image.stem
        text = self._shared[image.path] if how in _RESEMBLING else _core(image)
        return _plain(text) if how >= _PLAIN else text

    def of_mask(self, mask: Found, how: int) -> Sequence[str]:
        """One or more, in the order in which they are tried."""
        return mask.cores if how == _MASK_CORE else (self.of_image(mask, how),)


class _Index:
    """Images by what of their place and name is compared, each table built when it is needed."""

    def __init__(self, images: Sequence[Found]) -> None:
        self.names = _Names(images)
        self._images = images
        self._tables: dict[tuple[int, int], dict[Hashable, list[Found]]] = {}

    def table(self, where: int, how: int) -> Mapping[Hashable, Sequence[Found]]:
        if (where, how) not in self._tables:
            table: dict[Hashable, list[Found]] = defaultdict(list)
            for image in self._images:
                table[_place(image, where), self.names.of_image(image, how)].append(image)
            self._tables[where, how] = dict(table)
        return self._tables[where, how]


def _fits(masks: list[Found], index: _Index) -> Iterator[_Fit]:
    """For each mask of one series its image, found by the strictest comparison that finds one."""
    names = _Names(masks)
    for where in (_SAME_HINT, _SAME_PLACE, _ANYWHERE):
        for how in (_EXACT, _MASK_CORE, _CORE, _SHARED, _PLAIN, _PLAIN_SHARED):
            if not masks:
                return
            tried = ((mask, text) for mask in masks for text in names.of_mask(mask, how))
            found = _fits_at(where, how, tried, index)
            # names that only resemble one another say something when nearly all of them do
            if how in _RESEMBLING and (len(found) < 2 or len(found) < 0.9 * len(masks)):
                continue
            yield from found.values()
            masks = [mask for mask in masks if mask.path not in found]


def _fits_at(
    where: int, how: int, tried: Iterable[tuple[Found, str]], index: _Index
) -> dict[Path, _Fit]:
    """Mask path -> its first fit."""
    table = index.table(where, how)
    found: dict[Path, _Fit] = {}
    for mask, text in tried:
        images = table.get((_place(mask, where), text), ())
        if mask.path in found or not images:
            continue
        image = _only(mask, images, is_certain=where < _ANYWHERE and how < _SHARED)
        if image is not None:
            name, spelt = (image.stem, mask.stem) if how >= _PLAIN else (text, text)
            if how == _SHARED:
                name = spelt = _with_same_start(image, mask, text)
            found[mask.path] = _Fit(where, how, Match(image, mask, name, spelt))
    return found


def _with_same_start(image: Found, mask: Found, text: str) -> str:
    longer = image.stem.partition(text)[0] + text
    return longer if mask.stem.startswith(longer) else text


def _only(mask: Found, images: Sequence[Found], *, is_certain: bool) -> Found | None:
    if not is_certain and len(images) > _MOST:
        return None
    fitting = [image for image in images if _may_meet(image, mask)]
    best = min((image.rank for image in fitting), default=None)
    fitting = [image for image in fitting if image.rank == best]
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    if not is_certain:
        return None
    if len({(image.series, image.stem) for image in fitting}) > 1:
        raise _several("images", mask, [(image, _core(image)) for image in fitting])
    raise _same_name(fitting[0].path, fitting[1].path)


def _may_meet(image: Found, mask: Found) -> bool:
    """Whether neither split nor folders contradict each other; one of the two may say less."""
    if image.split and mask.split and image.split != mask.split:
        return False
    shorter, longer = sorted((image.dirs, mask.dirs), key=len)
    steps = iter(longer)
    return all(folder in steps for folder in shorter)


def _choose(fits: list[_Fit]) -> Match | None:
    """The mask of one image; None when two are equally loose resemblances."""
    best = min((fit.where == _ANYWHERE, fit.match.mask.rank) for fit in fits)
    fits = [fit for fit in fits if (fit.where == _ANYWHERE, fit.match.mask.rank) == best]
    first = fits[0].match
    if len({fit.match.mask.series for fit in fits}) > 1:
        choices = [(fit.match.mask, fit.match.mask_name) for fit in fits]
        raise _several("masks", first.image, choices)
    strictest = min((fit.where, fit.how) for fit in fits)
    fits = [fit for fit in fits if (fit.where, fit.how) == strictest]
    if len(fits) == 1:
        return fits[0].match
    if fits[0].is_certain:
        raise _same_name(fits[0].match.mask.path, fits[1].match.mask.path)
    return None


def _several(kind: str, one: Found, choices: list[tuple[Found, str]]) -> ValueError:
    patterns = sorted({pattern_of(file, name) for file, name in choices})
    return ValueError(
        f"{one.path}: {len(choices)} {kind} fit it: "
        f"{', '.join(file.path.name for file, _ in choices[:8])}; expected one. Say which with "
        f"{' or '.join(f'data.options.{kind}={pattern}' for pattern in patterns[:8])}."
    )


def _same_name(first: Path, second: Path) -> ValueError:
    return ValueError(
        f"{second}: {first.name} has the same name; a sample needs a name of its own. Remove one, "
        "or give the ending in the pattern."
    )


def pattern_of(file: Found, name: str) -> str:
    """The pattern of a file's path, with `{name}` where `name` stands in it."""
    if not name:  # image.png and mask.png, alone or in a folder for each sample
        return f"{file.place}{'{name}/' if file.dirs else ''}{file.path.name}"
    stem = file.stem
    start = 0 if stem.startswith(name) else len(stem) - len(name)
    if not stem.startswith(name, start):
        start = stem.find(name)
    if start < 0:
        return f"{file.place}{{name}}{file.path.suffix}"
    return f"{file.place}{stem[:start]}{{name}}{stem[start + len(name) :]}{file.path.suffix}"


# --- what the names of a series share -----------------------------------------------------------


def _without_shared_ends(files: Sequence[Found]) -> dict[Path, str]:
    """The stem of each file without what all stems of its series begin and end with."""
    series: dict[str, list[Found]] = defaultdict(list)
    for file in files:
        series[file.series].append(file)
    kept: dict[Path, str] = {}
    for alike in series.values():
        start, end = _shared_ends([file.stem for file in alike])
        kept.update((file.path, file.stem[start : len(file.stem) - end]) for file in alike)
    return kept


def _shared_ends(stems: Sequence[str]) -> tuple[int, int]:
    """How many characters all stems share at the start and at the end, cut between words.

    Numbers are never cut off: 2020_01 and 2021_01 are two names.
    """
    if len(stems) < 2:
        return 0, 0
    before = os.path.commonprefix(stems)
    after = os.path.commonprefix([stem[::-1] for stem in stems])[::-1]
    start = _word_end(before, {stem[len(before.rstrip("0123456789")) :][:1] for stem in stems})
    tails = {stem[: len(stem) - len(after.lstrip("0123456789"))][-1:] for stem in stems}
    end = _word_end(after[::-1], tails)
    return (start, end) if start + end < min(map(len, stems)) else (0, 0)


def _word_end(shared: str, beyond: set[str]) -> int:
    """How much of a shared beginning is whole words, given the characters that come after it."""
    words = shared.rstrip("0123456789")
    if words[-1:].isalpha() and any(character.isalpha() or not character for character in beyond):
        words = words.rstrip("".join(set(words) - set("_-. ")))
    return 0 if re.search(r"(?:^|[_\-. ])[0-9]+(?:[_\-. ]|$)", words) else len(words)
