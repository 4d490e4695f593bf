"""Find out which files of any folder are images, which are masks, and how they pair up.

Names tell first: of folders (images, train_masks, gtFine), of files (X_mask.png, X_img.jpg). Where
they do not, a few files are looked at: masks hold few distinct values, photographs hold many.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tessella.data.files import files_below, is_file, is_folder
from tessella.data.images import IMAGE_SUFFIXES
from tessella.data.pairing import Found, Match, match, match_names, pattern_of
from tessella.data.pairs import Pair
from tessella.data.path_words import SHORT_SPLIT_WORDS, SPLIT_WORDS, read_folder_name
from tessella.data.picture_roles import sort_pictures
from tessella.data.splits import read_lines
from tessella.errors import UsageError

LIST_FOLDERS = ("", "splits", "ImageSets/Segmentation")
"""Where lists such as train.txt lie, below the folder of the data."""

_SPELLINGS = SPLIT_WORDS | SHORT_SPLIT_WORDS

Placed = tuple[str | None, Pair]
"""A pair and its split: train, val, test, or None when nothing tells."""


@dataclass(frozen=True)
class Layout:
    """What lies in a folder: images, masks, their pairs, and what is left over."""

    home: Path
    """The folder that holds it all: the one asked for, or the only one in it."""

    images: str
    """Pattern of most image paths below the root, with `{name}` and `{split}`; `*` stands for
    folders that differ. Empty when nothing pairs."""

    masks: str
    """The same for masks."""

    pairs: list[Placed]
    """Images with their masks, in the order of the image paths."""

    lonely_images: list[Placed]
    """Images without a mask."""

    lonely_masks: list[Path]
    """Masks without an image."""

    other_files: int
    """How many files are neither: texts, further kinds of masks, pictures that belong to none."""

    split_words: Mapping[str, str]
    """Split -> how folder names spell it; empty when no folder says a split."""


def find_layout(root: Path, *, images: str | None = None, masks: str | None = None) -> Layout:
    """Images and masks below `root` and how they belong together.

    Args:
        root: a folder or zip.
        images: pattern of the image paths, where that is known.
        masks: pattern of the mask paths, where that is known.

    Raises:
        UsageError: a pattern without `{name}`.
        ValueError: several masks fit one image (or the reverse); the message lists them.
    """
    files = files_below(root)
    given_images = None if images is None else _fitting(root, images)
    given_masks = None if masks is None else _fitting(root, masks)
    is_known = given_images is not None and given_masks is not None
    found = sort_pictures(root, [] if is_known else files)
    all_masks = _masks_beside(given_images, found.masks) if given_masks is None else given_masks
    # X_L.png beside X.png is X's mask, not an image
    all_images = _without(all_masks, found.images if given_images is None else given_images)
    passed_over: list[Found] = []
    if is_known:
        matches = match_names(all_images, all_masks)
    else:
        matches, passed_over = match(all_images, all_masks)
    all_masks = _without(passed_over, all_masks)
    return _layout(root, found.home, (all_images, all_masks, matches), num_files=len(files))


def _masks_beside(images: Sequence[Found] | None, masks: Sequence[Found]) -> Sequence[Found]:
    """The masks when the user says what the images are, unless that pattern fits masks only."""
    left = _without(images or (), masks)
    return masks if len(masks) - len(left) < len(images or ()) else left


def _without(others: Sequence[Found], files: Sequence[Found]) -> list[Found]:
    paths = {file.path for file in others}
    return [file for file in files if file.path not in paths]


def _layout(
    root: Path,
    home: Path,
    found: tuple[Sequence[Found], Sequence[Found], Sequence[Match]],
    *,
    num_files: int,
) -> Layout:
    images, masks, matches = found
    lonely_images = _left_over(images, [pair.image for pair in matches])
    lonely_masks = _left_over(masks, [pair.mask for pair in matches])
    pairs = _placed(root, matches)
    lonely = [(image.split, _without_mask(image)) for image in lonely_images]
    words = _split_words(root, (*(file for m in matches for file in m[:2]), *lonely_images))
    if not words:
        listed = _listed_splits(home)
        pairs = [(_listed_split(pair, listed), pair) for _, pair in pairs]
        lonely = [(_listed_split(pair, listed), pair) for _, pair in lonely]
    return Layout(
        home=home,
        images=_most_often(pattern_of(pair.image, pair.name) for pair in matches),
        masks=_most_often(pattern_of(pair.mask, pair.mask_name) for pair in matches),
        pairs=pairs,
        lonely_images=lonely,
        lonely_masks=[mask.path for mask in lonely_masks],
        other_files=max(0, num_files - 2 * len(pairs) - len(lonely) - len(lonely_masks)),
        split_words=words,
    )


def _left_over(files: Sequence[Found], paired: Sequence[Found]) -> list[Found]:
    """Files without a partner; not those of a kind of which none has one, unless surely wanted."""
    done = {file.path for file in paired}
    series = {file.series for file in paired}
    return [
        file
        for file in files
        if file.path not in done and (not series or file.series in series or file.is_surely_wanted)
    ]


def _placed(root: Path, matches: Sequence[Match]) -> list[Placed]:
    """Pairs under names of their own: what image and mask share, or else the image's path."""
    splits = [pair.image.split or pair.mask.split for pair in matches]
    names = ["/".join((*pair.image.dirs, pair.name)).rstrip("/") for pair in matches]
    times = Counter(zip(splits, names, strict=True))
    placed: list[Placed] = []
    for split, name, pair in zip(splits, names, matches, strict=True):
        path = pair.image.path
        own = name
        if not name or times[split, name] > 1:
            own = path.relative_to(root).with_suffix("").as_posix()
        placed.append((split, Pair(path, pair.mask.path, own, own)))
    return placed


