"""Files in a folder or in a zip, read alike: `data.zip/images/a.png` is a path here.

Readers ask this module what is there and for the bytes; a path may lead through a zip file as if
that were a folder, so a data set need not be unpacked. Nothing is ever written out of a zip.
"""

import functools
import lzma
import os
import struct
import time
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tessella.errors import UsageError

MAX_FILE_BYTES = 1 << 31
"""What a zip may hold as one file, in bytes unpacked; more is refused unread."""

# more that shrinks to a hundredth is nothing but one byte repeated, made to fill the memory
_MAX_BYTES_OF_NOTHING = 1 << 29
# changes within one tick of a file system's clock look alike, and no clock is coarser than this
_SETTLED_NS = 3_000_000_000
_TARS = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz", ".7z", ".rar", ".gz")


_ZIP_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, OSError, EOFError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError),
)


class _Listing(NamedTuple):
    files: tuple[str, ...]
    folders: tuple[str, ...]


class _Zip(NamedTuple):
    file: zipfile.ZipFile
    members: dict[str, zipfile.ZipInfo]
    folders: set[str]


def split_zip(path: Path) -> tuple[Path, str] | None:
    """(zip file, place inside) of a path that leads into a zip; None for an ordinary path."""
    text = path.as_posix()
    if ".zip" not in text.lower():
        return None
    for candidate in (path, *path.parents):
        if candidate.suffix.lower() == ".zip" and candidate.is_file():
            return candidate, path.relative_to(candidate).as_posix()
    return None


def read_bytes(path: Path) -> bytes:
    """The content of a file, in a folder or in a zip.

    Raises:
        OSError: it is not there or may not be read.
        ValueError: the zip, or the file in it, is damaged, encrypted or over `MAX_FILE_BYTES`.
    """
    inside = split_zip(path)
    if inside is None:
        return path.read_bytes()
    opened = _open_zip(inside[0])
    info = opened.members.get(inside[1])
    if info is None:
        raise FileNotFoundError(2, "There is no such file in the zip", str(path))
    if info.flag_bits & 1:
        raise ValueError(f"{path}: the zip is encrypted; unpack it with its password first.")
    _refuse_bomb(path, info)
    try:
        return opened.file.read(info)
    except _ZIP_ERRORS as error:
        raise ValueError(
            f"{path}: cannot be read from the zip ({error}); copy or download the zip again."
        ) from error


def _refuse_bomb(path: Path, info: zipfile.ZipInfo) -> None:
    shrunk = info.file_size > 100 * info.compress_size
    if info.file_size > MAX_FILE_BYTES or (shrunk and info.file_size > _MAX_BYTES_OF_NOTHING):
        raise ValueError(
            f"{path}: would unpack to {info.file_size / 1e9:.1f} GB, "
            f"{info.file_size / max(1, info.compress_size):.0f} times what it takes in the zip; "
            f"over {MAX_FILE_BYTES / 1e9:.1f} GB, or {_MAX_BYTES_OF_NOTHING / 1e9:.1f} GB at over "
            "100 times, are refused. Unpack it yourself if you trust it."
        )


def read_text(path: Path) -> str:
    """The content of a text file in UTF-8, a byte order mark dropped.

    Raises:
        OSError: it is not there or may not be read.
        ValueError: it is not UTF-8.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: byte {error.start} is not UTF-8 text; save the file as UTF-8."
        ) from error


def is_file(path: Path) -> bool:
    """Whether there is such a file, in a folder or in a zip; a zip itself is a folder here."""
    inside = split_zip(path)
    if inside is None:
        return path.is_file()
    return inside[1] in _open_zip(inside[0]).members


def is_folder(path: Path) -> bool:
    """Whether there is such a folder, on disk or in a zip; a zip itself counts."""
    inside = split_zip(path)
    if inside is None:
        return path.is_dir()
    return inside[1] in _open_zip(inside[0]).folders


def files_below(folder: Path) -> list[Path]:
    """All files below a folder or zip in the order of their paths, hidden ones left out.

    Symbolic links to folders are followed, each folder once.
    """
    inside = split_zip(folder)
    if inside is None:
        return _walk(folder)
    prefix = "" if inside[1] == "." else inside[1] + "/"
    members = _open_zip(inside[0]).members
    return [inside[0] / name for name in sorted(members) if name.startswith(prefix)]


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in a folder or zip, in order, hidden ones left out."""
    inside = split_zip(folder)
    if inside is None:
        return [folder / name for name in _listing(folder).folders]
    prefix = "" if inside[1] == "." else inside[1] + "/"
    found = {
        name
        for name in _open_zip(inside[0]).folders
        if name.startswith(prefix)
        and name not in (".", inside[1])
        and "/" not in name[len(prefix) :]
    }
    return [inside[0] / name for name in sorted(found)]


