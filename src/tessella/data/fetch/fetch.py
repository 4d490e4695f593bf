"""Get a public data set: download, verify, unpack, and remember what was done.

Everything of a data set lands below one root, all splits together. `ROOT/.tessella-fetch.json`
says what was fetched, so that fetching again does nothing, or only what is missing.
"""

import contextlib
import json
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tessella import atomic
from tessella.data.fetch.download import Digest, Downloaded, Patience, download
from tessella.data.fetch.sources import SOURCES, Closed, Part, Source
from tessella.data.fetch.unpack import ArchiveError, refuse_another, unpack
from tessella.errors import UsageError
from tessella.lock import locked
from tessella.progress import Track, silently
from tessella.suggestion import unknown_name

RECORD = ".tessella-fetch.json"
"""What was fetched into a root."""

DOWNLOADS = ".downloads"
"""The folder below the root where files arrive, and where a person may put them by hand."""


@dataclass(frozen=True)
class Fetched:
    """What a fetch did."""

    name: str
    root: Path
    downloaded: tuple[str, ...]
    """Files that came over the network now."""

    unpacked: tuple[str, ...]
    """Files that were unpacked or put in their place now, downloaded or found in `DOWNLOADS`."""

    present: tuple[str, ...]
    """Files whose content was there already, whole."""

    unpublished: tuple[str, ...]
    """Files that came for the first time and of which nobody publishes a digest."""

    terms: str
    """What the authors of the data allow, in short."""

    @property
    def next_command(self) -> str:
        """What to run next."""
        return f"tessella data check {self.name} --data {shlex.quote(str(self.root))}"

    def describe(self) -> str:
        """What happened, in plain lines for a person."""
        lines = []
        if not self.unpacked:
            lines.append(f"{self.name} is already in {self.root}; nothing was done.")
        else:
            lines.append(f"{self.name} is in {self.root} now: {', '.join(self.unpacked)}.")
            if self.present:
                lines.append(f"Already there: {', '.join(self.present)}.")
        if self.unpublished:
            lines.append(
                f"Nobody publishes a digest of {', '.join(self.unpublished)}, so it could not be "
                f"verified. What came is noted in {self.root / RECORD}; a later download must "
                "match it."
            )
        lines.append(f"Terms of use: {self.terms}.")
        lines.append(f"Next: {self.next_command}")
        return "\n".join(lines)


def fetch(
    name: str,
    root: Path,
    *,
    track: Track = silently,
    sources: Mapping[str, Source | Closed] = SOURCES,
    keep_archives: bool = False,
    patience: Patience | None = None,
) -> Fetched:
    """Have a public data set in `root`; what is there already is left as it is.

    Args:
        name: a data set of `sources`.
        root: the one folder for all its splits; made if need be. Several data sets may share it.
        track: shows progress.
        sources: where the data sets come from.
        keep_archives: leave the archives in `root/.downloads` after unpacking; those that lay
            there before stay in any case.
        patience: how often and how long to try a server.

    Raises:
        UsageError: no such data set, or one that is only given to people who log in.
        ValueError: too little space, a download that fails or is not the file expected, an
            archive that cannot be unpacked, or files of another kind in the way.
    """
    source = _source(name, root, sources)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with _alone(root):
            record = _read_record(root)
            todo = [part for part in source.parts if not _is_whole(record, name, part, root=root)]
            _check_space(root, todo, keep_archives=keep_archives)
            came = [
                _fetch_part(
                    name, part, root, keep_archive=keep_archives, track=track, patience=patience
                )
                for part in todo
            ]
            with contextlib.suppress(OSError):  # something is kept in it
                (root / DOWNLOADS).rmdir()
    except OSError as error:
        raise ValueError(
            f"{root}: cannot hold the data ({error.strerror or error}); choose a folder that can "
            "be written, with --data."
        ) from error
    return Fetched(
        name,
        root,
        downloaded=tuple(c.path.name for c in came if not c.was_there),
        unpacked=tuple(c.path.name for c in came),
        present=tuple(part.file.name for part in source.parts if part not in todo),
        unpublished=tuple(
            part.file.name
            for part in todo
            if not _is_published(part) and _key(name, part) not in record
        ),
        terms=source.terms,
    )