def _without_mask(image: Found) -> Pair:
    name = "/".join((*image.dirs, image.stem))
    return Pair(image.path, None, name, name)


def _most_often(patterns: Iterable[str]) -> str:
    return next((pattern for pattern, _ in Counter(patterns).most_common(1)), "")


def _split_words(root: Path, files: Iterable[Found]) -> dict[str, str]:
    """Split -> how the folders of the first file of that split spell it."""
    first: dict[str, Path] = {}
    for file in files:
        if file.split:
            first.setdefault(file.split, file.path)
    words: dict[str, str] = {}
    for split in sorted(first, key=("train", "val", "test").index):
        words[split] = split
        path = first[split]
        # a pattern may lead out of the root
        inside = path.relative_to(root) if path.is_relative_to(root) else path
        for name in inside.parts[:-1]:
            said = read_folder_name(name)
            if said.split == split:
                before, _, after = said.form.partition("{split}")
                words[split] = name[len(before) : len(name) - len(after)]
                break
    return words


# --- patterns -----------------------------------------------------------------------------------


def _fitting(root: Path, pattern: str) -> list[Found]:
    """The picture files that a pattern fits.

    Raises:
        UsageError: it has no `{name}`.
    """
    if "{name}" not in pattern:
        raise UsageError(
            f"pattern {pattern!r} has no {{name}}; write for example images/{{name}}.jpg."
        )
    wanted = PurePosixPath(pattern).as_posix()
    fixed = PurePosixPath(re.split(r"\{(?:name|split)\}", wanted)[0] + "x").parent
    folder = root / fixed
    form = _form(wanted, is_ended=PurePosixPath(wanted).suffix.lower() in IMAGE_SUFFIXES)
    place = wanted.rpartition("{name}")[0].rpartition("/")[0]
    found: list[Found] = []
    for path in files_below(folder) if is_folder(folder) else ():
        fits = form.fullmatch((fixed / path.relative_to(folder)).as_posix())
        if fits is None or path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        word = fits.groupdict().get("split")
        split = None if word is None else _SPELLINGS.get(word.lower())
        if word is not None and split is None:
            continue
        *dirs, stem = fits["name"].split("/")
        found.append(
            Found(path, split, tuple(dirs), "", stem, (), place and f"{place}/", pattern, (0, 0))
        )
    return found


def _form(pattern: str, *, is_ended: bool) -> re.Pattern[str]:
    parts = {"{name}": "(?P<name>.+)", "{split}": "(?P<split>[^/]+?)"}
    text = ""
    for piece in re.split(r"(\{(?:name|split)\})", pattern):
        text += parts.get(piece, re.escape(piece))
        if piece in parts:  # a second time it is the same text
            parts[piece] = f"(?P={piece[1:-1]})"
    return re.compile(text + ("" if is_ended else r"\.[^./]+"))


# --- lists --------------------------------------------------------------------------------------


def _listed_splits(home: Path) -> dict[str, str | None]:
    """Sample name -> split, from lists such as train.txt; None when two lists name it."""
    listed: dict[str, str | None] = {}
    for folder in LIST_FOLDERS:
        for word, split in SPLIT_WORDS.items():
            path = home / folder / f"{word}.txt"
            for line in read_lines(path) if is_file(path) else ():
                names = _names_in(line)
                listed |= {
                    name: split if listed.get(name, split) == split else None for name in names
                }
        if listed:
            return listed
    return listed


def _names_in(line: str) -> set[str]:
    """What a line of a list may mean: the name with or without folders, ending and columns."""
    texts = {line, line.split()[0]}
    texts |= {text.rpartition("/")[2] for text in texts}
    return texts | {PurePosixPath(text).stem for text in texts if _is_picture(text)}


def _is_picture(name: str) -> bool:
    return name.lower().endswith(IMAGE_SUFFIXES)


def _listed_split(pair: Pair, listed: Mapping[str, str | None]) -> str | None:
    return listed.get(pair.name) or listed.get(pair.image.stem)
