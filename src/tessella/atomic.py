"""Files that are either whole or not there: temporary file, fsync, rename."""

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_UNFINISHED = ".partial"


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends without an error.

    On any error the temporary file is removed and whatever was at `path` before is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # a long name is cut, so that ours stays within the 255 bytes of a file name when it does;
    # not mkstemp, whose files are private: the mode shall be that of a plain open()
    temporary = path.with_name(f".{path.name[:40]}.{secrets.token_hex(4)}{_UNFINISHED}")
    temporary.touch(exist_ok=False)
    try:
        yield temporary
        with temporary.open("r+b") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        if error.errno is None:
            raise
        # the file that was meant, not the temporary one, and also where the system named none
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def share(source: Path, path: Path) -> None:
    """Give `path` the content of `source`, whole or not at all.

    A hard link where the file system knows them: nothing is written twice. Files are replaced here
    and never changed in place, so neither name notices what becomes of the other.
    """
    with replacing(path) as temporary:
        temporary.unlink()
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


def leftovers(folder: Path) -> list[Path]:
    """What processes that were killed while they wrote into `folder` have left there."""
    return sorted(folder.glob(f".*{_UNFINISHED}"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` to `path` as UTF-8, whole or not at all."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path` as indented JSON, whole or not at all.

    Raises:
        ValueError: a number is NaN or infinite, which JSON cannot hold; write null instead.
    """
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")
