"""Unpack an archive without trusting it: every name and size is checked, then it lands at once.

Members are written to a temporary folder beside the target and moved when all of them are in
order, so an archive that is refused leaves nothing behind; what a killed process leaves, the next
one clears away.
"""

import contextlib
import errno
import filecmp
import gzip
import hashlib
import os
import re
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from stat import S_IFMT, S_ISDIR, S_ISLNK, S_ISREG
from typing import IO, BinaryIO, cast

from tessella.progress import Track, silently

_CHUNK_BYTES = 1 << 20
_MAX_NAME_BYTES = 255  # what file systems take as one name
_MAX_PATH_BYTES = 1024
_TAR_BLOCK_BYTES = 512
_TAR_OVERHEAD_BYTES = 4096  # of one member: its headers and padding, ample
_ZIP_OVERHEAD_BYTES = 512  # of one member: its line in the directory, ample
_TAR_KINDS = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
}
_SIGNS_OF_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, struct.error),
    *(EOFError, ValueError, OverflowError, RuntimeError),  # RuntimeError: also endless recursion
)


class ArchiveError(ValueError):
    """The archive itself is at fault: damaged, encrypted, too large, or reaching outside."""


@dataclass
class _Unpacking:
    """One archive on its way into the temporary folder, and what it has used of its bounds."""

    archive: Path
    folder: Path
    max_bytes: int
    max_files: int
    only: PurePosixPath
    num_bytes: int = 0
    num_members: int = 0

    def count_member(self) -> None:
        self.num_members += 1
        if self.num_members > self.max_files:
            raise ArchiveError(
                f"{self.archive}: holds more than the {self.max_files} files expected; it is not "
                "the archive that was meant. Remove it and get it from its authors."
            )

    def refuse_size(self) -> ArchiveError:
        return ArchiveError(
            f"{self.archive}: unpacks to more than the {self.max_bytes} bytes expected; it is not "
            "the archive that was meant. Remove it and get it from its authors."
        )

    def write(self, relative: PurePosixPath, stream: IO[bytes]) -> None:
        """Write one member, counting what really comes out and not what its header says."""
        place = self.folder / relative
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            written = place.open("xb")
        except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
            raise ArchiveError(
                f"{self.archive}: holds {relative} more than once, or as a file and as a folder; "
                "it is not clear which one counts. Unpack it by hand."
            ) from error
        with written:
            while chunk := stream.read(_CHUNK_BYTES):
                self.num_bytes += len(chunk)
                if self.num_bytes > self.max_bytes:
                    raise self.refuse_size()
                written.write(chunk)


