"""Download one file over http(s): resumed where it was cut, and verified before it has its name.

What has arrived lies in `NAME.part`; beside it `NAME.part.json` keeps the address and what the
server said about the version (ETag or Last-Modified), so that another version is not glued on.
"""

import hashlib
import http.client
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tessella import __version__, atomic
from tessella.data.fetch.server import AddressError, CutOffError, ask, read_some, whole_size
from tessella.progress import Track, silently

_CHUNK_BYTES = 1 << 20
_REAL_PROGRESS_BYTES = 1 << 20  # an attempt that brought this much does not count as failed


@dataclass(frozen=True)
class Digest:
    """What the bytes of a file must hash to, and who says so."""

    algorithm: Literal["sha256", "md5"]
    value: str
    """Hexadecimal, lower case."""

    origin: str
    """Who published it, for people: it completes 'expected X (...)'."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that somebody offers for download."""

    name: str
    """What it is called here."""

    urls: tuple[str, ...]
    """Where it is, http or https; the later ones are tried when the first fail."""

    max_bytes: int
    """No more than this is taken from any server."""

    size: int | None = None
    """Its exact size in bytes; None: not known beforehand."""

    digest: Digest | None = None
    """None: nobody published one."""

    @property
    def limit(self) -> int:
        """How many bytes it has at most."""
        return self.max_bytes if self.size is None else self.size


@dataclass(frozen=True)
class Patience:
    """How long to try."""

    attempts: int = 5
    """How many attempts in a row may bring (almost) nothing before an address is given up."""

    timeout_seconds: float = 30
    """How long a server may stay silent."""

    wait_seconds: float = 1
    """The wait before the second attempt; before the third it is twice this, and so on."""


@dataclass(frozen=True)
class Downloaded:
    """A file that is here and verified."""

    path: Path
    sha256: str
    num_bytes: int
    was_there: bool
    """Whether nothing had to be downloaded."""


class _Tally:
    """The digests of a file that grows, each byte read once."""

    def __init__(self, file: RemoteFile) -> None:
        self._file = file
        self._restart()

    def _restart(self) -> None:
        self.position = 0
        self.sha256 = hashlib.sha256()
        digest = self._file.digest
        other = digest is not None and digest.algorithm == "md5"
        self.md5 = hashlib.md5(usedforsecurity=False) if other else None

    def catch_up(self, path: Path, position: int) -> None:
        """Have counted exactly the first `position` bytes of the file."""
        if self.position == position:
            return
        self._restart()
        if position == 0:
            return
        with path.open("rb") as stream:
            while chunk := stream.read(min(_CHUNK_BYTES, position - self.position)):
                self.add(chunk)

    def add(self, chunk: bytes) -> None:
        self.position += len(chunk)
        self.sha256.update(chunk)
        if self.md5 is not None:
            self.md5.update(chunk)

    def complaint(self) -> str | None:
        """What is wrong with the whole file; None if nothing is."""
        file = self._file
        if file.size not in (None, self.position):
            return f"{file.name} has {self.position} bytes, expected {file.size}"
        if file.digest is None:
            return None
        found = (self.sha256 if self.md5 is None else self.md5).hexdigest()
        if found == file.digest.value:
            return None
        return (
            f"{file.name} has {file.digest.algorithm} {found}, "
            f"expected {file.digest.value} ({file.digest.origin})"
        )


def download(
    file: RemoteFile, folder: Path, *, track: Track = silently, patience: Patience | None = None
) -> Downloaded:
    """The file in `folder`, verified; what is there already is not downloaded again.

    A `.part` of an earlier call, cut off or killed, is resumed where the server allows it.

    Args:
        file: what to get.
        folder: made if need be.
        track: shows progress, in bytes.
        patience: how often and how long to try.

    Raises:
        ValueError: no address gave the file, it is not the one expected (it is deleted then), or
            the disk is full (what has arrived stays, to be resumed).
    """
    place = folder / file.name
    part = folder / f"{file.name}.part"
    tally = _Tally(file)
    try:
        if place.is_file():
            _refuse_wrong(place, tally)
            return Downloaded(place, tally.sha256.hexdigest(), tally.position, was_there=True)
        folder.mkdir(parents=True, exist_ok=True)
        arriving = _arriving(file, part, tally, patience or Patience())
        for _ in track(arriving, about="download", total=file.limit, size=lambda gained: gained):
            pass
        part.replace(place)
        _note(part).unlink(missing_ok=True)
    except OSError as error:
        raise ValueError(
            f"{place}: could not be written ({error.strerror or error}); free space there or "
            "choose another folder. What has arrived is kept: fetch again to go on."
        ) from error
    return Downloaded(place, tally.sha256.hexdigest(), tally.position, was_there=False)


def _refuse_wrong(place: Path, tally: _Tally) -> None:
    tally.catch_up(place, place.stat().st_size)
    if complaint := tally.complaint():
        raise ValueError(f"{place}: {complaint}; remove it, then fetch again.")


