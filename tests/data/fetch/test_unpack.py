"""Archives as they should be, and archives that nobody should unpack."""

import gzip
import hashlib
import io
import os
import random
import stat
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tessella.data.fetch.unpack import ArchiveError, refuse_another, unpack

CONTENT = {"jpg/a.jpg": b"a" * 5000, "jpg/deep/b.jpg": b"b", "readme.txt": b"hello"}
NOISE = random.Random(3).randbytes(200_000)

Writer = Callable[[Path, Mapping[str, bytes]], Path]


def write_zip(path: Path, content: Mapping[str, bytes]) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # duplicate names are what a test is about
        for name, data in content.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return path


def write_tar(path: Path, content: Mapping[str, bytes], *, mode: str = "w:") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def write_tgz(path: Path, content: Mapping[str, bytes]) -> Path:
    return write_tar(path, content, mode="w:gz")


def write_members(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            archive.addfile(member)
    return path


def member(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = link
    return info


def unpacked(archive: Path, target: Path, **changes: Any) -> list[Path]:
    return unpack(archive, target, **({"max_bytes": 1_000_000, "max_files": 100} | changes))


def refused(archive: Path, target: Path, **changes: Any) -> str:
    """The error of an archive that is refused; nothing is left of the attempt."""
    before = sorted(target.parent.rglob("*"))
    with pytest.raises(ArchiveError) as raised:
        unpacked(archive, target, **changes)
    assert sorted(target.parent.rglob("*")) == before
    assert str(raised.value).startswith(f"{archive}: ")
    return str(raised.value).removeprefix(f"{archive}: ")


each_kind = pytest.mark.parametrize("write", [write_zip, write_tar, write_tgz])


# --- archives as they should be -----------------------------------------------------------------


@each_kind
def test_everything_lands_below_the_target(tmp_path: Path, write: Writer) -> None:
    target = tmp_path / "new/data"
    places = unpacked(write(tmp_path / "archive", CONTENT), target)
    assert {p.relative_to(target).as_posix(): p.read_bytes() for p in places} == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["data"]


@each_kind
def test_one_folder_of_it_lands_directly_in_the_target(tmp_path: Path, write: Writer) -> None:
    places = unpacked(write(tmp_path / "archive", CONTENT), tmp_path / "x", only="jpg")
    assert places == [tmp_path / "x/a.jpg", tmp_path / "x/deep/b.jpg"]


@each_kind
def test_names_that_begin_with_a_dot_and_slash_are_plain_names(
    tmp_path: Path, write: Writer
) -> None:
    archive = write(tmp_path / "archive", {"./jpg/a.jpg": b"a"})
    assert unpacked(archive, tmp_path / "x", only="jpg") == [tmp_path / "x/a.jpg"]


def test_a_folder_whose_name_only_begins_alike_is_another_one(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", {"jpg/a": b"a", "jpg2/b": b"b"})
    assert unpacked(archive, tmp_path / "x", only="jpg") == [tmp_path / "x/a"]


@each_kind
def test_files_are_plain_whatever_the_archive_says(tmp_path: Path, write: Writer) -> None:
    info = tarfile.TarInfo("run.sh")
    info.mode = 0o6777
    path = tmp_path / "archive"
    if write is write_zip:
        zipped = zipfile.ZipInfo("run.sh")
        zipped.external_attr = (stat.S_IFREG | 0o6777) << 16
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(zipped, b"")
    else:
        write_members(path, info)
    (place,) = unpacked(path, tmp_path / "x")
    assert place.stat().st_mode & 0o7111 == 0


@each_kind
def test_files_are_added_to_a_folder_that_is_there(tmp_path: Path, write: Writer) -> None:
    target = tmp_path / "x"
    (target / "jpg").mkdir(parents=True)
    (target / "jpg/mine.jpg").write_bytes(b"mine")
    (target / "readme.txt").write_bytes(b"hello")
    unpacked(write(tmp_path / "archive", CONTENT), target)
    found = {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()}
    assert found == {*CONTENT, "jpg/mine.jpg"}


@each_kind
def test_a_file_that_differs_is_never_replaced(tmp_path: Path, write: Writer) -> None:
    target = tmp_path / "x"
    target.mkdir()
    (target / "readme.txt").write_bytes(b"HELLO")
    with pytest.raises(ValueError, match=r"x/readme\.txt: is there already and differs"):
        unpacked(write(tmp_path / "archive", CONTENT), target)
    assert [path.name for path in target.iterdir()] == ["readme.txt"]
    assert (target / "readme.txt").read_bytes() == b"HELLO"


@pytest.mark.parametrize("name", ["", "/jpg"])
def test_a_file_where_a_folder_must_be_is_named(tmp_path: Path, name: str) -> None:
    place = tmp_path / f"x{name}"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(b"")
    with pytest.raises(ValueError, match=f"x{name}: is a file, expected a folder; move it away"):
        unpacked(write_zip(tmp_path / "a.zip", CONTENT), tmp_path / "x")


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path) -> None:
    left = tmp_path / ".a.zip.unpacking"
    left.mkdir()
    (left / "half.jpg").write_bytes(b"h")
    unpacked(write_zip(tmp_path / "a.zip", CONTENT), tmp_path / "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "x"]
    assert not (tmp_path / "x/half.jpg").exists()


@each_kind
def test_progress_is_in_bytes_of_the_archive(tmp_path: Path, write: Writer) -> None:
    steps: list[int] = []

    def track(items: Any, *, about: str, total: int, size: Any) -> Any:
        steps.append(-total)
        for item in items:
            steps.append(size(item))
            yield item

    archive = write(tmp_path / "archive", {"a": NOISE, "b": NOISE[::-1]})
    unpacked(archive, tmp_path / "x", track=track)
    assert steps[0] == -archive.stat().st_size
    assert 0.9 < sum(steps[1:]) / archive.stat().st_size <= 1


def test_digests_of_single_files_are_compared(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", CONTENT)
    right = hashlib.sha256(b"hello").hexdigest()
    assert unpacked(archive, tmp_path / "x", sha256={"readme.txt": right})


def test_a_single_file_of_another_digest_refuses_the_archive(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", CONTENT)
    found = hashlib.sha256(b"hello").hexdigest()
    message = refused(archive, tmp_path / "x", sha256={"readme.txt": "00ff"})
    assert f"readme.txt has sha256 {found}, expected 00ff; the archive is damaged" in message


def test_a_single_file_that_is_missing_refuses_the_archive(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", CONTENT)
    assert "holds no c.jpg; it is not" in refused(archive, tmp_path / "x", sha256={"c.jpg": "00"})


# --- names --------------------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize(
    "name",
    [
        *("../evil", "a/../../evil", "a/../b", "/etc/evil", "//host/evil", "..", "jpg/.."),
        *("C:/evil", "c:evil", "..\\evil", "a\\b", "\\evil"),
    ],
)
def test_a_path_that_leads_out_refuses_the_archive(
    tmp_path: Path, write: Writer, name: str
) -> None:
    archive = write(tmp_path / "archive", {"ok": b"x", name: b"x"})
    assert f"holds {name!r}, a path that leads out" in refused(archive, tmp_path / "x")


def test_a_path_that_leads_out_of_the_folder_wanted_refuses_the_archive(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "a.tar", {"jpg/a": b"x", "jpg/../../evil": b"x"})
    assert "leads out" in refused(archive, tmp_path / "x", only="jpg")


@each_kind
@pytest.mark.parametrize("name", ["a" * 256, "ä" * 128, "/".join(["a" * 200] * 6)])
def test_a_name_too_long_for_a_file_system_refuses_the_archive(
    tmp_path: Path, write: Writer, name: str
) -> None:
    archive = write(tmp_path / "archive", {f"d/{name}": b"x"})
    assert "holds a name of " in refused(archive, tmp_path / "x")


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31mb", "a\udce4b"])
def test_a_name_with_control_letters_or_broken_text_refuses_the_archive(
    tmp_path: Path, name: str
) -> None:
    archive = write_tar(tmp_path / "a.tar", {name: b"x"})
    assert "letters that no file should have" in refused(archive, tmp_path / "x")


def test_a_name_that_ends_at_a_hidden_zero_refuses_the_archive(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"harmless_png": b"x"})
    archive.write_bytes(archive.read_bytes().replace(b"harmless_png", b"a.png\0\0\0.exe"))
    assert "letters that no file should have" in refused(archive, tmp_path / "x")


def twice_zip(path: Path, first: str, second: str) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr(first, b"1")
        archive.writestr(second, b"2")
    return path


def twice_tar(path: Path, first: str, second: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in (first, second):
            info = tarfile.TarInfo(name)
            info.size = 1
            archive.addfile(info, io.BytesIO(b"1"))
    return path


@pytest.mark.parametrize("twice", [twice_zip, twice_tar])
@pytest.mark.parametrize("names", [("a", "a"), ("a", "./a"), ("a", "a/b"), ("a/b", "a")])
def test_a_file_twice_or_as_a_folder_too_refuses_the_archive(
    tmp_path: Path, twice: Callable[[Path, str, str], Path], names: tuple[str, str]
) -> None:
    archive = twice(tmp_path / "archive", *names)
    assert "more than once, or as a file and as a folder" in refused(archive, tmp_path / "x")


# --- links and devices --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("info", "what"),
    [
        (member("a", tarfile.SYMTYPE, "/etc/passwd"), "a symbolic link"),
        (member("a", tarfile.LNKTYPE, "../secret"), "a hard link"),
        (member("a", tarfile.CHRTYPE), "a device"),
        (member("a", tarfile.BLKTYPE), "a device"),
        (member("a", tarfile.FIFOTYPE), "a pipe"),
        (member("a", tarfile.GNUTYPE_SPARSE), "no plain file"),
    ],
)
def test_links_and_devices_in_a_tar_refuse_it(
    tmp_path: Path, info: tarfile.TarInfo, what: str
) -> None:
    archive = write_members(tmp_path / "a.tgz", member("ok", tarfile.REGTYPE), info)
    assert f"'a' is {what}; only files and folders" in refused(archive, tmp_path / "x")


@pytest.mark.parametrize(
    ("kind", "what"), [(stat.S_IFLNK, "a link"), (stat.S_IFCHR, "a device"), (stat.S_IFIFO, "a d")]
)
def test_links_and_devices_in_a_zip_refuse_it(tmp_path: Path, kind: int, what: str) -> None:
    info = zipfile.ZipInfo("a")
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, b"/etc/passwd")
    assert f"'a' is {what}" in refused(tmp_path / "a.zip", tmp_path / "x")


def test_a_link_outside_of_the_folder_wanted_is_skipped(tmp_path: Path) -> None:
    wanted, link = member("jpg/a", tarfile.REGTYPE), member("b", tarfile.SYMTYPE, "/")
    archive = write_members(tmp_path / "a.tgz", wanted, link)
    assert unpacked(archive, tmp_path / "x", only="jpg") == [tmp_path / "x/a"]


# --- bombs --------------------------------------------------------------------------------------


@each_kind
def test_more_bytes_than_the_bound_refuse_the_archive(tmp_path: Path, write: Writer) -> None:
    archive = write(tmp_path / "archive", {"a": bytes(600_000), "b": bytes(600_000)})
    assert "unpacks to more than the 1000000 bytes expected" in refused(archive, tmp_path / "x")


@each_kind
def test_exactly_the_bound_is_taken(tmp_path: Path, write: Writer) -> None:
    archive = write(tmp_path / "archive", {"a": bytes(600_000), "b": bytes(400_000)})
    assert len(unpacked(archive, tmp_path / "x")) == 2


def test_a_zip_whose_header_says_too_little_is_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"bomb": bytes(50_000_000)})
    content = archive.read_bytes()
    size = struct.pack("<I", 50_000_000)
    assert content.count(size) == 2
    archive.write_bytes(content.replace(size, struct.pack("<I", 10)))
    assert "is damaged or cut short (Bad CRC" in refused(archive, tmp_path / "x")


def test_a_tar_whose_header_says_too_much_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("a")
    info.size = 1 << 40
    (tmp_path / "a.tar").write_bytes(info.tobuf() + bytes(10_240))
    assert "unexpected end of data" in refused(tmp_path / "a.tar", tmp_path / "x")


def test_a_skipped_bomb_in_a_tgz_is_refused_too(tmp_path: Path) -> None:
    archive = write_tgz(tmp_path / "a.tgz", {"bomb": bytes(50_000_000), "jpg/a": b"a"})
    assert "unpacks to more than" in refused(archive, tmp_path / "x", only="jpg", max_files=2)


def test_a_bomb_behind_the_end_of_a_tgz_is_refused_too(tmp_path: Path) -> None:
    archive = write_tgz(tmp_path / "a.tgz", CONTENT)
    with gzip.open(archive, "ab") as stream:
        stream.write(bytes(50_000_000))
    assert "unpacks to more than" in refused(archive, tmp_path / "x")


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    info = member("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    info.size = 1 << 33
    with gzip.open(tmp_path / "a.tgz", "wb") as stream:
        stream.write(info.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    assert "a header of 8589934592 bytes" in refused(tmp_path / "a.tgz", tmp_path / "x")


def test_a_member_of_negative_size_does_not_run_for_ever(tmp_path: Path) -> None:
    info = bytearray(tarfile.TarInfo("a").tobuf(tarfile.GNU_FORMAT))
    info[124:136] = b"\xff" * 10 + b"\xfe\x00"  # -512 as a base-256 number
    info[148:156] = b"        "
    info[148:156] = b"%06o\0 " % sum(info)
    (tmp_path / "a.tar").write_bytes(bytes(info) + bytes(10_240))
    assert "'a' has -512 bytes" in refused(tmp_path / "a.tar", tmp_path / "x")


def test_headers_of_headers_without_end_are_refused(tmp_path: Path) -> None:
    info = member("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    info.size = 5
    one = info.tobuf(tarfile.GNU_FORMAT) + b"name\0".ljust(512, b"\0")
    (tmp_path / "a.tar").write_bytes(one * 2000 + bytes(10_240))
    assert "is damaged or cut short" in refused(tmp_path / "a.tar", tmp_path / "x")


def test_a_zip_whose_directory_would_fill_the_memory_is_refused_unread(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {f"{n:0200}": b"" for n in range(6_000)})
    assert "a header of " in refused(archive, tmp_path / "x")


@each_kind
def test_more_members_than_the_bound_refuse_the_archive(tmp_path: Path, write: Writer) -> None:
    archive = write(tmp_path / "archive", {f"{n}": b"" for n in range(101)})
    assert "holds more than the 100 files expected" in refused(archive, tmp_path / "x")


def test_a_hundred_thousand_files_are_refused_at_the_bound(tmp_path: Path) -> None:
    one = [tarfile.TarInfo(f"{n}").tobuf() for n in range(100)]
    with gzip.open(tmp_path / "a.tgz", "wb", compresslevel=1) as stream:
        for _ in range(1000):
            stream.write(b"".join(one))
    assert "holds more than the 50 files expected" in refused(
        tmp_path / "a.tgz", tmp_path / "x", max_files=50
    )


# --- damage -------------------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_a_truncated_archive_is_refused(tmp_path: Path, write: Writer, share: float) -> None:
    archive = write(tmp_path / "archive", {"a": NOISE, "b": NOISE[::-1]})
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * share)])
    assert "is damaged or cut short" in refused(archive, tmp_path / "x")


def test_a_tar_cut_between_two_members_is_refused(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "a.tar", {"a": b"a" * 512, "b": b"b" * 512})
    archive.write_bytes(archive.read_bytes()[:1024])
    assert "the end mark is missing" in refused(archive, tmp_path / "x")


def test_a_tar_with_a_damaged_header_is_refused(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "a.tar", {"a": b"a" * 512, "b": b"b" * 512})
    content = bytearray(archive.read_bytes())
    content[1024] ^= 1
    archive.write_bytes(content)
    assert "the end mark is missing" in refused(archive, tmp_path / "x")


def test_a_tgz_with_a_wrong_sum_at_its_end_is_refused(tmp_path: Path) -> None:
    archive = write_tgz(tmp_path / "a.tgz", CONTENT)
    content = bytearray(archive.read_bytes())
    content[-8] ^= 1
    archive.write_bytes(content)
    assert "CRC check failed" in refused(archive, tmp_path / "x")


def test_a_flipped_bit_in_a_zip_is_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"a": NOISE})
    content = bytearray(archive.read_bytes())
    content[100_000] ^= 1
    archive.write_bytes(content)
    assert "is damaged or cut short" in refused(archive, tmp_path / "x")