def unpack(
    archive: Path,
    target: Path,
    *,
    max_bytes: int,
    max_files: int,
    only: str | None = None,
    sha256: Mapping[str, str] | None = None,
    track: Track = silently,
) -> list[Path]:
    """Unpack a zip, tar or tgz into a folder: all of it, or nothing.

    Files are written as plain new files: no links, no devices, no permissions or owners of the
    archive's. Folders without files are left out. Where `target` exists already, the files are
    added to it; a file that is there and is the same stays, one that differs is never replaced.

    Args:
        archive: told by its first bytes, not by its name.
        target: a folder, which need not exist.
        max_bytes: bound on the bytes unpacked; counted while writing. In a tar, what is skipped
            because of `only` counts too.
        max_files: bound on the members, folders included.
        only: a folder inside; its content lands directly in `target`, the rest is skipped.
        sha256: path below `target` -> sha256 of files that must be there.
        track: shows progress, in bytes of the archive.

    Returns:
        The files, by path, those that were there before included.

    Raises:
        ArchiveError: the archive is damaged, encrypted, over a bound, empty, without `only`, or
            holds a link, a device, a path out of the target, a file twice or one of a wrong
            digest.
        ValueError: a file in the target differs, or the disk is full.
    """
    staging = target.parent / f".{archive.name}.unpacking"
    try:
        shutil.rmtree(staging, ignore_errors=True)  # of one that was killed
        staging.mkdir(parents=True)
        job = _Unpacking(archive, staging, max_bytes, max_files, PurePosixPath(only or ""))
        total = archive.stat().st_size
        for _ in track(_members(job), about="unpack", total=total, size=lambda gained: gained):
            pass
        names = _files_of(job)
        _check_digests(job, sha256 or {})
        return _move(job, names, target)
    except OSError as error:
        raise ValueError(
            f"{archive}: could not be unpacked to {target} ({error}); see that there is space and "
            "that the folder can be written, then try again."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def refuse_another(source: Path, place: Path) -> None:
    """Nothing, where `place` is free or holds the same bytes as `source`.

    Raises:
        ValueError: something else is there.
    """
    if os.path.lexists(place) and not (
        place.is_file() and filecmp.cmp(source, place, shallow=False)
    ):
        raise ValueError(
            f"{place}: is there already and differs from the one downloaded; files of yours are "
            "never replaced. Move it away, then try again."
        )


def _members(job: _Unpacking) -> Iterator[int]:
    """Write the members; yields by how many bytes of the archive it has come further."""
    with job.archive.open("rb") as stream:
        head = stream.read(_TAR_BLOCK_BYTES)
        stream.seek(0)
        if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            with _damage_told(job):
                yield from _zip_members(job, stream)
        elif head[:2] == b"\x1f\x8b":
            with _damage_told(job), gzip.GzipFile(fileobj=stream) as inner:
                yield from _tar_members(job, inner, stream)
        elif _is_tar_header(head):
            with _damage_told(job):
                yield from _tar_members(job, stream, stream)
        else:
            page = head.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml"))
            found = "a web page" if page else f"a file that begins with {head[:6]!r}"
            raise ArchiveError(
                f"{job.archive}: is {found}, expected a zip, tar or tgz; the server sent "
                "something else. Look at it, then try again later."
            )


def _is_tar_header(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


@contextlib.contextmanager
def _damage_told(job: _Unpacking) -> Iterator[None]:
    """Whatever the standard library raises about a damaged archive becomes one error."""
    try:
        yield
    except ArchiveError:
        raise
    except (*_SIGNS_OF_DAMAGE, OSError) as error:
        said_by_disk = isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)
        if said_by_disk:  # it is full, say; EINVAL: a header points before the file's begin
            raise
        raise ArchiveError(
            f"{job.archive}: is damaged or cut short ({error}); download it again."
        ) from error


def _zip_members(job: _Unpacking, stream: BinaryIO) -> Iterator[int]:
    directory = _ZIP_OVERHEAD_BYTES * job.max_files
    limited = _LimitedStream(stream, job, max_read=max(_CHUNK_BYTES, directory))
    with zipfile.ZipFile(cast(IO[bytes], limited)) as opened:
        for info in opened.infolist():
            job.count_member()
            relative = _relative(job, info.orig_filename)
            if relative is None:
                continue
            kind = info.external_attr >> 16
            if S_IFMT(kind) and not (S_ISREG(kind) or S_ISDIR(kind)):
                raise _not_a_file(job, info.filename, "a link" if S_ISLNK(kind) else "a device")
            if info.flag_bits & 1:
                raise ArchiveError(
                    f"{job.archive}: {info.filename!r} is encrypted; unpack the archive with its "
                    "password yourself."
                )
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ArchiveError(
                    f"{job.archive}: {info.filename!r} is packed with method {info.compress_type}, "
                    "expected none or deflate; unpack the archive by hand."
                )
            if not (info.is_dir() or S_ISDIR(kind)):
                with opened.open(info) as member:
                    job.write(relative, member)
                yield info.compress_size


def _tar_members(
    job: _Unpacking, inner: BinaryIO | gzip.GzipFile, stream: BinaryIO
) -> Iterator[int]:
    limit = job.max_bytes + _TAR_OVERHEAD_BYTES * (job.max_files + 256)
    limited = _LimitedStream(inner, job, max_read=_CHUNK_BYTES, max_position=limit)
    before = 0
    with tarfile.TarFile(fileobj=cast(IO[bytes], limited), mode="r") as opened:
        for member in opened:
            job.count_member()
            if member.size < 0:  # the next header would be this one again, for ever
                raise tarfile.ReadError(f"{member.name!r} has {member.size} bytes")
            _write_tar_member(job, opened, member)
            yield stream.tell() - before
            before = stream.tell()
    if limited.last_read != bytes(_TAR_BLOCK_BYTES):  # tarfile takes any end for the end
        raise tarfile.ReadError("the end mark is missing")
    while limited.read(_CHUNK_BYTES):  # gzip checks its sum at the very end
        pass


def _write_tar_member(job: _Unpacking, opened: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    relative = _relative(job, member.name)
    if relative is None or member.isdir():
        return
    if not member.isreg() or member.issparse():
        raise _not_a_file(job, member.name, _TAR_KINDS.get(member.type, "no plain file"))
    content = opened.extractfile(member)
    assert content is not None  # it is a regular file
    with content:
        job.write(relative, content)


class _LimitedStream:
    """What zipfile and tarfile read from: no header that would fill the memory, no endless data."""

    def __init__(
        self,
        inner: BinaryIO | gzip.GzipFile,
        job: _Unpacking,
        *,
        max_read: int,
        max_position: int | None = None,
    ) -> None:
        self.last_read = b""
        self._inner = inner
        self._job = job
        self._max_read = max_read
        self._max_position = max_position

    def read(self, size: int = -1) -> bytes:
        if size <= self._max_read:
            self.last_read = self._inner.read(size if size >= 0 else self._max_read + 1)
        if max(size, len(self.last_read)) > self._max_read:
            raise tarfile.ReadError(f"a header of {max(size, self._max_read)} bytes or more")
        self._refuse_beyond(self._inner.tell())
        return self.last_read

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET:  # asked before gzip unpacks its way there
            self._refuse_beyond(position)
        return self._inner.seek(position, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def seekable(self) -> bool:
        return True

    def _refuse_beyond(self, position: int) -> None:
        if self._max_position is not None and position > self._max_position:
            raise self._job.refuse_size()


def _relative(job: _Unpacking, name: str) -> PurePosixPath | None:
    """Where a member goes below the target; None for one outside of `only`.

    Raises:
        ArchiveError: the name leads out of the target, or no file system would take it.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    depth = len(job.only.parts)
    if tuple(parts[:depth]) != job.only.parts:
        return None
    if name.startswith("/") or ".." in parts or "\\" in name or re.match("[A-Za-z]:", name):
        raise ArchiveError(
            f"{job.archive}: holds {name!r}, a path that leads out of its folder; such an archive "
            "is not to be trusted. Remove it and get it from its authors."
        )
    if any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in name):
        raise ArchiveError(
            f"{job.archive}: holds {name!r}, a name with letters that no file should have; "
            "unpack it by hand."
        )
    if len(name.encode()) > _MAX_PATH_BYTES or any(
        len(part.encode()) > _MAX_NAME_BYTES for part in parts
    ):
        raise ArchiveError(
            f"{job.archive}: holds a name of {len(name.encode())} bytes ({name[:40]!r}...); names "
            f"of up to {_MAX_NAME_BYTES} and paths of up to {_MAX_PATH_BYTES} bytes are taken. "
            "Unpack it by hand."
        )
    return PurePosixPath(*parts[depth:])


def _not_a_file(job: _Unpacking, name: str, kind: str) -> ArchiveError:
    return ArchiveError(
        f"{job.archive}: {name!r} is {kind}; only files and folders are unpacked. Unpack the "
        "archive by hand if you trust it."
    )


def _files_of(job: _Unpacking) -> list[PurePosixPath]:
    names = [
        PurePosixPath(Path(where, name).relative_to(job.folder).as_posix())
        for where, _, files in os.walk(job.folder)
        for name in files
    ]
    if not names:
        inside = f"no files in a folder {job.only}/" if job.only.parts else "no files"
        raise ArchiveError(
            f"{job.archive}: holds {inside}; it is not the archive that was expected. Remove it "
            "and get it from its authors."
        )
    return sorted(names)


def _check_digests(job: _Unpacking, sha256: Mapping[str, str]) -> None:
    for name, expected in sha256.items():
        place = job.folder / name
        if not place.is_file():
            raise ArchiveError(
                f"{job.archive}: holds no {name}; it is not the archive that was expected. "
                "Remove it and download it again."
            )
        found = hashlib.sha256(place.read_bytes()).hexdigest()
        if found != expected:
            raise ArchiveError(
                f"{job.archive}: {name} has sha256 {found}, expected {expected}; the archive is "
                "damaged or was changed. Remove it and download it again."
            )


def _move(job: _Unpacking, names: list[PurePosixPath], target: Path) -> list[Path]:
    places = [target / name for name in names]
    if not os.path.lexists(target):
        job.folder.rename(target)
        return places
    for folder in sorted({target, *(target / up for name in names for up in name.parents)}):
        if os.path.lexists(folder) and not folder.is_dir():
            raise ValueError(f"{folder}: is a file, expected a folder; move it away.")
    for name, place in zip(names, places, strict=True):
        refuse_another(job.folder / name, place)
    for name, place in zip(names, places, strict=True):
        place.parent.mkdir(parents=True, exist_ok=True)
        (job.folder / name).replace(place)
    return places