def _arriving(file: RemoteFile, part: Path, tally: _Tally, patience: Patience) -> Iterator[int]:
    """Download and verify; yields by how many bytes it has come further, negative if it restarts.

    Raises:
        ValueError: every address failed.
        OSError: the disk is full.
    """
    failures = []
    shown = 0
    for url in file.urls:
        try:
            for position in _with_retries(file, url, part, tally=tally, patience=patience):
                yield position - shown
                shown = position
            if complaint := tally.complaint():
                _discard(part)
                raise AddressError(f"{complaint}; it was deleted")
        except AddressError as error:
            failures.append(f"{url}: {error}")
        else:
            return
    raise ValueError(
        f"{file.name} could not be downloaded: {'; '.join(failures)}. Try again later, or get it "
        f"yourself and put it at {part.with_name(file.name)}."
    )


def _with_retries(
    file: RemoteFile, url: str, part: Path, *, tally: _Tally, patience: Patience
) -> Iterator[int]:
    """Positions in the file, in bytes, as it arrives over as many connections as it takes."""
    failed = 0
    furthest = 0
    while True:
        try:
            yield from _attempt(file, url, part, tally=tally, timeout=patience.timeout_seconds)
            return
        except CutOffError as error:
            failed = 1 if tally.position - furthest >= _REAL_PROGRESS_BYTES else failed + 1
            furthest = max(furthest, tally.position)
            if failed >= patience.attempts:
                raise AddressError(f"{error} ({failed} attempts)") from error
        time.sleep(patience.wait_seconds * failed)


def _attempt(
    file: RemoteFile, url: str, part: Path, *, tally: _Tally, timeout: float
) -> Iterator[int]:
    offset = _offset(file, url, part)
    tally.catch_up(part, offset)
    yield offset
    if offset and offset == file.size:
        return
    response = ask(url, _range_headers(url, part, offset), timeout=timeout)
    with response:
        if response.status == 416:
            if whole_size(response) == offset:
                return
            _discard(part)
            raise CutOffError(f"the server has nothing from byte {offset} on")
        start = _start(file, response, offset)
        if start == 0:
            part.write_bytes(b"")  # before the note: the old bytes are not the new version's
            _write_note(part, url, response)
            tally.catch_up(part, 0)
            yield 0
        yield from _receive(file, response, part, tally=tally)


def _receive(
    file: RemoteFile, response: http.client.HTTPResponse, part: Path, *, tally: _Tally
) -> Iterator[int]:
    of_connection = None if response.length is None else tally.position + response.length
    of_range = whole_size(response) if response.status == 206 else None
    with part.open("ab") as stream:
        while chunk := read_some(response):
            if tally.position + len(chunk) > file.limit:
                stream.close()
                _discard(part)
                raise AddressError(
                    f"sends more than the {file.limit} bytes expected; it was cut off"
                )
            stream.write(chunk)
            tally.add(chunk)
            yield tally.position
        stream.flush()
        os.fsync(stream.fileno())
    for whole in (of_connection, of_range, file.size):
        if whole is not None and tally.position < whole:
            raise CutOffError(f"the connection broke after {tally.position} of {whole} bytes")


def _offset(file: RemoteFile, url: str, part: Path) -> int:
    """How many bytes of the `.part` can be kept."""
    if not part.is_file():
        return 0
    size = part.stat().st_size
    same = _read_note(part).get("url") == url and bool(_validator(part))
    # without a word from the server about the version, only a digest tells a mixture
    return size if size <= file.limit and (same or file.digest is not None) else 0


def _range_headers(url: str, part: Path, offset: int) -> dict[str, str]:
    headers = {"User-Agent": f"tessella/{__version__}"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if _read_note(part).get("url") == url and (validator := _validator(part)):
            headers["If-Range"] = validator
    return headers


def _start(file: RemoteFile, response: http.client.HTTPResponse, offset: int) -> int:
    """Where in the file the body begins: `offset`, or 0 if the server sends it all.

    Raises:
        AddressError: the file has another size than expected, or the range is not the one asked.
    """
    if response.status == 200:
        start, whole = 0, response.length
    else:
        content_range = response.headers.get("Content-Range", "")
        found = re.fullmatch(r"bytes (\d{1,18})-\d+/(\d+|\*)", content_range.strip())
        start = int(found[1]) if found else -1
        whole = whole_size(response)
    if start not in (0, offset):
        raise AddressError(
            f"the server was asked to go on at byte {offset} and answers {response.status} with "
            f"the range {response.headers.get('Content-Range')!r}"
        )
    if whole is not None and file.size not in (None, whole):
        raise AddressError(f"offers {whole} bytes, expected {file.size}")
    if whole is not None and whole > file.limit:
        raise AddressError(f"offers {whole} bytes, expected at most {file.limit}")
    return start


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _write_note(part: Path, url: str, response: http.client.HTTPResponse) -> None:
    names = ("ETag", "Last-Modified")
    atomic.write_json(_note(part), {"url": url} | {n: response.headers.get(n) for n in names})


def _read_note(part: Path) -> dict[str, object]:
    try:
        note = json.loads(_note(part).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # then the server cannot be asked about the version
    return note if isinstance(note, dict) else {}


def _validator(part: Path) -> str | None:
    note = _read_note(part)
    for value in (note.get("ETag"), note.get("Last-Modified")):
        if isinstance(value, str) and not value.startswith("W/"):  # weak: not byte for byte
            return value
    return None


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)
