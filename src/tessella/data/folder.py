"""Anybody's own data: a folder or zip of images and masks.

Which files are which is found by `tessella.data.layout`, or told by patterns with `{name}` (the
sample, without its ending) and, if splits are sub-folders, `{split}`: images in
`images/{split}/{name}`, masks in `masks/{split}/{name}`.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from tessella.data.classes import find_classes, labels_from_classes
from tessella.data.dataset import DatasetEntry
from tessella.data.files import existing_root
from tessella.data.groups import groups_of
from tessella.data.images import IMAGE_SUFFIXES
from tessella.data.layout import LIST_FOLDERS, Layout, find_layout
from tessella.data.pairs import Pair, PairDataset
from tessella.data.splits import SPLITS, listed_names, split_groups
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.suggestion import some, unknown_name

logger = logging.getLogger(__name__)


def read_folder(
    root: Path | None,
    split: str,
    *,
    classes: Sequence[str] | Mapping[str, Any] | None = None,
    ignore: Sequence[Any] | None = None,
    images: str | None = None,
    masks: str | None = None,
    missing_masks: Literal["refuse", "skip"] = "refuse",
    group_pattern: str | None = None,
    val_share: float = 0.15,
    test_share: float = 0.15,
) -> PairDataset:
    """One split of a folder of images and masks.

    Splits are sub-folders (also spelt training, valid and so on), or lists (`train.txt`, also in
    `splits/` or `ImageSets/Segmentation/`), or, when there is neither, a fixed share of the names
    by their hash.

    Args:
        root: the folder or zip.
        split: train, val or test.
        classes: names for file values 0, 1, 2, ..., or name -> value, [red, green, blue] or
            "#rrggbb". Left out, a file in the folder says it: `classes.txt`, `labels.json`,
            `class_dict.csv`, `label_colors.txt` and others.
        ignore: file values or colours of pixels that count nowhere; 255 unless told otherwise.
        images: pattern of image paths, e.g. `photos/{name}`; the ending may be left out.
        masks: pattern of mask paths, e.g. `photos/{name}_mask.png`.
        missing_masks: `skip` leaves images without a mask out instead of refusing.
        group_pattern: regular expression; what it matches in a name (or what its first pair of
            brackets matches) is the sample's group.
        val_share: share of validation images when the folder has no splits, 0..1.
        test_share: share of test images when the folder has no splits, 0..1.

    Raises:
        UsageError: an unknown split or pattern.
        ValueError: no images, images without masks, several masks for one image, or an empty split.
    """
    if split not in SPLITS:
        raise UsageError(unknown_name("split of a folder", split, SPLITS))
    root = existing_root("folder", root)
    if missing_masks not in ("refuse", "skip"):
        raise UsageError(unknown_name("missing_masks option", missing_masks, ("refuse", "skip")))
    layout = find_layout(root, images=images, masks=masks)
    if not layout.pairs:
        raise ValueError(_no_pairs(root, layout, images, masks))
    chosen = choose_split(
        *(root, split, layout),
        missing_masks=missing_masks,
        group_pattern=group_pattern,
        val_share=val_share,
        test_share=test_share,
    )
    return PairDataset(chosen, _labels(root, classes, ignore, chosen))


def choose_split(
    root: Path,
    split: str,
    layout: Layout,
    *,
    missing_masks: Literal["refuse", "skip"] = "refuse",
    group_pattern: str | None = None,
    val_share: float = 0.15,
    test_share: float = 0.15,
) -> list[Pair]:
    """The pairs of one split where it is known already what lies in a folder.

    Arguments and errors are those of `read_folder`; nothing but lists such as `train.txt` is read.
    """
    listed = None if layout.split_words else _list_of(layout, split)
    found = _images_of(root, split, layout, listed=listed)
    _tell_lonely_masks(root, layout)
    pairs = _with_masks(found, masks_at=_at(layout.masks, split, layout), missing=missing_masks)
    groups = groups_of([pair.name for pair in pairs], group_pattern)
    pairs = [pair._replace(group=group) for pair, group in zip(pairs, groups, strict=True)]
    chosen = pairs
    if not layout.split_words and listed is None:
        parts = split_groups(
            [pair.group for pair in pairs], val_share=val_share, test_share=test_share
        )
        chosen = [pair for pair in pairs if parts[pair.group] == split]
    if not chosen:
        raise ValueError(
            f"{root}: the {split} split is empty ({_num_pairs(pairs)} found in all); "
            f"add images to it, or name another split with data.{split}_split."
        )
    return chosen


def _no_pairs(root: Path, layout: Layout, images: str | None, masks: str | None) -> str:
    """What to say when not one image has a mask."""
    images_seen = [pair.image.name for _, pair in layout.lonely_images]
    masks_seen = [path.name for path in layout.lonely_masks]
    if not images_seen:
        return (
            f"{root}: no images{f' at {images}' if images else ''}: {len(masks_seen)} masks and "
            f"{layout.other_files} other files; expected pictures ({', '.join(IMAGE_SUFFIXES)}), "
            "for example in images/ with masks of the same names in masks/. Say where they are "
            "with data.options.images, for example 'data.options.images=photos/{name}.jpg'."
        )
    if not masks_seen:
        return (
            f"{root}: {len(images_seen)} images ({some(images_seen)}) but no masks"
            f"{f' at {masks}' if masks else ''}; expected a folder masks/ or labels/, say, with "
            "the same names, or X_mask.png beside X.jpg. Say where they are with "
            "data.options.masks, for example 'data.options.masks=truth/{name}.png'."
        )
    return (
        f"{root}: {len(images_seen)} images ({some(images_seen)}) and {len(masks_seen)} masks "
        f"({some(masks_seen)}), but no two names that belong together; expected the same name "
        "for both. Say how they differ with patterns, for example "
        "'data.options.images=images/{name}.jpg' and 'data.options.masks=masks/{name}_mask.png'."
    )


def _num_pairs(pairs: Sequence[Pair]) -> str:
    return f"{len(pairs)} {'pair' if len(pairs) == 1 else 'pairs'}"


def _list_of(layout: Layout, split: str) -> list[str] | None:
    for folder in LIST_FOLDERS:
        listed = listed_names(layout.home / folder, split)
        if listed is not None:
            return listed
    return None


def _images_of(
    root: Path, split: str, layout: Layout, *, listed: Sequence[str] | None
) -> list[Pair]:
    """The images of the split (all where nothing states the splits), a mask with those that have.

    Raises:
        ValueError: other splits have a folder and this one has none, or has no masks.
    """
    placed = [*layout.pairs, *layout.lonely_images]
    placed.sort(key=lambda entry: entry[1].image.as_posix())
    if not layout.split_words:
        found = [pair for _, pair in placed]
        return found if listed is None else _listed(root, split, listed, found)
    found = [pair for its_split, pair in placed if its_split == split]
    if beside := [pair.name for its_split, pair in placed if its_split is None]:
        logger.warning(
            "%s: %d images lie in no folder of a split and are left out: %s; move them into one, "
            "or silence the logger tessella.data.folder.",
            *(root, len(beside), some(beside)),
        )
    masked = {its_split for its_split, _ in layout.pairs}
    if split not in masked:
        pattern = layout.masks if found else layout.images
        pattern = pattern if "{split}" in pattern else layout.images
        existing = [name for name in SPLITS if name in (masked if found else layout.split_words)]
        places = ", ".join(_at(pattern, name, layout).rpartition("/")[0] for name in existing)
        raise ValueError(
            f"{root}: has {places} but no {_at(pattern, split, layout).rpartition('/')[0]}; add "
            f"it, or name another split with data.{split}_split={existing[-1]}."
        )
    return found


def _at(pattern: str, split: str, layout: Layout) -> str:
    return pattern.replace("{split}", layout.split_words.get(split, split))


def _tell_lonely_masks(root: Path, layout: Layout) -> None:
    if names := [path.stem for path in layout.lonely_masks]:
        logger.warning("%s: %d masks have no image: %s", root, len(names), some(names))


def _with_masks(found: Sequence[Pair], *, masks_at: str, missing: str) -> list[Pair]:
    unmasked = [pair for pair in found if pair.mask is None]
    if unmasked and missing == "refuse":
        raise ValueError(
            f"{unmasked[0].image}: {len(unmasked)} of {len(found)} images have no mask: "
            f"{some([pair.name for pair in unmasked])}; expected each at {masks_at}. Add the "
            "masks, or leave these images out with data.options.missing_masks=skip."
        )
    return [pair for pair in found if pair.mask is not None]


def _listed(root: Path, split: str, listed: Sequence[str], found: Sequence[Pair]) -> list[Pair]:
    """The listed images, in the order of the list."""
    named = _by_any_name(found)
    # lists made elsewhere often carry folders of their own before the name, or a second column
    here = {
        line: next((named[name] for name in _names_in(line) if name in named), None)
        for line in listed
    }
    if absent := [line for line, pair in here.items() if pair is None]:
        raise ValueError(
            f"{root}: the list of split {split!r} names {len(absent)} samples that are not here: "
            f"{some(absent)}; remove them from the list, or add their images and masks."
        )
    chosen = [pair for pair in here.values() if pair is not None]
    times = Counter(pair.image for pair in chosen)
    if twice := [line for line, pair in here.items() if pair is not None and times[pair.image] > 1]:
        raise ValueError(
            f"{root}: the list of split {split!r} names an image more than once, in different "
            f"folders of which only one is here: {some(twice)}; list each image once."
        )
    return chosen


def _by_any_name(found: Sequence[Pair]) -> dict[str, Pair]:
    """Images by the stems of their files where that tells them apart, and by their names."""
    times = Counter(pair.image.stem for pair in found)
    named = {pair.image.stem: pair for pair in found if times[pair.image.stem] == 1}
    return named | {pair.name: pair for pair in found}


def _names_in(line: str) -> list[str]:
    first = PurePosixPath(line.split()[0])
    ended = first.suffix.lower() in IMAGE_SUFFIXES
    return [line, PurePosixPath(line).name, first.stem if ended else first.name]


def _labels(
    root: Path,
    classes: Sequence[str] | Mapping[str, Any] | None,
    ignore: Sequence[Any] | None,
    pairs: list[Pair],
) -> LabelMap:
    if classes is not None:
        return labels_from_classes(classes, ignore=ignore)
    step = max(1, len(pairs) // 20)
    masks = [pair.mask for pair in pairs[::step] if isinstance(pair.mask, Path)]
    return find_classes(root, masks, ignore=ignore)


ENTRY = DatasetEntry("Your own folder of images and folder of masks", read_folder, SPLITS)
