"""Which of many picture files are images and which are masks: by names, else by a look at a few."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

import numpy as np

from tessella.data.images import IMAGE_SUFFIXES, read_mask_values
from tessella.data.pairing import Found
from tessella.data.path_words import FileStem, Role, read_folder_name, read_stem

_MOST_MASK_VALUES = 64  # a photograph of a few hundred pixels holds more
_MOST_FOLDERS_LOOKED_AT = 12
_FILES_LOOKED_AT = 3
_LOSSY = (".jpg", ".jpeg")
_BY_STEM, _BY_LOOK = 2, 3  # ranks of masks that no folder's name tells, see FolderName.rank

_Parts = tuple[str, ...]


class Pictures(NamedTuple):
    """The picture files of a folder, sorted."""

    home: Path
    """The folder that holds them all: the one asked for, or the only one in it."""

    images: list[Found]
    masks: list[Found]


class _Entry(NamedTuple):
    path: Path
    folders: _Parts
    stem: str
    suffix: str


class _Folder(NamedTuple):
    role: Role | None
    is_named: bool
    """Whether a name says the role, not a look or the folders beside it."""

    rank: int
    split: str | None
    dirs: _Parts
    hint: str
    place: str


class _Hints(NamedTuple):
    """What is known beside a folder's own name."""

    home: int
    """How many folders lead to the one that holds everything."""

    split_forms: frozenset[str]
    """Forms of names, e.g. part_{split}_a, that occur for several splits."""

    plain: frozenset[str]
    """Names that lie below images and below masks alike: they tell the two apart no more."""

    roles: Mapping[_Parts, Role]
    """Roles of folders whose names do not tell."""


def sort_pictures(root: Path, paths: Iterable[Path]) -> Pictures:
    """The images and the masks among `paths`, all of which lie below `root`.

    Left out are files that are no pictures and pictures that are neither: depth, instances, edges.
    """
    entries = list(_entries(root, paths))
    hints = _hints({entry.folders for entry in entries})
    folders = _folders(entries, hints)
    roles = _roles(entries, folders)
    mask_suffixes: frozenset[str] = frozenset()
    if "mask" not in roles.values():
        unnamed = [entry for entry in entries if folders[entry.folders].role is None]
        seen, mask_suffixes = _look(unnamed, has_images="image" in _named_roles(folders))
        folders = _folders(entries, hints._replace(roles={**hints.roles, **seen}))
        roles = _roles(entries, folders)
    images: list[Found] = []
    masks: list[Found] = []
    extras: list[Found] = []
    for entry in entries:
        folder = folders[entry.folders]
        role = roles[entry.path]
        if role == "extra" and folder.role == "mask":
            extras.append(_mask(entry, folder))
        if role != "extra" and folder.role is None and entry.suffix.lower() in mask_suffixes:
            role = "mask"
        if role == "mask":
            masks.append(_mask(entry, folder))
        elif role != "extra":
            images.append(_image(entry, folder))
    home = root.joinpath(*entries[0].folders[: hints.home]) if entries else root
    # X_instance_color.png in a folder of masks is the mask where there is no other
    return Pictures(home, images, masks or extras)


def _entries(root: Path, paths: Iterable[Path]) -> Iterator[_Entry]:
    start = 0 if root.as_posix() == "." else len(root.as_posix().rstrip("/")) + 1
    for path in paths:
        *folders, name = path.as_posix()[start:].split("/")
        stem, _, ending = name.rpartition(".")
        if stem and f".{ending.lower()}" in IMAGE_SUFFIXES:
            # an accent may be a letter's own or one more character, as in zips made on a Mac
            yield _Entry(path, tuple(folders), normalize("NFC", stem), f".{ending}")


# --- folders ------------------------------------------------------------------------------------


def _hints(folders: set[_Parts]) -> _Hints:
    splits_of: dict[str, set[str]] = defaultdict(set)
    for name in {name for parts in folders for name in parts}:
        said = read_folder_name(name)
        if said.split:
            splits_of[said.form].add(said.split)
    forms = frozenset(form for form, splits in splits_of.items() if len(splits) > 1)
    plain = _below(folders, "image") & _below(folders, "mask")
    roles = _roles_of_x_and_y(folders) | _roles_beside_masks(folders, forms)
    return _Hints(_home_depth(folders), forms, plain, roles)


