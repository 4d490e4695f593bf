"""Anybody's own data: a folder of images and a folder of masks.

Paths are patterns with `{name}` (the sample, without its ending) and, if splits are sub-folders,
`{split}`: images in `images/{split}/{name}`, masks in `masks/{split}/{name}`. Left out, they are
found by looking for the usual folder names.
"""

import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal, NamedTuple

from tessella.data.classes import find_classes, labels_from_classes
from tessella.data.dataset import DatasetEntry
from tessella.data.files import existing_root, files_below, is_folder
from tessella.data.images import IMAGE_SUFFIXES
from tessella.data.pairs import Pair, PairDataset
from tessella.data.splits import SPLITS, listed_names, split_groups
from tessella.errors import UsageError
from tessella.labels import LabelMap
from tessella.suggestion import unknown_name

logger = logging.getLogger(__name__)

_IMAGE_FOLDERS = ("images", "image", "imgs", "img", "JPEGImages")
_MASK_FOLDERS = ("masks", "mask", "labels", "label", "annotations", "SegmentationClass")
_MASK_SUFFIXES = (".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".jpg", ".jpeg")


class _Layout(NamedTuple):
    images: str
    masks: str


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

    Splits are sub-folders (`{split}` in the patterns), or lists (`train.txt`, also in `splits/`),
    or, when there is neither, a fixed share of the names by their hash.

    Args:
        root: the folder.
        split: train, val or test.
        classes: names for file values 0, 1, 2, ..., or name -> value, [red, green, blue] or
            "#rrggbb". Left out, `classes.txt` or `labels.json` in the folder says it.
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
        ValueError: no images, images without masks, or an empty split.
    """
    if split not in SPLITS:
        raise UsageError(unknown_name("split of a folder", split, SPLITS))
    root = existing_root("folder", root)
    if missing_masks not in ("refuse", "skip"):
        raise UsageError(unknown_name("missing_masks option", missing_masks, ("refuse", "skip")))
    layout = _layout(root, split, images, masks)
    by_folder = "{split}" in layout.images or "{split}" in layout.masks
    listed = None if by_folder else listed_names(root, split)
    files = _image_and_mask_files(root, split, layout, listed=listed)
    pairs = _pairs(
        *files,
        masks_at=layout.masks.replace("{split}", split),
        missing_masks=missing_masks,
        group_pattern=group_pattern,
    )
    chosen = pairs
    if not by_folder and listed is None:
        parts = split_groups(
            [pair.group for pair in pairs], val_share=val_share, test_share=test_share
        )
        chosen = [pair for pair in pairs if parts[pair.group] == split]
    if not chosen:
        raise ValueError(
            f"{root}: the {split} split is empty ({len(pairs)} pairs found in all); "
            f"add images to it, or name another split with data.{split}_split."
        )
    return PairDataset(chosen, _labels(root, classes, ignore, chosen))


def _layout(root: Path, split: str, images: str | None, masks: str | None) -> _Layout:
    for pattern in (images, masks):
        if pattern is not None and "{name}" not in pattern:
            raise UsageError(
                f"pattern {pattern!r} has no {{name}}; write for example images/{{name}}.jpg."
            )
    if images and masks:
        return _Layout(images, masks)
    found_images = images or _find(root, split, _IMAGE_FOLDERS)
    found_masks = masks or _find(root, split, _MASK_FOLDERS)
    if found_images and found_masks:
        return _Layout(found_images, found_masks)
    kind, tried = ("masks", _MASK_FOLDERS) if found_images else ("images", _IMAGE_FOLDERS)
    raise ValueError(
        f"{root}: found no folder of {kind} for split {split!r} (tried {', '.join(tried)}; also "
        f"{tried[0]}/{split} and {split}/{tried[0]}); say where they are, for example "
        f"'data.options.{kind}={tried[0]}/{{name}}'."
    )


def _find(root: Path, split: str, folders: Sequence[str]) -> str | None:
    for folder in folders:
        for pattern in (f"{folder}/{{split}}", f"{{split}}/{folder}"):
            existing = [s for s in SPLITS if is_folder(root / pattern.format(split=s))]
            if split in existing:
                return f"{pattern}/{{name}}"
            if existing:  # the images of other splits must not be taken for this one's
                raise ValueError(
                    f"{root}: has {', '.join(pattern.format(split=s) for s in existing)} but no "
                    f"{pattern.format(split=split)}; add it, or name another split with "
                    f"data.{split}_split={existing[-1]}."
                )
        if is_folder(root / folder):
            return f"{folder}/{{name}}"
    return None


def _files(root: Path, pattern: str, split: str, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Sample name -> file, for every file that fits the pattern, in the order of the paths."""
    wanted = (root / pattern.replace("{split}", split)).as_posix()
    before, after = wanted.split("{name}", 1)
    again = re.escape(after).replace(re.escape("{name}"), "(?P=name)")
    ending = "" if Path("x" + after).suffix.lower() in suffixes else r"\.[^./]+"
    form = re.compile(re.escape(before) + "(?P<name>.+)" + again + ending)
    found: dict[str, Path] = {}
    for place in _files_where_it_is(Path(before + "x").parent):
        path = place.as_posix()
        match = form.fullmatch(path)
        if match is None or not path.lower().endswith(suffixes):
            continue
        name = match["name"]
        if name in found:
            raise ValueError(
                f"{path}: {found[name].name} has the same name; a sample needs a name of its "
                "own. Remove one, or give the ending in the pattern."
            )
        found[name] = place
    return found


def _files_where_it_is(folder: Path) -> list[Path]:
    return files_below(folder) if is_folder(folder) else []


def _image_and_mask_files(
    root: Path, split: str, layout: _Layout, *, listed: Sequence[str] | None
) -> tuple[dict[str, Path], dict[str, Path]]:
    """The images of the split (of the whole folder where nothing states its splits), all masks."""
    images = _files(root, layout.images, split, IMAGE_SUFFIXES)
    masks = _files(root, layout.masks, split, _MASK_SUFFIXES)
    taken = set(masks.values())  # X_L.png beside X.png is X's mask, not an image
    images = {name: path for name, path in images.items() if path not in taken}
    if not images:
        raise ValueError(
            f"{root}: no images at {layout.images.replace('{split}', split)} "
            f"({', '.join(IMAGE_SUFFIXES)}); give their place with data.options.images."
        )
    if lonely := [name for name in masks if name not in images]:
        logger.warning("%s: %d masks have no image: %s", root, len(lonely), _some(lonely))
    return images if listed is None else _listed(root, split, listed, images), masks


def _pairs(
    images: Mapping[str, Path],
    masks: Mapping[str, Path],
    *,
    masks_at: str,
    missing_masks: str,
    group_pattern: str | None,
) -> list[Pair]:
    unmasked = [name for name in images if name not in masks]
    if unmasked and missing_masks == "refuse":
        raise ValueError(
            f"{images[unmasked[0]]}: {len(unmasked)} of {len(images)} images have no mask: "
            f"{_some(unmasked)}; expected each at {masks_at}. Add the masks, or leave these "
            "images out with data.options.missing_masks=skip."
        )
    names = [name for name in images if name in masks]
    groups = _groups(names, group_pattern)
    return [
        Pair(images[name], masks[name], name, group)
        for name, group in zip(names, groups, strict=True)
    ]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


def _groups(names: Sequence[str], pattern: str | None) -> Sequence[str]:
    """The group of each name; a name that the pattern does not match is a group of its own."""
    if pattern is None:
        return names
    try:
        form = re.compile(pattern)
    except re.error as error:
        raise UsageError(f"data.options.group_pattern {pattern!r}: {error}.") from error
    matches = [form.search(name) for name in names]
    if names and not any(matches):
        raise UsageError(
            f"data.options.group_pattern {pattern!r} matches none of the names "
            f"({_some(names)}); write what the names of one group share, for example '^[^_]+'."
        )
    which = 1 if form.groups else 0
    return [
        (match[which] or name) if match else name
        for name, match in zip(names, matches, strict=True)
    ]


def _listed(
    root: Path, split: str, listed: Sequence[str], images: Mapping[str, Path]
) -> dict[str, Path]:
    # lists made elsewhere often carry folders of their own before the name
    found = {name: name if name in images else PurePosixPath(name).name for name in listed}
    if absent := [name for name, here in found.items() if here not in images]:
        raise ValueError(
            f"{root}: the list of split {split!r} names {len(absent)} samples that are not here: "
            f"{_some(absent)}; remove them from the list, or add their images and masks."
        )
    times = Counter(found.values())
    if twice := [name for name, here in found.items() if times[here] > 1]:
        raise ValueError(
            f"{root}: the list of split {split!r} names an image more than once, in different "
            f"folders of which only one is here: {_some(twice)}; list each image once."
        )
    return {here: images[here] for here in found.values()}


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