def _source(name: str, root: Path, sources: Mapping[str, Source | Closed]) -> Source:
    if name not in sources:
        raise UsageError(unknown_name("data set to fetch", name, sources))
    found = sources[name]
    if isinstance(found, Closed):
        raise UsageError(
            f"{name} cannot be fetched: its authors give it to people who agree to their terms. "
            f"Ask at {found.page}, download {' and '.join(found.files)} into {root}, and "
            f"{found.places}. Then: tessella data check {name} --data {shlex.quote(str(root))}"
        )
    return found


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Two fetches into one root would write to the same files: the second is refused."""
    with locked(root) as is_ours:
        if not is_ours:
            raise ValueError(
                f"{root}: another fetch is at work here; wait for it, or choose another folder."
            )
        yield


def _fetch_part(
    name: str,
    part: Part,
    root: Path,
    *,
    keep_archive: bool,
    track: Track,
    patience: Patience | None,
) -> Downloaded:
    file = part.file
    seen = _read_record(root).get(_key(name, part), {}).get("sha256")
    if seen and not _is_published(part):
        origin = f"seen at the first download, noted in {root / RECORD}"
        file = replace(file, digest=Digest("sha256", seen, origin))
    came = download(file, root / DOWNLOADS, track=track, patience=patience)
    try:
        places = _install(part, came.path, root, track=track)
    except ArchiveError:
        if not came.was_there and part.file.digest is None:
            came.path.unlink()  # or the next fetch would find it and stop here again
        raise
    _write_record(root, _key(name, part), came, places)
    if not keep_archive and not came.was_there:
        came.path.unlink()
    return came


def _install(part: Part, came: Path, root: Path, *, track: Track) -> list[Path]:
    target = root / part.into
    if part.archive is None:
        refuse_another(came, target)
        with atomic.replacing(target) as temporary:
            shutil.copyfile(came, temporary)
        return [target]
    return unpack(
        came,
        target,
        max_bytes=part.archive.max_bytes,
        max_files=part.archive.max_files,
        only=part.archive.only,
        sha256=part.archive.sha256,
        track=track,
    )


def _is_published(part: Part) -> bool:
    """Whether somebody published what the file, or files in it, must hash to."""
    return part.file.digest is not None or bool(part.archive and part.archive.sha256)


def _check_space(root: Path, parts: list[Part], *, keep_archives: bool) -> None:
    needed = 0
    unpacked = 0  # of the parts before, which are there by then
    for part in parts:
        archive = part.file.limit
        content = archive if part.archive is None else part.archive.max_bytes
        needed = max(needed, unpacked + archive + content)
        unpacked += content + (archive if keep_archives else 0)
    free = shutil.disk_usage(root).free
    if needed > free:
        raise ValueError(
            f"{root}: {free / 1e9:.1f} GB are free there, and up to {needed / 1e9:.1f} GB are "
            "needed to download and unpack; free some, or choose a folder on another disk."
        )


def _key(name: str, part: Part) -> str:
    return f"{name}/{part.file.name}"


def _read_record(root: Path) -> dict[str, dict[str, Any]]:
    path = root / RECORD
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_bytes())
        for entry in record.values():
            sound = isinstance(entry["sha256"], str) and isinstance(entry["files"], dict)
            if not sound:
                raise TypeError("an entry has another form")
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ValueError(
            f"{path}: is not a record of what was fetched ({error}); remove it, then fetch again: "
            "files that are there and right are kept."
        ) from error
    return record  # type: ignore[no-any-return]


def _write_record(root: Path, key: str, came: Downloaded, places: list[Path]) -> None:
    files = {place.relative_to(root).as_posix(): place.stat().st_size for place in places}
    entry = {"sha256": came.sha256, "bytes": came.num_bytes, "files": files}
    atomic.write_json(root / RECORD, {**_read_record(root), key: entry})


def _is_whole(
    record: Mapping[str, Mapping[str, Any]], name: str, part: Part, *, root: Path
) -> bool:
    """Whether everything that was unpacked is still there, in its size."""
    entry = record.get(_key(name, part))
    if entry is None:
        return False
    return all(_size(root / path) == size for path, size in entry["files"].items())


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
