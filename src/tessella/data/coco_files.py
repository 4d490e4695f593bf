"""Where a data set in COCO's form keeps its annotation file and its images.

The usual layouts of COCO itself, CVAT, Datumaro, Label Studio, Roboflow and FiftyOne are found
without being told.
"""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from tessella.data.annotation_json import is_there
from tessella.data.files import existing_root, files_in, folders_in, is_file, is_folder
from tessella.data.path_words import SPLIT_WORDS
from tessella.suggestion import some

_WORDS = "|".join(sorted(SPLIT_WORDS, key=len, reverse=True))
_SPLIT = re.compile(rf"(?<![a-z])({_WORDS})(\d{{4}})?(?![a-z0-9])", re.IGNORECASE)
# COCO's other files lie beside its instances and hold no outlines of objects.
_OTHER_TASKS = ("captions_", "person_keypoints_", "panoptic_", "stuff_", "image_info_")
_USUAL_NAMES = ("_annotations.coco.json", "annotations.json", "result.json", "labels.json")
_IMAGE_FOLDERS = ("images", "data", "JPEGImages")


class AnnotationFile(NamedTuple):
    """An annotation file and what its place says."""

    path: Path
    """The JSON file."""

    home: Path
    """The folder or zip in which folders of images are looked for."""

    is_whole: bool
    """It states no split: it holds all of them."""


def find_annotations(root: Path | None, split: str, given: str | None) -> AnnotationFile:
    """The annotation file of a split, or the one file of all splits.

    Args:
        root: what the user gave: a folder or zip, or the JSON file itself.
        split: train, val or test.
        given: the file's place from `root` on, `{split}` in it standing for the split.

    Raises:
        UsageError: no root was given.
        ValueError: there is no such file, none for this split, or several.
    """
    if root is not None and root.suffix.lower() == ".json" and is_file(root) and given is None:
        home = root.parent.parent if root.parent.name == "annotations" else root.parent
        return AnnotationFile(root, home, is_whole=True)
    root = existing_root("coco", root)
    if given is not None:
        path = root / given.replace("{split}", split)
        if not is_file(path):
            raise ValueError(f"{path}: there is no such file; correct data.options.annotations.")
        return AnnotationFile(path, root, is_whole="{split}" not in given)
    home, files = annotation_files(root)
    mine = [path for path, part in files.items() if part == split]
    if not mine and (others := [path for path, part in files.items() if part]):
        raise ValueError(
            f"{home}: has {_inside(home, others)} but nothing for the split {split!r}; add its "
            f"file, name another split with data.{split}_split, or say which file it is with "
            "data.options.annotations."
        )
    candidates = mine or list(files)
    usual = [path for path in candidates if is_usual(path)]
    for chosen in (candidates, usual):
        if len(chosen) == 1:
            return AnnotationFile(chosen[0], home, is_whole=not mine)
    found = f"has {_inside(home, candidates)}" if candidates else "has no JSON file"
    raise ValueError(
        f"{home}: {found}; expected one annotation file for each split (for example "
        "annotations/instances_train2017.json or train/_annotations.coco.json), or one for all. "
        "Say which it is with data.options.annotations."
    )


def annotation_files(root: Path) -> tuple[Path, dict[Path, str | None]]:
    """The folder that holds JSON files (here, or one alone further down), and each one's split."""
    home = root
    for _ in range(3):
        folders = folders_in(home)
        places = [home, *(f for f in folders if _split_in(f.name) or f.name == "annotations")]
        places += [place / "annotations" for place in places[1:]]
        files = [path for place in places if is_folder(place) for path in files_in(place)]
        found = [
            path
            for path in files
            if path.suffix.lower() == ".json" and not path.name.startswith(_OTHER_TASKS)
        ]
        if found or len(folders) != 1:
            return home, {path: _split_of(path, home) for path in found}
        home = folders[0]
    return home, {}


def is_usual(path: Path) -> bool:
    """Whether a file has a name that such tools give."""
    return path.name.startswith("instances_") or path.name in _USUAL_NAMES


def find_images(
    listed: Sequence[str], file: AnnotationFile, split: str, *, folder: str | None
) -> dict[str, Path | None]:
    """Where the listed image files are; None for one that is missing.

    Of the usual folders the one with the most of them counts. Where none has them as listed, the
    last part of the name does: exports often carry folders of another machine.

    Args:
        listed: names in the annotation file, with slashes; at least one.
        file: the annotation file.
        split: train, val or test.
        folder: folder of the images from the home of the file on, where the user names it;
            `{split}` in it stands for the split.

    Raises:
        ValueError: none of them is found.
    """
    places = _image_places(file, split, folder)
    sample = listed[:: max(1, len(listed) // 20)]
    hits = {
        (place, is_last): sum(is_there(_joined(place, name, is_last=is_last)) for name in sample)
        for is_last in (False, True)
        for place in places
    }
    place, is_last = max(hits, key=lambda key: hits[key])  # the first of equals
    if not hits[place, is_last]:
        raise ValueError(
            f"{file.path}: none of {some(sample)} is there ({len(listed)} images are listed); "
            f"looked in {', '.join(str(place) for place in places)}. Say where they are with "
            "data.options.images."
        )
    paths = {name: _joined(place, name, is_last=is_last) for name in listed}
    return {name: path if is_there(path) else None for name, path in paths.items()}


def _split_of(path: Path, home: Path) -> str | None:
    parts = path.relative_to(home).with_suffix("").parts
    return next((split for part in reversed(parts) if (split := _split_in(part))), None)


def _split_in(text: str) -> str | None:
    match = _SPLIT.search(text)
    return SPLIT_WORDS[match[1].lower()] if match else None


def _inside(home: Path, paths: Iterable[Path]) -> str:
    return some([path.relative_to(home).as_posix() for path in paths])


def _image_places(file: AnnotationFile, split: str, folder: str | None) -> list[Path]:
    if folder is not None:
        place = file.home / folder.replace("{split}", split)
        if not is_folder(place):
            raise ValueError(f"{place}: there is no such folder; correct data.options.images.")
        return [place]
    here, home = file.path.parent, file.home
    match = _SPLIT.search(file.path.stem)
    words = [file.path.stem.removeprefix("instances_"), *([match[0]] if match else [])]
    words += [word for word, part in SPLIT_WORDS.items() if part == split]
    places = [here, here / "images", *(home / "images" / word for word in words)]
    places += [place for word in words for place in (home / word, home / word / "images")]
    places += [*(home / name for name in _IMAGE_FOLDERS), home]
    return [place for place in dict.fromkeys(places) if is_folder(place)]


def _joined(place: Path, name: str, *, is_last: bool) -> Path:
    path = place / (PurePosixPath(name).name if is_last else name)
    return Path(os.path.normpath(path)) if ".." in path.parts else path