def _below(folders: set[_Parts], role: Role) -> frozenset[str]:
    """The names of all folders that lie in a folder of that role."""
    return frozenset(
        name
        for parts in folders
        for depth, above in enumerate(parts)
        if read_folder_name(above).role == role
        for name in parts[depth + 1 :]
    )


def _roles_of_x_and_y(folders: set[_Parts]) -> dict[_Parts, Role]:
    """The folders x and y, where they lie side by side."""
    prefixes = {parts[:depth] for parts in folders for depth in range(1, len(parts) + 1)}
    roles: dict[_Parts, Role] = {}
    for prefix in prefixes:
        other = (*prefix[:-1], {"x": "y", "X": "Y"}.get(prefix[-1], ""))
        if other in prefixes:
            roles[prefix] = "image"
            roles[other] = "mask"
    return roles


def _roles_beside_masks(folders: set[_Parts], forms: frozenset[str]) -> dict[_Parts, Role]:
    """Folders of names that do not tell hold images when a folder of masks is beside them."""
    beside_masks = {
        parts[:depth]
        for parts in folders
        for depth, name in enumerate(parts)
        if read_folder_name(name).role == "mask"
    }
    roles: dict[_Parts, Role] = {}
    for parts in folders:
        if any(read_folder_name(name).role for name in parts):
            continue
        for depth, name in enumerate(parts):
            if parts[:depth] in beside_masks and not _split_of(name, forms):
                roles[parts[: depth + 1]] = "image"
                break
    return roles


def _home_depth(folders: set[_Parts]) -> int:
    first = next(iter(folders), ())
    for depth, name in enumerate(first):
        said = read_folder_name(name)
        shared = all(parts[: depth + 1] == first[: depth + 1] for parts in folders)
        if not shared or said.role or said.split:
            return depth
    return len(first)


def _split_of(name: str, forms: frozenset[str]) -> str | None:
    """The split that a folder's name says: train, train2017, and "A train b" beside "A val b"."""
    said = read_folder_name(name)
    is_sure = said.form in forms or not any(letter.isalpha() for letter in said.rest)
    return said.split if is_sure else None


def _folders(entries: Sequence[_Entry], hints: _Hints) -> dict[_Parts, _Folder]:
    return {parts: _folder(parts, hints) for parts in {entry.folders for entry in entries}}


def _folder(parts: _Parts, hints: _Hints) -> _Folder:
    role: Role | None = None
    is_named, rank, split = False, _BY_STEM, None
    dirs: list[str] = []
    rest: list[str] = []
    place = list(parts[: hints.home])
    last_telling = hints.home
    for depth in range(hints.home, len(parts)):
        name = parts[depth]
        said = read_folder_name(name)
        here = _split_of(name, hints.split_forms) if split is None else None
        added = hints.roles.get(parts[: depth + 1])
        if role and name in hints.plain:
            said, added = said._replace(role=None), None
        if said.role or added:
            role, is_named = said.role or added, bool(said.role)
            rank = said.rank if said.role else _BY_LOOK
            rest.append(said.rest)
        elif here:
            rest.append(said.rest)
        else:
            dirs.append(name)
        is_telling = bool(here or said.role or added)
        split = split or here
        place.append((said.form if here else name) if is_telling else "*")
        last_telling = depth + 1 if is_telling else last_telling
    pattern = "".join(f"{name}/" for name in place[:last_telling])
    return _Folder(role, is_named, rank, split, tuple(dirs), " ".join(filter(None, rest)), pattern)


def _named_roles(folders: Mapping[_Parts, _Folder]) -> set[Role | None]:
    return {folder.role for folder in folders.values() if folder.is_named}


# --- files --------------------------------------------------------------------------------------


def _roles(entries: Sequence[_Entry], folders: Mapping[_Parts, _Folder]) -> dict[Path, Role | None]:
    """The role of each file: its folder's, or what its own name says beside the other names."""
    together: dict[_Parts, list[_Entry]] = defaultdict(list)
    for entry in entries:
        together[entry.folders].append(entry)
    has_masks = any(folder.role == "mask" for folder in folders.values())
    roles: dict[Path, Role | None] = {}
    for parts, inside in together.items():
        role = folders[parts].role
        if role is None or (role == "image" and not has_masks):
            roles.update(_roles_by_stem(inside, role))
        elif role == "mask":
            for entry in inside:
                roles[entry.path] = "extra" if read_stem(entry.stem).role == "extra" else "mask"
        else:
            roles.update(dict.fromkeys((entry.path for entry in inside), role))
    return roles


