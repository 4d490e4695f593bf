"""Files are whole or not there, whatever happens to the block, the disk or the process."""

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tessella.atomic import leftovers, replacing, share, write_bytes, write_json, write_text


def run_python(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Another process, which may die or run out of disk."""
    return subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file with something in it, alone in its folder."""
    path = tmp_path / "folder" / "file.txt"
    path.parent.mkdir()
    path.write_text("old", encoding="utf-8")
    return path


def test_the_new_content_takes_the_place_of_the_old(old: Path) -> None:
    write_bytes(old, b"new")
    assert old.read_bytes() == b"new"
    assert list(old.parent.iterdir()) == [old]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "c.txt", "ü")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == b"\xc3\xbc"


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_a_failing_block_leaves_the_old_content_and_no_other_file(
    old: Path, error: type[BaseException]
) -> None:
    def fail() -> None:
        with replacing(old) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise error

    with pytest.raises(error):
        fail()
    assert old.read_text(encoding="utf-8") == "old"
    assert list(old.parent.iterdir()) == [old]


def test_a_failing_block_leaves_no_file_where_there_was_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError), replacing(tmp_path / "new.txt"):  # noqa: PT011 - ours
        raise ValueError
    assert list(tmp_path.iterdir()) == []


def test_the_old_content_stays_readable_until_the_block_ends(old: Path) -> None:
    with replacing(old) as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert old.read_text(encoding="utf-8") == "old"
    assert old.read_text(encoding="utf-8") == "new"


def test_two_writers_of_one_file_do_not_share_a_temporary_file(old: Path) -> None:
    with replacing(old) as first, replacing(old) as second:
        first.write_text("first", encoding="utf-8")
        second.write_text("second", encoding="utf-8")
    assert old.read_text(encoding="utf-8") == "first"  # the outer block ends last


def test_a_full_disk_leaves_the_old_file_whole(old: Path) -> None:
    # a limit of 1000 bytes a file: the write fails midway, as on a disk that fills up
    done = run_python(
        "import resource, sys, pathlib\n"
        "from tessella.atomic import write_bytes\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    write_bytes(pathlib.Path(sys.argv[1]), bytes(100_000))\n"
        "except OSError as error:\n"
        "    print(type(error).__name__, error.errno)\n",
        old,
    )
    assert done.stdout.split() == ["OSError", "27"], done.stderr  # EFBIG
    assert old.read_text(encoding="utf-8") == "old"
    assert list(old.parent.iterdir()) == [old]


def test_a_process_that_dies_while_writing_leaves_the_old_file_whole(old: Path) -> None:
    done = run_python(
        "import os, sys, pathlib\n"
        "from tessella.atomic import replacing\n"
        "with replacing(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half')\n"
        "    os._exit(9)\n",
        old,
    )
    assert done.returncode == 9, done.stderr
    assert old.read_text(encoding="utf-8") == "old"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_an_os_error(old: Path) -> None:
    old.parent.chmod(0o500)
    try:
        with pytest.raises(PermissionError):
            write_text(old, "new")
    finally:
        old.parent.chmod(0o700)
    assert old.read_text(encoding="utf-8") == "old"


def test_a_file_in_the_place_of_a_folder_is_an_os_error(old: Path) -> None:
    with pytest.raises(OSError, match=r"file\.txt"):
        write_text(old / "below.txt", "new")
    assert old.read_text(encoding="utf-8") == "old"


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_mode_is_that_of_a_plain_open(tmp_path: Path, mask: int, mode: int) -> None:
    os.umask(mask)
    write_text(tmp_path / "file", "new")
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("name", ["x" * 255, "ü" * 127, "日" * 85])
def test_a_name_as_long_as_the_system_allows_can_be_written(tmp_path: Path, name: str) -> None:
    write_text(tmp_path / name, "new")  # 255 bytes, or 254
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_json_is_indented_and_keeps_letters_as_they_are(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"Straße": [1, None]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text == '{\n  "Straße": [\n    1,\n    null\n  ]\n}\n'
    assert json.loads(text) == {"Straße": [1, None]}


@pytest.mark.parametrize("content", [{"a": object()}, {"a": math.nan}, [math.inf]])
def test_what_json_cannot_hold_leaves_the_old_file_whole(old: Path, content: object) -> None:
    with pytest.raises((TypeError, ValueError), match="JSON"):
        write_json(old, content)
    assert old.read_text(encoding="utf-8") == "old"


def test_a_shared_content_takes_no_second_room_on_the_disk(old: Path) -> None:
    share(old, old.with_name("other.txt"))
    assert old.with_name("other.txt").samefile(old)
    write_text(old, "new")
    assert old.with_name("other.txt").read_text() == "old"


def test_a_content_is_copied_where_files_cannot_be_linked(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    other = old.with_name("other.txt")
    share(old, other)
    assert other.read_text() == "old"
    assert not other.samefile(old)


def test_sharing_twice_changes_nothing(old: Path) -> None:
    other = old.with_name("other.txt")
    for _ in range(2):
        share(old, other)
    assert sorted(old.parent.iterdir()) == [old, other]
    assert other.read_text() == "old"


def test_what_a_killed_process_left_is_found(old: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from tessella.atomic import replacing
with replacing(Path(sys.argv[1])) as temporary:
    os.kill(os.getpid(), signal.SIGKILL)
"""
    run_python(code, old)
    (left,) = leftovers(old.parent)
    assert left.name.startswith(".file.txt.")
    assert old.read_text() == "old"