def test_an_encrypted_zip_is_refused_with_advice(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"a": b"secret"})
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag in the central directory
    archive.write_bytes(content)
    assert "'a' is encrypted; unpack the archive with its password" in refused(
        archive, tmp_path / "x"
    )


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_rare_method_of_packing_is_refused_with_advice(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        archive.writestr("a", b"x")
    assert f"'a' is packed with method {method}, expected none or deflate" in refused(
        tmp_path / "a.zip", tmp_path / "x"
    )


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"<!DOCTYPE html><html>moved</html>", "is a web page, expected a zip, tar or tgz"),
        (b"\n <html>", "is a web page"),
        (b"Rar!\x1a\x07", "is a file that begins with b'Rar!\\x1a\\x07', expected a zip"),
        (b"", "is a file that begins with b''"),
        (bytes(1024), "is a file that begins with b'\\x00"),
    ],
)
def test_something_else_is_refused_with_what_it_is(
    tmp_path: Path, content: bytes, found: str
) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    assert found in refused(tmp_path / "a.zip", tmp_path / "x")


@each_kind
def test_an_archive_without_the_folder_wanted_is_refused(tmp_path: Path, write: Writer) -> None:
    archive = write(tmp_path / "archive", CONTENT)
    assert "holds no files in a folder png/;" in refused(archive, tmp_path / "x", only="png")


def test_an_archive_without_files_is_refused(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "a.zip", {"folder/": b""})
    assert "holds no files;" in refused(archive, tmp_path / "x")


def test_a_target_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.zip: could not be unpacked to .*; see that there"):
        unpacked(write_zip(tmp_path / "a.zip", CONTENT), tmp_path / "file/x")


# --- one file beside another --------------------------------------------------------------------


def test_a_free_place_and_the_same_bytes_are_taken(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").write_bytes(b"1")
    refuse_another(tmp_path / "a", tmp_path / "b")
    refuse_another(tmp_path / "a", tmp_path / "c")


@pytest.mark.parametrize("make", [Path.mkdir, lambda path: os.symlink("nowhere", path)])
def test_a_folder_or_a_dead_link_in_the_place_is_refused(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    (tmp_path / "a").write_bytes(b"1")
    make(tmp_path / "b")
    with pytest.raises(ValueError, match="b: is there already and differs"):
        refuse_another(tmp_path / "a", tmp_path / "b")