def _roles_by_stem(
    inside: Sequence[_Entry], role: Role | None
) -> Iterator[tuple[Path, Role | None]]:
    """X_mask.png is a mask where there is an X.jpg or X_img.jpg, or nothing but such names."""
    read = {entry.path: read_stem(entry.stem) for entry in inside}
    names = {entry.stem for entry in inside}
    names |= {core for stem in read.values() if stem.role in ("image", None) for core in stem.cores}
    beside = {path for path, stem in read.items() if not names.isdisjoint(stem.cores)}
    if role is None and not beside and all(s.role in ("mask", "extra") for s in read.values()):
        beside = set(read)
    for path, stem in read.items():
        yield path, stem.role if stem.role in ("mask", "extra") and path in beside else role


def _image(entry: _Entry, folder: _Folder) -> Found:
    series = folder.place if folder.role else folder.place + entry.suffix.lower()
    return _found(entry, folder, read_stem(entry.stem), series, (0 if folder.is_named else 1, 0))


def _mask(entry: _Entry, folder: _Folder) -> Found:
    said = read_stem(entry.stem)
    core = said.cores[-1] if said.cores else entry.stem
    before, _, after = entry.stem.partition(core) if core else (entry.stem, "", "")
    series = f"{folder.place}{before}{{name}}{after}"
    rank = folder.rank if folder.role == "mask" else _BY_STEM
    return _found(entry, folder, said, series, (rank, int(said.is_variant)))


def _found(
    entry: _Entry, folder: _Folder, said: FileStem, series: str, rank: tuple[int, int]
) -> Found:
    cores = said.cores
    if entry.stem.lower().endswith(IMAGE_SUFFIXES):  # X.jpg.png is the mask of X.jpg
        cores = (*cores, entry.stem.rpartition(".")[0])
    return Found(
        path=entry.path,
        split=folder.split,
        dirs=folder.dirs,
        hint=folder.hint,
        stem=entry.stem,
        cores=cores,
        place=folder.place,
        series=series,
        rank=rank,
    )


# --- a look at a few ----------------------------------------------------------------------------


def _look(
    entries: Sequence[_Entry], *, has_images: bool
) -> tuple[dict[_Parts, Role], frozenset[str]]:
    """Roles of folders that hold nothing but masks, or else the endings that masks have."""
    for depth in range(max((len(entry.folders) for entry in entries), default=0)):
        groups: dict[str, list[_Entry]] = defaultdict(list)
        for entry in entries:
            if len(entry.folders) > depth and not read_folder_name(entry.folders[depth]).split:
                groups[entry.folders[depth]].append(entry)
        masks = _mask_groups(groups, has_images=has_images)
        if masks:
            seen: dict[_Parts, Role] = {}
            for name, inside in groups.items():
                role: Role = "mask" if name in masks else "image"
                seen |= dict.fromkeys({entry.folders[: depth + 1] for entry in inside}, role)
            return seen, frozenset()
    by_suffix: dict[str, list[_Entry]] = defaultdict(list)
    for entry in entries:
        by_suffix[entry.suffix.lower()].append(entry)
    return {}, frozenset(_mask_groups(by_suffix, has_images=has_images))


def _mask_groups(groups: Mapping[str, Sequence[_Entry]], *, has_images: bool) -> set[str]:
    """The groups that hold masks, if it is not all of them (which tells nothing)."""
    if not (0 if has_images else 1) < len(groups) <= _MOST_FOLDERS_LOOKED_AT:
        return set()
    masks = {name for name, inside in groups.items() if _are_masks(inside)}
    return masks if has_images or len(masks) < len(groups) else set()


def _are_masks(entries: Sequence[_Entry]) -> bool:
    if any(entry.suffix.lower() in _LOSSY for entry in entries):
        return False
    step = max(1, len(entries) // _FILES_LOOKED_AT)
    return all(_looks_like_mask(entry.path) for entry in entries[::step][:_FILES_LOOKED_AT])


def _looks_like_mask(path: Path) -> bool:
    try:
        values = read_mask_values(path, wants_indices=True)
    except ValueError:
        return False
    if values.ndim == 3:
        values = values.astype(np.uint32) @ np.array([65536, 256, 1], np.uint32)
    return len(np.unique(values)) <= _MOST_MASK_VALUES