def files_in(folder: Path) -> list[Path]:
    """The files directly in a folder or zip, in order, hidden ones left out."""
    inside = split_zip(folder)
    if inside is not None:
        return [path for path in files_below(folder) if path.parent == folder]
    return [folder / name for name in _listing(folder).files]


def _listing(folder: Path) -> _Listing:
    """What lies in a folder; read once for all who ask, unless it has just changed."""
    status = folder.stat()
    is_settled = time.time_ns() - status.st_mtime_ns > _SETTLED_NS
    return _read_listing(folder, status.st_mtime_ns if is_settled else time.monotonic_ns())


@functools.lru_cache(maxsize=64)
def _read_listing(folder: Path, _version: int) -> _Listing:
    with os.scandir(folder) as found:
        entries = sorted((e for e in found if not is_hidden(e.name)), key=lambda e: e.name)
    return _Listing(
        tuple(entry.name for entry in entries if entry.is_file()),
        tuple(entry.name for entry in entries if entry.is_dir()),
    )


def _is_passed_over(part: str) -> bool:
    return part == ".." or is_hidden(part)


def is_hidden(name: str) -> bool:
    """Whether a file or folder name is the system's own and no data: .DS_Store, __MACOSX."""
    return name.startswith(".") or name in ("__MACOSX", "Thumbs.db", "desktop.ini", "@eaDir")


def existing_root(kind: str, root: Path | None) -> Path:
    """The folder or zip that a reader was given.

    Args:
        kind: name of the data set, for the message.
        root: what the user gave.

    Raises:
        UsageError: nothing was given.
        ValueError: there is no such folder, or it is a file that is not a zip.
    """
    if root is None:
        raise UsageError(f"{kind}: no folder given; say where it is with --data ROOT.")
    if is_folder(root):
        return root
    if root.is_file():
        kept = "unpack it first" if root.name.lower().endswith(_TARS) else "give a folder or a zip"
        raise ValueError(f"{root}: is a file, expected a folder or a .zip; {kept}.")
    raise ValueError(f"{root}: there is no such folder; --data names the one with the images.")


def existing_home(kind: str, root: Path | None, *, except_into: Sequence[str] = ()) -> Path:
    """`existing_root`, and the only folder in it where that holds it all: see `unwrapped`."""
    return unwrapped(existing_root(kind, root), except_into=except_into)


def unwrapped(root: Path, *, except_into: Sequence[str] = (), depth: int = 3) -> Path:
    """The folder that holds it all: `root`, or the only one in it where nothing else is.

    Args:
        root: a folder or zip; zips often hold one folder with everything.
        except_into: names of folders that mean something where they are, as train does.
        depth: how many levels below `root` are looked at.
    """
    home = root
    for _ in range(depth):
        folders = folders_in(home)
        if len(folders) != 1 or folders[0].name in except_into or files_in(home):
            return home
        home = folders[0]
    return home


def home_of(root: Path, markers: Sequence[str], *, depth: int = 3) -> Path | None:
    """The folder, `root` or one below it, that holds all of `markers`; the shallowest, first.

    Args:
        root: a folder or zip.
        markers: relative paths of files or folders.
        depth: how many levels below `root` are looked at.
    """
    level = [root]
    for _ in range(depth + 1):
        for folder in level:
            if all(is_folder(folder / m) or is_file(folder / m) for m in markers):
                return folder
        level = [inner for folder in level for inner in folders_in(folder)]
    return None


def _walk(folder: Path) -> list[Path]:
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for where, folders, files in os.walk(folder, followlinks=True):
        status = os.stat(where)
        if (status.st_dev, status.st_ino) in seen:  # a link back up would never end
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        here = Path(where)
        found += [here / name for name in files if not is_hidden(name)]
    return sorted(found, key=Path.as_posix)


def _open_zip(path: Path) -> _Zip:
    status = path.stat()
    # a forked worker must not share its parent's file position, hence the process id
    return _opened(path, status.st_mtime_ns, status.st_size, os.getpid())


@functools.lru_cache(maxsize=8)
def _opened(path: Path, _mtime: int, _size: int, _pid: int) -> _Zip:
    try:
        file = zipfile.ZipFile(path)
    except (FileNotFoundError, PermissionError):
        raise
    except _ZIP_ERRORS as error:
        raise ValueError(
            f"{path}: is not a zip that can be read ({error}); copy or download it again."
        ) from error
    members = {}
    folders = {"."}
    for info in file.infolist():
        written = info.filename.replace("\\", "/")  # as some programs on Windows write it
        # a leading slash would lead out of the zip, onto the disk
        parts = [part for part in written.split("/") if part not in ("", ".")]
        if not parts or written.endswith("/") or any(map(_is_passed_over, parts)):
            continue
        members["/".join(parts)] = info
        folders.update("/".join(parts[:n]) for n in range(1, len(parts)))
    return _Zip(file, members, folders)
