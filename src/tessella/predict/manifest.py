"""What is done of each shard: a line an image, added when all of its files are whole.

A process may be killed at any moment: what it was computing has no line and is computed again, and
a line that was being written is cut off. The head of each manifest says what was asked for; all
shards in one folder must agree, or they would not be parts of one whole.
"""

import contextlib
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from tessella.errors import UsageError
from tessella.lock import locked
from tessella.predict.find import NamedImage
from tessella.predict.shard import Shard
from tessella.predict.write import Outcome

_SYNC_SECONDS = 1.0  # what a power cut may cost; a process that is killed loses no line
_PATIENCE_SECONDS = 1.0  # another worker may be looking how far all shards are
_LOOK_SECONDS = 0.1  # and so may two at once
_UNTRIED, _FAILED, _DONE = range(3)


@dataclass(frozen=True)
class Job:
    """What all shards have in common."""

    shards: int
    """How many there are."""

    images: int
    """In all of them."""

    images_sha256: str
    """Of their paths and names, in order."""

    model_sha256: str
    """Of its files."""

    save: tuple[str, ...]
    opacity: float | None
    """None where no overlay is written."""

    tile: int
    """In pixels."""

    manifest: int = 1
    """The version of this format."""


class Totals(NamedTuple):
    """How far all shards are, together."""

    done: int
    failed: int
    """Tried without success, last time."""

    is_over: bool
    """Whether every image was tried and nobody is at work."""


class Manifest:
    """What is done of one shard; open for adding to it, by one process at a time."""

    def __init__(self, path: Path, shard: Shard, *, stream: BinaryIO, states: bytearray) -> None:
        """Add to what is there; see `open_manifest`.

        Args:
            path: of the file, for messages.
            shard: whose it is.
            stream: the file, at its end.
            states: of each image of the shard.
        """
        self.path = path
        self._shard = shard
        self._stream = stream
        self._states = states
        self._synced = time.monotonic()

    @property
    def num_done(self) -> int:
        """Images that are done."""
        return self._states.count(_DONE)

    @property
    def num_failed(self) -> int:
        """Images that were tried without success, last time."""
        return self._states.count(_FAILED)

    def is_done(self, image: NamedImage) -> bool:
        """Whether an image of the shard is done."""
        return self._states[image.index // self._shard.count] == _DONE

    def add(self, outcome: Outcome) -> None:
        """Record what became of an image.

        Raises:
            OSError: it cannot be written.
        """
        image = outcome.image
        entry: dict[str, Any] = {"index": image.index, "image": image.path, "name": image.name}
        if outcome.error is not None:
            entry["error"] = outcome.error
        _append(self._stream, entry)
        self._states[image.index // self._shard.count] = _state_of(entry)
        now = time.monotonic()
        if now - self._synced >= _SYNC_SECONDS:
            os.fsync(self._stream.fileno())
            self._synced = now


@contextlib.contextmanager
def open_manifest(folder: Path, job: Job, shard: Shard) -> Iterator[Manifest]:
    """The manifest of a shard, made if need be, and nobody else's until the block ends.

    Args:
        folder: of the manifests of all shards; made if need be.
        job: what is asked for.
        shard: one of `job.shards`.

    Raises:
        UsageError: the folder holds manifests of another job.
        ValueError: another process is at this shard.
        OSError: the manifest cannot be written.
    """
    for other in _manifests_in(folder).values():
        _require_same(job, other)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{shard.index}-of-{shard.count}.jsonl"
    with locked(path, seconds=_PATIENCE_SECONDS) as is_ours, path.open("a+b") as stream:
        if not is_ours:
            raise ValueError(
                f"{path}: another process is computing shard {shard}; wait for it, or take another "
                "shard."
            )
        states = bytearray(shard.size(job.images))
        whole = _read(stream, states, shard)
        stream.truncate(whole)
        if not whole:
            _append(stream, {"shard": str(shard), **asdict(job)})
        try:
            yield Manifest(path, shard, stream=stream, states=states)
        finally:
            os.fsync(stream.fileno())


def totals(folder: Path, job: Job) -> Totals:
    """How far all shards are; the manifest of none may be open in this process."""
    done = failed = 0
    at_work = False
    for shard, path in _manifests_in(folder).items():
        states = bytearray(shard.size(job.images))
        with path.open("rb") as stream:
            _read(stream, states, shard)
        if not at_work:  # held for no longer than it takes to see that nobody holds it
            with locked(path, seconds=_LOOK_SECONDS) as is_free:
                at_work = not is_free
        done += states.count(_DONE)
        failed += states.count(_FAILED)
    return Totals(done, failed, is_over=done + failed == job.images and not at_work)


def _manifests_in(folder: Path) -> dict[Shard, Path]:
    found = ((re.fullmatch(r"(\d+)-of-(\d+)\.jsonl", p.name), p) for p in folder.glob("*.jsonl"))
    return {Shard(int(name[1]), int(name[2])): path for name, path in found if name}


def _append(stream: BinaryIO, entry: Mapping[str, Any]) -> None:
    try:
        stream.write(json.dumps(entry).encode() + b"\n")
        stream.flush()
    except OSError as error:
        raise OSError(error.errno, error.strerror, stream.name) from error


def _read(stream: BinaryIO, states: bytearray, shard: Shard) -> int:
    """Note the states of a shard's images; give how many bytes are whole, 0 without a head."""
    stream.seek(0)
    whole = 0
    ours = range(shard.index, shard.index + shard.count * len(states), shard.count)
    for line in stream:
        entry = _entry(line)
        if entry is None:  # cut off when the process was killed, or the machine lost its power
            break
        if whole:
            if entry.get("index") not in ours:
                break
            states[entry["index"] // shard.count] = _state_of(entry)
        whole += len(line)
    return whole


def _entry(line: bytes) -> dict[str, Any] | None:
    """What a line says; None where it is not whole."""
    if not line.endswith(b"\n"):
        return None
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _state_of(entry: Mapping[str, Any]) -> int:
    return _FAILED if "error" in entry else _DONE


def _require_same(job: Job, path: Path) -> None:
    with path.open("rb") as stream:
        head = _entry(stream.readline())
    if head is None:  # its process was killed before it could do anything
        return
    # as JSON has it: a tuple becomes a list
    asked = json.loads(json.dumps(asdict(job)))
    for key, value in asked.items():
        if head.get(key) != value:
            raise UsageError(
                f"{path}: is {_difference(key, head.get(key), value)}; repeat the first "
                f"command to go on, give another --out, or delete {path.parent} to begin anew."
            )


def _difference(key: str, before: Any, now: Any) -> str:
    match key:
        case "shards":
            return f"one of {before} shards, and this is one of {now}"
        case "images" | "images_sha256":
            return "about another list of images, or the list was changed since"
        case "model_sha256":
            return "by another model"
        case "save":
            return f"of a run that saved {','.join(before)}, and now it is {','.join(now)}"
        case _:
            return f"of a run with {key} {before}, and now it is {now}"
