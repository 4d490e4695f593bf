"""What the inputs stand for: images, each once, each with a name of its own for its results."""

import glob
import hashlib
import os
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tessella.data.images import IMAGE_SUFFIXES
from tessella.errors import UsageError
from tessella.predict.image_list import Found, ImageList, is_list


class NamedImage(NamedTuple):
    """An image that is to be predicted."""

    index: int
    """Its place among all images, from 0."""

    name: str
    """Of its results, with slashes between folders; no two images share it."""

    path: str
    """Where its file is."""


def find_images(inputs: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """(name of its results, path) of every image that the inputs stand for; see `Images`.

    Raises:
        UsageError: an input matches nothing.
    """
    for image in Images(inputs):
        yield image.name, Path(image.path)


class Images:
    """Every image that the inputs stand for, each once, in their order.

    Folders keep their inner structure in the name, lists that of their lines. Two images that
    would share a name keep their ending in it. Lists are read anew at each iteration: a line takes
    16 bytes of memory while the list is looked through, and none after that.
    """

    def __init__(self, inputs: Sequence[str]) -> None:
        """Look through the inputs.

        Args:
            inputs: image files, folders (with their sub-folders), patterns such as
                `photos/*.jpg`, and lists of images.

        Raises:
            UsageError: an input matches nothing, or a list cannot be read.
        """
        self._sources = [_source(given) for given in inputs]
        names, paths = array("q"), array("q")
        digest = hashlib.sha256()
        for given, source in zip(inputs, self._sources, strict=True):
            before = len(names)
            for found in source:
                names.append(hash(found.name))
                paths.append(hash(found.absolute))
                digest.update(os.fsencode(f"{found.name}\n{found.absolute}\n"))
            if len(names) == before:
                raise UsageError(_nothing_in(given))
        self.digest = digest.hexdigest()
        """Tells these images and names from all others, in whatever process."""
        self._length = len(names)
        self._renamed: dict[str, str] = {}  # by absolute path; only of those that need a look
        all_names, all_paths = _sorted(names), _sorted(paths)
        twice = _repeated(all_names), _repeated(all_paths)
        if any(twice):
            self._tell_apart(*twice, all_names=all_names)

    def __len__(self) -> int:
        """How many there are."""
        return self._length

    def __iter__(self) -> Iterator[NamedImage]:
        """The images.

        Raises:
            ValueError: a list was changed in the meantime.
        """
        index = 0
        given: set[str] = set()
        for found in self._found():
            name = self._renamed.get(found.absolute)
            if name is not None:
                if found.absolute in given:
                    continue
                given.add(found.absolute)
            yield NamedImage(index, name or found.name, found.path)
            index += 1

    def _found(self) -> Iterator[Found]:
        for source in self._sources:
            yield from source

    def _tell_apart(self, names: set[int], paths: set[int], *, all_names: np.ndarray) -> None:
        """Name the images whose name or path has a hash that comes up more than once."""
        first: dict[str, str] = {}
        for found in self._found():
            if hash(found.name) in names or hash(found.absolute) in paths:
                self._length -= found.absolute in first
                first.setdefault(found.absolute, found.name)
        sharing = Counter(first.values())
        used: set[str] = set()
        for absolute, name in first.items():
            ending = os.path.splitext(absolute)[1][1:]
            unique = name if sharing[name] == 1 else f"{name}_{ending}"
            number = 2
            while unique in used or (unique != name and _holds(all_names, hash(unique))):
                unique, number = f"{name}_{number}", number + 1
            used.add(unique)
            self._renamed[absolute] = unique


def _sorted(hashes: "array[int]") -> np.ndarray:
    return np.sort(np.frombuffer(hashes, np.int64)) if hashes else np.empty(0, np.int64)


def _repeated(ascending: np.ndarray) -> set[int]:
    return set(ascending[1:][ascending[1:] == ascending[:-1]].tolist())


def _holds(ascending: np.ndarray, value: int) -> bool:
    place = int(np.searchsorted(ascending, value))
    return place < len(ascending) and int(ascending[place]) == value


def _nothing_in(given: str) -> str:
    if is_list(given):
        return f"{given}: lists no image; write one path a line, relative to the list's folder."
    return (
        f"{given}: no image found ({', '.join(IMAGE_SUFFIXES)}); give files, folders, a list "
        "(.txt) or a pattern in quotes such as 'photos/*.jpg'."
    )


def _source(given: str) -> Iterable[Found]:
    if is_list(given):
        return ImageList(Path(given))
    return tuple(
        Found(name, str(path), os.path.abspath(path)) for path, name in _matches(Path(given), given)
    )


def _matches(path: Path, given: str) -> Iterator[tuple[Path, str]]:
    if path.is_dir():
        for inner in sorted(path.rglob("*")):
            if inner.suffix.lower() in IMAGE_SUFFIXES and not inner.name.startswith("."):
                yield inner, inner.relative_to(path).with_suffix("").as_posix()
    elif path.is_file():
        yield path, path.stem
    else:
        for match in sorted(glob.glob(given, recursive=True)):
            if Path(match).suffix.lower() in IMAGE_SUFFIXES:
                yield Path(match), Path(match).stem
